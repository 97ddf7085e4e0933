"""Reading alone: the right paragraph is given, and the answer is to be found in it, or to be missed.

    python -m eval.benchmarks.reading [--sets …] [--part test] [--limit N] [--systems reader base extractive] [--adapter FOLDER]

Of each set's questions: EM and F1 of those that the paragraph answers (SQuAD's rules in English, CMRC's in Chinese; a
refusal counts 0; ``forced``: the reader's answer even where it would refuse), and, where a set has questions that the
paragraph does not answer, how many of these are refused. Intervals resample articles. ``base`` is the bundled model
without an adapter, shown one example; ``extractive`` chooses sentences. Rows are written to ``--output`` as JSONL.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from eval.benchmarks.setup import arguments, knowledge_base, log, read_sets
from eval.compare import bootstrap
from eval.datasets.base import Question, QuestionSet
from eval.metrics.cmrc import cmrc_exact_match, cmrc_f1
from eval.metrics.markers import strip_markers
from eval.metrics.squad import squad_exact_match, squad_f1
from ragbot.documents import Document, Passage
from ragbot.generation.extractive import ExtractiveAnswerer
from ragbot.generation.reader import Reader
from ragbot.generation.reading_answerer import LIKELIER
from ragbot.generation.span_evidence import weighed
from ragbot.models.llms.gemma.engine import GemmaEngine
from ragbot.models.registry import load_embedder
from ragbot.models.shipped import adapter_folder
from ragbot.text import answer_language

#: One example for the base model, of our own.
EXAMPLES = {
    "en": (
        "Harbour museum\nThe museum opened in 1911 in a former salt store. It shows forty model ships.",
        "When did the museum open?",
        "1911",
    ),
    "zh": ("港口博物馆\n博物馆于1911年在一座旧盐仓里开放，展出四十艘船模。", "博物馆是哪一年开放的？", "1911年"),
}
_CUES = {"en": ("Question:", "Answer:"), "zh": ("问题：", "答案：")}
#: Questions, title and text of a paragraph, language: an answer, the same if it may not refuse, the probability of none.
System = Callable[[str, str, str, str], tuple[str, str, float]]


@dataclass(frozen=True, slots=True)
class Row:
    """One question that was read for."""

    set_name: str
    part: str
    system: str
    article: str
    id: str
    answerable: bool
    answer: str
    none: float
    f1: float
    exact: float
    forced: float
    seconds: float


def main() -> None:
    """Print a table."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.add_argument("--part", nargs="+", default=["test"], help="train, dev or test articles")
    parser.add_argument("--limit", type=int, default=0, help="at most so many questions of a set, drawn by lot")
    parser.add_argument("--systems", nargs="+", default=["reader", "base", "extractive"])
    parser.add_argument("--adapter", type=Path, help="the reader's adapter (default: the one that ragbot ships)")
    parser.add_argument("--output", type=Path, help="a JSONL of all rows")
    options = parser.parse_args()
    rows: list[Row] = []
    print("| set | system | questions | EM | F1 | F1, forced | answered | refused | ms |")
    print("| --- " * 9 + "|")
    titles = {s.name: {name: d.title for name, d in s.documents.items()} for s in read_sets(options)}
    for name in options.systems:
        for question_set in read_sets(options, "paragraph"):
            found = list(_rows(name, question_set, titles[question_set.name], options))
            rows += found
            print(_line(question_set.name, name, found), flush=True)
            if options.output:
                lines = (json.dumps(asdict(row), ensure_ascii=False) for row in rows)
                options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _rows(
    name: str, question_set: QuestionSet, titles: Mapping[str, str], options: argparse.Namespace
) -> Iterator[Row]:
    questions = [q for part in options.part for q in question_set.part(part).questions]
    if options.limit and len(questions) > options.limit:
        questions = random.Random(0).sample(questions, options.limit)
    # Paragraph by paragraph: what was read of one is read once.
    questions.sort(key=lambda question: next(iter(question.relevant)))
    documents = {source: question_set.documents[source] for q in questions for source in q.relevant}
    if name == "extractive":
        with knowledge_base(documents) as (bot, _):
            yield from _asked(
                name, question_set, questions, titles, options, extractive(ExtractiveAnswerer(bot.kb, bot.embedder))
            )
    else:
        engine = (
            GemmaEngine.load(options.adapter or adapter_folder("reader")) if name == "reader" else GemmaEngine.load()
        )
        system = base(engine) if name == "base" else reader(Reader(engine, 96, *weighed(load_embedder("bundled"))))
        yield from _asked(name, question_set, questions, titles, options, system)


def _asked(
    name: str,
    question_set: QuestionSet,
    questions: Sequence[Question],
    titles: Mapping[str, str],
    options: argparse.Namespace,
    system: System,
) -> Iterator[Row]:
    part = "+".join(options.part)
    for done, question in enumerate(questions, 1):
        source = next(iter(question.relevant))
        started = time.perf_counter()
        language = answer_language(question.text)
        answer, forced, none = system(
            question.text, titles[question.document], question_set.documents[source].text, language
        )
        seconds = time.perf_counter() - started
        f1, exact = (cmrc_f1, cmrc_exact_match) if language == "zh" else (squad_f1, squad_exact_match)
        row = Row(
            question_set.name,
            part,
            name,
            question.document,
            question.id,
            question.answerable,
            answer,
            none,
            0,
            0,
            0,
            seconds,
        )
        if question.answerable:
            row = replace(
                row,
                f1=f1(answer, question.answers) if answer else 0.0,
                exact=exact(answer, question.answers) if answer else 0.0,
                forced=f1(forced, question.answers),
            )
        yield row
        if done % 100 == 0:
            log(f"{name}, {question_set.name}: {done} of {len(questions)}")


def reader(of: Reader) -> System:
    """The reader; it refuses where none is likelier than the passage."""

    def ask(question: str, title: str, text: str, language: str) -> tuple[str, str, float]:
        read = of.read(question, title, text, language)
        said = read.said
        answer = said.text if said else ""
        return ("" if read.none >= LIKELIER else answer), answer, read.none

    return ask


def base(engine: GemmaEngine) -> System:
    """The model without an adapter: one example, then the paragraph; what stands before the next line is the answer."""

    def ask(question: str, title: str, text: str, language: str) -> tuple[str, str, float]:
        question_cue, answer_cue = _CUES[language]
        context, asked, said = EXAMPLES[language]
        prompt = (
            f"{context}\n\n{question_cue} {asked}\n{answer_cue} {said}\n\n\n"
            f"{title}\n{text}\n\n{question_cue} {question}\n{answer_cue}"
        )
        decoding = engine.start([engine.tokenizer.bos, *engine.tokenizer.encode(prompt)])
        ids: list[int] = []
        for token, _ in decoding.generate(48):
            ids.append(token)
            if "\n" in engine.tokenizer.decode(ids).lstrip():
                break
        answer = engine.tokenizer.decode(ids).strip().partition("\n")[0]
        return answer, answer, 0.0

    return ask


def extractive(answerer: ExtractiveAnswerer) -> System:
    """The sentences that fit best."""

    def ask(question: str, title: str, text: str, language: str) -> tuple[str, str, float]:
        document = Document(1, "gold", title, "txt", language, None, "")
        passage = Passage(document, text, 0, len(text), None, (), 1.0)
        answer = strip_markers("".join(answerer.pieces(question, [passage], language, ())))
        return answer, answer, 0.0

    return ask


def _line(set_name: str, system: str, rows: Sequence[Row]) -> str:
    def figure(values: Sequence[float], of: Sequence[Row]) -> str:
        if not of:
            return ""
        interval = bootstrap(values, [row.article for row in of])
        return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"

    yes, no = [row for row in rows if row.answerable], [row for row in rows if not row.answerable]
    cells = [
        set_name,
        system,
        f"{len(yes)} + {len(no)}, {len({row.article for row in rows})} articles",
        figure([row.exact for row in yes], yes),
        figure([row.f1 for row in yes], yes),
        figure([row.forced for row in yes], yes),
        figure([float(bool(row.answer)) for row in yes], yes),
        figure([float(not row.answer) for row in no], no),
        f"{1000 * sorted(row.seconds for row in rows)[len(rows) // 2]:.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
