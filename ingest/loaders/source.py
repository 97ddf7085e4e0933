"""Reading a file's bytes, bounded and checked: what it is must agree with what its name says."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Literal

from ingest.loaders.sniff import Kind, sniff
from ragbot.errors import LoaderError

DEFAULT_MAX_BYTES = 256 * 1024 * 1024
_MIB = 1024 * 1024

Expected = Literal["text", "pdf", "docx", "pptx", "xlsx", "epub", "image"]
#: The formats of an office: what a document is called, and what opens it.
_OFFICE = {
    "docx": ("Word document", ".doc", "Word or LibreOffice"),
    "pptx": ("PowerPoint presentation", ".ppt", "PowerPoint or LibreOffice"),
    "xlsx": ("Excel workbook", ".xls", "Excel or LibreOffice"),
}


def read_source(path: Path, expected: Expected, max_bytes: int) -> bytes:
    """Return the bytes of ``path``.

    Raises:
        LoaderError: it cannot be read, is no regular file, is empty, is larger than ``max_bytes``, or is not of the
            ``expected`` kind.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise LoaderError(f"{path.name} is not a regular file: only files are read")
        # The file may grow after stat(), so the read is bounded too. One spare byte shows that it was cut.
        with path.open("rb") as file:
            data = file.read(max_bytes + 1) if status.st_size <= max_bytes else b""
    except OSError as error:
        reason = error.strerror or str(error)
        raise LoaderError(f"{path.name} cannot be read ({reason}): check its path and rights") from error
    if status.st_size > max_bytes or len(data) > max_bytes:
        size = max(status.st_size, len(data)) / _MIB
        raise LoaderError(
            f"{path.name} is too large: {size:.1f} MiB, at most {max_bytes / _MIB:.1f} MiB are read; "
            "split it, or raise max_bytes"
        )
    if not data:
        raise empty(path)
    _check_kind(path, sniff(data), expected)
    return data


def empty(path: Path) -> LoaderError:
    """The error for a file without any text."""
    return LoaderError(f"{path.name} is empty: there is no text in it to read")


def _check_kind(path: Path, kind: Kind | None, expected: Expected) -> None:
    if expected == "text":
        if kind is None:
            return
        if kind.suffix:
            raise LoaderError(
                f"{path.name} looks like binary ({kind.name}), not text: rename it to {path.stem}{kind.suffix}"
            )
        raise LoaderError(f"{path.name} looks like binary ({kind.name}), not text: it cannot be read as a document")
    if expected == "image":  # under whichever suffix; what is no image at all, the decoder says best
        if kind is None or kind.name.endswith(" image"):
            return
    elif kind is not None and kind.suffix == f".{expected}":
        return
    if expected in _OFFICE and kind is not None:
        name, old, programs = _OFFICE[expected]
        if kind.name == "encrypted Office document":
            raise LoaderError(f"{path.name} is password protected: save a copy without the password and read that")
        if kind.name == "legacy Office document":
            raise LoaderError(
                f"{path.name} is a legacy {name} ({old}) under a new name: open it in {programs} and save it as .{expected}"
            )
    seen = f"it looks like a file of another kind ({kind.name})" if kind else "its first bytes are not those of one"
    if kind is not None and kind.suffix:
        hint = f"rename it to {path.stem}{kind.suffix}"
    else:
        hint = "it is damaged or has the wrong suffix; export it again"
    what = "a picture" if expected == "image" else f"a {expected.upper()} file"
    raise LoaderError(f"{path.name} is not {what}: {seen}; {hint}")
