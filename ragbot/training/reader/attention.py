"""Attention over packed questions, for transformers: the context looks at itself, each question at the context and itself.

Where the mask of a pack is given as a whole, a good part of it is multiplied for nothing: no row of the context sees a
question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ragbot.training.half import product

NAME = "ragbot_packed"


@dataclass(frozen=True)
class PackMask:
    """What the rows of the context (``(1, 1, c, n + c)``) and the rest (``(1, 1, L - c, n + L)``) may look at, as booleans.

    ``n`` columns stand in a cache already. The sizes stand in shapes alone: a number among the attributes would be a constant to torch.compile.
    """

    context: torch.Tensor
    rest: torch.Tensor


def pack_masks(
    visible: torch.Tensor, positions: torch.Tensor, context: int, window: int | None, cached: int = 0
) -> dict[str, PackMask]:
    """Masks by the kinds of layers that transformers names.

    ``visible`` is ``(L, L)``, ``positions`` ``(L,)``; the first ``context`` tokens are the context's, and the first
    ``cached`` of these stand in a cache and are not read again.
    """
    near = visible
    if window:
        near = visible & (positions[:, None] - positions[None, :] < window)
    return {
        name: PackMask(mask[None, None, cached:context, :context].contiguous(), mask[None, None, context:].contiguous())
        for name, mask in (("full_attention", visible), ("sliding_attention", near))
    }


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: PackMask | torch.Tensor | None,
    scaling: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' interface of an attention: ``(1, heads, L, width)`` to ``(1, L, heads, width)``."""
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    half = getattr(module, "ragbot_half", False)
    if isinstance(attention_mask, PackMask):
        mask = attention_mask
        rows, columns = mask.context.shape[-2:]
        out = torch.cat(
            [
                _attend(query[:, :, :rows], key[:, :, :columns], value[:, :, :columns], mask.context, scale, half),
                _attend(query[:, :, rows:], key, value, mask.rest, scale, half),
            ],
            2,
        )
    else:
        out = _attend(query, key, value, attention_mask, scale, half)
    return out.transpose(1, 2).contiguous(), None


def _attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, visible: torch.Tensor | None, scale: float, half: bool
) -> torch.Tensor:
    """The heads that share a key stand below each other in one product: on a CPU faster than the fused kernel."""
    batch, heads, rows, width = query.shape
    groups, columns = key.shape[1], key.shape[2]
    stacked = query.reshape(batch, groups, heads // groups * rows, width)
    scores = product(stacked, key.transpose(2, 3), half).view(batch, heads, rows, columns) * scale
    if visible is not None:
        scores = scores.masked_fill(~visible, torch.finfo(scores.dtype).min)
    weights = scores.softmax(-1).view(batch, groups, heads // groups * rows, columns)
    return product(weights, value, half).view(batch, heads, rows, width)


def register() -> None:
    """Make it known to transformers by :data:`NAME`, with masks that are never left out for being causal."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    def whole_mask(*args: Any, **kwargs: Any) -> torch.Tensor | None:
        found: torch.Tensor | None = sdpa_mask(*args, **{**kwargs, "allow_is_causal_skip": False})
        return found

    AttentionInterface.register(NAME, packed_attention)
    AttentionMaskInterface.register(NAME, whole_mask)
