"""Answer recall within the first 500 and 1,000 characters of what is found, each article a document.

    python -m eval.benchmarks.document_retrieval [--part test] [--chunk-tokens 96 128 192]

The hits in order, not joined: an answer counts if the gold span lies inside the gold document within the first N
characters of the hits. All articles are in the knowledge base; questions with an answer about the articles of
``--part`` are asked. Intervals resample articles.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from eval.benchmarks.setup import arguments, knowledge_base, owners, read_sets
from eval.compare import bootstrap
from eval.datasets.base import Span
from ragbot.documents import ScoredChunk
from ragbot.settings import load_settings

BUDGETS = (500, 1000, 2000)


def main() -> None:
    """Print one table."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--part", choices=["train", "dev", "test"], nargs="+", default=["test"])
    parser.add_argument("--chunk-tokens", type=int, nargs="+", default=[None])
    parser.add_argument("--dense-weight", type=float, nargs="+", default=[None])
    options = parser.parse_args()
    print(
        "| set | tokens | weight | " + " | ".join(f"@{n}" for n in BUDGETS) + " | search P50 / P95 ms | characters/s |"
    )
    print("| --- " * (len(BUDGETS) + 5) + "|")
    for question_set in read_sets(options):
        questions = [question for question in question_set.part(*options.part).questions if question.gold]
        for size in options.chunk_tokens:
            settings, _ = load_settings({"chunking.chunk_tokens": size, "chunking.chunk_tokens_zh": size})
            with knowledge_base(question_set.documents, settings) as (bot, report):
                for weight in options.dense_weight:
                    if weight is not None:
                        bot.retriever.options = replace(bot.retriever.options, dense_weight=weight)
                    found: dict[int, list[float]] = {budget: [] for budget in BUDGETS}
                    milliseconds = []
                    for question in questions:
                        started = time.perf_counter()
                        hits = bot.search(question.text, 20)
                        milliseconds.append(1000 * (time.perf_counter() - started))
                        for budget in BUDGETS:
                            found[budget].append(float(any(_within(hits, span, budget) for span in question.gold[0])))
                    groups = owners(questions)
                    cells = " | ".join(str(bootstrap(found[budget], groups)).split(" (")[0] for budget in BUDGETS)
                    p50, p95 = np.percentile(milliseconds, [50, 95])
                    print(
                        f"| {question_set.name} (n={len(questions)}) | {size or 'default'} | {weight or settings.retrieval.dense_weight} | {cells} | "
                        f"{p50:.1f} / {p95:.1f} | {report.characters / report.seconds:,.0f} |",
                        flush=True,
                    )


def _within(hits: Sequence[ScoredChunk], span: Span, budget: int) -> bool:
    used = 0
    for hit in hits:
        chunk = hit.chunk
        end = min(chunk.end, chunk.start + budget - used)
        if chunk.document.source == span.source and chunk.start <= span.start and span.end <= end:
            return True
        used += chunk.end - chunk.start
        if used >= budget:
            return False
    return False


if __name__ == "__main__":
    main()
