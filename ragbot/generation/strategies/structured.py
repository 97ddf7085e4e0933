"""Structured output: the model fills in a JSON object, which is read with patience and never trusted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ragbot.generation.markers import MARKER, numbers_of
from ragbot.generation.strategies.base import Request
from ragbot.models.hf import encodable

#: Line breaks inside a string are what models do.
_DECODER = json.JSONDecoder(strict=False)
_FIELD = re.compile(r'"answer"\s*:\s*(?=")')
_NUMBER = re.compile(r"\s*[\[【［]?\s*([1-9]\d{0,2})\s*[\]】］]?\s*")
_FALSE = frozenset({"false", "no", "否"})


@dataclass(frozen=True, slots=True)
class Reply:
    """The object that was asked for."""

    answer: str
    citations: tuple[int, ...]
    answerable: bool


def from_json(request: Request) -> Iterator[str]:
    """The object's answer, in one piece and with its citations as markers; empty pieces until it is complete.

    A reply that is no such object is the answer as it stands. ``answerable: false`` is a refusal.
    """
    text = ""
    with closing(request.say()) as reply:
        for piece in reply:
            text += piece
            yield ""
    found = parse(text)
    if found is None:
        yield text
    elif not found.answerable:
        yield request.refusal
    else:
        yield with_markers(found)


def parse(text: str) -> Reply | None:
    """The first object with an answer in ``text``, whatever stands around it (words, a code fence); None without one.

    Of an object that breaks off, the answer is taken where that is complete.
    """
    for brace in re.finditer(r"\{", text):
        value, _ = _decoded(text, brace.start())
        if isinstance(value, dict) and (found := _reply(value)):
            return found
    field = _FIELD.search(text)
    if not field:
        return None
    value, end = _decoded(text, field.end())
    # What goes on otherwise was cut short by a quotation mark inside of it.
    complete = isinstance(value, str) and text[end:].lstrip()[:1] in {"", ",", "}"}
    return _reply({"answer": value}) if complete else None


def with_markers(reply: Reply) -> str:
    """The answer, and after it a marker for each citation that it does not already hold."""
    inside = {number for match in MARKER.finditer(reply.answer) for number in numbers_of(match)}
    missing = [number for number in dict.fromkeys(reply.citations) if number not in inside]
    if not reply.answer.strip():
        return ""
    return reply.answer.rstrip() + "".join(f" [{number}]" for number in missing)


def _decoded(text: str, start: int) -> tuple[Any, int]:
    """The JSON value that begins at ``start``, and where it ends; None where there is none."""
    try:
        return _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):  # no JSON, a number too long to read, or brackets beyond all measure
        return None, start


def _reply(value: dict[str, Any]) -> Reply | None:
    """``value`` as the object that was asked for; None where it holds neither an answer nor a plain refusal."""
    answer, answerable = value.get("answer"), value.get("answerable", True)
    if isinstance(answerable, str):
        answerable = answerable.strip().lower() not in _FALSE
    if answerable is False or ("answer" in value and answer is None):
        return Reply("", (), False)
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        return None
    citations = value.get("citations")
    listed = citations if isinstance(citations, list) else [citations]
    return Reply(encodable(str(answer)), tuple(number for item in listed for number in _number(item)), True)


def _number(item: Any) -> list[int]:
    """``item`` as the number of a passage: 1, 1.0, "1" and "[1]" are one, true is none."""
    if isinstance(item, bool) or not isinstance(item, str | int | float):
        return []
    if isinstance(item, float):
        if not item.is_integer():
            return []
        item = int(item)
    match = _NUMBER.fullmatch(str(item)) if isinstance(item, str) or 0 < item < 1000 else None
    return [int(match.group(1))] if match else []
