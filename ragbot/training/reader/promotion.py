"""Whether a trained reader takes the place of another: asked on documents that neither of them was trained or chosen on.

Both are put the same questions over the same passages that the search finds. A gain has to be significant over all
questions, and no language may lose significantly; questions about one document count as one draw (:mod:`eval.compare`).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from eval.compare import Difference, paired
from eval.datasets.base import Question, QuestionSet
from eval.metrics.cmrc import cmrc_f1
from eval.metrics.squad import squad_f1
from eval.workbench import Workbench
from ragbot.bot import RagBot
from ragbot.errors import SourceError, StorageError
from ragbot.generation.reading_answerer import LIKELIER, ReadingAnswerer
from ragbot.retrieval.expand import expand
from ragbot.settings import Settings
from ragbot.text import answer_language
from ragbot.training.cards import CARD
from ragbot.training.mining import Progress

#: A difference that chance makes as rarely as this counts.
SIGNIFICANT = 0.05
#: The languages together.
ALL = "all"
VERDICT = "promotion.json"


@dataclass(frozen=True)
class Score:
    """How both readers did at one question: F1 of the answer, or, where the documents are silent, 1 for a refusal."""

    set: str
    document: str
    language: str
    before: float
    after: float


@dataclass(frozen=True)
class Verdict:
    """What came of a comparison.

    Attributes:
        differences: by language and over :data:`ALL`, from the old reader to the new one.
        reasons: what stands against the new one; none: it is the better one.
    """

    differences: Mapping[str, Difference]
    reasons: tuple[str, ...]

    @property
    def promoted(self) -> bool:
        """Whether the new reader takes the place of the old one."""
        return not self.reasons


def compare(
    sets: Sequence[QuestionSet],
    before: ReadingAnswerer,
    after: ReadingAnswerer,
    settings: Settings,
    workbench: Workbench,
    progress: Progress,
) -> list[Score]:
    """Put the test questions of ``sets`` to both readers.

    Raises:
        SourceError: a set has no test documents.
    """
    scores: list[Score] = []
    for question_set in sets:
        if not question_set.parts.get("test"):
            raise SourceError(
                f"{question_set.name} has no test documents, and others cannot tell: split it, as with --split-by document"
            )
        chosen = question_set.part("test")
        documents = {name: text for name, text in chosen.documents.items() if name in question_set.parts["test"]}
        with workbench.bot(documents, settings) as bot:
            for done, question in enumerate(chosen.questions):
                progress("compare", done, len(chosen.questions), question_set.name)
                scores.append(_score(bot, question_set.name, question, before, after))
    return scores


def verdict(scores: Sequence[Score]) -> Verdict:
    """Compare question by question. Raises ValueError where there are no questions."""
    differences = {ALL: _difference(scores)}
    for language in sorted({score.language for score in scores}):
        differences[language] = _difference([score for score in scores if score.language == language])
    reasons = list(_reasons(differences))
    return Verdict(differences, tuple(reasons))


def promote(adapter: Path, target: Path, found: Verdict) -> None:
    """Put ``adapter`` in the place ``target``, with what spoke for it; what stood there is kept beside it.

    Raises:
        StorageError: the place cannot be written to.
    """
    new, old = target.with_name(f"{target.name}.new"), target.with_name(f"{target.name}.before")
    try:
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(adapter, new)
        (new / VERDICT).write_text(json.dumps(_record(found), indent=1) + "\n", encoding="utf-8")
        card = new / CARD
        told = card.read_text(encoding="utf-8") if card.is_file() else f"# {adapter.name}\n"
        card.write_text(f"{told.rstrip()}\n\n{section(found)}", encoding="utf-8")
        shutil.rmtree(old, ignore_errors=True)
        if target.exists():
            os.replace(target, old)
        os.replace(new, target)
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error.strerror or error}") from error


def section(found: Verdict) -> str:
    """What a model card says of a comparison."""
    lines = ["## Compared with the reader before it", "", "| language | questions | before | after | difference |"]
    lines += ["| --- " * 5 + "|"]
    for language, d in found.differences.items():
        lines.append(
            f"| {language} | {d.questions} about {d.groups} documents | {d.a:.3f} | {d.b:.3f} "
            f"| {d.difference:+.3f} [{d.low:+.3f}, {d.high:+.3f}], p = {d.p:.3g} |"
        )
    return "\n".join(
        [*lines, "", "F1 of answers to test questions over what the search finds; a right refusal counts 1.", ""]
    )


def _score(bot: RagBot, name: str, question: Question, before: ReadingAnswerer, after: ReadingAnswerer) -> Score:
    language = answer_language(question.text)
    passages = expand(bot.kb.catalog, bot.search(question.text))

    def value(answerer: ReadingAnswerer) -> float:
        judged = answerer.judge(question.text, answerer.select(passages), language)
        answer = judged.short.text if judged.short and judged.none < LIKELIER else ""
        if not question.answerable:
            return float(not answer)
        if not answer:
            return 0.0
        return (cmrc_f1 if language == "zh" else squad_f1)(answer, question.answers)

    return Score(name, f"{name}/{question.document}", language, value(before), value(after))


def _difference(scores: Sequence[Score]) -> Difference:
    return paired([s.before for s in scores], [s.after for s in scores], [s.document for s in scores])


def _reasons(differences: Mapping[str, Difference]) -> Iterator[str]:
    whole = differences[ALL]
    if whole.difference <= 0:
        yield f"it is not better: {whole.a:.3f} before, {whole.b:.3f} after"
    elif whole.p >= SIGNIFICANT:
        yield (
            f"the gain of {whole.difference:.3f} may be chance (p = {whole.p:.2g}, {whole.groups} documents): "
            "compare on more documents"
        )
    for language, difference in differences.items():
        if language != ALL and difference.high < 0:
            yield f"it is worse in {language}: {difference.a:.3f} before, {difference.b:.3f} after"


def _record(found: Verdict) -> dict[str, object]:
    return {
        "promoted": found.promoted,
        "reasons": list(found.reasons),
        "differences": {name: asdict(difference) for name, difference in found.differences.items()},
    }
