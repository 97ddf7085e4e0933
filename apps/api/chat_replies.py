"""Answers in OpenAI's shape: whole, or piece by piece; ours stands in the field ``ragbot`` beside it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ragbot.documents import Answer
from ragbot.models.embedders.base import estimate_tokens
from ragbot.workspace.records import plain


@dataclass(frozen=True, slots=True)
class Reply:
    """What all pieces of one answer have in common.

    Attributes:
        id: ``chatcmpl-…``.
        model: as it was asked for.
        created: seconds since 1970.
    """

    id: str
    model: str
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(
        self, answer: Answer, own: Mapping[str, Any], tokens: tuple[int, int], longest: int | None
    ) -> dict[str, Any]:
        """A ``chat.completion``."""
        message = {"role": "assistant", "content": answer.text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(tokens, longest)}
        return {**self._head("chat.completion"), "choices": [choice], "usage": _usage(tokens), "ragbot": dict(own)}

    def piece(self, delta: Mapping[str, Any], usage: bool) -> bytes:
        """A ``chat.completion.chunk`` as a server-sent event."""
        return self._chunk([{"index": 0, "delta": dict(delta), "logprobs": None, "finish_reason": None}], usage)

    def end(self, own: Mapping[str, Any], tokens: tuple[int, int], longest: int | None, usage: bool) -> bytes:
        """The last pieces: why it ended, what it cites, and with ``usage`` what it took."""
        last = [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": _reason(tokens, longest)}]
        events = self._chunk(last, usage, {"ragbot": dict(own)})
        if usage:
            events += event({**self._head("chat.completion.chunk"), "choices": [], "usage": _usage(tokens)})
        return events + b"data: [DONE]\n\n"

    def _chunk(self, choices: Sequence[Any], usage: bool, more: Mapping[str, Any] | None = None) -> bytes:
        # Where usage is asked for, every piece has the field, and it is null in all but the last.
        none = {"usage": None} if usage else {}
        return event({**self._head("chat.completion.chunk"), "choices": list(choices), **none, **(more or {})})

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model, "system_fingerprint": None}


def event(value: Any, name: str = "") -> bytes:
    """A server-sent event (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
    front = f"event: {name}\n" if name else ""
    return f"{front}data: {json.dumps(value, ensure_ascii=True, default=str)}\n\n".encode()


def extension(
    answer: Answer, kb: str, answered_by: str, dropped: Sequence[str], ticket: str | None, hits: bool
) -> dict[str, Any]:
    """The field ``ragbot``: everything by which an answer can be checked.

    Args:
        kb: name of the knowledge base.
        answered_by: the model, or ``extractive``.
        dropped: parameters that were left out.
        ticket: what it can be rated with, if it was kept.
        hits: whether the passages that were found are told, too.
    """
    own: dict[str, Any] = {
        "knowledge_base": kb,
        "answered_by": answered_by,
        "short": answer.short,
        "abstained": answer.abstained,
        "confidence": round(answer.confidence, 4),
        "language": answer.language,
        "citations": plain(answer.citations),
        "claims": plain(answer.claims),
        "timings": {name: round(seconds, 4) for name, seconds in answer.timings.items()},
        "usage_estimated": not answer.usage,
        "feedback_id": ticket,
        "dropped": list(dropped),
    }
    if hits:
        own["hits"] = [
            {
                "document_id": hit.chunk.document.id,
                "source": hit.chunk.document.source,
                "title": hit.chunk.document.title,
                "page": hit.chunk.page,
                "headings": list(hit.chunk.headings),
                "start": hit.chunk.start,
                "end": hit.chunk.end,
                "text": hit.chunk.text,
                "score": round(hit.score, 6),
            }
            for hit in answer.hits
        ]
    return own


def tokens_of(answer: Answer, said: Sequence[str]) -> tuple[int, int]:
    """Tokens read and written: the model's own count, else an estimate of what was said and of the answer."""
    if answer.usage:
        return answer.usage.get("input_tokens", 0), answer.usage.get("output_tokens", 0)
    return sum(map(estimate_tokens, said)), estimate_tokens(answer.text)


def _usage(tokens: tuple[int, int]) -> dict[str, int]:
    read, written = tokens
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _reason(tokens: tuple[int, int], longest: int | None) -> str:
    return "length" if longest is not None and tokens[1] >= longest else "stop"
