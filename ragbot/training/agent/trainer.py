"""Training of a tool-use adapter: :class:`ragbot.training.reader.trainer.ReaderTraining` over runs instead of questions."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ragbot.errors import SourceError
from ragbot.models.llms.bundled import HUB_NAME
from ragbot.training.agent.looks import HeldOutRuns
from ragbot.training.agent.playing import PlayedRun
from ragbot.training.agent.together import Prefixes, gather, side_by_side
from ragbot.training.agent.tokens import RunPack, RunTokens
from ragbot.training.reader.contexts import Mix
from ragbot.training.reader.looks import Look
from ragbot.training.reader.methods import adapted, check, check_start
from ragbot.training.reader.plan import ReaderPlan
from ragbot.training.reader.trainer import LOOKS, ReaderTraining
from ragbot.training.runs import claim, read_lines


class RunPacks:
    """The packs of all epochs in the order in which they are trained on; drawn once, so that a run can go on."""

    def __init__(self, runs: Sequence[PlayedRun], tokens: RunTokens, plan: ReaderPlan) -> None:
        self.tokens, self._runs = tokens, runs
        self._prefixes = Prefixes()
        # Which sequences a run has is known only when it is cut into tokens; kept are their places, not their tensors.
        sizes: dict[tuple[int, int], int] = {}
        for number, run in enumerate(runs):
            for part, pack in enumerate(tokens(run)):
                sizes[number, part] = pack.ids.shape[1]
                self._prefixes.add(run.beginning, pack)
        self._order: list[list[tuple[int, int]]] = []
        for epoch in range(math.ceil(plan.epochs)):
            draw = random.Random(f"{plan.seed} {epoch}")
            places = draw.sample(list(sizes), len(sizes))
            shapes = ((runs[place[0]].beginning, sizes[place]) for place in places)
            packs = [[places[at] for at in members] for members in gather(shapes, self._prefixes, plan.limit)]
            draw.shuffle(packs)
            self._order += packs[: round(len(packs) * min(1.0, plan.epochs - epoch))]

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, item: int) -> RunPack:
        places = self._order[item]
        packs = [self.tokens(self._runs[number])[part] for number, part in places]
        return side_by_side(packs, self._prefixes[self._runs[places[0][0]].beginning])


class AgentTraining(ReaderTraining):
    """One run of training in a folder; the same call goes on with it. Of a look, see :class:`HeldOutRuns`.

    Args:
        base: folder of the base model, as transformers saves it.
        train, held_out: runs that :func:`ragbot.training.agent.dataset.make_agent_dataset` wrote.
        folder: of the run.
        plan: its knobs; ``limit`` is the longest pack, and the longest run.
        name: of the base model, as the adapter is to name it (default: the folder).
        start: a LoRA adapter that training goes on from (the reader's, for one).

    Raises:
        SourceError: there are too few runs for one step.
        UserError: the folder holds a run with other settings, or this machine cannot do what the plan says.
    """

    def __init__(
        self,
        base: Path,
        train: Sequence[PlayedRun],
        held_out: Sequence[PlayedRun],
        folder: Path,
        plan: ReaderPlan,
        name: str = "",
        start: Path | None = None,
    ) -> None:
        from transformers import AutoTokenizer

        check(plan)
        self.begun = {"adapter": check_start(plan, start) if start else ""}
        torch.manual_seed(plan.seed)
        self.plan, self.mix, self.folder, self._name = plan, Mix(), folder, name or str(base)
        claim(folder, {"plan": asdict(plan), "start": self.begun}, {"start": {"adapter": ""}})
        self.tokenizer: Any = AutoTokenizer.from_pretrained(base)
        # The bundled model has no template and is never given one; of others, their own is taken.
        tokens = RunTokens(self.tokenizer, plan.limit, True if name == HUB_NAME else None)
        packs = RunPacks(train, tokens, plan)
        self.steps = len(packs) // plan.packs_per_step
        if not self.steps:
            raise SourceError(
                f"{len(packs)} packs of at most {plan.limit} tokens are too few for a step of {plan.packs_per_step}: "
                "generate more runs, or raise --limit"
            )
        # What the training needs of both is what these have: packs by number, and a look.
        self.packs: Any = packs
        self.held_out: Any = HeldOutRuns(held_out, tokens)
        self.model: Any = adapted(base, plan, start)
        self.looks = [Look(**line) for line in read_lines(folder / LOOKS)]
