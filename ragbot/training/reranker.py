"""Train the reranker: adapters on multilingual-e5-small from questions, passages with the answer, and hard negatives.

A step takes some questions, each with one passage that answers it and a few that its own search ranked high and that
do not. Every so often the model ranks questions about documents that it was not trained on; the best state so far is
kept, and training ends when it has not become better for a while. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from ragbot.errors import UserError
from ragbot.models.rerankers.e5_lower import LowerLayers
from ragbot.models.rerankers.e5_pairs import Ids, PairTokenizer
from ragbot.training.lora_layers import adapter_state, adapters
from ragbot.training.pair_loss import pair_loss, targets
from ragbot.training.pair_model import PairModel, Read
from ragbot.training.ranking_data import Candidate, Ranking

STATE, LOG, BEST = "state.safetensors", "log.jsonl", "best.safetensors"


@dataclass(frozen=True)
class RerankerPlan:
    """The knobs.

    Attributes:
        rank, alpha: of the adapters.
        learning_rate: of the adapters, at its height; the heads learn ``head_factor`` times as fast.
        questions_per_step, questions_at_once: for one change of the weights, and in memory together.
        negatives: passages without the answer per question, half of them from the first ``hard`` hits.
        easy_share: share of the questions taken whose first hit holds the answer already.
        epochs: passes over the questions.
        every: steps from one look at the held-out questions to the next.
        patience: looks without a gain after which training ends.
    """

    rank: int = 64
    alpha: float = 64.0
    learning_rate: float = 4e-4
    head_factor: float = 4.0
    weight_decay: float = 0.01
    warmup: float = 0.06
    questions_per_step: int = 16
    questions_at_once: int = 8
    negatives: int = 4
    hard: int = 6
    reach: int = 24
    easy_share: float = 0.5
    epochs: int = 3
    every: int = 50
    patience: int = 6
    held_out: int = 160
    depth: int = 8
    seed: int = 0


@dataclass(frozen=True)
class Look:
    """How the model does on held-out questions.

    Attributes:
        step, loss: where training was, and its mean loss since the look before.
        mrr, first: reciprocal rank and share of first places of a passage with the answer, by the model alone;
            ``retriever_mrr`` and ``retriever_first`` in the order that the search gave.
        span: share of passages with the answer in which the best span is the answer, token for token.
    """

    step: int
    loss: float
    mrr: float
    first: float
    retriever_mrr: float
    retriever_first: float
    span: float
    seconds: float


class Texts:
    """Every text behind the lower layers, computed once and kept in memory in bfloat16."""

    def __init__(self, lower: LowerLayers, tokenizer: PairTokenizer) -> None:
        self._lower, self._tokenizer = lower, tokenizer
        self._passages: dict[str, Read] = {}
        self._questions: dict[str, Read] = {}

    def prepare(self, rankings: Sequence[Ranking], depth: int, progress: Callable[[int, int], None]) -> None:
        """Compute what these questions can need."""
        texts = sorted(
            {
                candidate.text
                for ranking in rankings
                for candidate in (*ranking.positives, *(n for n in ranking.negatives if n.rank < depth))
            }
            - self._passages.keys()
        )
        for begin in range(0, len(texts), 256):
            tokens = self._tokenizer.passages(texts[begin : begin + 256])
            states = self._states([passage.ids for passage in tokens])
            for text, state, passage in zip(texts[begin : begin + 256], states, tokens, strict=True):
                self._passages[text] = Read(state, passage)
            progress(min(begin + 256, len(texts)), len(texts))

    def question(self, text: str) -> Read:
        """A question behind the lower layers."""
        if text not in self._questions:
            self._questions[text] = Read(self._states([self._tokenizer.question(text)])[0])
        return self._questions[text]

    def passage(self, text: str) -> Read:
        """A passage behind the lower layers."""
        if text not in self._passages:
            tokens = self._tokenizer.passages([text])[0]
            self._passages[text] = Read(self._states([tokens.ids])[0], tokens)
        return self._passages[text]

    def _states(self, rows: Sequence[Ids]) -> list[torch.Tensor]:
        return [torch.from_numpy(states).to(torch.bfloat16) for states in self._lower.states(rows)]


class RerankerTraining:
    """One run in a folder; see the module's docstring."""

    def __init__(
        self,
        model: PairModel,
        texts: Texts,
        train: Sequence[Ranking],
        held_out: Sequence[Ranking],
        folder: Path,
        plan: RerankerPlan,
    ) -> None:
        self.model, self.texts, self.plan, self.folder = model, texts, plan, folder
        self.train, self.held_out = train, _sample(held_out, plan)
        self.order = _order(train, plan)
        self.steps = len(self.order) // plan.questions_per_step
        heads = [p for name, p in model.named_parameters() if name.startswith("head_")]
        lows = [p for _, adapter in adapters(model.encoder) for p in (adapter.a, adapter.b)]
        self._parameters = [*lows, *heads]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": lows, "base": plan.learning_rate, "weight_decay": plan.weight_decay},
                {"params": heads, "base": plan.learning_rate * plan.head_factor, "weight_decay": 0.0},
            ],
            lr=plan.learning_rate,
        )
        self.step = 0
        self.looks: list[Look] = []
        folder.mkdir(parents=True, exist_ok=True)
        self._resume()

    def run(self, told: Callable[[Look], None], tick: Callable[[int, int, float], None]) -> Look:
        """Train to the end; the best look. ``tick`` hears step, steps and tokens per second."""
        losses: list[float] = []
        began, tokens = time.monotonic(), 0
        while self.step < self.steps and not self._is_over():
            loss, count = self._step(self.step)
            losses.append(loss)
            tokens += count
            self.step += 1
            tick(self.step, self.steps, tokens / (time.monotonic() - began))
            if self.step % self.plan.every == 0 or self.step == self.steps:
                look = replace(
                    self.look(), step=self.step, loss=sum(losses) / len(losses), seconds=time.monotonic() - began
                )
                losses = []
                self.looks.append(look)
                if look.mrr >= max(other.mrr for other in self.looks):
                    _save(self._weights(), self.folder / BEST)
                self._checkpoint()
                told(look)
        return max(self.looks, key=lambda look: look.mrr)

    def _step(self, step: int) -> tuple[float, int]:
        plan = self.plan
        self.model.train()
        torch.manual_seed(plan.seed * 1_000_003 + step)
        draw = random.Random(f"{plan.seed}/{step}")
        chosen = self.order[step * plan.questions_per_step : (step + 1) * plan.questions_per_step]
        # Questions of one length together: less padding.
        rankings = sorted((self.train[i] for i in chosen), key=lambda r: len(r.negatives[0].text))
        total, count = 0.0, 0
        for begin in range(0, len(rankings), plan.questions_at_once):
            batch = rankings[begin : begin + plan.questions_at_once]
            drawn = [_draw(ranking, plan, draw) for ranking in batch]
            candidates = [candidate for some in drawn for candidate in some]
            passages = [self.texts.passage(candidate.text) for candidate in candidates]
            questions = [self.texts.question(r.question) for r, some in zip(batch, drawn, strict=True) for _ in some]
            scores = self.model(questions, passages)
            starts, ends = targets([p.tokens for p in passages if p.tokens], candidates)
            relevant = torch.tensor([bool(candidate.spans) for candidate in candidates])
            loss, _ = pair_loss(scores, starts, ends, [len(some) for some in drawn], relevant)
            (loss * len(batch) / len(rankings)).backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach()) * len(batch) / len(rankings)
            count += sum(len(q.states) + len(p.states) for q, p in zip(questions, passages, strict=True))
        torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        for group in self._optimizer.param_groups:
            group["lr"] = group["base"] * _schedule(step, self.steps, plan.warmup)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return total, count

    @torch.no_grad()
    def look(self) -> Look:
        """Rank the held-out questions."""
        self.model.eval()
        ours: list[int] = []
        theirs: list[int] = []
        spans: list[bool] = []
        for ranking in self.held_out:
            candidates = sorted((*ranking.positives, *ranking.negatives), key=lambda c: c.rank)[: self.plan.depth]
            passages = [self.texts.passage(candidate.text) for candidate in candidates]
            scores = self.model([self.texts.question(ranking.question)] * len(passages), passages)
            order = sorted(range(len(candidates)), key=lambda i: -float(scores.rank[i]))
            ours.append(_place([candidates[i] for i in order]))
            theirs.append(_place(candidates))
            starts, ends = targets([p.tokens for p in passages if p.tokens], candidates)
            for row, candidate in enumerate(candidates):
                if candidate.spans:
                    best = (int(scores.start[row, 1:].argmax()) + 1, int(scores.end[row, 1:].argmax()) + 1)
                    spans.append(best == (int(starts[row]), int(ends[row])))
        return Look(
            0, 0.0, _mrr(ours), _first(ours), _mrr(theirs), _first(theirs), sum(spans) / max(len(spans), 1), 0.0
        )

    def _is_over(self) -> bool:
        best = max(range(len(self.looks)), key=lambda i: self.looks[i].mrr, default=0)
        return len(self.looks) - 1 - best >= self.plan.patience

    def _weights(self) -> dict[str, torch.Tensor]:
        heads = {name: p.detach() for name, p in self.model.named_parameters() if name.startswith("head_")}
        return {**adapter_state(self.model.encoder), **heads}

    def _checkpoint(self) -> None:
        state = dict(self._weights())
        for number, parameter in enumerate(self._parameters):
            for name, value in self._optimizer.state[parameter].items():
                state[f"optimizer.{number}.{name}"] = value
        record = {"step": self.step, "plan": asdict(self.plan), "looks": [asdict(look) for look in self.looks]}
        _save(state, self.folder / STATE, {"run": json.dumps(record)})

    def _resume(self) -> None:
        path = self.folder / STATE
        if not path.is_file():
            return
        from safetensors import safe_open

        with safe_open(path, "pt") as file:
            record = json.loads(file.metadata()["run"])
        if record["plan"] != asdict(self.plan):
            raise UserError(f"{path} is of a run with other settings: name another --output, or give the same settings")
        load_weights(self.model, load_file(path))
        state = load_file(path)
        for number, parameter in enumerate(self._parameters):
            names = [name for name in state if name.startswith(f"optimizer.{number}.")]
            self._optimizer.state[parameter] = {name.rpartition(".")[2]: state[name] for name in names}
        self.step = record["step"]
        self.looks = [Look(**look) for look in record["looks"]]


def load_weights(model: PairModel, state: dict[str, torch.Tensor]) -> None:
    """Put stored adapters and heads into a model."""
    current = dict(model.named_parameters())
    with torch.no_grad():
        for name, parameter in adapter_state(model.encoder).items():
            parameter.copy_(state[name])
        for name in current:
            if name.startswith("head_"):
                current[name].copy_(state[name])


def _order(train: Sequence[Ranking], plan: RerankerPlan) -> list[int]:
    """Which question comes when; the easy ones, and those without an answer, are thinned out anew in each pass."""
    draw = random.Random(plan.seed)
    order: list[int] = []
    for _ in range(plan.epochs):
        chosen = [
            i
            for i, ranking in enumerate(train)
            if (ranking.positives and min(p.rank for p in ranking.positives) > 0) or draw.random() < plan.easy_share
        ]
        draw.shuffle(chosen)
        order += chosen
    return order


def _draw(ranking: Ranking, plan: RerankerPlan, draw: random.Random) -> list[Candidate]:
    hard = [negative for negative in ranking.negatives if negative.rank < plan.hard]
    others = [negative for negative in ranking.negatives if plan.hard <= negative.rank < plan.reach]
    chosen = draw.sample(hard, min((plan.negatives + 1) // 2, len(hard)))
    chosen += draw.sample(others, min(plan.negatives - len(chosen), len(others)))
    return [*([draw.choice(ranking.positives)] if ranking.positives else []), *chosen]


def _sample(rankings: Sequence[Ranking], plan: RerankerPlan) -> list[Ranking]:
    """As many questions of each set."""
    answered = [ranking for ranking in rankings if ranking.positives]
    sets = sorted({ranking.set for ranking in answered})
    draw = random.Random(plan.seed)
    share = plan.held_out // max(len(sets), 1)
    chosen = []
    for name in sets:
        some = [ranking for ranking in answered if ranking.set == name]
        chosen += draw.sample(some, min(share, len(some)))
    return chosen


def _place(candidates: Sequence[Candidate]) -> int:
    return next((place for place, candidate in enumerate(candidates, 1) if candidate.spans), 0)


def _mrr(places: Sequence[int]) -> float:
    return sum(1 / place for place in places if place) / max(len(places), 1)


def _first(places: Sequence[int]) -> float:
    return sum(place == 1 for place in places) / max(len(places), 1)


def _schedule(step: int, steps: int, warmup: float) -> float:
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def _save(state: dict[str, torch.Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    temporary = path.with_suffix(".tmp")
    save_file({name: value.contiguous() for name, value in state.items()}, temporary, metadata)
    os.replace(temporary, path)
