"""Documents as clients name them: by source, file name, title, number or address."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.mcp.server.texts import TEXTS
from agents.tools.wording import nearest
from ragbot.documents import Document
from ragbot.errors import SourceError

SCHEME = "ragbot://documents/"
_ADDRESS = re.compile(rf"(?:{re.escape(SCHEME)})?([0-9]{{1,18}})")


def address(document_id: int) -> str:
    """The address of a document as a resource."""
    return f"{SCHEME}{document_id}"


def file_name(source: str) -> str:
    """The last part of a source."""
    return source.replace("\\", "/").rstrip("/").rpartition("/")[2] or source


def find(documents: Sequence[Document], name: str, language: str) -> Document:
    """The document that ``name`` means.

    Raises:
        SourceError: there is none, or more than one; the message names those that are near.
    """
    number = _ADDRESS.fullmatch(name.strip())
    if number:
        found = [document for document in documents if document.id == int(number[1])]
        if found:
            return found[0]
    folded = name.strip().casefold()
    for key in (
        lambda document: document.source,
        lambda document: file_name(document.source).casefold(),
        lambda document: document.title.casefold(),
    ):
        found = [document for document in documents if key(document) in {name.strip(), folded}]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(document.source for document in found[:5])
            raise SourceError(TEXTS(language, "several", name=name[:200], names=names))
    near = nearest(name, [label for one in documents for label in (file_name(one.source), one.title) if label])
    said = TEXTS(language, "near", names=", ".join(near)) if near else ""
    raise SourceError(TEXTS(language, "unknown", name=name[:200], near=said))
