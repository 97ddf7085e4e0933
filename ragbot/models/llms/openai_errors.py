"""What an OpenAI-compatible endpoint can do wrong: said clearly, and tried again where that may help."""

from __future__ import annotations

import importlib
import importlib.util
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openai

from ragbot.errors import GenerationError

# openai 3 stands on httpx2, earlier ones on httpx; what breaks in mid-stream comes up as it is.
transport: Any = importlib.import_module("httpx2" if importlib.util.find_spec("httpx2") else "httpx")

NEXT_STEPS = {
    400: "check the model's name and the length of the prompt",
    401: "check the api_key",
    403: "check what the api_key may do",
    404: "check the base_url (it usually ends in /v1) and the model's name",
    413: "give it less context (a smaller top_k, shorter history)",
    429: "wait, or raise max_retries",
}
#: How servers say that prompt and answer do not fit (OpenAI and vLLM, llama.cpp, others), in a reply of 400 or 413.
CONTEXT = re.compile(r"context[ _](?:length|size|window)|n_ctx|(?:prompt|input) is too long|too many tokens", re.I)
#: A key whose money is spent stays so.
QUOTA = re.compile(r"insufficient_quota|billing", re.I)

#: Seconds: the first pause, doubled from try to try; the longest of ours, and the longest that a server may ask for.
FIRST_PAUSE, LONGEST_PAUSE, LONGEST_RETRY_AFTER = 0.5, 8.0, 60.0


class AnswerCutOffError(GenerationError):
    """The endpoint ended its stream without saying that the answer is complete."""


@contextmanager
def translated(url: str, model: str, idle: float | None) -> Iterator[None]:
    """Raise :class:`~ragbot.errors.GenerationError` for whatever the client raises; the original is its cause.

    ``idle`` is how many seconds the endpoint was given to send something.
    """
    try:
        yield
    except openai.APIStatusError as error:
        raise GenerationError(_status(error, url, model)) from error
    except (openai.APITimeoutError, transport.TimeoutException) as error:
        _raise_ours(error)
        raise GenerationError(
            f"{url} did not answer within {idle:g} s: raise timeout, or see why it is slow"
            if idle is not None
            else f"{url} did not answer in time: see why it is slow"
        ) from error
    except (openai.APIConnectionError, transport.TransportError) as error:
        _raise_ours(error)
        refused = next((cause for cause in causes(error) if isinstance(cause, transport.ConnectError)), None)
        if refused:
            raise GenerationError(
                f"cannot reach {url} ({short(refused)}): start the server, or correct base_url"
            ) from error
        raise GenerationError(
            f"the connection to {url} broke ({short(error)}): ask again, and see the server's log"
        ) from error
    except (openai.OpenAIError, AttributeError, KeyError, TypeError, ValueError) as error:
        # LangChain takes the reply apart without checking it first.
        raise GenerationError(
            f"{url} does not answer like an OpenAI-compatible endpoint ({short(error)}): check base_url (it usually ends "
            "in /v1)"
        ) from error


def _status(error: openai.APIStatusError, url: str, model: str) -> str:
    reason = short(error)
    if error.status_code in (400, 413) and CONTEXT.search(reason):
        return (
            f"the prompt and the answer do not fit into the context of {model!r} at {url} ({reason}): give it less "
            "context (generation.context_tokens, a smaller top_k, shorter history) or a shorter answer, or serve it with "
            "a longer context"
        )
    step = NEXT_STEPS.get(error.status_code, "see the server's log")
    waiting = _retry_after(error)
    if error.status_code == 429 and QUOTA.search(f"{error.code} {reason}"):
        step = "the quota of this api_key is used up"
    elif waiting is not None and waiting > LONGEST_RETRY_AFTER:
        step = f"it asks to wait {waiting:.0f} s"
    return f"{url} answered {error.status_code} for {model!r} ({reason}): {step}"


def pause(error: GenerationError, attempt: int, retries: int) -> float | None:
    """Seconds until the call should be made again after its ``attempt``-th failure (from 0), or None: give up.

    Tried again are broken and refused connections, timeouts, and the statuses 408, 409, 429 and 5xx. The pause doubles
    from :data:`FIRST_PAUSE` up to :data:`LONGEST_PAUSE`, less up to a quarter by chance, so that callers who failed
    together do not come back together; an endpoint's Retry-After is followed instead, if it is bearable.
    """
    if attempt >= retries:
        return None
    cause = error.__cause__
    if isinstance(cause, openai.APIStatusError):
        passing = cause.status_code in (408, 409, 429) or cause.status_code >= 500
        if not passing or QUOTA.search(f"{cause.code} {short(cause)}"):
            return None
        waiting = _retry_after(cause)
        if waiting is not None:
            return waiting if waiting <= LONGEST_RETRY_AFTER else None
    elif not isinstance(error, AnswerCutOffError) and not isinstance(
        cause, openai.APIConnectionError | transport.TransportError
    ):
        return None
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)) * random.uniform(0.75, 1.0)


def _retry_after(error: openai.APIStatusError) -> float | None:
    """The seconds of ``Retry-After`` (RFC 9110, 10.2.3) or of OpenAI's ``retry-after-ms``; None without either."""
    import email.utils
    import time

    headers = error.response.headers
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) / unit)
        except (KeyError, ValueError):
            continue
    try:
        date = email.utils.parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return max(0.0, date.timestamp() - time.time())


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from, the last first."""
    while error is not None:
        yield error
        error = error.__cause__


def short(error: BaseException) -> str:
    """The error's text in one line."""
    return (" ".join(str(error).split()) or type(error).__name__)[:300]


def _raise_ours(error: BaseException) -> None:
    """A deadline of ours that the client has wrapped is what has happened."""
    for cause in causes(error):
        if isinstance(cause, GenerationError):
            raise cause from None
