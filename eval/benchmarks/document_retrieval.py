"""Answer recall within the first 500 and 1,000 characters of what is found, each article a document.

    python -m eval.benchmarks.document_retrieval [--part test] [--chunk-tokens 96 128 192]

The hits in order, not joined: an answer counts if the gold span lies inside the gold document within the first N
characters of the hits. All articles are in the knowledge base; questions with an answer about the articles of
``--part`` are asked. Intervals resample articles.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from eval.benchmarks.setup import arguments, article_name, articles, knowledge_base, read_sets
from eval.compare import bootstrap
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
    for question_set, split in read_sets(options):
        asked = {index for part in options.part for index in split[part]}
        questions = [question for question in question_set.of_articles(asked) if question.answers]
        offsets = {
            (article.index, i): sum(len(p) + 2 for p in article.paragraphs[:i])
            for article in question_set.articles
            for i in range(len(article.paragraphs))
        }
        for size in options.chunk_tokens:
            settings, _ = load_settings({"chunking.chunk_tokens": size, "chunking.chunk_tokens_zh": size})
            with knowledge_base(articles(question_set), settings) as (bot, report):
                for weight in options.dense_weight:
                    if weight is not None:
                        bot.retriever._dense_weight = weight
                    found: dict[int, list[float]] = {budget: [] for budget in BUDGETS}
                    milliseconds = []
                    for question in questions:
                        started = time.perf_counter()
                        hits = bot.search(question.text, 20)
                        milliseconds.append(1000 * (time.perf_counter() - started))
                        base = offsets[question.article, question.paragraph]
                        spans = {(base + start, base + start + len(text)) for text, start in question.answers}
                        source = article_name(question_set, question.article)
                        for budget in BUDGETS:
                            found[budget].append(float(any(_within(hits, source, span, budget) for span in spans)))
                    owners = [question.article for question in questions]
                    cells = " | ".join(str(bootstrap(found[budget], owners)).split(" (")[0] for budget in BUDGETS)
                    p50, p95 = np.percentile(milliseconds, [50, 95])
                    print(
                        f"| {question_set.name} (n={len(questions)}) | {size or 'default'} | {weight or settings.retrieval.dense_weight} | {cells} | "
                        f"{p50:.1f} / {p95:.1f} | {report.characters / report.seconds:,.0f} |",
                        flush=True,
                    )


def _within(hits: Sequence[ScoredChunk], source: str, span: tuple[int, int], budget: int) -> bool:
    used = 0
    for hit in hits:
        chunk = hit.chunk
        end = min(chunk.end, chunk.start + budget - used)
        if chunk.document.source == source and chunk.start <= span[0] and span[1] <= end:
            return True
        used += chunk.end - chunk.start
        if used >= budget:
            return False
    return False


if __name__ == "__main__":
    main()
