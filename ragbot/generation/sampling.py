"""Wishes of one question about how it is answered: temperature, length, stop words; obeyed, or refused with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ragbot.errors import UserError
from ragbot.generation.answerers import ChatAnswerer
from ragbot.generation.chain import AnswerChain
from ragbot.generation.strategies.direct import direct

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage


class SamplingError(UserError):
    """A wish that cannot be obeyed; ``name`` is the field of :class:`Sampling`."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} cannot be obeyed: {why}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Sampling:
    """How one answer is to be made; None leaves it to the settings.

    Attributes:
        temperature: randomness, from 0 (none).
        max_tokens: longest answer, in the model's tokens.
        stop: texts that end the answer, and are no part of it.
    """

    temperature: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()


def sampled(chain: AnswerChain, wishes: Sampling, longest: int) -> AnswerChain:
    """``chain`` for one question with ``wishes``; itself where they change nothing.

    Args:
        longest: the longest answer that the settings allow, in tokens; nobody gets a longer one.

    Raises:
        SamplingError: what answers here cannot do it.
    """
    if not isinstance(chain.answerer, ChatAnswerer):
        # Sentences are chosen or copied from the documents: there is one answer, and it has the length that it has.
        if wishes.temperature:
            raise SamplingError("temperature", "answers here are quotes, and nothing is left to chance: leave it out")
        if wishes.max_tokens is not None and wishes.max_tokens < longest:
            raise SamplingError("max_tokens", f"answers here are whole sentences: leave it out, or allow {longest}")
        if wishes.stop:
            raise SamplingError("stop", "answers here are whole sentences: leave it out")
        return chain
    options: dict[str, Any] = {}
    if wishes.temperature is not None:
        options["temperature"] = wishes.temperature
    if wishes.max_tokens is not None and wishes.max_tokens < longest:
        options["max_tokens"] = wishes.max_tokens
    if wishes.stop:
        options["stop"] = list(wishes.stop)
    return replace(chain, answerer=_Wishing(chain.answerer, options)) if options else chain


class _Wishing(ChatAnswerer):
    """A chat answerer each of whose calls has options of its own."""

    def __init__(self, inner: ChatAnswerer, options: Mapping[str, Any]) -> None:
        # The reasoning before an answer, or the frame around it, must not be cut off.
        name = next((name for name in ("max_tokens", "stop") if name in options), "")
        if name and inner._strategy.read is not direct:
            raise SamplingError(
                name, "the prompt strategy of this server has more than the answer written; leave it out"
            )
        super().__init__(inner._model, inner._context_tokens, samples=inner._samples)
        self._strategy = inner._strategy
        self._options = options

    def _reply(
        self, messages: Sequence[BaseMessage], options: Mapping[str, Any], usage: Counter[str]
    ) -> Generator[str]:
        return super()._reply(list(messages), {**self._options, **options}, usage)
