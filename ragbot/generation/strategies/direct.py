"""The reply is the answer: for prompts that ask for nothing else, with worked examples (few-shot) or without."""

from __future__ import annotations

from collections.abc import Iterator

from ragbot.generation.strategies.base import Request


def direct(request: Request) -> Iterator[str]:
    """The reply as it comes.

    Examples in the prompt: Brown et al. 2020, "Language Models are Few-Shot Learners", section 2.
    """
    yield from request.say()
