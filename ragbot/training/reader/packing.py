"""Several questions behind one context, read in one pass: each sees the context and itself, and nothing of the others.

A question set asks about ten questions of a paragraph. Read one by one the paragraph is read ten times; packed it is
read once, at the same gradients. Positions of each question go on where the context ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

#: Text to token ids, without special tokens.
Tokenize = Callable[[str], Sequence[int]]


@dataclass(frozen=True)
class Packed:
    """A pack as tensors, batch size 1.

    ``ids``, ``positions``: ``(1, L)``. ``visible``: ``(L, L)``, whether the row may look at the column; the first
    ``context`` rows are the context's. ``at``, ``wanted``, ``weights``: which tokens predict, what, and how much each
    counts. ``starts``: where the completion of each question begins.
    """

    context: int
    starts: tuple[int, ...]
    ids: torch.Tensor
    positions: torch.Tensor
    visible: torch.Tensor
    at: torch.Tensor
    wanted: torch.Tensor
    weights: torch.Tensor

    def to(self, device: torch.device) -> Packed:
        """The same on another device."""
        moved = {f.name: v.to(device) for f in fields(self) if hasattr(v := getattr(self, f.name), "to")}
        return replace(self, **moved)


def context_room(limit: int) -> int:
    """Tokens that the context of a pack of ``limit`` tokens may have."""
    return limit * 3 // 4


def pack_tokens(
    context: Sequence[int], pairs: Sequence[tuple[Sequence[int], Sequence[int]]], limit: int
) -> tuple[Packed, int]:
    """Tensors of a context and its questions, each a prompt and a completion; returns how many questions fitted.

    Args:
        context: token ids, the beginning-of-text token first.
        pairs: prompt and completion (its end-of-text token last) of each question.
        limit: most tokens in all; a context of more than three quarters of it is cut from its end,
            questions that do not fit are left out.
    """
    import torch

    context = context[: context_room(limit)]
    ids, positions, owners = list(context), list(range(len(context))), [0] * len(context)
    at: list[int] = []
    wanted: list[int] = []
    weights: list[float] = []
    starts: list[int] = []
    taken = 0
    for number, (prompt, completion) in enumerate(pairs, 1):
        if len(ids) + len(prompt) + len(completion) > limit:
            break
        begin = len(ids) + len(prompt)
        starts.append(begin)
        at += range(begin - 1, begin - 1 + len(completion))
        wanted += completion
        weights += [max(len(completion), 1) ** -0.5] * len(completion)
        block = [*prompt, *completion]
        positions += range(len(context), len(context) + len(block))
        owners += [number] * len(block)
        ids += block
        taken += 1
    owner = torch.tensor(owners)
    place = torch.tensor(positions)
    same = (owner[:, None] == owner[None, :]) | (owner[None, :] == 0)
    causal = torch.arange(len(ids))[:, None] >= torch.arange(len(ids))[None, :]
    packed = Packed(
        context=len(context),
        starts=tuple(starts),
        ids=torch.tensor([ids]),
        positions=place[None],
        visible=same & causal,
        at=torch.tensor(at),
        wanted=torch.tensor(wanted),
        weights=torch.tensor(weights),
    )
    return packed, taken
