"""What a model costs in matrix products, and how many of them this machine can do: the measure of its speed.

Only products with weights are counted, a multiplication and an addition as two operations: attention's own products,
normalisation and tokenising are what the rest of the time goes to. A head that reads one token of a text is counted as
if it read all of them: some hundredths too much.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ragbot.models.cpu import has_vnni

INT8 = "int8"
#: Operators of products, and the place of the weight among their inputs.
PRODUCTS = {"MatMul": 1, "Gemm": 1, "MatMulInteger": 1, "MatMulIntegerToFloat": 1, "DynamicQuantizeMatMul": 1}
#: Seconds of one of the measurements of which the best is the peak.
SLICE = 0.1
#: Products of one call: what starts a call shall not count.
REPEATS = 8
#: Bounds of the rows of a float product: a batch of passages.
ROWS = (64, 4096)


@dataclass(frozen=True)
class MatrixWork:
    """Matrix products of a model.

    ``operations`` for each token; ``inner`` and ``columns`` of the largest weight; ``kind`` is ``int8`` or a torch
    dtype; ``device`` where it runs.
    """

    operations: int
    inner: int
    columns: int
    kind: str
    device: str


def work_of(model: object) -> MatrixWork | None:
    """What an embedder or reranker costs; None where it does not run here, or does not let one look."""
    held = list(getattr(model, "__dict__", {}).values())
    sessions = [value for value in held if type(value).__name__ == "InferenceSession"]
    # The one place where a session says which file it runs.
    graphs = [_of_graph(Path(path)) for session in sessions if (path := getattr(session, "_model_path", None))]
    parts = [work for work in graphs if work]
    if parts:  # a model of several graphs has each token pass through all of them
        largest = max(parts, key=lambda work: work.inner * work.columns)
        return replace(largest, operations=sum(work.operations for work in parts))
    import sys

    torch = sys.modules.get("torch")  # if it is not imported, the model does not use it
    if torch:
        for value in held:
            if isinstance(value, torch.nn.Module):
                return _of_module(torch, value)
    return None


def _of_graph(path: Path) -> MatrixWork | None:
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    weights = {tensor.name: tensor for tensor in graph.initializer if len(tensor.dims) == 2}
    used = [
        weights[node.input[PRODUCTS[node.op_type]]]
        for node in graph.node
        if node.op_type in PRODUCTS and node.input[PRODUCTS[node.op_type]] in weights
    ]
    if not used:
        return None
    whole = {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}
    largest = max(used, key=lambda tensor: int(np.prod(tensor.dims)))
    operations = 2 * sum(int(np.prod(tensor.dims)) for tensor in used)
    kind = INT8 if largest.data_type in whole else "float32"
    return MatrixWork(operations, int(largest.dims[0]), int(largest.dims[1]), kind, "cpu")


def _of_module(torch: Any, module: Any) -> MatrixWork | None:
    weights = [layer.weight for layer in module.modules() if isinstance(layer, torch.nn.Linear)]
    if not weights:
        return None
    largest = max(weights, key=lambda weight: int(weight.numel()))
    operations = 2 * sum(int(weight.numel()) for weight in weights)
    columns, inner = largest.shape
    kind = str(largest.dtype).removeprefix("torch.")
    return MatrixWork(operations, int(inner), int(columns), kind, str(largest.device))


def peak(work: MatrixWork, rows: int, threads: int, seconds: float) -> float:
    """The most billion operations a second (GOPS) that products of the model's largest shape reach here.

    Args:
        rows: tokens of a call.
        threads: int8 calls at the same time, on a core each; torch uses as many as it is set to.
        seconds: how long it is looked for.
    """
    if work.kind == INT8:
        with ThreadPoolExecutor(threads) as pool:
            run = _int8_product(work, rows)
            return _best(
                lambda: list(pool.map(run, range(threads))), 2 * rows * work.inner * work.columns * threads, seconds
            )
    rows = min(max(rows, ROWS[0]), ROWS[1])
    return _best(_float_product(work, rows), 2 * rows * work.inner * work.columns, seconds)


def _best(call: Callable[[], object], operations: int, seconds: float) -> float:
    """Of short measurements the best, because other programs only ever slow one down."""
    call()
    best, end = 0.0, time.perf_counter() + seconds
    while best == 0 or time.perf_counter() < end:
        calls, passed, begin = 0, 0.0, time.perf_counter()
        while not calls or passed < min(SLICE, seconds):
            call()
            calls, passed = calls + 1, time.perf_counter() - begin
        best = max(best, calls * REPEATS * operations / passed / 1e9)
    return best


def _int8_product(work: MatrixWork, rows: int) -> Callable[[int], None]:
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    kind = np.int8 if has_vnni() else np.uint8  # as the models have it
    random = np.random.default_rng(0)
    weight = random.integers(0, 100, (work.inner, work.columns)).astype(kind)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"])],
        "peak",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [rows, work.inner])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [rows, work.columns])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = random.integers(0, 200, (rows, work.inner)).astype(np.uint8)

    def run(_: int) -> None:
        for _ in range(REPEATS):
            session.run(None, {"x": x})

    return run


def _float_product(work: MatrixWork, rows: int) -> Callable[[], None]:
    import torch

    dtype = getattr(torch, work.kind)
    x = torch.randn(rows, work.inner).to(work.device, dtype)
    weight = torch.randn(work.columns, work.inner).to(work.device, dtype).t()  # as a layer has it
    accelerator = None if work.device == "cpu" else torch.accelerator

    def run() -> None:
        for _ in range(REPEATS):
            torch.mm(x, weight)
        if accelerator:
            accelerator.synchronize()

    return run
