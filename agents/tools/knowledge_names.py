"""Documents by the names that ragbot shows: a title, a file name, both, or the source itself."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from ragbot.documents import Document


def file_name(source: str) -> str:
    """The last part of a source."""
    return source.replace("\\", "/").rstrip("/").rpartition("/")[2] or source


def shown(document: Document) -> str:
    """``Title (file name)``, or the file name alone where the title is no other."""
    name = file_name(document.source)
    return f"{document.title} ({name})" if document.title and document.title != name else name


def matching(name: str, documents: Iterable[Document]) -> list[Document]:
    """The documents called ``name``, whatever the case and width; those it fits exactly, before any that it fits loosely."""
    wanted = _folded(name)
    loose: list[Document] = []
    exact: list[Document] = []
    for document in documents:
        names = _names(document)
        if wanted in names:
            exact.append(document)
        # What stands before a passage, given as it is: "[1] Title (file.md), page 3"
        elif wanted.partition("] ")[2].startswith(_folded(shown(document))) or wanted.startswith(
            _folded(shown(document)) + ","
        ):
            loose.append(document)
    return exact or loose


def all_names(documents: Sequence[Document]) -> dict[str, Document]:
    """What a name may be compared with: file names and titles."""
    names: dict[str, Document] = {}
    for document in documents:
        for name in (file_name(document.source), document.title):
            if name:
                names.setdefault(name, document)
    return names


def _names(document: Document) -> set[str]:
    name = file_name(document.source)
    known = (document.source, name, document.title, shown(document), PurePosixPath(name).stem)
    return {_folded(one) for one in known if one}


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
