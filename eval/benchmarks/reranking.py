"""What a reranker brings: how many hits it should read, how its score and the search's go together, and what it costs.

    python -m eval.benchmarks.reranking --folder DIR [--reranker bundled] [--part dev]      # choose
    python -m eval.benchmarks.reranking --folder DIR --part test                            # report

Each article is a document, and all articles of a set are in one knowledge base. The first hits of the search are read
once by the reranker, and the order is then made for every depth and weight: ``rerank + weight * fused``, the weight as a multiple of the reranker's own. Intervals
resample articles. Scores are kept in the folder, by reranker, set and part; vectors too, so that a run can be stopped
and started again.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eval.benchmarks.setup import SETS, arguments, article_number, log, read_sets
from eval.benchmarks.stored_vectors import StoredEmbedder
from eval.compare import bootstrap, paired
from eval.datasets.base import Question, QuestionSet
from eval.metrics.ranking import Place, answer_recall
from ragbot.bot import RagBot
from ragbot.documents import ScoredChunk
from ragbot.models.registry import load_embedder, load_reranker
from ragbot.models.rerankers.base import Reranker
from ragbot.retrieval.reranking import contextualized
from ragbot.settings import load_settings

#: Hits that the reranker reads here; those behind it keep their order.
DEPTH, HITS = 30, 40
DEPTHS = (0, 5, 10, 15, 20, 30)
#: How the search's score is weighed, as a multiple of what the reranker was trained with (1 where it says nothing).
WEIGHTS = (0.0, 0.5, 1.0, 2.0)
METRICS = ("answer_recall@500", "answer_recall@1000", "mrr@10")

Row = Mapping[str, Any]


def main() -> None:
    """Print the tables."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.set_defaults(sets=[*SETS, "covid_en"])
    parser.add_argument("--folder", type=Path, required=True, help="where scores and vectors are kept")
    parser.add_argument("--reranker", default="bundled", help="the reranker, as provider:model")
    parser.add_argument("--part", choices=["train", "dev", "test"], default="dev")
    parser.add_argument("--limit", type=int, default=0, help="at most so many questions a set, drawn by their ids")
    parser.add_argument("--depths", type=int, nargs="+", default=DEPTHS)
    parser.add_argument("--weights", type=float, nargs="+", default=WEIGHTS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    reranker = load_reranker(options.reranker)
    rows: dict[str, list[Row]] = {}
    for question_set in read_sets(options):
        name = re.sub(r"\W+", "-", reranker.name)
        path = options.folder / f"{name}.{question_set.name}.{options.part}.{options.limit}.jsonl"
        if not path.is_file():
            _score(question_set, options.part, options.limit, reranker, options.folder, path)
        rows[question_set.name] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    print(table(rows, options.depths, options.weights))


def _score(question_set: QuestionSet, part: str, limit: int, reranker: Reranker, folder: Path, path: Path) -> None:
    questions = [question for question in question_set.part(part).questions if question.gold]
    questions = sorted(questions, key=lambda q: hash_of(q.id))[:limit] if limit else questions
    embedder = StoredEmbedder(load_embedder("bundled"), folder / "vectors")
    lines = []
    with RagBot.open(folder / f"kb-{question_set.name}", embedder=embedder, settings=load_settings()[0]) as bot:
        bot.ingest_documents(question_set.documents)
        for number, question in enumerate(questions):
            hits = bot.retriever.search(question.text, HITS)
            read = [contextualized(hit.chunk) for hit in hits[:DEPTH]]
            started = time.perf_counter()
            scores = reranker.score(question.text, read)
            seconds = time.perf_counter() - started
            fused = [(reranker.search_weight or 1.0) * hit.score for hit in hits]
            lines.append(
                json.dumps(_row(question, hits, fused, scores.tolist(), sum(reranker.count_tokens("", read)), seconds))
            )
            if number % 50 == 49:
                log(f"{question_set.name}: {number + 1} of {len(questions)} questions")
    temporary = path.with_suffix(".tmp")
    temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    temporary.replace(path)


def hash_of(text: str) -> str:
    """An order that has nothing to do with the texts."""
    return hashlib.sha256(text.encode()).hexdigest()


def _row(
    question: Question,
    hits: Sequence[ScoredChunk],
    fused: Sequence[float],
    scores: Sequence[float],
    tokens: int,
    seconds: float,
) -> Row:
    return {
        "document": question.document,
        "gold": [[(span.source, span.start, span.end) for span in item] for item in question.gold],
        "hits": [(hit.chunk.document.source, hit.chunk.start, hit.chunk.end) for hit in hits],
        "fused": fused,
        "rerank": scores,
        "tokens": tokens,
        "seconds": seconds,
    }


def ordered(row: Row, depth: int, weight: float) -> list[Place]:
    """The hits in the order that a reranker reading ``depth`` of them, and this weight of the search, gives."""
    depth = min(depth, len(row["rerank"]))
    scores = np.array(row["rerank"][:depth]) + weight * np.array(row["fused"][:depth])
    first = [row["hits"][i] for i in np.argsort(-scores, kind="stable")]
    return [(hit[0], hit[1], hit[2]) for hit in [*first, *row["hits"][depth:]]]


def values(row: Row, hits: Sequence[Place]) -> dict[str, float]:
    """The metrics of one question."""
    gold: list[list[Place]] = [[(s[0], s[1], s[2]) for s in item] for item in row["gold"]]
    recall = answer_recall(hits, gold, (500, 1000))
    place = next(
        (
            place
            for place, (source, start, end) in enumerate(hits[:10], 1)
            if any(s == source and start <= a and b <= end for item in gold for s, a, b in item)
        ),
        0,
    )
    return {
        "answer_recall@500": recall[500],
        "answer_recall@1000": recall[1000],
        "mrr@10": 1 / place if place else 0.0,
    }


def table(rows: Mapping[str, Sequence[Row]], depths: Sequence[int], weights: Sequence[float]) -> str:
    """Markdown: each depth and weight by set, with the difference to the search alone."""
    lines = []
    for metric in METRICS:
        lines += [
            f"### {metric}",
            "",
            f"| depth | weight | {' | '.join(f'{name} (n={len(of)})' for name, of in rows.items())} |",
        ]
        lines.append("| --- " * (len(rows) + 2) + "|")
        for depth in depths:
            for weight in weights if depth else weights[:1]:
                cells = [_cell(of, depth, weight, metric) for of in rows.values()]
                lines.append(f"| {depth or 'search'} | {weight if depth else ''} | {' | '.join(cells)} |")
        lines.append("")
    for name, of in rows.items():
        rate = sum(row["tokens"] for row in of) / sum(row["seconds"] for row in of)
        mean = np.mean([row["tokens"] for row in of])
        lines.append(f"{name}: {mean:,.0f} tokens in {DEPTH} passages, {rate:,.0f} tokens/s")
    return "\n".join(lines)


def _cell(of: Sequence[Row], depth: int, weight: float, metric: str) -> str:
    groups = [article_number(row["document"]) for row in of]
    plain = [values(row, ordered(row, 0, 0.0))[metric] for row in of]
    if not depth:
        found = bootstrap(plain, groups)
        return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"
    reranked = [values(row, ordered(row, depth, weight))[metric] for row in of]
    difference = paired(plain, reranked, groups)
    return f"{np.mean(reranked):.3f} ({difference.difference:+.3f}, p {difference.p:.3f})"


if __name__ == "__main__":
    main()
