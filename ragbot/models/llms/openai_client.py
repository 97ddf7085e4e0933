"""LangChain's ``ChatOpenAI`` for any compatible endpoint: our errors, tries and deadlines, no download of tiktoken data, and
answers that a broken connection cut off are told from whole ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import AbstractContextManager, aclosing, closing
from typing import Any
from urllib.parse import urlsplit

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI
from pydantic import Field

from ragbot.errors import GenerationError
from ragbot.models.embedders.base import estimate_tokens
from ragbot.models.hf import encodable
from ragbot.models.llms.calls import Call
from ragbot.models.llms.deadlines import Watched, watching
from ragbot.models.llms.openai_errors import AnswerCutOffError, pause, translated

OPENAI_HOST = "api.openai.com"
#: What a message costs beside its text, in tokens.
MESSAGE_TOKENS = 4


class OpenAICompatibleChatModel(ChatOpenAI):
    """``ChatOpenAI`` that keeps the contract of ``llms/base.py``.

    Failures are :class:`~ragbot.errors.GenerationError`, with the URL and the next step. ``retries`` is how often a call
    is made again, as :func:`ragbot.models.llms.openai_errors.pause` says, and never once text has been shown.
    ``call_timeout`` (for one call: ``timeout``) and ``first_token_timeout`` are seconds for the call with all its tries;
    ``request_timeout`` bounds the silence between two pieces.
    """

    retries: int = Field(2, ge=0)
    call_timeout: float | None = Field(None, gt=0)
    first_token_timeout: float | None = Field(None, gt=0)

    @property
    def url(self) -> str:
        """The endpoint's base URL."""
        return str(self.root_client.base_url)

    def get_num_tokens(self, text: str) -> int:
        """An estimate: the endpoint's tokenizer is out of reach."""
        return estimate_tokens(text)

    def get_token_ids(self, text: str) -> list[int]:
        """Not available: LangChain would download OpenAI's vocabulary here."""
        raise NotImplementedError(f"the tokenizer of {self.model_name} is at {self.url}; use get_num_tokens")

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], tools: Any = None, *, allow_fetching_images: bool = False
    ) -> int:
        """An estimate, see :meth:`get_num_tokens`; tools are not counted."""
        return sum(estimate_tokens(str(message.text)) + MESSAGE_TOKENS for message in messages)

    def _get_request_payload(self, input_: Any, *, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        payload: dict[str, Any] = super()._get_request_payload(input_, stop=stop, **kwargs)
        # OpenAI renamed it in 2024; other servers know the old name, and some only that.
        if "max_completion_tokens" in payload and urlsplit(self.url).hostname != OPENAI_HOST:
            payload["max_tokens"] = payload.pop("max_completion_tokens")
        if "messages" in payload:
            payload["messages"] = _encodable(payload["messages"])
        return payload

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        call, kwargs = self._watched(kwargs)
        attempt = 0
        while True:
            try:
                with watching(call), self._translated():
                    return self._checked(super()._generate(messages, stop, run_manager, **self._timed(call, kwargs)))
            except GenerationError as error:
                time.sleep(self._pause(error, attempt, call))
                attempt += 1

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        call, kwargs = self._watched(kwargs)
        attempt = 0
        while True:
            try:
                with watching(call), self._translated():
                    answer = await super()._agenerate(messages, stop, run_manager, **self._timed(call, kwargs))
                    return self._checked(answer)
            except GenerationError as error:
                await asyncio.sleep(self._pause(error, attempt, call))
                attempt += 1

    def _stream(self, *args: Any, **kwargs: Any) -> Generator[ChatGenerationChunk]:
        call, kwargs = self._watched(kwargs)
        attempt = 0
        while True:
            finished = False
            try:
                # Closed with this generator, and not when the collector comes by: so the server learns of it at once.
                with closing(super()._stream(*args, **self._timed(call, kwargs))) as chunks:  # type: ignore[type-var]
                    while True:
                        # Not around the yield: what the consumer does between two pieces is none of this call.
                        with watching(call), self._translated():
                            if (chunk := next(chunks, None)) is None:
                                break
                        finished = finished or _finished(chunk)
                        call.begun = call.begun or bool(chunk.text)
                        yield chunk
                return self._require(finished)
            except GenerationError as error:
                time.sleep(self._pause(error, attempt, call))
                attempt += 1

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncGenerator[ChatGenerationChunk]:
        call, kwargs = self._watched(kwargs)
        attempt = 0
        while True:
            finished = False
            try:
                async with aclosing(super()._astream(*args, **self._timed(call, kwargs))) as chunks:  # type: ignore[type-var]
                    while True:
                        with watching(call), self._translated():
                            if (chunk := await anext(chunks, None)) is None:
                                break
                        finished = finished or _finished(chunk)
                        call.begun = call.begun or bool(chunk.text)
                        yield chunk
                self._require(finished)
                return
            except GenerationError as error:
                await asyncio.sleep(self._pause(error, attempt, call))
                attempt += 1

    def _watched(self, options: dict[str, Any]) -> tuple[Watched, dict[str, Any]]:
        """The call with its deadlines, and the options that are the endpoint's."""
        names = {"timeout": self.call_timeout, "first_token_timeout": self.first_token_timeout}
        defaults = {"max_new_tokens": 1, "temperature": 0.0, **names}
        times = {name: options[name] for name in names if name in options}
        rest = {name: value for name, value in options.items() if name not in names}
        if limit := rest.pop("max_new_tokens", None):
            rest["max_tokens"] = limit
        return Watched(Call.of(times, None, defaults), f"{self.model_name!r} at {self.url}"), rest

    def _timed(self, call: Watched, options: dict[str, Any]) -> dict[str, Any]:
        call.check()
        return {**options, "timeout": call.seconds(self._idle)}

    def _pause(self, error: GenerationError, attempt: int, call: Watched) -> float:
        """Seconds to the next try; raises ``error`` (or says that the time is over) if there is none."""
        seconds = None if call.begun else pause(error, attempt, self.retries)
        left = call.call.remaining(call.begun)
        if seconds is None or (left is not None and seconds >= left):
            call.check()
            raise error
        return seconds

    def _checked(self, result: ChatResult) -> ChatResult:
        if not result.generations:
            raise GenerationError(f"{self.url} sent no answer: ask again, and see the server's log")
        return result

    def _require(self, finished: bool) -> None:
        # A server that dies closes the connection; the stream then ends as if nothing had happened.
        if not finished:
            raise AnswerCutOffError(f"the answer from {self.url} was cut off: ask again, and see the server's log")

    @property
    def _idle(self) -> float | None:
        return self.request_timeout if isinstance(self.request_timeout, int | float) else None

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self.url, self.model_name, self._idle)


def _encodable(value: Any) -> Any:
    """A JSON value whose texts hold no lone surrogates."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    return {key: _encodable(item) for key, item in value.items()} if isinstance(value, dict) else value


def _finished(chunk: ChatGenerationChunk) -> bool:
    """Whether ``chunk`` is the one that says why the answer ended."""
    info = {**(chunk.generation_info or {}), **chunk.message.response_metadata}
    return bool(info.get("finish_reason") or info.get("status"))
