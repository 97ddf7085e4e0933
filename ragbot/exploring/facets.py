"""What the documents of a knowledge base can be told apart by: the choices of filters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ragbot.documents import Document
from ragbot.index.labels import COLLECTION, tags_of

#: Values of one kind, the most frequent first; beyond, a list helps nobody.
MOST = 500


@dataclass(frozen=True, slots=True)
class Facets:
    """Values that documents have, the most frequent first; ``first`` and ``last`` bound their dates (ISO 8601)."""

    documents: int = 0
    types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    first: str = ""
    last: str = ""


def facets(documents: Sequence[Document]) -> Facets:
    """Those of some documents."""
    dates = sorted(document.date for document in documents if document.date)
    return Facets(
        documents=len(documents),
        types=_frequent(document.type for document in documents),
        languages=_frequent(document.language for document in documents),
        tags=_frequent(tag for document in documents for tag in tags_of(document.metadata)),
        collections=_frequent(document.metadata.get(COLLECTION, "") for document in documents),
        first=dates[0] if dates else "",
        last=dates[-1] if dates else "",
    )


def source_patterns(text: str) -> tuple[str, ...]:
    """What a person writes about sources, as :class:`ragbot.index.filters.Filter` takes it.

    Several are set apart by commas. One without ``*`` or ``?`` is a part of a name, as in ``*part*``.
    """
    parts = (part.strip().replace("\0", "") for part in text.replace("，", ",").split(","))
    return tuple(part if "*" in part or "?" in part else f"*{part}*" for part in parts if part)


def _frequent(values: Iterable[str]) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    for value in values:
        if value:
            counts[value] = counts.get(value, 0) + 1
    return tuple(sorted(counts, key=lambda value: (-counts[value], value)))[:MOST]
