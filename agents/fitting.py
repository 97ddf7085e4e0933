"""A conversation that fits the model: long observations are shortened, the old ones first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from agents.steps import Observation, Step
from agents.texts import filled

#: An observation keeps at least so many characters.
_LEAST = 160


def fitted(
    model: BaseChatModel,
    steps: Sequence[Step],
    write: Callable[[Sequence[Step]], list[BaseMessage]],
    language: str,
    reserve: int,
) -> list[BaseMessage]:
    """The messages that ``write`` makes of ``steps``, shortened until ``reserve`` tokens are left for the reply.

    A model that does not say how much it reads is given everything; where nothing can be shortened any more, the model
    itself says that the text is too long.
    """
    messages = write(steps)
    limit = getattr(model, "context_tokens", None)
    if not isinstance(limit, int):
        return messages
    shown = list(steps)
    while model.get_num_tokens_from_messages(messages) + reserve > limit:
        place = _longest(shown)
        if place is None:
            return messages
        shown[place] = _shorter(shown[place], language)
        messages = write(shown)
    return messages


def _longest(steps: Sequence[Step]) -> int | None:
    """The observation to shorten: the longest of the earlier ones, and the last one if there is no other."""
    places = [i for i, step in enumerate(steps) if isinstance(step, Observation) and len(step.text) > 2 * _LEAST]
    earlier = places[:-1] or places
    return max(earlier, key=lambda i: len(_text(steps[i])), default=None)


def _shorter(step: Step, language: str) -> Step:
    assert isinstance(step, Observation)
    kept = step.text[: max(len(step.text) // 2, _LEAST)].rstrip()
    return replace(step, text=kept + filled(language, "cut", len(step.text) - len(kept)))


def _text(step: Step) -> str:
    return step.text if isinstance(step, Observation) else ""
