"""A look at held-out questions: the model answers them, and its answers are scored as they are in an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from eval.metrics.cmrc import cmrc_exact_match, cmrc_f1
from eval.metrics.squad import squad_exact_match, squad_f1
from ragbot.generation.reading import NONE
from ragbot.training.reader.contexts import Group, Mix, Packer
from ragbot.training.reader.decoding import decode_pack
from ragbot.training.reader.packs import PackTokens

#: Longest answer in a look, in tokens.
LONGEST = 32


@dataclass(frozen=True)
class Look:
    """How the model does on questions about documents that it is not trained on.

    Attributes:
        step, loss: where training was, and its mean loss since the look before.
        f1: mean over the sets of the F1 of answerable questions (a refusal counts 0).
        refusal: mean over the sets of how often the probability of "no passage" is higher at a question that has no
            answer here than at one that has (the area under the ROC curve).
        sets: per set: ``f1``, ``exact``, ``refused`` (answerable), ``silent`` (refused where there is no answer),
            ``cited`` (right passage among the answered), ``auroc``, ``answerable``, ``unanswerable`` (counts).
    """

    step: int
    loss: float
    f1: float
    refusal: float
    sets: dict[str, dict[str, float]] = field(default_factory=dict)
    seconds: float = 0.0


class HeldOut:
    """Packs of held-out groups, the same at each look: half of them gold paragraphs, half as the search returns them."""

    def __init__(self, groups: Sequence[Group], tokens: PackTokens, packs: int, seed: int) -> None:
        self._tokens = tokens
        self._packs = []
        for name in sorted({group.set for group in groups}):
            of_set = [group for group in groups if group.set == name]
            packer = Packer(of_set, Mix(altered=0.0))
            # Evenly through the documents.
            chosen = (
                [round(i * len(of_set) / packs) for i in range(packs)] if len(of_set) > packs else range(len(of_set))
            )
            for index in chosen:
                pack = packer.pack(index, f"look {seed}")
                if pack.questions:
                    wordings = {q.text: q.answers for group in of_set for q in group.questions}
                    self._packs.append((name, pack, wordings))

    def __len__(self) -> int:
        return len(self._packs)

    def look(self, model: Any, end: int, decode: Callable[[list[int]], str]) -> Look:
        """Let ``model``, a causal language model with or without an adapter, answer."""
        rows: dict[str, list[tuple[bool, float, float, float, bool]]] = {}
        digits = torch.tensor(self._tokens.digits)
        for name, pack, wordings in self._packs:
            packed = self._tokens(pack, prompts_only=True)
            answers, chances = decode_pack(model, packed, end, digits, LONGEST)
            for number, tokens in enumerate(answers):
                said, (wanted, passage) = decode(tokens), pack.answers[number]
                head, _, text = said.partition("]")
                gold = wordings.get(pack.questions[number], ()) or (wanted,)
                chinese = pack.language == "zh"
                f1, exact = 0.0, 0.0
                if passage != NONE and head != str(NONE):
                    f1 = (cmrc_f1 if chinese else squad_f1)(text.strip(), gold)
                    exact = (cmrc_exact_match if chinese else squad_exact_match)(text.strip(), gold)
                rows.setdefault(name, []).append(
                    (passage != NONE, f1, exact, float(chances[number, 0]), head == str(passage))
                )
        sets = {name: _summary(of_set) for name, of_set in rows.items()}
        mean = [sum(one[key] for one in sets.values()) / max(len(sets), 1) for key in ("f1", "auroc")]
        return Look(0, 0.0, mean[0], mean[1], sets)


def _summary(rows: Sequence[tuple[bool, float, float, float, bool]]) -> dict[str, float]:
    with_answer = [row for row in rows if row[0]]
    without = [row for row in rows if not row[0]]
    answered = [row for row in with_answer if row[3] < 0.5]

    def share(values: Sequence[float]) -> float:
        return sum(values) / max(len(values), 1)

    above = [(no[3] > yes[3]) + 0.5 * (no[3] == yes[3]) for no in without for yes in with_answer]
    return {
        "f1": share([row[1] for row in with_answer]),
        "exact": share([row[2] for row in with_answer]),
        "refused": 1 - len(answered) / max(len(with_answer), 1),
        "silent": share([row[3] >= 0.5 for row in without]),
        "cited": share([row[4] for row in answered]),
        "auroc": share(above),
        "answerable": len(with_answer),
        "unanswerable": len(without),
    }
