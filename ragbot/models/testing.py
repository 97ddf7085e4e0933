"""Models without weights, for tests: an embedder by hashing, and a chat model that says what it was told to say."""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import numpy as np
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import Field, SkipValidation

from ragbot.errors import GenerationError
from ragbot.models.embedders.base import Embedder, Fingerprint, Progress, Vectors, estimate_tokens, normalized

_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
_PIECE = re.compile(r"\s*[\u3400-\u9fff]|\s*[^\s\u3400-\u9fff]+|\s+")

Reply = str | AIMessage | Exception


class HashEmbedder(Embedder):
    """Words, and pairs of neighbouring characters, hashed to ``dimension`` signed buckets: alike texts are near.

    Deterministic on every machine, and in no time; no match for a trained model. Query and passage are embedded alike.
    """

    def __init__(self, dimension: int = 64, max_tokens: int = 512) -> None:
        self.max_tokens = max_tokens
        self.fingerprint = Fingerprint(
            name="hash",
            dimension=dimension,
            query_prefix="",
            document_prefix="",
            normalized=True,
            quantization="float32",
        )

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Embed passages; ``(len(texts), dimension)`` float32 of unit length."""
        out = np.empty((len(texts), self.fingerprint.dimension), np.float32)
        for i, text in enumerate(texts):
            out[i] = self.encode_query(text)
            if progress:
                progress(1)
        return out

    def encode_query(self, text: str) -> Vectors:
        """Embed one text; ``(dimension,)`` float32 of unit length."""
        vector = np.zeros(self.fingerprint.dimension, np.float32)
        vector[0] = 1e-3  # so that an empty text has a direction, too
        words = _WORD.findall(text.lower())
        # Pairs of letters inside a word, and of Han characters, which are words of their own here.
        pairs = [a + b for word in words for a, b in itertools.pairwise(word)]
        pairs += [a + b for a, b in itertools.pairwise(words) if len(a) == len(b) == 1]
        for feature in [*words, *pairs]:
            code = zlib.crc32(feature.encode("utf-8", "replace"))
            vector[code % len(vector)] += 1 if code >> 31 else -1
        row: Vectors = normalized(vector)[0]
        return row

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Estimated tokens of each text."""
        return [estimate_tokens(text) for text in texts]


class ScriptedChatModel(BaseChatModel):
    """Says ``replies``: a list, one after another, or a function of the messages; streams word by word.

    A reply that is an exception is raised; one that is an ``AIMessage`` may carry tool calls. ``calls`` records the
    messages of each call, ``stops`` its stop sequences. With ``fail_after`` each stream breaks after that many pieces.
    """

    # Not validated: pydantic would try to make a message of an exception.
    replies: SkipValidation[Sequence[Reply] | Callable[[list[BaseMessage]], Reply]]
    calls: list[list[BaseMessage]] = Field(default_factory=list)
    stops: list[list[str] | None] = Field(default_factory=list)
    fail_after: int | None = None
    context_tokens: int = 8192

    def __init__(self, replies: Sequence[Reply] | Callable[[list[BaseMessage]], Reply], **options: Any) -> None:
        super().__init__(**{"replies": replies, **options})

    @property
    def _llm_type(self) -> str:
        return "ragbot-scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Self:
        """Itself: which tools are called is up to the script."""
        return self

    def get_num_tokens(self, text: str) -> int:
        """Estimated tokens."""
        return estimate_tokens(text)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        self.calls.append(list(messages))
        self.stops.append(stop)
        reply = self._reply(messages)
        message = AIMessage(reply) if isinstance(reply, str) else reply
        text = str(message.text)
        cut = min([at for at in (text.find(word) for word in stop or []) if at >= 0], default=len(text))
        for number, piece in enumerate(_PIECE.findall(text[:cut])):
            if number == self.fail_after:
                raise GenerationError(f"the script says: fail after {self.fail_after} pieces")
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if run_manager:
                run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk
        asked, said = sum(estimate_tokens(str(message.text)) for message in messages), estimate_tokens(text[:cut])
        usage = UsageMetadata(input_tokens=asked, output_tokens=said, total_tokens=asked + said)
        last = AIMessageChunk(
            content="", tool_calls=message.tool_calls, usage_metadata=usage, response_metadata={"finish_reason": "stop"}
        )
        last.chunk_position = "last"
        yield ChatGenerationChunk(message=last)

    def _reply(self, messages: list[BaseMessage]) -> str | AIMessage:
        number = len(self.calls)
        if callable(self.replies):
            reply = self.replies(messages)
        elif number <= len(self.replies):
            reply = self.replies[number - 1]
        else:
            raise GenerationError(f"the script has {len(self.replies)} replies, and this is call {number}: add one")
        if isinstance(reply, Exception):
            raise reply
        return reply
