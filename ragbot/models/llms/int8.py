"""Linear layers in int8 on the CPU: a quarter of the memory of float32, and several times its speed.

Weights get one scale for each output, once; activations one for each row (token), at each call: "dynamic" quantisation as
in Dettmers et al., LLM.int8() (2022, arXiv:2208.07339, section 2.1, vector-wise), without its outlier columns. A row's
result does not depend on the rows beside it.
"""

from __future__ import annotations

from typing import Any

import torch

#: The largest magnitude of an int8 value that has its negative, too.
LARGEST = 127.0


class Int8Linear(torch.nn.Module):
    """``torch.nn.Linear`` with int8 weights; input and output are of the input's type, the sum is int32."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight = linear.weight.detach()
        values = torch.empty(weight.shape, dtype=torch.int8)
        scale = torch.empty(len(weight), dtype=torch.float32)
        # In blocks: the output layer of a large vocabulary would take gigabytes more for a moment.
        for start in range(0, len(weight), 4096):
            block = weight[start : start + 4096].float()
            scale[start : start + 4096] = block.abs().amax(1).clamp_min(1e-12) / LARGEST
            values[start : start + 4096] = (block / scale[start : start + 4096, None]).round().to(torch.int8)
        self.register_buffer("values", values)
        self.register_buffer("scale", scale)
        self.bias = None if linear.bias is None else torch.nn.Parameter(linear.bias.detach().float(), False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(..., in_features)`` to ``(..., out_features)``."""
        rows = x.reshape(-1, self.in_features).float()
        row_scale = rows.abs().amax(1, keepdim=True).clamp_min(1e-12) / LARGEST
        values: Any = self.values
        scale: Any = self.scale
        out = torch._int_mm((rows / row_scale).round().to(torch.int8), values.t()).float()
        out = out.mul_(row_scale).mul_(scale)
        if self.bias is not None:
            out = out + self.bias
        return out.reshape(*x.shape[:-1], self.out_features).to(x.dtype)


def quantize(model: torch.nn.Module) -> int:
    """Replace every linear layer inside ``model``; the rest becomes float32. Returns how many were replaced."""
    replaced = 0
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is torch.nn.Linear:
                setattr(parent, name, Int8Linear(child))
                replaced += 1
    model.float()
    return replaced
