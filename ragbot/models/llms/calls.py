"""One call of a chat model: what it asks for, how long it may take, and how it is given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from ragbot.errors import GenerationError, SettingsError
from ragbot.models.llms.constraints import schema_of

#: Likeliest tokens that can be asked for beside each token, as OpenAI bounds it.
MOST_TOP_LOGPROBS = 20


class CallCancelledError(GenerationError):
    """The consumer has left: nobody reads this error."""


@dataclass(frozen=True, slots=True)
class Call:
    """The options of one call; times are seconds, None is no limit.

    ``first_token_timeout`` bounds the time to the first token, ``timeout`` the time to the last one; both count from the call,
    and so hold the wait for a slot. ``seed`` makes sampling repeatable. ``schema`` is the JSON schema that the answer keeps
    to, None for plain text.
    """

    max_new_tokens: int
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    logprobs: bool = False
    top_logprobs: int = 0
    seed: int | None = None
    adapter: str | None = None
    schema: Mapping[str, Any] | None = None
    timeout: float | None = None
    first_token_timeout: float | None = None
    started: float = field(default_factory=time.monotonic)
    cancelled: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, options: Mapping[str, Any], stop: Sequence[str] | None, defaults: Mapping[str, Any]) -> Self:
        """What LangChain hands to ``_stream``: ``options`` are the call's keywords, those of other backends ignored.

        Raises:
            SettingsError: a value that its option does not take.
        """
        limit = options.get("max_new_tokens")
        limit = options.get("max_tokens") if limit is None else limit
        given = {name: value for name, value in options.items() if value is not None or name in _OPTIONAL}
        merged = {name: given.get(name, value) for name, value in defaults.items()}
        merged["max_new_tokens"] = defaults["max_new_tokens"] if limit is None else limit
        top = options.get("top_logprobs") or 0
        _check(merged, top)
        return cls(
            **merged,
            stop=tuple(text for text in [stop] if text) if isinstance(stop, str) else tuple(filter(None, stop or ())),
            logprobs=bool(options.get("logprobs")) or top > 0,
            top_logprobs=top,
            seed=options.get("seed"),
            adapter=options.get("adapter"),
            schema=schema_of(options.get("response_format")),
            cancelled=options.get("cancelled") or threading.Event(),
        )

    def check(self, what: str, begun: bool) -> None:
        """Go on, or stop here: between two steps of ``what`` (the model's name); ``begun``: a token has come.

        Raises:
            CallCancelledError: the consumer has left.
            GenerationError: the time is over.
        """
        if self.cancelled.is_set():
            raise CallCancelledError(f"the call of {what} was cancelled by its caller")
        seconds = time.monotonic() - self.started
        if self.timeout is not None and seconds >= self.timeout:
            raise GenerationError(
                f"{what} did not finish within {self.timeout:g} s: raise timeout, or lower max_new_tokens or the context"
            )
        if not begun and self.first_token_timeout is not None and seconds >= self.first_token_timeout:
            raise GenerationError(
                f"{what} said nothing within {self.first_token_timeout:g} s: raise first_token_timeout, give it less context, or "
                "see what else is running"
            )

    def remaining(self, begun: bool) -> float | None:
        """Seconds until :meth:`check` will raise; None: never."""
        bounds = [self.timeout, None if begun else self.first_token_timeout]
        known = [bound for bound in bounds if bound is not None]
        return max(0.0, min(known) - (time.monotonic() - self.started)) if known else None


#: None is a value of its own there: no limit for this call.
_OPTIONAL = {"timeout", "first_token_timeout"}


def _check(options: Mapping[str, Any], top: Any) -> None:
    limit, temperature = options["max_new_tokens"], options["temperature"]
    if not isinstance(limit, int) or limit < 1:
        raise SettingsError(f"max_new_tokens is {limit!r}: give a whole number of tokens, 1 or more")
    if not isinstance(temperature, int | float) or not 0 <= temperature < float("inf"):
        raise SettingsError(f"temperature is {temperature!r}: give 0 (the likeliest token) or more, 2 at most is usual")
    if not isinstance(top, int) or not 0 <= top <= MOST_TOP_LOGPROBS:
        raise SettingsError(f"top_logprobs is {top!r}: give a whole number from 0 to {MOST_TOP_LOGPROBS}")
    for name in _OPTIONAL:
        bound = options.get(name)
        if bound is not None and not (isinstance(bound, int | float) and bound > 0):
            raise SettingsError(f"{name} is {bound!r}: give seconds above 0, or None for no limit")


def room(prompt_tokens: int, context_tokens: int, limit: int, what: str) -> int:
    """Tokens that the answer may have: ``limit``, or what the prompt leaves of the context if that is less.

    Raises:
        GenerationError: the prompt leaves nothing.
    """
    left = context_tokens - prompt_tokens
    if left < 1:
        raise GenerationError(
            f"the prompt has {prompt_tokens} tokens, and {what} takes {context_tokens} with the answer: give it less "
            "context (a smaller top_k, shorter history), or use a model with a longer one"
        )
    return min(left, limit)
