"""The file that a document was read from, where it is still there and still the same."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass
from typing import Literal

from ingest.checks import hash_file
from ragbot.documents import Document
from ragbot.index.archives import INSIDE, archive_of
from ragbot.index.records import FileState
from ragbot.showing.html import file_name


@dataclass(frozen=True, slots=True)
class Original:
    """A file as it was when it was read; ``path`` is None where it cannot be had, and ``reason`` says why.

    ``detail`` names the file, or the archive that it lies in.
    """

    path: pathlib.Path | None
    reason: Literal["", "missing", "changed", "inside", "web"] = ""
    detail: str = ""


def original_of(document: Document, state: FileState | None) -> Original:
    """The unchanged file of ``document``.

    Args:
        document: any.
        state: what :meth:`ragbot.index.catalog.Catalog.file_state` says of its source.
    """
    source = document.source
    name = file_name(source)
    if source.lower().startswith(("http://", "https://")):
        return Original(None, "web", name)
    if INSIDE in source:
        return Original(None, "inside", file_name(archive_of(source)))
    path = pathlib.Path(source)
    try:
        if state is None or not path.is_absolute() or not path.is_file():
            return Original(None, "missing", name)
        status = path.stat()
        if (status.st_size, status.st_mtime_ns) == (state.size, state.mtime_ns):
            return Original(path)
        # Another time, and the same contents: it was copied, or touched.
        if status.st_size == state.size and state.content_hash.startswith(hash_file(path)):
            return Original(path)
    except (OSError, ValueError):  # ValueError: NUL in a name
        return Original(None, "missing", name)
    return Original(None, "changed", name)
