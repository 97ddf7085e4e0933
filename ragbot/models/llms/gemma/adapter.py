"""A LoRA adapter in peft's format, read without peft or torch and merged into the weights.

Merged means ``W + s B A`` with ``s = alpha / r`` (Hu et al. 2021), or ``alpha / sqrt(r)`` for rank-stabilised LoRA
(Kalajdzievski 2023), before the weights are quantised: at run time an adapter costs nothing.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ragbot.errors import ModelNotFoundError
from ragbot.models.llms.gemma.weights import LINEARS, Floats, GemmaConfig, Weights

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
NAME = re.compile(
    r"base_model\.model\.model\.layers\.(\d+)\.(?:self_attn|mlp)\.(\w+)\.lora_([AB])(?:\.default)?\.weight"
)
#: What an adapter may ask for beyond ``W + s B A``; a value other than these would change the answer without a word.
PLAIN: dict[str, tuple[Any, ...]] = {
    "peft_type": ("LORA",),
    "bias": (None, "none"),
    "use_dora": (None, False),
    "fan_in_fan_out": (None, False),
    "modules_to_save": (None, []),
    "rank_pattern": (None, {}),
    "alpha_pattern": (None, {}),
}
DTYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


class LoraAdapter:
    """The matrices of an adapter's folder, by layer and projection.

    Raises:
        ModelNotFoundError: the folder holds no LoRA adapter, one for another model, or one that needs more than a
            merge.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in (CONFIG, TENSORS):
            if not (folder / name).is_file():
                raise ModelNotFoundError(
                    f"{folder} is not the folder of a LoRA adapter ({name} is missing): give the folder that the "
                    "training wrote, or none for the model as it is"
                )
        try:
            self._scale = _scale(json.loads((folder / CONFIG).read_text(encoding="utf-8")))
            self._pairs = _pairs(read_safetensors(folder / TENSORS))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._wrong(str(error)) from error

    def check(self, config: GemmaConfig) -> None:
        """See that every matrix fits a model of these sizes.

        Raises:
            ModelNotFoundError: one does not.
        """
        q, kv = config.heads * config.head_dim, config.kv_heads * config.head_dim
        shapes = {
            "q_proj": (q, config.hidden),
            "k_proj": (kv, config.hidden),
            "v_proj": (kv, config.hidden),
            "o_proj": (config.hidden, q),
            "gate_proj": (config.ffn, config.hidden),
            "up_proj": (config.ffn, config.hidden),
            "down_proj": (config.hidden, config.ffn),
        }
        for (layer, name), (a, b) in self._pairs.items():
            if layer >= config.layers:
                raise self._wrong(f"it changes layer {layer}, and the model has {config.layers}")
            found = (b.shape[0], a.shape[1])
            if found != shapes[name] or b.shape[1] != a.shape[0]:
                raise self._wrong(
                    f"layer {layer} {name}: B {b.shape} times A {a.shape}, where the model's matrix is {shapes[name]}"
                )

    def change(self, layer: int, name: str) -> Floats | None:
        """What is added to the matrix of a projection, or None."""
        pair = self._pairs.get((layer, name))
        if pair is None:
            return None
        product: Floats = np.float32(self._scale) * (pair[1] @ pair[0])
        return product

    def _wrong(self, reason: str) -> ModelNotFoundError:
        return ModelNotFoundError(
            f"the adapter in {self.folder} cannot be used with the bundled chat model ({reason}): train it on that "
            "model with plain LoRA, or run it with its own model through transformers"
        )


class AdaptedWeights:
    """``weights`` with ``adapter`` merged into them."""

    def __init__(self, weights: Weights, adapter: LoraAdapter) -> None:
        adapter.check(weights.config)
        self.config = weights.config
        self._weights = weights
        self._adapter = adapter

    def linear(self, layer: int, name: str) -> Floats:
        """The matrix ``(out, in)`` of a projection, changed."""
        matrix, change = self._weights.linear(layer, name), self._adapter.change(layer, name)
        return matrix if change is None else matrix + change

    def norm(self, layer: int, name: str) -> Floats:
        """What a normalised vector is multiplied with."""
        return self._weights.norm(layer, name)

    def final_norm(self) -> Floats:
        """The same, after the last layer."""
        return self._weights.final_norm()


def read_safetensors(path: Path) -> dict[str, Floats]:
    """All tensors of a safetensors file in float32: a JSON header with their places, then their bytes.

    Raises:
        ValueError: the file is cut off, or holds a type that is not a float of 16 or 32 bits.
    """
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    found = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in DTYPES:
            raise ValueError(f"{name} is of type {entry['dtype']}, and {', '.join(DTYPES)} are read here")
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        if end > len(data):
            raise ValueError(f"the file ends within {name}")
        flat: npt.NDArray[Any] = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]])
        if entry["dtype"] == "BF16":  # the upper half of a float32
            flat = (flat.astype(np.uint32) << 16).view(np.float32)
        found[name] = flat.astype(np.float32).reshape(entry["shape"])
    return found


def _scale(config: dict[str, Any]) -> float:
    for key, allowed in PLAIN.items():
        if config.get(key) not in allowed:
            raise ValueError(f"its {key} is {config.get(key)!r}")
    rank, alpha = int(config["r"]), float(config["lora_alpha"])
    if rank < 1:
        raise ValueError(f"its rank r is {rank}")
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _pairs(tensors: dict[str, Floats]) -> dict[tuple[int, str], tuple[Floats, Floats]]:
    halves: dict[tuple[int, str], dict[str, Floats]] = {}
    for name, tensor in tensors.items():
        match = NAME.fullmatch(name)
        if match is None or match[2] not in LINEARS:
            raise ValueError(f"it holds {name}, and only the projections of the layers can be changed")
        if tensor.ndim != 2 or not np.isfinite(tensor).all():
            raise ValueError(f"{name} is not a matrix of finite numbers")
        halves.setdefault((int(match[1]), match[2]), {})[match[3]] = tensor
    if not halves:
        raise ValueError("it holds no matrices")
    for (layer, projection), half in halves.items():
        if len(half) != 2:
            raise ValueError(f"layer {layer} {projection} has only one of A and B")
    return {key: (half["A"], half["B"]) for key, half in halves.items()}
