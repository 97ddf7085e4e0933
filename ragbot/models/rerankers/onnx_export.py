"""A cross-encoder of transformers as a float ONNX graph for one pair a call. Needs ``ragbot[hf]``."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ragbot.errors import ModelNotFoundError
from ragbot.models import hf

ALTERNATIVES = 'choose another reranker: "sentence-transformers:MODEL" runs the same model in torch'
OPSET = 18
#: Lengths, in tokens, at which the graph has to give what the model gives: tracing keeps what depends on the length of
#: the example as a constant, and says no more than a warning.
CHECKED_LENGTHS = (5, 12, 47)
#: Largest difference of a logit, relative to the logits' size.
TOLERANCE = 1e-3


def export(folder: Path, graph: Path, tokenizer: Path) -> int:
    """Write the graph and the tokenizer of the model in ``folder``; returns the longest pair, in tokens.

    The exporter is torch's TorchScript one: the newer exporter needs two more packages, takes eight times as long and
    gives the same graph for the same figures.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        ModelNotFoundError: the model cannot be loaded, or not be exported faithfully.
    """
    hf.require("Exporting a cross-encoder to ONNX", "torch", "transformers", "sentence_transformers")
    from sentence_transformers import CrossEncoder

    from ragbot.models.rerankers.sentence_transformers import load_cross_encoder

    encoder: CrossEncoder = load_cross_encoder(str(folder), "cpu", "float32")
    backend = getattr(encoder.tokenizer, "backend_tokenizer", None)
    if backend is None or encoder.model is None or len(encoder) != 1:
        raise ModelNotFoundError(
            f"{folder} is no classifier with a fast tokenizer, and only these can be exported: {ALTERNATIVES}"
        )
    backend.save(str(tokenizer), pretty=False)
    names = ["input_ids"]
    if "token_type_ids" in encoder.tokenizer.model_input_names and encoder.model.config.type_vocab_size > 1:
        names.append("token_type_ids")
    _write(encoder.model, names, graph, folder)
    return int(encoder.max_seq_length)


def _write(model: Any, names: list[str], graph: Path, folder: Path) -> None:
    import torch

    class Logits(torch.nn.Module):
        """The model as a function of its inputs in order. Without padding it needs no mask."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.model(**dict(zip(names, inputs, strict=True))).logits
            return logits

    module = Logits().eval()
    try:
        with warnings.catch_warnings(), _silent("torch.onnx"), torch.inference_mode():
            # What tracing warns of is checked below, and that it is the older exporter is known.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                _example(torch, model, len(names), CHECKED_LENGTHS[1]),
                str(graph),
                input_names=names,
                output_names=["logits"],
                dynamic_axes={name: {1: "tokens"} for name in names},
                opset_version=OPSET,
                dynamo=False,
            )
            worst = max(_difference(torch, module, graph, names, length) for length in CHECKED_LENGTHS)
    except (RuntimeError, TypeError, torch.onnx.errors.OnnxExporterError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelNotFoundError(f"{folder} cannot be exported to ONNX ({reason}): {ALTERNATIVES}") from error
    if not worst <= TOLERANCE:
        raise ModelNotFoundError(
            f"the ONNX graph of {folder} gives other scores than the model (by {worst:.1%}): {ALTERNATIVES}"
        )


def _example(torch: Any, model: Any, count: int, length: int) -> tuple[Any, ...]:
    """Token ids spread over the vocabulary, and token types of both kinds."""
    ids = torch.arange(length) * 7919 % (model.config.vocab_size - 1) + 1
    types = (torch.arange(length) >= length // 2).long()
    return tuple(row[None] for row in (ids, types)[:count])


def _difference(torch: Any, module: Any, graph: Path, names: list[str], length: int) -> float:
    import onnxruntime

    inputs = _example(torch, module.model, len(names), length)
    expected = module(*inputs).numpy()
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    found = session.run(None, {name: row.numpy() for name, row in zip(names, inputs, strict=True)})[0]
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1.0))


class _silent:
    """A logger and those below it say only errors."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def __enter__(self) -> None:
        self._level = self._logger.level
        self._logger.setLevel(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        self._logger.setLevel(self._level)
