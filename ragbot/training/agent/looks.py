"""A look at held-out runs: which of their replies the model would write word for word.

One pass over a run tells it for all its replies: where the likeliest token is the right one at every place of a reply,
greedy decoding from the right prompt gives just this reply.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from ragbot.training.agent.playing import PlayedRun
from ragbot.training.agent.together import Prefixes, gather, side_by_side
from ragbot.training.agent.tokens import RunTokens
from ragbot.training.reader.looks import Look
from ragbot.training.reader.states import base_of, read_pack


class HeldOutRuns:
    """Runs that are not trained on.

    A look's ``f1`` is the mean over the languages of the share of replies that are right word for word; ``sets`` gives for
    each language ``replies`` (how many), ``exact``, ``tool`` (the right tool, or an answer, was begun) and ``answers`` (exact
    final answers). There is nothing to refuse: ``refusal`` is 0.
    """

    def __init__(self, runs: Sequence[PlayedRun], tokens: RunTokens) -> None:
        packs = [(run.beginning, pack) for run in runs for pack in tokens(run)]
        prefixes = Prefixes()
        for prompt, pack in packs:
            prefixes.add(prompt, pack)
        groups = gather(((prompt, pack.ids.shape[1]) for prompt, pack in packs), prefixes, tokens.limit)
        self._packs = [side_by_side([packs[at][1] for at in group], prefixes[packs[group[0]][0]]) for group in groups]

    def __len__(self) -> int:
        return len(self._packs)

    def look(self, model: Any, end: int, decode: Callable[[list[int]], str]) -> Look:
        """See the class."""
        head = base_of(model)
        found: dict[str, list[tuple[bool, bool, bool]]] = {}
        with torch.inference_mode():
            for pack in self._packs:
                placed = pack.to(next(model.parameters()).device)
                states = read_pack(model, placed).states
                hit = (head.lm_head(states[0, placed.at]).argmax(-1) == placed.wanted).tolist()
                wanted = pack.wanted.tolist()
                for reply in pack.replies:
                    begun = _name_ends(wanted[reply.begin : reply.end], reply.tool, decode)
                    right = all(hit[reply.begin : reply.end])
                    named = all(hit[reply.begin : reply.begin + begun])
                    found.setdefault(pack.language, []).append((right, named, not reply.tool))
        sets = {language: _summary(rows) for language, rows in sorted(found.items())}
        mean = sum(one["exact"] for one in sets.values()) / max(len(sets), 1)
        return Look(0, 0.0, mean, 0.0, sets)


def _name_ends(tokens: list[int], tool: str, decode: Callable[[list[int]], str]) -> int:
    """How many tokens it takes to say which tool is called, or that it is an answer."""
    sign = f'"{tool}"' if tool else '"answer"'
    return next((count for count in range(1, len(tokens) + 1) if sign in decode(tokens[:count])), len(tokens))


def _summary(rows: Sequence[tuple[bool, bool, bool]]) -> dict[str, float]:
    answers = [right for right, _, answer in rows if answer]
    return {
        "replies": len(rows),
        "exact": sum(right for right, _, _ in rows) / len(rows),
        "tool": sum(named for _, named, _ in rows) / len(rows),
        "answers": sum(answers) / max(len(answers), 1),
    }
