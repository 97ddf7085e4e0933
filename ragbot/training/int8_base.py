"""Frozen linear layers in 8-bit integers, for fine-tuning an adapter on a CPU.

The processor multiplies 8-bit integers about four times as fast as floats, and what is frozen needs no gradient of its
own: only the product forward and the product with the gradient backward. Both are taken in integers, each row of the
activations and of the gradient with a scale of its own (the linear layers of SwitchBack, Wortsman and others 2023,
https://arxiv.org/abs/2304.13013). The adapter stays in floats.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

_MOST = 127
#: Rows below which the product in floats is faster.
_FEW = 48


class _Product(torch.autograd.Function):
    """``x @ W.T`` with ``W`` in integers: once with a scale per output, once per input for the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, scale: Tensor, back: Tensor, back_scale: Tensor) -> Tensor:
        ctx.save_for_backward(back, back_scale)
        rows, row_scale = _quantized(x)
        return torch._int_mm(rows, weight.t()).to(x.dtype).mul_(row_scale).mul_(scale)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        back, back_scale = ctx.saved_tensors
        rows, row_scale = _quantized(gradient)
        return torch._int_mm(rows, back).to(gradient.dtype).mul_(row_scale).mul_(back_scale), None, None, None, None


def _quantized(x: Tensor) -> tuple[Tensor, Tensor]:
    scale = x.abs().amax(-1, keepdim=True).clamp_(min=1e-20).div_(_MOST)
    return (x / scale).round_().to(torch.int8), scale


class Int8Linear(nn.Linear):
    """A linear layer that is not trained; made of one by :func:`freeze_to_int8`."""

    weight8: Tensor
    scale: Tensor
    back8: Tensor
    back_scale: Tensor

    def quantize(self) -> None:
        """Make the integers from the weights."""
        weight = self.weight.detach().float()
        scale, back_scale = weight.abs().amax(1) / _MOST, weight.abs().amax(0) / _MOST
        for name, value in (
            ("weight8", (weight / scale[:, None]).round().to(torch.int8)),
            ("scale", scale),
            ("back8", (weight / back_scale).round().to(torch.int8)),
            ("back_scale", back_scale),
        ):
            self.register_buffer(name, value, persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        """``(…, in_features)`` to ``(…, out_features)``."""
        flat = input.reshape(-1, self.in_features)
        if len(flat) < _FEW and not torch.is_grad_enabled():
            # Decoding: so few rows wait for memory, and the integer product lays out its weights anew in each call.
            return nn.functional.linear(input, self.weight)
        out: Tensor = _Product.apply(flat, self.weight8, self.scale, self.back8, self.back_scale)  # type: ignore[no-untyped-call]
        return out.view(*input.shape[:-1], self.out_features)


def freeze_to_int8(model: nn.Module, names: tuple[str, ...]) -> int:
    """Turn the linear layers whose last name is one of ``names`` into :class:`Int8Linear`; returns how many.

    Layers with a bias, or with sizes that the integer product does not take (multiples of 8), are left as they are.
    """
    count = 0
    for path, layer in model.named_modules():
        has_bias = getattr(layer, "bias", None) is not None
        if not isinstance(layer, nn.Linear) or has_bias or path.rpartition(".")[2] not in names:
            continue
        if layer.in_features % 8 == 0 and layer.out_features % 8 == 0:
            layer.__class__ = Int8Linear
            cast(Int8Linear, layer).quantize()
            layer.requires_grad_(False)
            count += 1
    return count
