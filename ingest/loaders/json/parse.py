"""JSON as it was written: numbers keep their spelling, and a key that comes twice is there twice.

RFC 8259 leaves open what a repeated key means, and how large a number may be; to show both as they stand loses neither.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TypeAlias, cast

from ingest.loaders.decoding import BinaryContentError, decode
from ingest.loaders.source import read_source
from ragbot.errors import LoaderError

#: An object is a tuple of (key, value), an array a list; numbers, NaN and Infinity are their own text.
Json: TypeAlias = "str | bool | list[Json] | tuple[tuple[str, Json], ...] | None"

#: A value takes some 70 bytes of memory, however short its text is.
MAX_VALUES = 2_000_000
#: Deeper nesting is an attack, and no path of that length helps a reader.
MAX_DEPTH = 100
_STRING = re.compile(r'"[^"]*"')


def read_json(path: Path, max_bytes: int) -> tuple[str, str]:
    """The text of ``path`` and the encoding that it was in. Control characters stay: they may stand in a string.

    Raises:
        LoaderError: as ``read_source``, and for a file that is binary.
    """
    data = read_source(path, "text", max_bytes)
    try:
        decoded = decode(data)
    except BinaryContentError as error:
        raise LoaderError(f"{path.name} looks like binary ({error}), not JSON: export it again") from error
    return decoded.text, decoded.encoding


def parse_json(text: str, where: str) -> Json:
    """The value of ``text``; ``where`` names it in errors (``data.json``, ``line 3 of data.jsonl``).

    Raises:
        LoaderError: it is no JSON, is nested deeper than ``MAX_DEPTH``, or holds more than ``MAX_VALUES`` values.
    """
    check_values(text, where)
    try:
        # The types of tuple(pairs) and str(number) are those of Json. strict=False: a raw tab or line end in a string.
        value = cast(
            Json,
            json.loads(text, object_pairs_hook=tuple, parse_int=str, parse_float=str, parse_constant=str, strict=False),
        )
    except json.JSONDecodeError as error:
        raise NotJsonError(
            f"{where} is no valid JSON (line {error.lineno}, column {error.colno}: {error.msg}): "
            "correct it there, or export it again",
            error.msg.startswith("Extra data"),
        ) from error
    except RecursionError as error:
        raise too_deep(where) from error
    return value


def check_values(text: str, where: str) -> None:
    """Refuse a text of too many values, before any of them takes memory.

    Raises:
        LoaderError: there are more than ``MAX_VALUES``.
    """
    if _marks(text) <= MAX_VALUES:
        return
    # Commas in prose are no values; to look past strings costs more, so only what has many is looked at closely.
    outside = _STRING.sub("", text.replace("\\\\", "").replace('\\"', ""))
    if _marks(outside) > MAX_VALUES:
        raise LoaderError(f"{where} has more than {MAX_VALUES:,} values: split it into smaller files")


class NotJsonError(LoaderError):
    """A text that is no JSON; ``has_more`` where a value was read and something follows it, as in JSON Lines."""

    def __init__(self, message: str, has_more: bool) -> None:
        super().__init__(message)
        self.has_more = has_more


def too_deep(where: str) -> LoaderError:
    """The error for values inside values without end."""
    return LoaderError(f"{where} is nested too deeply (more than {MAX_DEPTH} levels): flatten it before it is read")


def _marks(text: str) -> int:
    return text.count(",") + text.count("[") + text.count("{")
