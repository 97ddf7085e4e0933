"""MRR@10 of the question's paragraph among all paragraphs of a set, each paragraph a document of its own.

    python -m eval.benchmarks.paragraph_retrieval

Every question counts, the unanswerable ones of SQuAD 2.0 too (their paragraph is known). Reported for all questions,
and for those about test articles with a 95% interval that resamples articles.
"""

from __future__ import annotations

import time

import numpy as np

from eval.benchmarks.setup import arguments, knowledge_base, log, owners, read_sets
from eval.compare import bootstrap
from ragbot.settings import load_settings

TOP_K = 10


def main() -> None:
    """Print one table."""
    options = arguments(__doc__.splitlines()[0]).parse_args()
    settings, _ = load_settings(
        {"chunking.chunk_tokens": 500, "chunking.chunk_tokens_zh": 500}
    )  # a paragraph stays whole
    print("| set | all questions | test articles | search P50 / P95 ms |\n| --- | --- | --- | --- |")
    for question_set in read_sets(options, "paragraph"):
        with knowledge_base(question_set.documents, settings) as (bot, _):
            reciprocal, milliseconds = [], []
            for number, question in enumerate(question_set.questions):
                started = time.perf_counter()
                hits = bot.search(question.text, TOP_K)
                milliseconds.append(1000 * (time.perf_counter() - started))
                sources = list(dict.fromkeys(hit.chunk.document.source for hit in hits))
                (gold,) = question.relevant
                reciprocal.append(1 / (sources.index(gold) + 1) if gold in sources else 0.0)
                if number % 1000 == 999:
                    log(f"{question_set.name}: {number + 1} of {len(question_set.questions)}")
        groups = owners(question_set.questions)
        held = question_set.parts["test"]
        test = [i for i, question in enumerate(question_set.questions) if question.document in held]
        everything = bootstrap(reciprocal, groups)
        held_out = bootstrap([reciprocal[i] for i in test], [groups[i] for i in test])
        p50, p95 = np.percentile(milliseconds, [50, 95])
        print(f"| {question_set.name} | {everything} | {held_out} | {p50:.1f} / {p95:.1f} |", flush=True)


if __name__ == "__main__":
    main()
