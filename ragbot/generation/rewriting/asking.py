"""A chat model asked for a few lines, within a time, by a caller who may leave at any moment."""

from __future__ import annotations

import contextvars
import queue
import threading
import time
from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragbot.errors import GenerationError
from ragbot.generation.rewriting.parsing import spoken

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

#: Seconds between two moments at which the caller can leave.
_PAUSE = 0.1
#: Characters of reasoning and answer together, after which a model is not listened to any more.
_ENDLESS = 20_000


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said, and its tokens as :attr:`ragbot.documents.Answer.usage` counts them."""

    text: str
    usage: Mapping[str, int]


def ask(model: BaseChatModel, prompt: str, seconds: float, longest: int) -> Generator[None, None, Reply]:
    """Ask, with a pause now and then; closing it stops the model.

    Args:
        seconds: after which it is too late. A model that sends nothing cannot be interrupted by itself: it is waited
            for in a thread of its own, which ends with its next piece.
        longest: characters, reasoning aside, after which the rest is not waited for; the tokens are then not known.

    Raises:
        GenerationError: the model failed, or took too long.
    """
    pieces: queue.SimpleQueue[Any] = queue.SimpleQueue()
    left = threading.Event()
    context = contextvars.copy_context()  # where LangChain keeps the callbacks of a run
    worker = threading.Thread(
        target=context.run, args=(_listen, model, prompt, pieces, left), name="rewrite", daemon=True
    )
    deadline = time.monotonic() + seconds
    worker.start()
    text, usage = "", Counter[str]()
    try:
        while True:
            yield
            try:
                piece = pieces.get(timeout=max(min(_PAUSE, deadline - time.monotonic()), 0))
            except queue.Empty:
                if time.monotonic() >= deadline:
                    raise GenerationError(f"the chat model took more than {seconds:g} s") from None
                continue
            if isinstance(piece, Exception):
                raise GenerationError(f"the chat model failed: {piece}") from piece
            if piece is None:
                return Reply(text, dict(usage))
            text += str(piece.text)
            if counted := piece.usage_metadata:
                usage["input_tokens"] += counted["input_tokens"]
                usage["output_tokens"] += counted["output_tokens"]
            if len(text) > _ENDLESS or len(spoken(text)) > longest:
                return Reply(text, dict(usage))
    finally:
        left.set()


def _listen(model: BaseChatModel, prompt: str, pieces: queue.SimpleQueue[Any], left: threading.Event) -> None:
    """Put the pieces of the reply into the queue, then None, or the error; until the caller has left."""
    from langchain_core.messages import HumanMessage

    try:
        stream = model.stream([HumanMessage(prompt)])
        try:
            for piece in stream:
                pieces.put(piece)
                if left.is_set():
                    return
        finally:
            if close := getattr(stream, "close", None):
                close()
        pieces.put(None)
    except Exception as error:  # noqa: BLE001  # any client library may stand behind the model, with errors of its own
        pieces.put(error)
