"""What leaving out near-duplicates and preferring different hits (MMR) cost, and what they bring.

    python -m eval.benchmarks.results_side [--part train dev] [--questions 300] [--vectors FILE]

Four tables for each question set, all articles being in the knowledge base:

- ``plain``: the questions of the part, as they are. Nothing must be lost here.
- ``copies``: every third article stands there four times: twice the same, and twice behind a line of its own, so that
  its chunks begin elsewhere. An answer counts in any copy; the questions are those about these articles.
- ``two answers``: two questions about different articles, asked as one; the share of the two answers that are found.
- the milliseconds that comparing the first 20 hits takes.

Recall is that of ``eval.benchmarks.document_retrieval`` (the gold span within the first N characters of the hits).
Each variant is compared with the first row by a paired test; intervals and tests resample articles.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eval.benchmarks.document_retrieval import _within
from eval.benchmarks.setup import arguments, article_number, log, read_sets
from eval.benchmarks.stored_vectors import StoredEmbedder
from eval.compare import bootstrap, paired
from eval.datasets.base import Question, QuestionSet, Span
from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument, ScoredChunk
from ragbot.models.embedders.base import Embedder
from ragbot.models.registry import load_embedder
from ragbot.retrieval.retriever import RetrievalOptions
from ragbot.retrieval.selection import distinct

TOP_K = 20
BUDGETS = (500, 1000)
EVERY = 3
PREFACES = ("", "Reprinted by permission. 经许可转载。\n\n", "Second edition, unchanged. 再版，内容未改。\n\n")
VARIANTS: dict[str, RetrievalOptions] = {
    "duplicates kept": RetrievalOptions(duplicates=False),
    "duplicates left out": RetrievalOptions(),
    **{f"diversity {value}": RetrievalOptions(diversity=value) for value in (0.1, 0.2, 0.3, 0.5)},
}
#: Variants measured among copies: diversity is no matter there.
OF_COPIES = 2


@dataclass(frozen=True)
class Case:
    """A text to search for; ``gold`` are the answers to be found, each by any of its spans."""

    text: str
    gold: tuple[tuple[Span, ...], ...]
    article: int


def main() -> None:
    """Print the tables."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--part", choices=["train", "dev", "test"], nargs="+", default=["train", "dev"])
    parser.add_argument("--questions", type=int, default=300, help="of each set, drawn by a fixed seed")
    parser.add_argument("--vectors", type=Path, help="file that keeps the embeddings for the next run")
    options = parser.parse_args()
    embedder: Embedder = load_embedder("bundled")
    if options.vectors:
        embedder = StoredEmbedder(embedder, options.vectors)
    for question_set in read_sets(options):
        cases = drawn(question_set.part(*options.part), options.questions)
        with filled(question_set.documents, embedder) as bot:
            table(f"{question_set.name}: plain", bot, cases, VARIANTS)
            table(f"{question_set.name}: two answers", bot, in_pairs(cases), VARIANTS)
            clock(question_set.name, bot, cases)
        documents = with_copies(question_set)
        copied = [anywhere(case) for case in cases if case.article % EVERY == 0]
        with filled(documents, embedder) as bot:
            few = dict(list(VARIANTS.items())[:OF_COPIES])
            table(f"{question_set.name}: copies ({len(documents)} documents)", bot, copied, few)


def drawn(part: QuestionSet, count: int) -> list[Case]:
    """Questions that have an answer, the same ones in each run."""
    answered = [question for question in part.questions if question.gold]
    chosen = random.Random(0).sample(answered, min(count, len(answered)))
    return [_case(question) for question in chosen]


def in_pairs(cases: Sequence[Case]) -> list[Case]:
    """Each question with one about another article."""
    pairs = zip(cases, [*cases[1:], *cases[:1]], strict=True)
    return [replace(a, text=f"{a.text} {b.text}", gold=a.gold + b.gold) for a, b in pairs if a.article != b.article]


def with_copies(question_set: QuestionSet) -> dict[str, ParsedDocument]:
    """All articles, and of every third one three more."""
    documents = dict(question_set.documents)
    for source, document in question_set.documents.items():
        if article_number(source) % EVERY == 0:
            for number, preface in enumerate(PREFACES, 1):
                documents[f"{source}#copy{number}"] = replace(document, text=preface + document.text)
    return documents


def anywhere(case: Case) -> Case:
    """The same answers in any copy."""

    def spans(span: Span) -> Iterator[Span]:
        yield span
        for number, preface in enumerate(PREFACES, 1):
            begin = span.start + len(preface)
            yield replace(span, source=f"{span.source}#copy{number}", start=begin, end=span.end + len(preface))

    return replace(case, gold=tuple(tuple(copy for span in item for copy in spans(span)) for item in case.gold))


@contextmanager
def filled(documents: Mapping[str, ParsedDocument], embedder: Embedder) -> Iterator[RagBot]:
    """A knowledge base of these documents."""
    with (
        tempfile.TemporaryDirectory(prefix="ragbot-bench-") as folder,
        RagBot.open(Path(folder) / "kb", embedder=embedder) as bot,
    ):
        report = bot.ingest_documents(documents)
        log(f"{len(documents)} documents, {report.chunks} chunks in {report.seconds:.0f} s")
        yield bot


def table(title: str, bot: RagBot, cases: Sequence[Case], variants: Mapping[str, RetrievalOptions]) -> None:
    """Recall of each variant, and its difference from the first."""
    groups = [case.article for case in cases]
    heads = " | ".join(f"@{budget} | difference" for budget in BUDGETS)
    print(f"\n{title}, n = {len(cases)}, articles = {len(set(groups))}\n\n| variant | {heads} | left out |")
    print("| --- " * (2 * len(BUDGETS) + 2) + "|")
    first: dict[int, list[float]] = {}
    for name, options in variants.items():
        bot.retriever.options = options
        found = [bot.retriever.search(case.text, TOP_K) for case in cases]
        cells = []
        for budget in BUDGETS:
            values = [share(hits, case, budget) for hits, case in zip(found, cases, strict=True)]
            difference = str(paired(first[budget], values, groups)) if first.get(budget) else ""
            first.setdefault(budget, values)
            cells += [str(bootstrap(values, groups)).split(" (")[0], difference]
        repeated = np.mean([sum(len(hit.duplicates) for hit in hits) for hits in found])
        print(f"| {name} | {' | '.join(cells)} | {repeated:.2f} |", flush=True)


def share(hits: Sequence[ScoredChunk], case: Case, budget: int) -> float:
    """Share of the answers within the first ``budget`` characters."""
    return float(np.mean([any(_within(hits, span, budget) for span in item) for item in case.gold]))


def clock(name: str, bot: RagBot, cases: Sequence[Case]) -> None:
    """How long the first 20 hits are compared; of each question the quicker of two runs."""
    bot.retriever.options = VARIANTS["duplicates kept"]
    seconds = []
    for case in cases[:100]:
        hits = bot.retriever.search(case.text, TOP_K)
        runs = []
        for _ in range(2):
            begun = time.perf_counter()
            distinct(hits)
            runs.append(time.perf_counter() - begun)
        seconds.append(min(runs))
    p50, p95 = 1000 * np.percentile(seconds, [50, 95])
    print(f"\n{name}: comparing {TOP_K} hits takes {p50:.2f} ms (P95 {p95:.2f} ms, n = {len(seconds)})", flush=True)


def _case(question: Question) -> Case:
    return Case(question.text, question.gold[:1], article_number(question.document))


if __name__ == "__main__":
    main()
