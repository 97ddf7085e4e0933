"""Gemma 3 as int8 ONNX graphs, written with ``onnx.helper`` and no torch: the layers, and the output layer apart.

The layers take embedded tokens and give hidden states; keys and values live in buffers that the caller owns and that
are written in place (``GroupQueryAttention`` with past and present in one buffer), so a token costs no copy of the
context. The output layer is a graph of its own: it is the same for every adapter, it runs for the rows that are asked
for and no others, and its matrix is the table of the embeddings, mapped from one file.

Weights have one scale for each output, activations one for **each token**: one for the whole prompt would make a
token's state depend on its neighbours, and a draft of five tokens differ from the same tokens one by one.

Measured on two cores (ONNX Runtime 1.31, 640 x 4,096, 700 rows / 5 rows / 1 row): this product 3.5 / 0.05 / 0.04 ms,
``MatMulNBits`` with 8 bits in blocks of 128 10.6 / 0.09 / 0.03 ms, in blocks of 32 16 / 0.24 / 0.12 ms.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from ragbot.models.llms.gemma.quantize import MIDDLE, STEPS, to_int8
from ragbot.models.llms.gemma.rotary import ROTARY
from ragbot.models.llms.gemma.weights import Floats, Weights

CONTRIB = "com.microsoft"


class Graph:
    """Collects nodes and initializers; every method returns the names of its outputs."""

    def __init__(self, signed_weights: bool) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._names: set[str] = set()
        self._middles = ""
        self.signed = signed_weights

    def constant(self, name: str, value: npt.ArrayLike) -> str:
        """An initializer; a name that is there already keeps its first value."""
        if name not in self._names:
            self._names.add(name)
            self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, op: str, inputs: list[str], outputs: int = 1, domain: str = "", **attributes: object) -> list[str]:
        """An operator; the names of its outputs."""
        names = [f"{op}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, domain=domain, **attributes))
        return names

    def one(self, op: str, *inputs: str, **attributes: object) -> str:
        """An operator with one output."""
        return self.node(op, list(inputs), **attributes)[0]  # type: ignore[arg-type]

    def quantized(self, x: str) -> tuple[str, str]:
        """``x`` ``(tokens, width)`` in bytes around :data:`MIDDLE`, and the scale of each token ``(tokens, 1)``.

        A token of zeros has the scale 0; whatever the division makes of it is multiplied by that 0 in the end.
        Signed bytes would need no middle, but their product with signed weights is ten times as slow.
        """
        last = self.constant("last", np.array([-1], np.int64))
        largest = self.one("ReduceMax", self.one("Abs", x), last, keepdims=0)
        scale = self.one("Mul", largest, self.constant("step", np.array(1 / STEPS, np.float32)))
        if not self._middles:  # the same for every product: one for each token
            self._middles = self.one(
                "Expand", self.constant("middle", np.array(MIDDLE, np.uint8)), self.one("Shape", scale)
            )
        integers = self.one("QuantizeLinear", x, scale, self._middles, axis=0)
        return integers, self.one("Unsqueeze", scale, last)

    def linear(self, x: str, name: str, weight: Floats) -> str:
        """``x @ weight.T`` in int8 for ``x`` ``(tokens, in)`` and ``weight`` ``(out, in)``."""
        integers, scale = self.quantized(x)
        matrix = to_int8(weight)
        zero = np.int8(0) if self.signed else np.uint8(MIDDLE)
        inputs = [
            integers,
            self.constant(f"{name}.w", matrix.stored(self.signed).T),
            self.constant("one", np.array(1, np.float32)),  # the operator takes one scale for all rows: they come after
            self.constant(f"{name}.s", matrix.scales),
            self.constant("middle", np.array(MIDDLE, np.uint8)),
            self.constant("zero", np.array(zero)),
        ]
        return self.one("Mul", self.node("MatMulIntegerToFloat", inputs, domain=CONTRIB)[0], scale)

    def norm(self, x: str, name: str, weight: Floats, epsilon: float) -> str:
        """Root-mean-square normalisation over the last axis (Zhang & Sennrich 2019)."""
        return self.one("SimplifiedLayerNormalization", x, self.constant(name, weight), axis=-1, epsilon=epsilon)


def layers_graph(weights: Weights, signed_weights: bool = True) -> onnx.ModelProto:
    """Inputs ``x`` ``(tokens, hidden)``, ``seen`` and ``total``, and buffers ``k.i`` and ``v.i``; output ``hidden``.

    ``total`` is the number of tokens in the buffers after this call, ``seen`` the same less one; the buffers are
    ``(1, kv_heads, capacity, head_dim)``, and :data:`ROTARY` ``(positions, head_dim / 2)``. ``hidden`` is normalised:
    the output layer's input.

    Args:
        weights: where the tensors come from.
        signed_weights: int8, fast where the CPU has VNNI; without it the products of signed weights overflow their
            16-bit sums, and uint8 weights with a zero point of 128 give the same integers at less speed.
    """
    config = weights.config
    graph = Graph(signed_weights)
    x = "x"
    for layer in range(config.layers):
        x = graph.one("Add", x, _attention(graph, weights, layer, x))
        x = graph.one("Add", x, _feedforward(graph, weights, layer, x))
    normed = graph.norm(x, "norm", weights.final_norm(), config.epsilon)
    graph.nodes.append(helper.make_node("Identity", [normed], ["hidden"]))
    buffer = [1, config.kv_heads, "capacity", config.head_dim]
    names = [f"{kind}.{layer}" for layer in range(config.layers) for kind in "kv"]
    rotary = ["positions", config.head_dim // 2]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["tokens", config.hidden]),
        *(helper.make_tensor_value_info(name, TensorProto.FLOAT, rotary) for name in ROTARY),
        helper.make_tensor_value_info("seen", TensorProto.INT32, [1]),
        helper.make_tensor_value_info("total", TensorProto.INT32, [1]),
        *(helper.make_tensor_value_info(name, TensorProto.FLOAT, buffer) for name in names),
    ]
    outputs = [
        helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["tokens", config.hidden]),
        *(helper.make_tensor_value_info(f"{name}.out", TensorProto.FLOAT, buffer) for name in names),
    ]
    return _model(graph, "gemma3-layers-int8", inputs, outputs)


def _attention(graph: Graph, weights: Weights, layer: int, x: str) -> str:
    config, prefix = weights.config, f"l{layer}."
    head, wide = config.head_dim, config.heads * config.head_dim
    narrow = config.kv_heads * head

    def norm(y: str, name: str) -> str:
        return graph.norm(y, f"{prefix}{name}", weights.norm(layer, name), config.epsilon)

    def by_head(y: str, name: str, width: int) -> str:
        """Each head normalised by itself, as ``(1, tokens, width)``."""
        apart = graph.one("Reshape", y, graph.constant("heads", np.array([-1, head], np.int64)))
        shape = graph.constant(f"width{width}", np.array([1, -1, width], np.int64))
        return graph.one("Reshape", norm(apart, name), shape)

    packed = np.concatenate([weights.linear(layer, f"{part}_proj") for part in "qkv"])
    qkv = graph.linear(norm(x, "input"), f"{prefix}qkv", packed)
    q, k, v = graph.node("Split", [qkv, graph.constant("qkv", np.array([wide, narrow, narrow], np.int64))], 3, axis=1)
    kind = "global" if config.is_global(layer) else "local"
    inputs = [by_head(q, "q", wide), by_head(k, "k", narrow), graph.one("Unsqueeze", v, graph.constant("first", [0]))]
    inputs += [f"k.{layer}", f"v.{layer}", "seen", "total", f"{kind}.cos", f"{kind}.sin"]
    attended = f"attended.{layer}"
    graph.nodes.append(
        helper.make_node(
            "GroupQueryAttention",
            inputs,
            [attended, f"k.{layer}.out", f"v.{layer}.out"],
            domain=CONTRIB,
            num_heads=config.heads,
            kv_num_heads=config.kv_heads,
            local_window_size=-1 if kind == "global" else config.window,
            do_rotary=1,
        )
    )
    flat = graph.one("Reshape", attended, graph.constant(f"flat{wide}", np.array([-1, wide], np.int64)))
    return norm(graph.linear(flat, f"{prefix}o", weights.linear(layer, "o_proj")), "post_attention")


def _feedforward(graph: Graph, weights: Weights, layer: int, x: str) -> str:
    config, prefix = weights.config, f"l{layer}."
    packed = np.concatenate([weights.linear(layer, "gate_proj"), weights.linear(layer, "up_proj")])
    normed = graph.norm(x, f"{prefix}pre", weights.norm(layer, "pre_feedforward"), config.epsilon)
    gate, up = graph.node("Split", [graph.linear(normed, f"{prefix}gu", packed)], 2, axis=1, num_outputs=2)
    inner = graph.one("Mul", graph.one("Gelu", gate, approximate="tanh"), up)
    down = graph.linear(inner, f"{prefix}down", weights.linear(layer, "down_proj"))
    return graph.norm(down, f"{prefix}post", weights.norm(layer, "post_feedforward"), config.epsilon)


def head_graph(vocabulary: int, hidden: int, table: str, scales: str, signed_weights: bool = True) -> onnx.ModelProto:
    """The output layer: input ``hidden`` ``(rows, hidden)``, output ``logits`` ``(rows, vocabulary)``.

    The matrix ``(vocabulary, hidden)`` and its scales lie outside, in the files ``table`` and ``scales``.
    """
    graph = Graph(signed_weights)
    integers, scale = graph.quantized("hidden")
    kind, zero = (TensorProto.INT8, np.int8(0)) if signed_weights else (TensorProto.UINT8, np.uint8(MIDDLE))
    graph.initializers += [
        _outside("table", table, kind, [vocabulary, hidden]),
        _outside("scales", scales, TensorProto.FLOAT, [vocabulary]),
    ]
    inputs = [
        integers,
        graph.constant("one", np.array(1, np.float32)),
        graph.constant("middle", np.array(MIDDLE, np.uint8)),
        "table",
        "scales",
        graph.constant("zeros", np.full(vocabulary, zero)),
    ]
    product = graph.node("QGemm", inputs, domain=CONTRIB, transB=1)[0]
    graph.nodes.append(helper.make_node("Mul", [product, scale], ["logits"]))
    return _model(
        graph,
        "gemma3-head-int8",
        [helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["rows", hidden])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", vocabulary])],
    )


def _outside(name: str, location: str, kind: int, shape: list[int]) -> onnx.TensorProto:
    tensor = onnx.TensorProto(name=name, data_type=kind, dims=shape, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def _model(
    graph: Graph, name: str, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
) -> onnx.ModelProto:
    proto = helper.make_graph(graph.nodes, name, inputs, outputs, graph.initializers)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(CONTRIB, 1)]
    return helper.make_model(proto, opset_imports=opsets, ir_version=10)
