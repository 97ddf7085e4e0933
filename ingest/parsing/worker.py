"""A parser process: reads paths from standard input, writes documents or reasons to standard output.

Started by :mod:`ingest.parsing.pool`; it ends when its input ends. Its memory is bounded by the system, its time by
the process that started it.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from ingest.checks import check_text
from ingest.loaders import load
from ingest.parsing.wire import encode, receive, send
from ingest.readers import read
from ragbot import memory
from ragbot.errors import LoaderError


def main(memory_mb: int) -> None:
    """Answer requests until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; whoever started us decides
    source = os.fdopen(os.dup(0), "rb")
    out = os.fdopen(os.dup(1), "wb")
    # What a library prints must not get among the frames.
    os.dup2(2, 1)
    memory.bound(memory_mb)
    logging.basicConfig(level=logging.CRITICAL)
    while (request := receive(source)) is not None:
        send(out, _answer(Path(request["path"]), int(request["max_bytes"]), request.get("reader"), memory_mb))


def _answer(path: Path, max_bytes: int, reader: str | None, memory_mb: int) -> dict[str, Any]:
    try:
        document = read(reader, path) if reader else load(path, max_bytes=max_bytes)
        check_text(str(path), document)
        return {"document": encode(document)}
    except LoaderError as error:
        return {"reason": _printable(str(error))}
    except MemoryError:
        return {
            "reason": f"{path.name} takes more than {memory_mb} MiB to read: split it, or raise ingest.parse_memory_mb",
            "retire": True,
        }
    except OSError as error:
        return {"reason": f"cannot be read: {error.strerror or error}"}
    except Exception as error:  # noqa: BLE001  # a parser's defect, met in one file, must not lose the others
        return {"reason": f"unexpected error in its loader: {_printable(f'{type(error).__name__}: {error}')}"}


def _printable(text: str) -> str:
    return " ".join(text.split())[:2000].encode("utf-8", "replace").decode()


if __name__ == "__main__":
    main(int(sys.argv[1]))
