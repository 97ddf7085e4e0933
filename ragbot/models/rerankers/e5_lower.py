"""The lower layers of multilingual-e5-small on one text at a time, which the pair model's training and use share."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ragbot.models.cpu import has_vnni
from ragbot.models.embedders.e5_graph import Weights
from ragbot.models.embedders.e5_onnx import WEIGHTS
from ragbot.models.embedders.e5_weights import E5Weights, Floats, dequantize
from ragbot.models.rerankers.e5_pair_graph import lower_graph
from ragbot.models.rerankers.e5_pairs import Ids


class LowerLayers:
    """Token ids to states, in int8 (see :func:`ragbot.models.rerankers.e5_pair_graph.lower_graph`).

    Args:
        threads: texts at the same time.
    """

    def __init__(self, threads: int) -> None:
        import onnxruntime

        weights = E5Weights(WEIGHTS.verified())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        graph = lower_graph(weights, has_vnni()).SerializeToString()
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._words = weights.blocks("emb.word", weights.hidden)
        self._positions = positions(weights)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="lower")

    def states(self, rows: Sequence[Ids]) -> list[Floats]:
        """What the lower layers make of each row of token ids: ``(tokens, hidden)``."""
        return list(self._pool.map(self._one, rows))

    def _one(self, ids: Ids) -> Floats:
        x = dequantize(self._words[ids]) + self._positions[: len(ids)]
        states: Floats = self._session.run(None, {"x": x[None]})[0][0]
        return states


def positions(weights: Weights) -> Floats:
    """What is added to a word's embedding at each place: ``(places, hidden)``."""
    table = weights.vector("emb.pos").reshape(-1, weights.hidden) + weights.vector("emb.type")[: weights.hidden]
    return np.ascontiguousarray(table, np.float32)
