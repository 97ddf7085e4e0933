"""Low-rank adapters (Hu et al., 2021) whose product is added to the weight before a layer runs.

For a small encoder on a CPU that is faster than a path of its own beside each layer: one large product instead of
three, and the sum costs milliseconds a batch. What is stored is in the format of PEFT, and PEFT can load it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

PREFIX = "base_model.model."


class LowRank(nn.Module):
    """A weight ``(out, in)`` with ``alpha / rank * B A`` added."""

    def __init__(self, out: int, into: int, rank: int, alpha: float) -> None:
        super().__init__()
        self.scale = alpha / rank
        self.a = nn.Parameter(torch.empty(rank, into))
        self.b = nn.Parameter(torch.zeros(out, rank))  # so that training begins at the base model
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """The weight with its adapter, in the type of the weight."""
        return weight + (self.scale * self.b @ self.a).to(weight.dtype)


def add_adapters(model: nn.Module, rank: int, alpha: float, inside: Sequence[str] = ("",)) -> list[str]:
    """Give each linear layer whose name begins with one of ``inside`` an adapter; the names of the layers."""
    names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.startswith(tuple(inside))
    ]
    for name in names:
        layer: Any = model.get_submodule(name)
        parametrize.register_parametrization(
            layer, "weight", LowRank(layer.out_features, layer.in_features, rank, alpha)
        )
    return names


def adapters(model: nn.Module) -> Iterator[tuple[str, LowRank]]:
    """Every adapter with the name of its layer."""
    for name, module in model.named_modules():
        if isinstance(module, LowRank):
            yield name.removesuffix(".parametrizations.weight.0"), module


def adapter_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """The adapters under the names that PEFT gives them."""
    state = {}
    for name, adapter in adapters(model):
        state[f"{PREFIX}{name}.lora_A.weight"] = adapter.a.detach()
        state[f"{PREFIX}{name}.lora_B.weight"] = adapter.b.detach()
    return state


def write_adapter(folder: Path, state: Mapping[str, torch.Tensor], rank: int, alpha: float, base: str) -> None:
    """Store adapters (and heads, under their own names) as PEFT does, in float16."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    layers = sorted(
        {name.removeprefix(PREFIX).removesuffix(".lora_A.weight") for name in state if name.endswith(".lora_A.weight")}
    )
    config = {
        "peft_type": "LORA",
        "task_type": "FEATURE_EXTRACTION",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": layers,
        "inference_mode": True,
    }
    tensors = {name: value.to(torch.float16).contiguous() for name, value in state.items()}
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
