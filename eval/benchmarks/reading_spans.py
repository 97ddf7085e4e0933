"""How the reader's answer is chosen among all stretches of the right paragraph, and the weights of that choice.

    python -m eval.benchmarks.reading_spans [--sets …] [--part dev] [--limit N] [--adapter FOLDER] [--fit]

F1 of answerable questions, refusals left aside; intervals resample articles. ``likeliest``: the stretch with the highest
probability; ``agreement``: the one that has most in common with all (temperature 1); ``doubt``: the same at the fitted
temperature; ``words`` and ``embedder``: with what these say of the sentences, as it is shipped; ``best``: the best of the
stretches that were weighed, which no choice can surpass. The last column compares ``embedder`` with ``likeliest``, paired.
``--fit`` tries weights and prints those with the best F1 (mean over the sets); to be used with dev articles alone.
"""

from __future__ import annotations

import argparse
import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.benchmarks.setup import arguments, log, read_sets
from eval.compare import bootstrap
from eval.datasets.base import QuestionSet
from eval.metrics.cmrc import cmrc_f1
from eval.metrics.squad import squad_f1
from ragbot.generation.copying import flattened
from ragbot.generation.reader import Reader
from ragbot.generation.span_evidence import MEASURED, OTHERS, sentences
from ragbot.generation.spans import Sentence, Span, Weights, chosen
from ragbot.models.embedders.base import Embedder
from ragbot.models.llms.gemma.engine import GemmaEngine
from ragbot.models.registry import load_embedder
from ragbot.models.shipped import adapter_folder
from ragbot.text import answer_language

TEMPERATURES = (1.0, 1.5, 2.0, 2.5, 3.0)
SIMILARITIES = (0.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0)
COVERAGES = (0.0, 0.5, 1.0, 2.0, 3.0)


@dataclass(frozen=True, slots=True)
class Case:
    """A question, the stretches that may answer it with the F1 of each, and what is known of the sentences."""

    set_name: str
    article: str
    spans: Sequence[Span]
    sentences: Sequence[Sentence]
    f1: Mapping[tuple[int, int], float]

    def by(self, weights: Weights) -> float:
        """F1 of what ``weights`` choose."""
        return self._of(chosen(self.spans, weights, self.sentences).span)

    @property
    def likeliest(self) -> float:
        """F1 of the stretch with the highest probability."""
        return self._of(max(self.spans, key=lambda span: span.log_probability))

    def _of(self, span: Span) -> float:
        return self.f1[span.begin, span.end]


def main() -> None:
    """Print a table, and the weights that would be best."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.add_argument("--part", nargs="+", default=["dev"], help="train, dev or test articles")
    parser.add_argument("--limit", type=int, default=0, help="at most so many questions of a set, drawn by lot")
    parser.add_argument("--adapter", type=Path, help="the reader's adapter (default: the one that ragbot ships)")
    parser.add_argument("--fit", action="store_true", help="try weights")
    options = parser.parse_args()
    reader = Reader(GemmaEngine.load(options.adapter or adapter_folder("reader")))
    embedder = load_embedder("bundled")
    titles = {s.name: {name: d.title for name, d in s.documents.items()} for s in read_sets(options)}
    cases: list[Case] = []
    print("| set | questions | likeliest | agreement | doubt | words | embedder | best | embedder - likeliest |")
    print("| --- " * 9 + "|")
    for question_set in read_sets(options, "paragraph"):
        found = list(_cases(question_set, titles[question_set.name], options, reader, embedder))
        cases += found
        print(_line(question_set.name, found), flush=True)
    if options.fit:
        for name, similarities in (("with the embedder", SIMILARITIES), ("without", (0.0,))):
            print(f"{name}: " + "; ".join(f"{f1:.4f} {weights}" for f1, weights in fitted(cases, similarities)[:5]))


def fitted(cases: Sequence[Case], similarities: Sequence[float]) -> list[tuple[float, Weights]]:
    """All weights of the grid with their F1, the mean over the sets; the best first."""
    names = sorted({case.set_name for case in cases})
    tried = []
    for values in itertools.product(TEMPERATURES, similarities, COVERAGES):
        weights = Weights(*values)
        means = [np.mean([case.by(weights) for case in cases if case.set_name == name]) for name in names]
        tried.append((float(np.mean(means)), weights))
    return sorted(tried, key=lambda pair: -pair[0])


def _cases(
    question_set: QuestionSet,
    titles: Mapping[str, str],
    options: argparse.Namespace,
    reader: Reader,
    embedder: Embedder,
) -> Iterator[Case]:
    questions = [q for part in options.part for q in question_set.part(part).questions if q.answerable]
    if options.limit and len(questions) > options.limit:
        questions = random.Random(0).sample(questions, options.limit)
    questions.sort(key=lambda question: next(iter(question.relevant)))
    for done, question in enumerate(questions, 1):
        text = question_set.documents[next(iter(question.relevant))].text
        language = answer_language(question.text)
        spans = reader.read(question.text, titles[question.document], text, language).spans
        f1, whole = cmrc_f1 if language == "zh" else squad_f1, flattened(text)
        texts = {(span.begin, span.end): whole[span.begin : span.end].decode().strip() for span in spans}
        yield Case(
            question_set.name,
            question.document,
            spans,
            sentences(question.text, text, embedder),
            {place: f1(said, question.answers) for place, said in texts.items()},
        )
        if done % 50 == 0:
            log(f"{question_set.name}: {done} of {len(questions)}")


def _line(name: str, cases: Sequence[Case]) -> str:
    articles = [case.article for case in cases]

    def figure(values: Sequence[float]) -> str:
        interval = bootstrap(values, articles)
        return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"

    likeliest = [case.likeliest for case in cases]
    choices = (Weights(), Weights(MEASURED.temperature), OTHERS, MEASURED)
    by = [[case.by(weights) for case in cases] for weights in choices]
    best = [max(case.f1.values()) for case in cases]
    gains = [ours - theirs for ours, theirs in zip(by[-1], likeliest, strict=True)]
    figures = (figure(values) for values in (likeliest, *by, best, gains))
    return f"| {name} | {len(cases)}, {len(set(articles))} articles | " + " | ".join(figures) + " |"


if __name__ == "__main__":
    main()
