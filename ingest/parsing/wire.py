"""What goes between us and a parser process: frames of JSON, each behind its length. Nothing is pickled."""

from __future__ import annotations

import json
import struct
from typing import IO, Any

from ragbot.documents import Heading, ParsedDocument

_LENGTH = struct.Struct(">Q")


def send(stream: IO[bytes], message: dict[str, Any]) -> None:
    """Write one message."""
    data = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def receive(stream: IO[bytes]) -> dict[str, Any] | None:
    """Read one message; None where the other side is gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    if len(data) < length:
        return None
    message: dict[str, Any] = json.loads(data.decode("utf-8", "surrogatepass"))
    return message


def encode(document: ParsedDocument) -> dict[str, Any]:
    """A document as JSON."""
    return {
        "text": document.text,
        "title": document.title,
        "type": document.type,
        "language": document.language,
        "date": document.date,
        "pages": list(document.pages),
        "headings": [[heading.start, heading.level, heading.text] for heading in document.headings],
        "metadata": dict(document.metadata),
    }


def decode(data: dict[str, Any]) -> ParsedDocument:
    """The reverse of :func:`encode`."""
    return ParsedDocument(
        **{
            **data,
            "pages": tuple(data["pages"]),
            "headings": tuple(Heading(start, level, text) for start, level, text in data["headings"]),
        }
    )
