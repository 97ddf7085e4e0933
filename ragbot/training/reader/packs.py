"""The packs of a run in the order in which they are trained on, as a data set of transformers' Trainer."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

from ragbot.generation.reading import NONE, Reading
from ragbot.training.reader.contexts import Group, Mix, Pack, Packer
from ragbot.training.reader.packing import Packed, context_room, pack_tokens
from ragbot.training.reader.plan import ReaderPlan

#: Draws of a context after which a group is given up.
_ATTEMPTS = 20


class Packs:
    """The order is drawn for the whole run, and each pack from a seed of its own: a run that was stopped goes on with
    what it would have seen."""

    def __init__(self, groups: Sequence[Group], tokenizer: Any, plan: ReaderPlan, mix: Mix) -> None:
        self._packer = Packer(groups, mix)
        self.tokens = PackTokens(tokenizer, plan.limit)
        self._seed = plan.seed
        self._order = _order(groups, plan)

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, item: int) -> Packed:
        """Raises RuntimeError where no context of a group leaves a question to ask."""
        return self.tokens(self.pack(item))

    def pack(self, item: int) -> Pack:
        """The same as text; drawn anew where nobody can answer its questions for sure, or where it is too long."""
        index = self._order[item]
        for attempt in range(_ATTEMPTS):
            pack = self._packer.pack(index, f"{self._seed} {item} {attempt}")
            if pack.questions and self.tokens.fits(pack):
                return pack
        raise RuntimeError(f"no context of group {index} leaves a question to ask")


class PackTokens:
    """Packs to token ids. ``prompts_only`` leaves the completions to the model."""

    def __init__(self, tokenizer: Any, limit: int) -> None:
        self._tokenizer = tokenizer
        self._limit = limit
        #: The tokens of the numbers 0 to 9, which name passages.
        self.digits = [self.ids(str(digit))[0] for digit in range(10)]

    def ids(self, text: str) -> list[int]:
        """Token ids without special ones; text that looks like a special token stays text."""
        found: list[int] = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return found

    def fits(self, pack: Pack) -> bool:
        """Whether nothing of the context would be cut off, which an answer may stand in."""
        # A token has one byte of text at least: what is short in bytes need not be counted.
        room = context_room(self._limit)
        return len(pack.context.encode()) < room or len(self.ids(pack.context)) < room

    def __call__(self, pack: Pack, prompts_only: bool = False) -> Packed:
        """A pack as tensors."""
        reading = Reading(pack.language)
        end = [self._tokenizer.eos_token_id]
        pairs = []
        for question, (text, number) in zip(pack.questions, pack.answers, strict=True):
            completion = reading.refusal if number == NONE else reading.answer(text, number)
            wanted = [] if prompts_only else [*self.ids(completion), *end]
            pairs.append((self.ids(reading.question(question)), wanted))
        begin = self._tokenizer.bos_token_id
        front = [] if begin is None else [begin]  # Qwen's models have none
        return pack_tokens([*front, *self.ids(pack.context)], pairs, self._limit)[0]


def _order(groups: Sequence[Group], plan: ReaderPlan) -> list[int]:
    """Indices of groups. Each epoch has every set's share; of a broken number of draws the rest is drawn by lot."""
    shares = dict(plan.shares)
    order: list[int] = []
    for epoch in range(math.ceil(plan.epochs)):
        draw = random.Random(f"{plan.seed} {epoch}")
        one: list[int] = []
        for index, group in enumerate(groups):
            share = shares.get(group.set, 1.0)
            one += [index] * (int(share) + (draw.random() < share % 1))
        draw.shuffle(one)
        order += one[: round(len(one) * min(1.0, plan.epochs - epoch))]
    return order
