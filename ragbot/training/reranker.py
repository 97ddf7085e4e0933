"""Train the reranker: which token vectors of multilingual-e5-small should match, from questions and hard negatives.

A step takes some questions, each with one passage that answers it and some that its own search ranked high and that do
not. The loss is what a passage with the answer lacks of the whole probability (Cao et al., 2007: the top one), with
the search's own score as part of the logit: the model learns what the search does not know. Every so often it ranks
questions about documents that it was not trained on; the best state is kept. A run that was stopped goes on.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

import torch

from ragbot.errors import UserError
from ragbot.training.interaction_model import InteractionModel
from ragbot.training.ranking_data import Candidate, Ranking
from ragbot.training.token_states import TokenStates

STATE, BEST = "state.safetensors", "best"


@dataclass(frozen=True)
class RerankerPlan:
    """The knobs.

    Attributes:
        learning_rate: of the matrix, at its height; ``small_rate`` of the vectors, ``scalar_rate`` of the two numbers.
        questions_per_step: for one change of the weights.
        negatives: passages without the answer per question, drawn from the first ``reach`` hits.
        epochs: passes over the questions.
        every: steps from one look at the held-out questions to the next.
        held_out: how many of these, as many of each set as can be.
        depth: hits that are ranked in a look.
    """

    learning_rate: float = 5e-4
    small_rate: float = 1e-3
    scalar_rate: float = 2e-2
    weight_decay: float = 0.0
    warmup: int = 20
    questions_per_step: int = 16
    negatives: int = 8
    reach: int = 24
    epochs: int = 1
    every: int = 65
    held_out: int = 1000
    depth: int = 12
    seed: int = 0


@dataclass(frozen=True)
class Look:
    """How the model does on held-out questions: means over the sets, so that each counts alike.

    Attributes:
        step, loss: where training was, and its mean loss since the look before.
        mrr, first: reciprocal rank and share of first places of a passage with the answer; ``search_mrr`` and
            ``search_first`` in the order that the search gave.
        sets: ``mrr`` and ``search_mrr`` of each set.
    """

    step: int
    loss: float
    mrr: float
    first: float
    search_mrr: float
    search_first: float
    sets: dict[str, tuple[float, float]]
    seconds: float = 0.0


class RerankerTraining:
    """One run in a folder; see the module's docstring.

    Raises:
        UserError: the folder holds a run with other settings.
    """

    def __init__(
        self,
        states: TokenStates,
        train: Sequence[Ranking],
        held_out: Sequence[Ranking],
        folder: Path,
        plan: RerankerPlan,
    ) -> None:
        self.states, self.plan, self.folder = states, plan, folder
        self.train = [ranking for ranking in train if ranking.positives]
        self.held_out = sample(held_out, plan)
        self.model = InteractionModel(states.mean())
        self._order = _order(len(self.train), plan)
        self.steps = len(self._order) // plan.questions_per_step
        model = self.model
        self._optimizer = torch.optim.AdamW(
            [
                {"params": [model.change], "base": plan.learning_rate, "weight_decay": plan.weight_decay},
                {"params": [model.middle, model.weight], "base": plan.small_rate, "weight_decay": 0.0},
                {"params": [model.scale, model.search_weight], "base": plan.scalar_rate, "weight_decay": 0.0},
            ],
            lr=plan.learning_rate,
        )
        self.step = 0
        self.looks: list[Look] = []
        folder.mkdir(parents=True, exist_ok=True)
        self._resume()

    def run(self, told: Callable[[Look], None], tick: Callable[[int, int], None]) -> Look:
        """Train to the end; the best look, whose model is in the folder :data:`BEST`. ``tick`` hears step and steps."""
        began = time.monotonic()
        if not self.looks:
            self._look(0.0, began, told)
        losses: list[float] = []
        while self.step < self.steps:
            losses.append(self._step())
            tick(self.step, self.steps)
            soon = self.step < self.steps < self.step + self.plan.every // 2  # the last look is near enough
            if self.step == self.steps or (self.step % self.plan.every == 0 and not soon):
                self._look(sum(losses) / len(losses), began, told)
                losses = []
        return max(self.looks, key=lambda look: look.mrr)

    def _look(self, loss: float, began: float, told: Callable[[Look], None]) -> None:
        look = replace(self.look(), step=self.step, loss=loss, seconds=time.monotonic() - began)
        self.looks.append(look)
        if look.mrr >= max(other.mrr for other in self.looks):
            self.model.learned().save(self.folder / BEST)
        self._checkpoint()
        told(look)

    def _step(self) -> float:
        plan = self.plan
        draw = random.Random(f"{plan.seed}/{self.step}")
        chosen = self._order[self.step * plan.questions_per_step : (self.step + 1) * plan.questions_per_step]
        losses = []
        for ranking in (self.train[i] for i in chosen):
            scores = self._scores(ranking, _draw(ranking, plan, draw))
            losses.append(scores.logsumexp(0) - scores[0])  # the first is the one with the answer
        loss = torch.stack(losses).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        rate = min(1.0, (self.step + 1) / plan.warmup) * (1 - 0.95 * self.step / self.steps)
        for group in self._optimizer.param_groups:
            group["lr"] = group["base"] * rate
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.step += 1
        return float(loss.detach())

    def _scores(self, ranking: Ranking, candidates: Sequence[Candidate]) -> torch.Tensor:
        search = torch.tensor([candidate.score for candidate in candidates])
        passages = [self.states.passage(candidate.text) for candidate in candidates]
        scores: torch.Tensor = self.model(self.states.question(ranking.question), passages, search)
        return scores

    @torch.no_grad()
    def look(self) -> Look:
        """Rank the held-out questions."""
        ours: dict[str, list[int]] = {}
        theirs: dict[str, list[int]] = {}
        for ranking in self.held_out:
            candidates = sorted((*ranking.positives, *ranking.negatives), key=lambda c: c.rank)[: self.plan.depth]
            order = torch.argsort(-self._scores(ranking, candidates), stable=True).tolist()
            ours.setdefault(ranking.set, []).append(_place([candidates[i] for i in order]))
            theirs.setdefault(ranking.set, []).append(_place(candidates))
        sets = {name: (_mrr(ours[name]), _mrr(theirs[name])) for name in ours}
        return Look(
            0,
            0.0,
            _mean([mrr for mrr, _ in sets.values()]),
            _mean([_first(places) for places in ours.values()]),
            _mean([mrr for _, mrr in sets.values()]),
            _mean([_first(places) for places in theirs.values()]),
            sets,
        )

    def _checkpoint(self) -> None:
        from safetensors.torch import save_file

        state = {name: value.detach() for name, value in self.model.named_parameters()}
        for name, parameter in self.model.named_parameters():
            state |= {f"optimizer.{name}.{key}": value for key, value in self._optimizer.state[parameter].items()}
        record = {"step": self.step, "plan": asdict(self.plan), "looks": [asdict(look) for look in self.looks]}
        path = self.folder / STATE
        temporary = path.with_suffix(".tmp")
        save_file({name: value.contiguous() for name, value in state.items()}, temporary, {"run": json.dumps(record)})
        os.replace(temporary, path)

    def _resume(self) -> None:
        from safetensors import safe_open

        path = self.folder / STATE
        if not path.is_file():
            return
        with safe_open(path, "pt") as file:
            record = json.loads(file.metadata()["run"])
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a dict
        if record["plan"] != asdict(self.plan):
            raise UserError(f"{path} is of a run with other settings: name another --output, or give the same settings")
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(state[name])
                prefix = f"optimizer.{name}."
                moments = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
                if moments:
                    self._optimizer.state[parameter] = moments
        self.step = record["step"]
        self.looks = [
            Look(**{**look, "sets": {name: tuple(pair) for name, pair in look["sets"].items()}})
            for look in record["looks"]
        ]


class Sampled(Protocol):
    """A plan that says how many held-out questions are looked at, and with which seed they are drawn."""

    @property
    def held_out(self) -> int:
        """How many questions."""

    @property
    def seed(self) -> int:
        """Of the draw."""


def sample(rankings: Sequence[Ranking], plan: Sampled) -> list[Ranking]:
    """Questions with an answer, as many of each set as can be, drawn anew by each seed."""
    answered = [ranking for ranking in rankings if ranking.positives]
    sets = sorted({ranking.set for ranking in answered})
    draw = random.Random(plan.seed)
    share = plan.held_out // max(len(sets), 1)
    chosen = []
    for name in sets:
        some = [ranking for ranking in answered if ranking.set == name]
        chosen += draw.sample(some, min(share, len(some)))
    return chosen


def _order(count: int, plan: RerankerPlan) -> list[int]:
    draw = random.Random(plan.seed)
    order: list[int] = []
    for _ in range(plan.epochs):
        order += draw.sample(range(count), count)
    return order


def _draw(ranking: Ranking, plan: RerankerPlan, draw: random.Random) -> list[Candidate]:
    """A passage with the answer, and then some without."""
    negatives = [negative for negative in ranking.negatives if negative.rank < plan.reach] or [*ranking.negatives[:1]]
    return [draw.choice(ranking.positives), *draw.sample(negatives, min(plan.negatives, len(negatives)))]


def _place(candidates: Sequence[Candidate]) -> int:
    return next((place for place, candidate in enumerate(candidates, 1) if candidate.spans), 0)


def _mrr(places: Sequence[int]) -> float:
    return _mean([1 / place if place else 0.0 for place in places])


def _first(places: Sequence[int]) -> float:
    return _mean([float(place == 1) for place in places])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(len(values), 1)
