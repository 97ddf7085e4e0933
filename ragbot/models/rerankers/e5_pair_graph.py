"""The pair model as int8 ONNX graphs: see :mod:`ragbot.training.pair_model` for what it is, and how it is trained.

Like the embedder's (:mod:`ragbot.models.embedders.e5_graph`), the graphs take one text a call, so that a score does
not depend on what else is scored.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from ragbot.models.embedders.e5_graph import Graph, Weights, embedded, encoder_layers, finished
from ragbot.models.embedders.e5_weights import Floats

#: Layers that see question and passage apart.
APART = 8
#: The heads, under the names that training gives them.
RANK_WEIGHT, RANK_BIAS = "head_rank.weight", "head_rank.bias"
SPAN_WEIGHT, SPAN_BIAS = "head_span.weight", "head_span.bias"


def lower_graph(weights: Weights, signed_weights: bool = True) -> onnx.ModelProto:
    """The layers that see a text alone: ``x`` ``(1, tokens, hidden)`` to ``states`` of the same shape."""
    graph = Graph(signed_weights)
    shape: list[int | str] = [1, "tokens", weights.hidden]
    y = encoder_layers(graph, weights, embedded(graph, weights, "x"), range(APART))
    graph.nodes.append(helper.make_node("Identity", [y], ["states"]))
    return finished(graph, "e5-lower-int8", [_floats("x", shape)], [_floats("states", shape)])


def pair_graph(weights: Weights, heads: dict[str, Floats], signed_weights: bool = True) -> onnx.ModelProto:
    """A passage, and a question behind the lower layers, to relevance and to logits of where the answer is.

    Inputs: ``x`` ``(1, passage tokens, hidden)`` and ``question`` ``(1, question tokens, hidden)``. Outputs: ``rank``
    ``(1,)``, and ``span`` ``(passage tokens, 2)``, whether the answer starts and ends at a token.
    """
    graph, hidden = Graph(signed_weights), weights.hidden
    passage = encoder_layers(graph, weights, embedded(graph, weights, "x"), range(APART))
    both = graph.node("Concat", [passage, "question"], domain="", axis=1)[0]
    both = encoder_layers(graph, weights, both, range(APART, weights.layers))
    count = graph.node("Shape", ["x"], domain="", start=1, end=2)[0]
    zero = graph.constant("zero", np.array([0], np.int64))
    one = graph.constant("one", np.array([1], np.int64))
    own = graph.node("Slice", [both, zero, count, one], domain="")[0]
    first = graph.node("Slice", [both, zero, one, one], domain="")[0]
    flat = graph.constant("flat", np.array([1, hidden], np.int64))
    mean = graph.node("ReduceMean", [own, one], domain="", keepdims=1)[0]
    pooled = graph.node(
        "Concat", [graph.node("Reshape", [v, flat], domain="")[0] for v in (first, mean)], domain="", axis=1
    )[0]
    rank = graph.node(
        "Gemm",
        [pooled, graph.constant(RANK_WEIGHT, heads[RANK_WEIGHT]), graph.constant(RANK_BIAS, heads[RANK_BIAS])],
        domain="",
        transB=1,
    )[0]
    graph.nodes.append(helper.make_node("Reshape", [rank, one], ["rank"]))
    rows = graph.node("Reshape", [own, graph.constant("rows", np.array([-1, hidden], np.int64))], domain="")[0]
    inputs = [rows, graph.constant(SPAN_WEIGHT, heads[SPAN_WEIGHT]), graph.constant(SPAN_BIAS, heads[SPAN_BIAS])]
    graph.nodes.append(helper.make_node("Gemm", inputs, ["span"], transB=1))
    return finished(
        graph,
        "e5-pair-int8",
        [_floats("x", [1, "passage", hidden]), _floats("question", [1, "question", hidden])],
        [_floats("rank", [1]), _floats("span", ["passage", 2])],
    )


def _floats(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
