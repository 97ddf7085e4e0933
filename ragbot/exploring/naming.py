"""Which document a person means: its source, or a part of it that only one document has."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from ragbot.documents import Document
from ragbot.errors import SourceError
from ragbot.exploring.collection import documents, seen_by
from ragbot.index.catalog import Catalog
from ragbot.index.filters import Filter

#: Documents that an error names.
_NAMED = 5


def document_called(catalog: Catalog, name: str, where: Filter | None = None) -> Document:
    """The document that ``name`` stands for.

    Tried in this order, and taken if exactly one fits: the source; a path from here; the end of a source, from a
    slash on; a title; a part of a source or a title, in any case.

    Args:
        where: of this, only who asks counts: what they may not see does not exist.

    Raises:
        SourceError: none fits, or several do; the message names the nearest.
    """
    found = documents(catalog, seen_by(where))
    if not found:
        raise SourceError("there are no documents yet; add some first: ragbot ingest FOLDER")
    wanted = name.strip()
    for fitting in _tries(wanted, found):
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            listed = "".join(f"\n  {document.source}" for document in fitting[:_NAMED])
            more = f"\n  … and {len(fitting) - _NAMED} more" if len(fitting) > _NAMED else ""
            raise SourceError(f"{name!r} fits {len(fitting)} documents; write more of the one you mean:{listed}{more}")
    near = _near(wanted, found)
    hint = f"; did you mean {' or '.join(near)}?" if near else "; ragbot kb documents lists them"
    raise SourceError(f"there is no document {name!r} in this knowledge base{hint}")


def _tries(wanted: str, found: Sequence[Document]) -> list[list[Document]]:
    if not wanted:
        return []
    path = str(Path(wanted).expanduser().absolute())
    folded = wanted.casefold()
    return [
        [document for document in found if document.source == wanted],
        [document for document in found if document.source == path],
        [document for document in found if document.source.endswith(f"/{wanted.lstrip('/')}")],
        [document for document in found if document.title.casefold() == folded],
        [d for d in found if folded in d.source.casefold() or folded in d.title.casefold()],
    ]


def _near(wanted: str, found: Sequence[Document]) -> list[str]:
    """Sources whose name, or title, is spelled nearly so."""
    names = {document.source.rpartition("/")[2].casefold(): document.source for document in reversed(found)}
    names |= {document.title.casefold(): document.source for document in reversed(found) if document.title}
    close = difflib.get_close_matches(wanted.rpartition("/")[2].casefold(), names, 3, 0.5)
    return list(dict.fromkeys(names[name] for name in close))
