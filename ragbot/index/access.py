"""Who may see a document: the names in access lists, and single documents as somebody sees them.

A document that the asker may not see is treated like one that does not exist, with the same words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from ragbot.documents import Document
from ragbot.errors import SourceError, UserError
from ragbot.index.catalog import Catalog
from ragbot.index.filters import Filter

_LONGEST = 100


def access_list(names: Iterable[str]) -> tuple[str, ...]:
    """Names of groups and people as access lists and keys hold them: normalised, each once, sorted.

    Case counts: a directory's groups may differ in nothing else.

    Raises:
        UserError: one is empty, too long, or holds control characters.
        TypeError: a string, where a list is meant.
    """
    if isinstance(names, str):
        raise TypeError(f"an access list takes names, not the string {names!r}")
    return tuple(sorted({_name(name) for name in names}))


def seen(where: Filter | None) -> Filter:
    """The part of ``where`` that says who asks."""
    return Filter(principals=where.principals if where else None)


def is_seen(document: Document, where: Filter | None) -> bool:
    """Whether the asker may see a document."""
    asking = where.principals if where else None
    return asking is None or not document.acl or not set(document.acl).isdisjoint(asking)


def counts(catalog: Catalog, where: Filter | None = None) -> dict[str, int]:
    """Numbers of the documents and chunks that the asker may see."""
    return catalog.counts_of(seen(where))


def document_of(catalog: Catalog, document_id: int, where: Filter | None = None) -> Document:
    """The document of this number. Raises SourceError where there is none that the asker may see."""
    found = catalog.document(document_id)
    if found is None or not is_seen(found, where):
        raise SourceError(f"there is no document {document_id}: it may have been removed")
    return found


def text_of(catalog: Catalog, document_id: int, where: Filter | None = None) -> str:
    """Its whole text. Raises as :func:`document_of`."""
    document = document_of(catalog, document_id, where)
    try:
        return catalog.document_text(document.id)
    except KeyError:
        raise SourceError(f"there is no document {document_id}: it may have been removed") from None


def _name(text: str) -> str:
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name or len(name) > _LONGEST or not name.isprintable():
        raise UserError(
            f"{text[:40]!r} cannot stand in an access list: write a name of 1 to {_LONGEST} printable characters"
        )
    return name
