"""From documents to a question set: drafts, filters, unanswerable questions, records."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from eval.synth.base import Draft, Impossible, ProgressCallback, SynthReport
from eval.synth.chat import Writer
from eval.synth.filters import Asked, Places, refuse
from eval.synth.paragraphs import paragraphs
from eval.synth.ranking import Ranking
from eval.synth.spread import spread
from eval.synth.templates import drafts
from eval.synth.unanswerable import Corpus, far, near
from ragbot.documents import ParsedDocument
from ragbot.errors import SourceError, UserError
from ragbot.models.embedders.base import Embedder

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

log = logging.getLogger(__name__)

#: The largest share of the answerable questions that a category may have. Others stand for themselves; these are what
#: a set falls back on.
SHARES = {"section": 0.2, "cloze": 0.1, "item": 0.2, "person": 0.2, "date": 0.2}
#: Paragraphs that a chat model is shown for each question that is wanted, at the most.
ATTEMPTS = 4


def make_questions(
    documents: Mapping[str, ParsedDocument],
    *,
    count: int,
    llm: BaseChatModel | None,
    embedder: Embedder,
    seed: int,
    unanswerable_share: float = 0.25,
    progress: ProgressCallback | None = None,
) -> SynthReport:
    """Make questions about documents, each with its answer and the sentence that holds it.

    The same documents, seed and (deterministic) models give the same questions. Fewer than ``count`` come back where
    the documents do not hold more; the share of unanswerable ones then stays. Where a chat model gives too few, the
    templates fill up.

    Args:
        documents: by their source, which the records name.
        count: questions wanted, the unanswerable ones among them.
        llm: asked for the questions; without one they follow from sentence patterns and headings.
        embedder: ranks the sentences of a paragraph, to see whether a question leads to its own.
        seed: of every choice.
        unanswerable_share: in [0, 1); half of them are near the documents' subjects, half far from them.
        progress: called with the questions done and those wanted.

    Raises:
        UserError: a count below one, or a share outside its range.
        SourceError: there is no document, or nothing in them that can be asked about.
        GenerationError: the chat model failed whenever it was asked.
    """
    if count < 1:
        raise UserError(f"cannot make {count} questions; ask for at least 1")
    if not 0 <= unanswerable_share < 1:
        raise UserError(
            f"a share of {unanswerable_share} unanswerable questions is impossible; choose from 0 to below 1"
        )
    if not documents:
        raise SourceError("there are no documents to ask about; name a folder with some")
    run = _Run(documents, llm, embedder, seed)
    impossible = round(count * unanswerable_share)
    tell = progress or (lambda done, wanted: None)
    taken = run.answerable(max(count - impossible, 1), lambda done: tell(done, count))
    if not taken:
        raise SourceError(
            f"no question could be made from {len(documents)} documents ({_reasons(run.dropped)}); prose in Chinese or "
            "English is needed, in paragraphs of a few sentences"
        )
    impossible = min(impossible, round(len(taken) * unanswerable_share / (1 - unanswerable_share)))
    silent = run.unanswerable(taken, impossible)
    tell(count, count)
    records = [*map(_record, range(1, len(taken) + 1), taken), *map(_blank, range(1, len(silent) + 1), silent)]
    return SynthReport(tuple(records), dict(sorted(run.dropped.items())))


class _Run:
    def __init__(
        self, documents: Mapping[str, ParsedDocument], llm: BaseChatModel | None, embedder: Embedder, seed: int
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self._seed = seed
        self._paragraphs = paragraphs(documents, self.dropped)
        self._order = spread(self._paragraphs, seed)
        self._places = Places(self._paragraphs)
        self._ranking = Ranking(self._places, embedder)
        self._corpus = Corpus([documents[source].text for source in sorted(documents)])
        self._writer = Writer(llm, self.dropped) if llm is not None else None
        self._asked = Asked()

    def answerable(self, wanted: int, tell: Callable[[int], None]) -> list[Draft]:
        """Up to ``wanted`` drafts that passed every filter."""
        taken: list[Draft] = []
        for source in (self._written(wanted), self._ruled(wanted, taken)):
            for draft in source:
                if len(taken) >= wanted:
                    break
                if reason := self._reason(draft):
                    self.dropped[reason] += 1
                    continue
                taken.append(draft)
                tell(len(taken))
        return taken

    def unanswerable(self, taken: list[Draft], wanted: int) -> list[Impossible]:
        """``wanted`` questions in the languages of the answerable ones: half near, half far; the one for the other
        where there are too few."""
        nearby = [*_first(self._near(taken, wanted), wanted)]
        languages = [draft.paragraph.language for draft in taken]
        distant = [*_first(far(languages, self._corpus, self._seed), wanted)]
        half = max(wanted - wanted // 2, wanted - len(distant))
        chosen = nearby[:half]
        return [*chosen, *distant[: wanted - len(chosen)]]

    def _near(self, taken: list[Draft], wanted: int) -> Iterator[Impossible]:
        if self._writer:
            for paragraph in self._order[:wanted]:
                made = self._writer.impossible(paragraph, self._places, self._paragraphs)
                if made and not refuse(made.question, "-", made.language):
                    yield made
        yield from near(taken, self._paragraphs, self._corpus, self._seed)

    def _written(self, wanted: int) -> Iterator[Draft]:
        """What the chat model writes, paragraph after paragraph."""
        if not self._writer:
            return
        for paragraph in self._order[: wanted * ATTEMPTS]:
            draft = self._writer.draft(paragraph)
            if draft is None:
                continue
            if reason := self._reason(draft, final=False):
                self.dropped[reason] += 1
            elif self._writer.confirms(draft):
                yield draft
        self._writer.check()

    def _ruled(self, wanted: int, taken: list[Draft]) -> Iterator[Draft]:
        """What the rules give: turn by turn at most one of a paragraph, first within the shares of categories."""
        waiting = [drafts(paragraph, number) for number, paragraph in enumerate(self._order)]
        for limited in (True, False):
            while True:
                before = sum(map(len, waiting))
                for queue in waiting:
                    used = Counter(draft.category for draft in taken)
                    fitting = [
                        draft
                        for draft in queue
                        if not limited or used[draft.category] + 1 <= SHARES.get(draft.category, 1.0) * max(wanted, 5)
                    ]
                    if fitting:
                        chosen = min(fitting, key=lambda draft: used[draft.category] / SHARES.get(draft.category, 1.0))
                        queue.remove(chosen)
                        yield chosen
                if sum(map(len, waiting)) == before:
                    break

    def _reason(self, draft: Draft, final: bool = True) -> str:
        """Why a draft is thrown out, or nothing; ``final`` takes the question as asked."""
        language = draft.paragraph.language
        # A heading's question is answered by the whole first sentence.
        if draft.category != "section" and (reason := refuse(draft.question, draft.answer, language)):
            return reason
        if self._places.is_ambiguous(draft):
            return "ambiguous"
        if not final:
            return ""
        if not self._ranking.finds(draft):
            return "not found in its own paragraph"
        return "" if self._asked.add(draft.question) else "asked already"


def _first(items: Iterator[Impossible], count: int) -> Iterator[Impossible]:
    for _, item in zip(range(count), items, strict=False):
        yield item


def _record(number: int, draft: Draft) -> dict[str, Any]:
    return {
        "id": f"q{number:04d}",
        "question": draft.question,
        "language": draft.paragraph.language,
        "answerable": True,
        "category": draft.category,
        "answers": [draft.answer],
        "source": draft.paragraph.source,
        "evidence": draft.evidence,
        "start": draft.start,
        "end": draft.end,
        "origin": draft.origin,
    }


def _blank(number: int, item: Impossible) -> dict[str, Any]:
    return {
        "id": f"u{number:04d}",
        "question": item.question,
        "language": item.language,
        "answerable": False,
        "category": item.category,
        "answers": [],
        "source": None,
        "evidence": None,
        "origin": item.origin,
    }


def _reasons(dropped: Counter[str]) -> str:
    return ", ".join(f"{reason}: {count}" for reason, count in dropped.most_common(4)) or "no paragraph in them"
