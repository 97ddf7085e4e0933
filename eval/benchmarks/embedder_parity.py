"""What int8 costs: dense MRR@10 and cosine of the bundled embedder beside the same weights in float32.

    python -m eval.benchmarks.embedder_parity      # 10 minutes on 2 cores

No lexical index, no fusion: the question's paragraph among all paragraphs of the set, by cosine alone.
"""

from __future__ import annotations

import time

import numpy as np

from eval.benchmarks.setup import arguments, log, owners, read_sets
from eval.compare import bootstrap
from ragbot.models.embedders.base import Vectors
from ragbot.models.embedders.e5_onnx import WEIGHTS, BundledE5
from ragbot.models.embedders.e5_torch import bert_model, encode
from ragbot.models.embedders.e5_weights import E5Weights


def main() -> None:
    """Print one table."""
    options = arguments((__doc__ or "").splitlines()[0]).parse_args()
    embedder, weights = BundledE5(), E5Weights(WEIGHTS.locate())
    model = bert_model(weights)
    print("| set | float32 | int8 | int8 - float32 | cosine least / mean | tokens/s float32 / int8 |")
    print("| --- " * 6 + "|")
    for question_set in read_sets(options, "paragraph"):
        paragraphs = [document.text for document in question_set.documents.values()]
        index = {source: i for i, source in enumerate(question_set.documents)}
        gold = np.array([index[source] for question in question_set.questions for source in question.relevant])
        rows = embedder._token_ids(["passage: " + text for text in paragraphs])
        asked = embedder._token_ids(["query: " + question.text for question in question_set.questions])
        tokens = sum(map(len, rows))
        started = time.perf_counter()
        exact = encode(weights, model, rows)
        exact_speed = tokens / (time.perf_counter() - started)
        started = time.perf_counter()
        quick = embedder.encode_documents(paragraphs)
        quick_speed = tokens / (time.perf_counter() - started)
        exact_asked = encode(weights, model, asked)
        quick_asked = np.stack([embedder.encode_query(question.text) for question in question_set.questions])
        log(f"{question_set.name}: {len(paragraphs)} paragraphs, {len(gold)} questions")
        ranks = [_reciprocal(exact_asked @ exact.T, gold), _reciprocal(quick_asked @ quick.T, gold)]
        difference = bootstrap((ranks[1] - ranks[0]).tolist(), owners(question_set.questions))
        cosines = np.concatenate([(exact * quick).sum(axis=1), (exact_asked * quick_asked).sum(axis=1)])
        print(
            f"| {question_set.name} | {ranks[0].mean():.4f} | {ranks[1].mean():.4f} | {difference.mean:+.4f} "
            f"[{difference.low:+.4f}, {difference.high:+.4f}] | {cosines.min():.4f} / {cosines.mean():.4f} | "
            f"{exact_speed:,.0f} / {quick_speed:,.0f} |",
            flush=True,
        )


def _reciprocal(scores: Vectors, gold: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Vectors:
    better = (scores > scores[np.arange(len(gold)), gold][:, None]).sum(axis=1)
    reciprocal: Vectors = np.where(better < 10, 1 / (better + 1), 0).astype(np.float32)
    return reciprocal


if __name__ == "__main__":
    main()
