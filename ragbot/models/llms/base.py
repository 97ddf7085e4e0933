"""The contract of every chat model here, and what the models in this process share.

Whatever stands behind it, a chat model is a LangChain ``BaseChatModel`` of which the following holds
(``tests/models/llms/test_contract.py`` checks it for each backend):

- **Stream.** ``stream`` yields the answer in pieces; joined, they are what ``invoke`` gives at temperature 0. A stop
  sequence ends the answer and is not part of it.
- **Costs.** The answer, and the last piece of a stream, carries ``usage_metadata``; ``input_token_details.cache_read``
  counts prompt tokens that were not computed again. ``response_metadata["finish_reason"]`` is ``stop``, ``length`` or
  ``loop`` (a small model that repeated itself was cut off).
- **Options of one call.** ``max_new_tokens`` (or ``max_tokens``), ``temperature``, ``stop``, ``timeout``, ``logprobs``,
  ``top_logprobs``; some backends take ``seed`` and ``adapter`` as well.
- **Form.** ``response_format`` is OpenAI's (``{"type": "json_schema", "json_schema": {"name": …, "schema": …}}``): the
  answer is JSON that fits the schema, unless its length cuts it off.
- **Budget.** Prompt and answer never exceed the context: an answer is cut at its end (``length``); a prompt that leaves
  no room is a ``GenerationError`` that names both sizes. An endpoint counts for itself, and says the same.
- **Time.** ``first_token_timeout`` bounds the wait for the first token, ``timeout`` the whole call; beyond, a
  ``GenerationError``. What was streamed by then stays.
- **Leaving.** Closing the iterator (or cancelling the task of an async call) stops the model within one step, and the
  next call gets its slot; at an endpoint, the connection is closed.
- **At once.** A bounded number of calls runs at a time, the rest waits in line; texts never mix.
- **Log-probabilities**, when asked for, stand where LangChain's OpenAI model has them,
  ``response_metadata["logprobs"]["content"]``: a list of ``{"token", "bytes", "logprob", "top_logprobs"}``, natural
  logarithms, of the model's own distribution at temperature 1.
- **Text is text.** Control tokens inside a message are not obeyed, lone surrogates become question marks, and an empty
  message is answered, too.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from abc import abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import run_in_executor
from pydantic import Field, PrivateAttr

from ragbot.models.llms.calls import Call, CallCancelledError, room
from ragbot.models.llms.slots import Slots
from ragbot.models.llms.stopping import StopText

#: Calls that one model answers at once; a person's own machine gains nothing by more.
SLOTS = 4


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token and the natural logarithm of its probability; ``top`` are the likeliest at its place."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()

    def as_openai(self) -> dict[str, Any]:
        """The entry of OpenAI's ``logprobs.content``."""
        entry: dict[str, Any] = _entry(self.token, self.logprob)
        entry["top_logprobs"] = [_entry(token, logprob) for token, logprob in self.top]
        return entry


@dataclass(frozen=True, slots=True)
class Piece:
    """What one or more tokens add to an answer; ``text`` may be empty, ``reason`` says why the model ended."""

    text: str = ""
    tokens: int = 1
    logprobs: tuple[TokenLogprob, ...] = ()
    reason: str | None = None
    cached: int | None = None  # prompt tokens that were not computed again


@dataclass(slots=True)
class Progress:
    """One answer under way: what has been counted, and the log-probabilities whose text has not been shown yet."""

    text: StopText
    tokens: int = 0
    cached: int = 0
    reason: str | None = None
    pushed: int = 0
    shown: int = 0
    waiting: deque[tuple[int, TokenLogprob]] = field(default_factory=deque)

    def push(self, piece: Piece) -> str:
        """Take the next piece; return the text that can be shown."""
        self.tokens += piece.tokens
        self.cached = self.cached if piece.cached is None else piece.cached
        self.reason = piece.reason or self.reason
        self.waiting.extend((self.pushed, logprob) for logprob in piece.logprobs)
        self.pushed += len(piece.text)
        shown = self.text.push(piece.text)
        self.shown += len(shown)
        return shown

    def released(self) -> list[TokenLogprob]:
        """The log-probabilities that belong to what has been shown since the last call."""
        found = []
        while self.waiting and self.waiting[0][0] < self.shown:
            found.append(self.waiting.popleft()[1])
        return found


class LocalChatModel(BaseChatModel):
    """A model in this process. A backend says how a prompt is made (``_encode``) and how it is continued (``_pieces``).

    ``timeout`` and ``first_token_timeout`` are seconds, None for no limit; ``slots`` calls run at once.
    """

    model_name: str
    max_new_tokens: int = Field(256, gt=0)
    temperature: float = Field(0.0, ge=0)
    timeout: float | None = Field(None, gt=0)
    first_token_timeout: float | None = Field(None, gt=0)
    slots: int = Field(SLOTS, gt=0)

    _slots: Slots = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Called by pydantic once the fields are there."""
        super().model_post_init(context)
        self._slots = Slots(self.slots)

    @property
    @abstractmethod
    def context_tokens(self) -> int:
        """Tokens that prompt and answer may have together."""

    @abstractmethod
    def _encode(self, messages: Sequence[BaseMessage]) -> list[int]:
        """The ids of the prompt."""

    @abstractmethod
    def _pieces(self, prompt: Sequence[int], call: Call) -> Generator[Piece]:
        """Continue ``prompt`` for ``call.max_new_tokens`` at most, checking ``call`` between steps."""

    @property
    def keeps_schemas(self) -> bool:
        """Whether an answer can be held to a schema here (``response_format``): it takes llguidance."""
        return importlib.util.find_spec("llguidance") is not None

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model_name": self.model_name,
            "max_new_tokens": self.max_new_tokens,
            "temperature": self.temperature,
        }

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """Tokens of the whole prompt that ``messages`` become."""
        return len(self._encode(messages))

    def _default_stops(self) -> Sequence[str]:
        return ()

    def _call(self, options: dict[str, Any], stop: list[str] | None) -> Call:
        defaults = {
            "max_new_tokens": self.max_new_tokens,
            "temperature": self.temperature,
            "timeout": self.timeout,
            "first_token_timeout": self.first_token_timeout,
        }
        return Call.of(options, [*([stop] if isinstance(stop, str) else stop or ()), *self._default_stops()], defaults)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with closing(self._stream(messages, stop, run_manager, **kwargs)) as stream:
            return generate_from_stream(stream)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        async with aclosing(self._astream(messages, stop, run_manager, **kwargs)) as stream:
            return generate_from_stream(iter([piece async for piece in stream]))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Generator[ChatGenerationChunk]:
        for piece in self._chunks(messages, self._call(kwargs, stop)):
            if run_manager and piece.text:
                run_manager.on_llm_new_token(piece.text, chunk=piece)
            yield piece

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncGenerator[ChatGenerationChunk]:
        call = self._call({"cancelled": threading.Event(), **kwargs}, stop)
        chunks = self._chunks(messages, call)
        step: asyncio.Future[ChatGenerationChunk | None] | None = None
        try:
            while True:
                step = asyncio.ensure_future(run_in_executor(None, next, chunks, None))
                if (piece := await asyncio.shield(step)) is None:
                    return
                if run_manager and piece.text:
                    await run_manager.on_llm_new_token(piece.text, chunk=piece)
                yield piece
        finally:
            # A task can be cancelled while another thread is inside a step: that step sees the event, and ends itself.
            call.cancelled.set()
            if step is None or step.done():
                chunks.close()
            else:
                step.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _chunks(self, messages: list[BaseMessage], call: Call) -> Generator[ChatGenerationChunk]:
        """The answer as LangChain's chunks, the last one with the costs; a cancelled call ends without a word."""
        prompt = self._encode(messages)
        limit = room(len(prompt), self.context_tokens, call.max_new_tokens, self.model_name)
        progress = Progress(StopText(call.stop))
        try:
            with (
                self._slots.taken(call, self.model_name),
                closing(self._pieces(prompt, _limited(call, limit))) as pieces,
            ):
                for piece in pieces:
                    if shown := progress.push(piece):
                        yield chunk(shown, progress.released())
                    if progress.text.hit:
                        break
                    call.check(self.model_name, begun=True)
        except CallCancelledError:
            return
        if rest := progress.text.flush():
            progress.shown += len(rest)
            yield chunk(rest, progress.released())
        yield self._last(len(prompt), progress)

    def _last(self, prompt_tokens: int, progress: Progress) -> ChatGenerationChunk:
        """The empty chunk that ends a stream, with the counts and why it ended."""
        reason = "stop" if progress.text.hit else progress.reason or "length"
        usage = UsageMetadata(
            input_tokens=prompt_tokens,
            output_tokens=progress.tokens,
            total_tokens=prompt_tokens + progress.tokens,
            input_token_details=InputTokenDetails(cache_read=progress.cached),
        )
        message = AIMessageChunk(
            content="",
            usage_metadata=usage,
            response_metadata={"finish_reason": reason, "model_name": self.model_name},
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message, generation_info={"finish_reason": reason})


def _limited(call: Call, limit: int) -> Call:
    return call if limit == call.max_new_tokens else replace(call, max_new_tokens=limit)


def chunk(text: str, logprobs: list[TokenLogprob]) -> ChatGenerationChunk:
    """A piece of an answer as LangChain has it."""
    info = {"logprobs": {"content": [logprob.as_openai() for logprob in logprobs]}} if logprobs else None
    return ChatGenerationChunk(message=AIMessageChunk(content=text), generation_info=info)


def _entry(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "bytes": list(token.encode("utf-8", "replace")), "logprob": logprob}
