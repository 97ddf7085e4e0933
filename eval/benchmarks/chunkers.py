"""Which chunker, which size: answer recall and MRR@10 of our retriever over documents that were cut in each way.

    python -m eval.benchmarks.chunkers [--sets …] [--chunkers …] [--sizes …] [--json FILE] [--report]

Each article is a document, and all articles of a set are in one knowledge base (of covid_en, which is larger than the
others together, every third article, unless ``--whole`` is given). Figures are made of the hits in order, not joined;
``passages@N`` of what :func:`ragbot.retrieval.expand.expand` makes of the first ten. Questions about train and dev
articles choose, those about test articles report. Each configuration is a line of the JSON file, which a later run
adds to: it can be stopped and started again, and vectors are kept beside the file. ``--report`` prints the tables of
what it has.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.benchmarks.chunkers_report import report
from eval.benchmarks.foreign_splitters import FOREIGN, make_foreign
from eval.benchmarks.setup import SETS, arguments, article_number, log, read_sets
from eval.benchmarks.stored_vectors import StoredEmbedder
from eval.datasets.base import Question, QuestionSet
from eval.metrics.ranking import Place, answer_recall, gold_relevance, rank_ids, rank_metrics
from ingest.chunkers.base import Chunker
from ingest.chunkers.registry import CHUNKERS, make_chunker
from ingest.pipeline import ingest_documents
from ragbot.bot import retrieval_options
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.embedders.base import Embedder
from ragbot.models.registry import load_embedder
from ragbot.retrieval.expand import expand
from ragbot.retrieval.retriever import HybridRetriever
from ragbot.settings import Settings, load_settings

SIZES = (64, 96, 128, 192, 256, 384)
#: Hits of a search: 2,000 characters of the smallest chunks, and more.
DEPTH = 50
#: Hits that are joined with their neighbours.
JOINED = 10
#: The set of which one article in so many is taken.
LARGE, SHARE = "covid_en", 3
#: For code and tables, of which the sets have none.
_NOT_FOR_PROSE = {"code", "rows", "auto"}


@dataclass(frozen=True, slots=True)
class Measured:
    """One configuration: the values of each question, in the order of the set's questions that have a gold span."""

    values: Mapping[str, Sequence[float]]
    chunks: int
    characters: float
    seconds: float


def main() -> None:
    """Measure what the file does not have yet, or print its tables."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.set_defaults(sets=[*SETS, LARGE])
    named = [name for name in CHUNKERS if name not in _NOT_FOR_PROSE] + list(FOREIGN)
    parser.add_argument("--chunkers", nargs="+", choices=named, default=named)
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES), help="in the embedder's tokens")
    parser.add_argument("--json", type=Path, default=Path("chunkers.json"), help="a line for each configuration")
    parser.add_argument("--whole", action="store_true", help=f"all articles of {LARGE}")
    parser.add_argument("--report", action="store_true", help="print the tables of what the file has, measure nothing")
    options = parser.parse_args()
    if options.report:
        print(report(_lines(options.json)))
        return
    settings, _ = load_settings()
    # Most chunkers cut much in the same way: what one has had embedded is not embedded again.
    embedder = StoredEmbedder(load_embedder(settings.embedder), options.json.with_suffix(".vectors"))
    for question_set in read_sets(options):
        if question_set.name == LARGE and not options.whole:
            question_set = thinned(question_set, SHARE)
        _measure_set(question_set, settings, embedder, options)


def _measure_set(
    question_set: QuestionSet, settings: Settings, embedder: Embedder, options: argparse.Namespace
) -> None:
    questions = [question for question in question_set.part("train", "dev", "test").questions if question.gold]
    part_of = {source: part for part, sources in question_set.parts.items() for source in sources}
    for name in options.chunkers:
        for size in options.sizes:
            chunker = made(name, embedder, size)
            key = {"set": question_set.name, "articles": len(question_set.documents), "chunker": name, "size": size}
            key["signature"] = chunker.signature
            if any(all(line[k] == v for k, v in key.items()) for line in _lines(options.json)):
                continue
            found = measure(question_set, questions, chunker, embedder, settings)
            line = {
                **key,
                "chunks": found.chunks,
                "characters": round(found.characters, 1),
                "seconds": round(found.seconds, 1),
                "questions": [
                    [article_number(question.document), "test" if part_of[question.document] == "test" else "choose"]
                    for question in questions
                ],
                "values": {metric: [round(value, 4) for value in values] for metric, values in found.values.items()},
            }
            with options.json.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            means = ", ".join(f"{m} {sum(v) / len(v):.3f}" for m, v in found.values.items())
            log(f"{question_set.name} {name} {size}: {found.chunks} chunks in {found.seconds:.0f} s: {means}")


def measure(
    question_set: QuestionSet, questions: Sequence[Question], chunker: Chunker, embedder: Embedder, settings: Settings
) -> Measured:
    """Cut the documents, embed and store them, and ask every question."""
    with tempfile.TemporaryDirectory(prefix="ragbot-bench-") as folder:
        kb = KnowledgeBase(Path(folder) / "kb", embedder.fingerprint)
        try:
            made_of = ingest_documents(kb, embedder, chunker, question_set.documents)
            retrieval = settings.retrieval
            retriever = HybridRetriever(kb, embedder, retrieval_options(retrieval))
            started = time.perf_counter()
            values = _ask(questions, kb, retriever)
            seconds = made_of.seconds + time.perf_counter() - started
        finally:
            kb.close()
    return Measured(values, made_of.chunks, made_of.characters / max(made_of.chunks, 1), seconds)


def _ask(questions: Sequence[Question], kb: KnowledgeBase, retriever: HybridRetriever) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    rankings: dict[str, list[str]] = {}
    for question in questions:
        gold: list[list[Place]] = [[(span.source, span.start, span.end) for span in item] for item in question.gold]
        found = retriever.search(question.text, DEPTH)
        hits = [(hit.chunk.document.source, hit.chunk.start, hit.chunk.end) for hit in found]
        joined = [(p.document.source, p.start, p.end) for p in expand(kb.catalog, found[:JOINED])]
        for label, places in (("answer_recall", hits), ("passages", joined)):
            for budget, value in answer_recall(places, gold).items():
                values.setdefault(f"{label}@{budget}", []).append(value)
        rankings[question.id] = rank_ids([[n for n, item in enumerate(gold) if _holds(hit, item)] for hit in hits])
    relevance = {question.id: gold_relevance(len(question.gold)) for question in questions}
    scores = rank_metrics(rankings, relevance, (10,))
    values["mrr@10"] = [scores[question.id]["mrr@10"] for question in questions]
    return values


def _holds(hit: Place, item: Sequence[Place]) -> bool:
    return any(hit[0] == source and hit[1] <= start and end <= hit[2] for source, start, end in item)


def made(name: str, embedder: Embedder, size: int) -> Chunker:
    """One of our chunkers, or another library's, with chunks of ``size`` tokens in every language."""
    if name in FOREIGN:
        return make_foreign(name, embedder.count_tokens, size)
    return make_chunker(name, embedder, size, size)


def thinned(question_set: QuestionSet, share: int) -> QuestionSet:
    """A set of every ``share``-th article (by its number in the file), and the questions about these."""
    kept = {source for source in question_set.documents if article_number(source) % share == 0}
    return replace(
        question_set,
        questions=question_set.about(kept),
        documents={source: document for source, document in question_set.documents.items() if source in kept},
        parts={part: sources & kept for part, sources in question_set.parts.items()},
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
