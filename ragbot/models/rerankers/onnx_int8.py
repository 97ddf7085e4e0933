"""Make the matrices of a float ONNX graph int8: products, a scale for each output channel; tables, one for each row.

onnxruntime.quantization has one scale for all activations of a product. That is enough but for the products that make
a layer narrow again (behind GELU and its like): there single tokens are many times larger than the others, and each
gets a scale and a minimum of its own (vector-wise quantisation: Dettmers et al., "LLM.int8()", 2022, section 3). The
graph is run with one text a call: over a batch, a scale would make a text's score depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

CONTRIB = "com.microsoft"
WEIGHT_MAX = 127
#: Of a matrix that is smaller on one side, the product costs too little to gain anything.
SMALLEST = 16
#: A table with fewer rows (positions, token types) stays in float32.
SMALLEST_TABLE = 1024
#: What keeps a token (or a channel) of zeros from being divided by zero.
TINY = 1e-12

Floats = npt.NDArray[np.float32]


def quantize(model: onnx.ModelProto, signed_weights: bool = True) -> int:
    """Change ``model`` itself: each product of an activation and a constant matrix; returns how many there were.

    Args:
        signed_weights: int8, fast where the CPU has VNNI; without it the products of signed weights overflow their
            16-bit sums, and uint8 weights with a zero point of 128 give the same integers at less speed.
    """
    return _Quantizer(model, signed_weights).run()


class _Quantizer:
    def __init__(self, model: onnx.ModelProto, signed: bool) -> None:
        self._model = model
        self._signed = signed
        self._matrices = {tensor.name: tensor for tensor in model.graph.initializer}
        self._nodes: list[onnx.NodeProto] = []
        self._added: dict[str, onnx.TensorProto] = {}
        self._whole: set[str] = set()

    def run(self) -> int:
        graph, count = self._model.graph, 0
        for node in graph.node:
            weight, table = self._constant_of(node, "MatMul", 1), self._constant_of(node, "Gather", 0)
            if weight is not None and min(weight.shape) >= SMALLEST:
                count += 1
                product = self._by_token if weight.shape[0] > weight.shape[1] else self._by_matrix
                product(node, weight)
            elif table is not None and len(table) >= SMALLEST_TABLE:
                self._look_up(node, table)
            else:
                self._nodes.append(node)
        del graph.node[:]
        graph.node.extend(self._nodes)
        used = {name for node in graph.node for name in _inputs(node)} | {output.name for output in graph.output}
        kept = [tensor for tensor in graph.initializer if tensor.name in used]
        del graph.initializer[:]
        graph.initializer.extend([*kept, *self._added.values()])
        if all(opset.domain != CONTRIB for opset in self._model.opset_import):
            self._model.opset_import.append(helper.make_opsetid(CONTRIB, 1))
        return count

    def _constant_of(self, node: onnx.NodeProto, op: str, position: int) -> Floats | None:
        """The constant float matrix that a node of this kind has as an input; None of any other node."""
        if node.op_type != op or node.domain or node.input[position] not in self._matrices:
            return None
        tensor = self._matrices[node.input[position]]
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) != 2:
            return None
        matrix: Floats = numpy_helper.to_array(tensor)
        return matrix

    def _look_up(self, node: onnx.NodeProto, table: Floats) -> None:
        """Rows of a table: their bytes times their scales."""
        name, ids, y = node.input[0], node.input[1], node.output[0]
        step = np.maximum(np.abs(table).max(axis=1, keepdims=True) / WEIGHT_MAX, TINY).astype(np.float32)
        rows = self._constant(f"{name}.rows", np.rint(table / step).astype(np.int8))
        self._node("Gather", [rows, ids], [f"{y}.found"])
        self._node("Gather", [self._constant(f"{name}.row_steps", step), ids], [f"{y}.found_steps"])
        self._node("Cast", [f"{y}.found"], [f"{y}.found_units"], to=onnx.TensorProto.FLOAT)
        self._node("Mul", [f"{y}.found_units", f"{y}.found_steps"], [y])

    def _by_matrix(self, node: onnx.NodeProto, weight: Floats) -> None:
        """One scale and one zero point for all of the activation."""
        x = node.input[0]
        if x not in self._whole:  # query, key and value read the same one
            self._whole.add(x)
            self._node("DynamicQuantizeLinear", [x], [f"{x}.whole", f"{x}.whole_step", f"{x}.whole_zero"])
        w, step, zero = self._bytes_of(node.input[1], weight)
        inputs = [f"{x}.whole", w, f"{x}.whole_step", step, f"{x}.whole_zero", zero]
        self._node("MatMulIntegerToFloat", inputs, [node.output[0]], CONTRIB)

    def _by_token(self, node: onnx.NodeProto, weight: Floats) -> None:
        """A scale and a minimum for each token: with ``x = s q + m``, ``x W = s (q W) + m (1 W)``."""
        x, y = node.input[0], node.output[0]
        last = self._constant("int8.last", np.array([-1], np.int64))
        self._node("ReduceMin", [x, last], [f"{y}.min"], keepdims=1)
        self._node("ReduceMax", [x, last], [f"{y}.max"], keepdims=1)
        self._node("Sub", [f"{y}.max", f"{y}.min"], [f"{y}.range"])
        self._node("Mul", [f"{y}.range", self._constant("int8.255th", np.float32(1 / 255))], [f"{y}.fine"])
        self._node("Max", [f"{y}.fine", self._constant("int8.tiny", np.float32(TINY))], [f"{y}.step"])
        self._node("Sub", [x, f"{y}.min"], [f"{y}.positive"])
        # The operator takes one scale for a place on an axis: the axis of the tokens, since there is one text.
        flat = self._constant("int8.flat", np.array([-1], np.int64))
        self._node("Reshape", [f"{y}.step", flat], [f"{y}.steps"])
        self._node("QuantizeLinear", [f"{y}.positive", f"{y}.steps"], [f"{y}.bytes"], axis=1)
        w, step, zero = self._bytes_of(node.input[1], weight)
        sums = self._constant(f"{w}.sums", _integers(weight)[0].sum(axis=0) * _integers(weight)[1])
        one = self._constant("int8.one", np.float32(1))
        nothing = self._constant("int8.nothing", np.uint8(0))
        self._node("MatMulIntegerToFloat", [f"{y}.bytes", w, one, step, nothing, zero], [f"{y}.units"], CONTRIB)
        self._node("Mul", [f"{y}.units", f"{y}.step"], [f"{y}.scaled"])
        self._node("Mul", [f"{y}.min", sums], [f"{y}.base"])
        self._node("Add", [f"{y}.scaled", f"{y}.base"], [y])

    def _bytes_of(self, name: str, weight: Floats) -> tuple[str, str, str]:
        """Names of the weight in bytes, of its scales, and of its zero points."""
        integers, step = _integers(weight)
        offset, kind = (0, np.int8) if self._signed else (128, np.uint8)
        return (
            self._constant(f"{name}.bytes", (integers + offset).astype(kind)),
            self._constant(f"{name}.step", step),
            self._constant(f"{name}.zero", np.full(len(step), offset, kind)),
        )

    def _constant(self, name: str, value: npt.ArrayLike) -> str:
        self._added[name] = numpy_helper.from_array(np.asarray(value), name)
        return name

    def _node(self, op: str, inputs: list[str], outputs: list[str], domain: str = "", **attributes: int) -> None:
        self._nodes.append(helper.make_node(op, inputs, outputs, domain=domain, **attributes))


def _integers(weight: Floats) -> tuple[Floats, Floats]:
    """Whole numbers of at most 127, and the scale of each column."""
    step = np.maximum(np.abs(weight).max(axis=0) / WEIGHT_MAX, TINY).astype(np.float32)
    return np.rint(weight / step), step


def _inputs(node: onnx.NodeProto) -> Iterator[str]:
    """What a node reads, and what the graphs inside it do."""
    yield from node.input
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield from _inputs(inner)
