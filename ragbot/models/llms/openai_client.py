"""LangChain's ``ChatOpenAI`` for any compatible endpoint: our errors, no download of tiktoken data, and answers that a
broken connection cut off are told from whole ones."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI

from ragbot.errors import GenerationError
from ragbot.models.embedders.base import estimate_tokens
from ragbot.models.hf import encodable

# openai 3 stands on httpx2, earlier ones on httpx; what breaks in mid-stream comes up as it is.
transport: Any = importlib.import_module("httpx2" if importlib.util.find_spec("httpx2") else "httpx")

OPENAI_HOST = "api.openai.com"
#: What a message costs beside its text, in tokens.
MESSAGE_TOKENS = 4
NEXT_STEPS = {
    400: "check the model's name and the length of the prompt",
    401: "check the api_key",
    403: "check what the api_key may do",
    404: "check the base_url (it usually ends in /v1) and the model's name",
    429: "wait, or raise max_retries",
}


class OpenAICompatibleChatModel(ChatOpenAI):
    """``ChatOpenAI`` whose failures are :class:`~ragbot.errors.GenerationError`, with the URL and the next step."""

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
        with self._translated():
            return self._checked(super()._generate(messages, stop, run_manager, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with self._translated():
            return self._checked(await super()._agenerate(messages, stop, run_manager, **kwargs))

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        finished = False
        with self._translated():
            for chunk in super()._stream(*args, **kwargs):
                finished = finished or _finished(chunk)
                yield chunk
        self._require(finished)

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        finished = False
        with self._translated():
            async for chunk in super()._astream(*args, **kwargs):
                finished = finished or _finished(chunk)
                yield chunk
        self._require(finished)

    def _checked(self, result: ChatResult) -> ChatResult:
        if not result.generations:
            raise GenerationError(f"{self.url} sent no answer: ask again, and see the server's log")
        return result

    def _require(self, finished: bool) -> None:
        # A server that dies closes the connection; the stream then ends as if nothing had happened.
        if not finished:
            raise GenerationError(f"the answer from {self.url} was cut off: ask again, and see the server's log")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (openai.APITimeoutError, transport.TimeoutException) as error:
            raise GenerationError(
                f"{self.url} did not answer within {self.request_timeout} s: raise timeout, or see why it is slow"
            ) from error
        except openai.APIStatusError as error:
            step = NEXT_STEPS.get(error.status_code, "see the server's log")
            raise GenerationError(
                f"{self.url} answered {error.status_code} for {self.model_name!r} ({_short(error)}): {step}"
            ) from error
        except (openai.APIConnectionError, transport.TransportError) as error:
            refused = next((cause for cause in _causes(error) if isinstance(cause, transport.ConnectError)), None)
            if refused:
                raise GenerationError(
                    f"cannot reach {self.url} ({_short(refused)}): start the server, or correct base_url"
                ) from error
            raise GenerationError(
                f"the connection to {self.url} broke ({_short(error)}): ask again, and see the server's log"
            ) from error
        except (openai.OpenAIError, AttributeError, KeyError, TypeError, ValueError) as error:
            # LangChain takes the reply apart without checking it first.
            raise GenerationError(
                f"{self.url} does not answer like an OpenAI-compatible endpoint ({_short(error)}): check base_url (it "
                "usually ends in /v1)"
            ) from error


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


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from, the last first."""
    while error is not None:
        yield error
        error = error.__cause__


def _short(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:300]
