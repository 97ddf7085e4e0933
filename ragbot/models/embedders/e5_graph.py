"""Write multilingual-e5-small as an int8 ONNX graph, with ``onnx.helper`` and no torch.

Weights are quantised per output channel (symmetric), activations dynamically. A scale taken over a batch would make a
text's vector depend on its neighbours, so the graph takes **one text a call**: its input is that text's embedded
tokens, without padding or mask, and the caller runs one call per core. The word embeddings stay outside the graph
(see :mod:`ragbot.models.embedders.e5_onnx`), so a session holds 21 MB.

One scale for a whole matrix is enough, except for the output of the GELU, where single tokens are much larger than
the others: there each token has its own. Measured on squad2_en against float32: mean cosine .9966 with one scale
everywhere, .999 so, at 7% less speed; MRR@10 .8139, .8219 in float32 (docs/measurements.md has both).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from ragbot.models.embedders.e5_weights import E5Weights, Floats

CONTRIB = "com.microsoft"
WEIGHT_MAX = 127
#: The GELU is never below -0.17: shifted by this much its output is positive, and eight bits hold more of it.
GELU_SHIFT = 0.17


class _Graph:
    """Collects nodes and initializers; every method returns the names of its outputs."""

    def __init__(self, signed_weights: bool) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._names: set[str] = set()
        self._signed = signed_weights

    def constant(self, name: str, value: npt.ArrayLike) -> str:
        if name not in self._names:
            self._names.add(name)
            self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(
        self, op: str, inputs: list[str], outputs: int = 1, domain: str = CONTRIB, **attributes: object
    ) -> list[str]:
        names = [f"{op}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, domain=domain, **attributes))
        return names

    def linear(self, x: str, name: str, weight: Floats, bias: Floats | None) -> str:
        """``x @ weight.T + bias`` in int8, one scale for ``x``; ``weight`` is ``(out, in)``."""
        quantized, x_scale, x_zero = self.node("DynamicQuantizeLinear", [x], 3, domain="")
        w, w_zero, scale = self._weight(name, weight)
        inputs = [quantized, w, x_scale, self.constant(f"{name}.s", scale), x_zero, w_zero]
        if bias is not None:
            inputs.append(self.constant(f"{name}.b", bias))
        return self.node("MatMulIntegerToFloat", inputs)[0]

    def linear_of_gelu(self, x: str, name: str, weight: Floats, bias: Floats) -> str:
        """The same for the output of a GELU: one scale for each row, all 8 bits for what lies above its minimum.

        With ``x = s q - c``: ``x W = s (q W) - c (1 W)``; the second term is constant and goes into the bias.
        """
        shift = self.constant("gelu.shift", np.array(GELU_SHIFT, np.float32))
        last = self.constant("gelu.axis", np.array([-1], np.int64))
        step = self.constant("gelu.step", np.array(1 / 255, np.float32))
        shifted = self.node("Add", [x, shift], domain="")[0]
        largest = self.node("ReduceMax", [shifted, last], domain="", keepdims=1)[0]
        row_scale = self.node("Mul", [largest, step], domain="")[0]
        levels = self.node("Round", self.node("Div", [shifted, row_scale], domain=""), domain="")
        quantized = self.node("Cast", levels, domain="", to=TensorProto.UINT8)[0]
        w, w_zero, scale = self._weight(name, weight)
        zero = self.constant("gelu.zero", np.array(0, np.uint8))
        product = self.node("MatMulInteger", [quantized, w, zero, w_zero], domain="")
        y = self.node("Cast", product, domain="", to=TensorProto.FLOAT)[0]
        y = self.node("Mul", [y, row_scale], domain="")[0]
        y = self.node("Mul", [y, self.constant(f"{name}.s", scale)], domain="")[0]
        constant = bias - GELU_SHIFT * scale * _integers(weight, scale).sum(axis=1)
        return self.node("Add", [y, self.constant(f"{name}.b", constant.astype(np.float32))], domain="")[0]

    def _weight(self, name: str, weight: Floats) -> tuple[str, str, Floats]:
        scale = (np.abs(weight).max(axis=1) / WEIGHT_MAX).astype(np.float32)
        integers = _integers(weight, scale).astype(np.int16)
        offset, kind = (0, np.int8) if self._signed else (128, np.uint8)
        w = self.constant(f"{name}.w", (integers + offset).astype(kind).T)
        return w, self.constant(f"{name}.z", np.full(len(scale), offset, kind)), scale


def _integers(weight: Floats, scale: Floats) -> npt.NDArray[np.float32]:
    rounded: npt.NDArray[np.float32] = np.rint(weight / scale[:, None])
    return rounded


def build_graph(weights: E5Weights, signed_weights: bool = True) -> onnx.ModelProto:
    """The encoder: input ``x`` ``(1, tokens, 384)`` float32, output ``embedding`` ``(384,)``, mean pooled, unit length.

    Args:
        signed_weights: int8, fast where the CPU has VNNI; without it the products of signed weights overflow their
            16-bit sums, and uint8 weights with a zero point of 128 give the same integers at less speed.
    """
    graph, hidden, ffn = _Graph(signed_weights), weights.hidden, weights.ffn
    epsilon = float(weights.epsilon)

    def norm(name: str) -> list[str]:
        return [graph.constant(f"{name}.{part}", weights.vector(f"{name}.{part}")) for part in ("w", "b")]

    x = graph.node("LayerNormalization", ["x", *norm("emb.ln")], domain="", epsilon=epsilon)[0]
    for layer in range(weights.layers):
        prefix = f"l{layer}."
        packed = np.concatenate([weights.matrix(f"{prefix}{part}.w", hidden) for part in "qkv"])
        bias = np.concatenate([weights.vector(f"{prefix}{part}.b") for part in "qkv"])
        qkv = graph.linear(x, f"{prefix}qkv", packed, bias)
        q, k, v = graph.node("Split", [qkv], 3, domain="", axis=2, num_outputs=3)
        attended = graph.node("MultiHeadAttention", [q, k, v], num_heads=weights.heads)[0]
        output, output_bias = weights.matrix(f"{prefix}ao.w", hidden), weights.vector(f"{prefix}ao.b")
        attended = graph.linear(attended, f"{prefix}ao", output, output_bias)
        x = graph.node("SkipLayerNormalization", [attended, x, *norm(f"{prefix}aln")], epsilon=epsilon)[0]
        inner = graph.linear(x, f"{prefix}fi", weights.matrix(f"{prefix}fi.w", hidden), None)
        fi_bias = graph.constant(f"{prefix}fi.bias", weights.vector(f"{prefix}fi.b"))
        inner = graph.node("BiasGelu", [inner, fi_bias])[0]
        down, down_bias = weights.matrix(f"{prefix}fo.w", ffn), weights.vector(f"{prefix}fo.b")
        outer = graph.linear_of_gelu(inner, f"{prefix}fo", down, down_bias)
        x = graph.node("SkipLayerNormalization", [outer, x, *norm(f"{prefix}oln")], epsilon=epsilon)[0]
    axes = graph.constant("axes", np.array([0, 1], np.int64))
    pooled = graph.node("ReduceMean", [x, axes], domain="", keepdims=0)[0]
    graph.nodes.append(helper.make_node("LpNormalization", [pooled], ["embedding"], axis=0, p=2))
    proto = helper.make_graph(
        graph.nodes,
        "multilingual-e5-small-int8",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, "tokens", hidden])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [hidden])],
        graph.initializers,
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(CONTRIB, 1)]
    return helper.make_model(proto, opset_imports=opsets, ir_version=10)
