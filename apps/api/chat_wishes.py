"""From a request to what is asked: the question, its history, the wishes; what cannot be obeyed is refused by name.

OpenAI's parameters that an answer from documents has no room for are an error and not passed over in silence; a value
that asks for nothing (``n=1``, no penalty) is taken. With ``server.drop_params`` the rest is dropped, and the answer
says so.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from apps.api.chat_schema import ChatRequest, Where
from apps.api.problems import ProblemError
from ragbot.documents import Message
from ragbot.generation.chain import AnswerChain
from ragbot.generation.sampling import Sampling, SamplingError, sampled
from ragbot.index.filters import Filter
from ragbot.workspace.records import clean

#: Parameters of OpenAI's with the values that ask for nothing, and why others are refused.
_NEUTRAL: dict[str, tuple[tuple[Any, ...], str]] = {
    "n": ((1,), "a question has one answer"),
    "top_p": ((1,), "answers are not sampled from a part of the distribution"),
    "presence_penalty": ((0,), "answers keep to the words of the documents"),
    "frequency_penalty": ((0,), "answers keep to the words of the documents"),
    "logit_bias": (({},), "answers keep to the words of the documents"),
    "logprobs": ((False,), "an answer is checked against its sources instead"),
    "top_logprobs": ((0,), "an answer is checked against its sources instead"),
    "response_format": (({"type": "text"},), "an answer is text with citations; the field ragbot has it as JSON"),
    "tools": (([],), "tools are the business of /v1/agent"),
    "tool_choice": (("none", "auto"), "tools are the business of /v1/agent"),
    "parallel_tool_calls": ((True, False), "tools are the business of /v1/agent"),
    "functions": (([],), "tools are the business of /v1/agent"),
    "function_call": (("none", "auto"), "tools are the business of /v1/agent"),
    "modalities": ((["text"],), "answers are text"),
    "audio": ((), "answers are text"),
}
#: Labels of the caller's, which are to change nothing.
_LABELS = {"user", "metadata", "safety_identifier", "prompt_cache_key", "service_tier"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked, and how.

    Attributes:
        question: the last message.
        history: those before it.
        sampling: temperature, length, stop words.
        dropped: parameters that were left out because they cannot be obeyed.
    """

    question: str
    history: tuple[Message, ...]
    sampling: Sampling
    dropped: tuple[str, ...]


def read(request: ChatRequest, drop: bool) -> Wish:
    """What the request asks for.

    Args:
        drop: leave out what cannot be obeyed.

    Raises:
        ProblemError: 400, it cannot be obeyed; its ``param`` says what.
    """
    dropped = []
    for name, value in (request.model_extra or {}).items():
        values, why = _NEUTRAL.get(name, ((), "this server does not know it"))
        if name in _LABELS or value is None or any(value == one and type(value) is type(one) for one in _wider(values)):
            continue
        if not drop:
            raise ProblemError(
                400,
                f"{name[:80]} cannot be obeyed: {why}; leave it out",
                param=clean(name[:80]),
                code="unsupported_parameter",
            )
        dropped.append(clean(name[:80]))
    *before, last = request.messages
    if last.role != "user" or not last.text.strip():
        raise ProblemError(
            400, "the last message is the question: its role is user, and it is not empty", param="messages"
        )
    if any(message.role in {"system", "developer"} for message in before):
        if not drop:
            raise ProblemError(
                400,
                "messages of the role system cannot be obeyed: what an answer is made of are the documents; leave them out, or "
                "set server.drop_params",
                param="messages",
                code="unsupported_parameter",
            )
        dropped.append("system")
    history = tuple(
        Message("user" if message.role == "user" else "assistant", clean(message.text))
        for message in before
        if message.role in {"user", "assistant"}
    )
    limits = [limit for limit in (request.max_tokens, request.max_completion_tokens) if limit is not None]
    stop = (request.stop,) if isinstance(request.stop, str) else tuple(request.stop or ())
    sampling = Sampling(request.temperature, min(limits, default=None), tuple(clean(one) for one in stop if one))
    return Wish(clean(last.text), history, sampling, tuple(dropped))


def _wider(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """A number may be written as 1 or 1.0."""
    return (*values, *(float(value) for value in values if type(value) is int))


def chain_for(
    chain: AnswerChain, wish: Wish, request: ChatRequest, longest: int, drop: bool
) -> tuple[AnswerChain, tuple[str, ...]]:
    """``chain`` as the request wants it, and what was dropped.

    Raises:
        ProblemError: 400, what answers here cannot do it.
    """

    own = request.ragbot
    chain = replace(chain, top_k=own.top_k or chain.top_k, strictness=own.strictness or chain.strictness)
    wishes, dropped = wish.sampling, list(wish.dropped)
    for _ in fields(Sampling):  # one after another is found out about
        try:
            return sampled(chain, wishes, longest), tuple(dropped)
        except SamplingError as error:
            if not drop:
                raise ProblemError(400, str(error), param=error.name, code="unsupported_parameter") from error
            dropped.append(error.name)
            wishes = replace(wishes, **_NOTHING[error.name])
    return chain, tuple(dropped)


_NOTHING: dict[str, Any] = {
    "temperature": {"temperature": None},
    "max_tokens": {"max_tokens": None},
    "stop": {"stop": ()},
}


def filter_of(where: Where) -> Filter:
    """The conditions of a request; who asks is added by :meth:`apps.api.principal.Principal.where`."""
    lists = ("sources", "types", "languages", "tags", "collections")
    named = {name: tuple(map(clean, getattr(where, name))) for name in lists}
    return Filter(**named, since=where.since, until=where.until)
