"""A parser process whose loader does what the file's text says."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path

import ingest.parsing.worker as worker
from ragbot.documents import Heading, ParsedDocument
from ragbot.errors import LoaderError


def strange(path: Path, max_bytes: int) -> ParsedDocument:
    """Hang, eat memory, crash, print, or just read."""
    word, _, rest = path.read_text(encoding="utf-8").partition(" ")
    match word:
        case "hang":
            time.sleep(600)
        case "eat":
            hoard = [bytes(bytearray(1 << 20)) for _ in range(int(rest))]
            return ParsedDocument(f"ate {len(hoard)}")
        case "segfault":
            ctypes.string_at(0)
        case "exit":
            os._exit(3)
        case "print":
            print("noise among the frames")  # noqa: T201
            os.write(1, b"\0" * 100)
        case "defect":
            raise IndexError("list index\nout of range")
        case "refuse":
            raise LoaderError("not of this kind")
        case "pid":
            return ParsedDocument(str(os.getpid()))
    return ParsedDocument(
        rest, title="标题", pages=(0, 1), headings=(Heading(0, 1, "甲"),), metadata={"a": "b"}, date="2026-01-01"
    )


if __name__ == "__main__":
    worker.load = strange  # type: ignore[assignment]
    worker.main(int(sys.argv[1]))
