"""Write multilingual-e5-small as an int8 ONNX graph, with ``onnx.helper`` and no torch.

Weights are quantised per output channel (symmetric), activations dynamically with one scale per matrix product. A
scale taken over a batch would make a text's vector depend on its neighbours, so the graph takes **one text a call**:
its input is that text's embedded tokens, without padding or mask, and the caller runs one call per core. The word
embeddings stay outside the graph (see :mod:`ragbot.models.embedders.e5_onnx`), so a session holds 21 MB.

Weights take 7 bits: on x86 without VNNI, 8-bit weights saturate the 16-bit accumulators of ``u8 x s8`` products, and
the same index would then give other vectors on another machine.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from ragbot.models.embedders.e5_weights import E5Weights

CONTRIB = "com.microsoft"
WEIGHT_MAX = 63  # 7 bits, see above
Array = npt.NDArray[np.generic]


class _Graph:
    """Collects nodes and initializers; every method returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._count = 0

    def constant(self, name: str, value: Array) -> str:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, op: str, inputs: list[str], outputs: int = 1, domain: str = CONTRIB, **attributes: object) -> list[str]:
        self._count += 1
        names = [f"{op}_{self._count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, domain=domain, **attributes))
        return names

    def quantize(self, x: str) -> list[str]:
        return self.node("DynamicQuantizeLinear", [x], 3, domain="")

    def linear(self, quantized: list[str], name: str, weight: npt.NDArray[np.float32], bias: Array | None) -> str:
        """``x @ weight.T + bias`` in int8; ``weight`` is ``(out, in)``."""
        scale = np.abs(weight).max(axis=1) / WEIGHT_MAX
        scale[scale == 0] = 1.0
        integer = np.rint(weight / scale[:, None]).astype(np.int8).T
        x, x_scale, x_zero = quantized
        w = self.constant(f"{name}.w", integer)
        w_scale = self.constant(f"{name}.s", scale.astype(np.float32))
        w_zero = self.constant(f"{name}.z", np.zeros(len(scale), np.int8))
        inputs = [x, w, x_scale, w_scale, x_zero, w_zero]
        if bias is not None:
            inputs.append(self.constant(f"{name}.b", bias))
        return self.node("MatMulIntegerToFloat", inputs)[0]


def build_graph(weights: E5Weights) -> onnx.ModelProto:
    """The encoder: input ``x`` ``(1, tokens, 384)`` float32, output ``embedding`` ``(384,)``, mean pooled, unit length."""
    graph, hidden, ffn = _Graph(), weights.hidden, weights.ffn
    epsilon = float(weights.epsilon)

    def norm(name: str) -> list[str]:
        return [graph.constant(f"{name}.{part}", weights.vector(f"{name}.{part}")) for part in ("w", "b")]

    x = graph.node("LayerNormalization", ["x", *norm("emb.ln")], domain="", epsilon=epsilon)[0]
    for layer in range(weights.layers):
        prefix = f"l{layer}."
        packed = np.concatenate([weights.matrix(f"{prefix}{part}.w", hidden) for part in "qkv"])
        bias = np.concatenate([weights.vector(f"{prefix}{part}.b") for part in "qkv"])
        qkv = graph.linear(graph.quantize(x), f"{prefix}qkv", packed, bias)
        q, k, v = graph.node("Split", [qkv], 3, domain="", axis=2, num_outputs=3)
        attended = graph.node("MultiHeadAttention", [q, k, v], num_heads=weights.heads)[0]
        attended = graph.linear(
            graph.quantize(attended), f"{prefix}ao", weights.matrix(f"{prefix}ao.w", hidden), weights.vector(f"{prefix}ao.b")
        )
        x = graph.node("SkipLayerNormalization", [attended, x, *norm(f"{prefix}aln")], epsilon=epsilon)[0]
        inner = graph.linear(graph.quantize(x), f"{prefix}fi", weights.matrix(f"{prefix}fi.w", hidden), None)
        fi_bias = graph.constant(f"{prefix}fi.bias", weights.vector(f"{prefix}fi.b"))
        inner = graph.node("BiasGelu", [inner, fi_bias])[0]
        outer = graph.linear(
            graph.quantize(inner), f"{prefix}fo", weights.matrix(f"{prefix}fo.w", ffn), weights.vector(f"{prefix}fo.b")
        )
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
