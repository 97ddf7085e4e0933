"""Files that are not the person's (a member of an archive, a page of the web): kept for a moment, in a private folder.

Their names on disk are random and of our making, so that nothing from outside ever forms a path; what a person reads
(titles, reports) speaks of them by their own name.
"""

from __future__ import annotations

import re
import secrets
import tempfile
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from ingest.loaders import DEFAULT_MAX_BYTES, load
from ingest.loaders.fields import pick_title
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError

_SUFFIX = re.compile(r"(?:\.[a-z0-9_]{1,16})?")


class PrivateFolder:
    """A folder that only this user may enter; it goes away with all that is in it when the ``with`` block ends."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ragbot-")

    def __enter__(self) -> PrivateFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def create(self, suffix: str) -> tuple[Path, BinaryIO]:
        """A new empty file with a random name that ends in ``suffix`` (one that a table of ours gave), open to write.

        Raises:
            ValueError: the suffix is not a plain one.
        """
        if not _SUFFIX.fullmatch(suffix):
            raise ValueError(f"{suffix!r} is no suffix: a dot and small letters or digits are allowed")
        path = Path(self._folder.name) / f"{secrets.token_hex(8)}{suffix}"
        return path, path.open("xb")


def load_as(path: Path, name: str, max_bytes: int = DEFAULT_MAX_BYTES) -> ParsedDocument:
    """Read a private file as :func:`ingest.loaders.load` does, and speak of it as ``name`` (the last part of its own).

    Raises:
        LoaderError: as ``load``.
    """
    try:
        return own_title(load(path, max_bytes), path, name)
    except LoaderError as error:
        raise own_words(error, path, name) from error


def own_title(parsed: ParsedDocument, path: Path, name: str) -> ParsedDocument:
    """``parsed`` from ``path``; a title that was made of the random name, for want of a better, is made of ``name``."""
    if parsed.title != pick_title("", (), path):
        return parsed
    return replace(parsed, title=pick_title("", (), Path(name)))


def own_words(error: LoaderError, path: Path, name: str) -> LoaderError:
    """What a loader said of ``path``, said of ``name``."""
    return LoaderError(str(error).replace(path.stem, Path(name).stem or name))
