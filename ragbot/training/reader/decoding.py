"""Answers to all questions of a pack at once: the context is read once, the answers grow side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ragbot.training.reader.packing import Packed
from ragbot.training.reader.states import base_of, by_kind, read_pack

#: Logits ``(questions, vocabulary)`` to the next token of each ``(questions,)``.
Choose = Callable[[torch.Tensor], torch.Tensor]


def greedy(logits: torch.Tensor) -> torch.Tensor:
    """The likeliest token."""
    return logits.argmax(-1)


def sampled(temperature: float, generator: torch.Generator) -> Choose:
    """Tokens drawn by their probabilities; the same for the same state of ``generator``."""

    def choose(logits: torch.Tensor) -> torch.Tensor:
        chances = (logits.float() / temperature).softmax(-1)
        return torch.multinomial(chances.cpu(), 1, generator=generator)[:, 0].to(logits.device)

    return choose


@torch.no_grad()
def first_choices(logits: torch.Tensor, digits: torch.Tensor) -> torch.Tensor:
    """Probabilities of ``0 … 9`` at the first place of each completion; ``(questions, 10)``."""
    return logits[:, digits].float().softmax(-1)


@torch.no_grad()
def decode_pack(
    model: Any, packed: Packed, end: int, digits: torch.Tensor, limit: int, choose: Choose = greedy
) -> tuple[list[list[int]], torch.Tensor]:
    """Tokens of each answer, the end token left out, and the probabilities of :func:`first_choices`.

    ``packed`` holds prompts alone (its completions are empty).
    """
    from transformers import DynamicCache

    cache = DynamicCache()
    base = base_of(model)
    trunk, head = base.model, base.lm_head
    window = getattr(base.config, "sliding_window", None)
    packed = packed.to(base.device)
    read = read_pack(model, packed, cache)
    last = torch.tensor(packed.starts, device=base.device) - 1
    logits = head(read.states[0, last])
    chances = first_choices(logits, digits.to(base.device))
    tokens = choose(logits)
    count = len(packed.starts)
    answers: list[list[int]] = [[] for _ in packed.starts]
    open_ = torch.ones(count, dtype=torch.bool, device=base.device)
    places, seen = read.places, read.visible[last]
    positions = places[len(places) - packed.ids.shape[1] :][last]
    for _ in range(limit):
        open_ &= tokens != end
        if not open_.any():
            break
        for number in torch.nonzero(open_).flatten().tolist():
            answers[number].append(int(tokens[number]))
        positions = positions + 1
        seen = torch.cat([seen, torch.eye(count, dtype=torch.bool, device=seen.device)], 1)
        places = torch.cat([places, positions])
        near = seen & (positions[:, None] - places[None, :] < window) if window else seen
        masks = {"full_attention": seen[None, None], "sliding_attention": near[None, None]}
        hidden = trunk(
            input_ids=tokens[None],
            position_ids=positions[None],
            attention_mask=masks if by_kind(base) else seen[None, None],
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        tokens = choose(head(hidden[0]))
    return answers, chances
