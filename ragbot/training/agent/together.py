"""Runs with the same tools behind one system prompt: it is read once, and each run sees it and itself.

The prompt that lists the tools is longer than most runs. At the same gradients, packs that share it hold several times
as many runs as single sequences of as many tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ragbot.training.agent.tokens import RunPack, Written


class Prefixes:
    """How many tokens the sequences of each key have in common at their beginning, all of them before what is predicted."""

    def __init__(self) -> None:
        self._common: dict[str, list[int]] = {}

    def add(self, key: str, pack: RunPack) -> None:
        """Take a sequence into account."""
        ids: list[int] = pack.ids[0, : int(pack.at[0])].tolist()
        known = self._common.get(key, ids)
        same = next(
            (at for at, (a, b) in enumerate(zip(known, ids, strict=False)) if a != b), min(len(known), len(ids))
        )
        self._common[key] = known[:same]

    def __getitem__(self, key: str) -> int:
        return len(self._common[key])


def gather(sequences: Iterable[tuple[str, int]], prefixes: Prefixes, limit: int) -> list[list[int]]:
    """Which sequences share a pack, by number, in the order in which packs are full.

    Args:
        sequences: key and tokens of each; none longer than ``limit``.
        prefixes: what those of a key share.
        limit: most tokens of a pack.
    """
    full: list[list[int]] = []
    begun: dict[str, tuple[int, list[int]]] = {}
    for number, (key, size) in enumerate(sequences):
        own = size - prefixes[key]
        used, members = begun.pop(key, (prefixes[key], []))
        if members and used + own > limit:
            full.append(members)
            used, members = prefixes[key], []
        begun[key] = (used + own, [*members, number])
    return [*full, *(members for _, members in begun.values())]


def side_by_side(packs: Sequence[RunPack], prefix: int) -> RunPack:
    """One pack of several whose first ``prefix`` tokens are the same; nothing is predicted from any of these."""
    import torch

    if len(packs) == 1:
        return packs[0]
    sizes = [pack.ids.shape[1] - prefix for pack in packs]
    begins = [prefix + sum(sizes[:number]) for number in range(len(packs))]
    owners = torch.cat([torch.zeros(prefix), *(torch.full((size,), n) for n, size in enumerate(sizes, 1))])
    order = torch.arange(len(owners))
    same = (owners[:, None] == owners[None, :]) | (owners[None, :] == 0)
    replies: list[Written] = []
    for pack in packs:
        done = replies[-1].end if replies else 0
        replies += [replace(reply, begin=done + reply.begin, end=done + reply.end) for reply in pack.replies]
    moved = list(zip(packs, (begin - prefix for begin in begins), strict=True))
    return RunPack(
        context=prefix,
        starts=tuple(start + by for pack, by in moved for start in pack.starts),
        ids=torch.cat([packs[0].ids[:, :prefix], *(pack.ids[:, prefix:] for pack in packs)], 1),
        positions=torch.cat([packs[0].positions[:, :prefix], *(pack.positions[:, prefix:] for pack in packs)], 1),
        visible=same & (order[:, None] >= order[None, :]),
        at=torch.cat([pack.at + by for pack, by in moved]),
        wanted=torch.cat([pack.wanted for pack in packs]),
        weights=torch.cat([pack.weights for pack in packs]),
        replies=tuple(replies),
        language=packs[0].language,
    )
