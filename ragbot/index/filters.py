"""Which documents a search may see: by what they are, and by who asks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ragbot.index.labels import COLLECTION, GIVEN, TAGS, folded

#: Whether a list in the metadata holds one of the labels. A caller may have written there what is no list.
_TAGGED = (
    "EXISTS (SELECT 1 FROM json_each(CASE WHEN json_valid(json_extract(d.metadata, '$.{key}')) "
    "THEN json_extract(d.metadata, '$.{key}') ELSE '[]' END) WHERE value IN (SELECT value FROM json_each(?)))"
)
_COLLECTED = f"json_extract(d.metadata, '$.{COLLECTION}') IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on documents; every part that is given must hold.

    Args:
        sources: sources to search: exact names, folders, or patterns with ``*`` and ``?``.
        types: document types (``pdf``, ``md``, …).
        languages: primary language tags (``zh``, ``en``).
        since, until: inclusive bounds on the document's date (ISO 8601); undated documents fail a bound.
        tags: tags of which one is enough (see :mod:`ragbot.index.labels`); case does not count.
        collections: collections to search, likewise.
        principals: who asks. None sees everything (the owner of the machine); otherwise a document is seen if its
            access list is empty or names one of the principals.
    """

    sources: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    principals: tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a string where a list is meant, whose letters would pass for principals, and NUL.

        SQLite reads a text up to its first NUL: a source that begins with one would be the beginning of all.
        """
        for name in ("sources", "types", "languages", "tags", "collections", "principals"):
            if isinstance(getattr(self, name), str):
                raise TypeError(f"{name} takes a tuple of strings, not the string {getattr(self, name)!r}")
            if any("\0" in value for value in getattr(self, name) or ()):
                raise ValueError(f"{name} holds a NUL character, which no name has: leave it out")

    @property
    def empty(self) -> bool:
        """Whether every document passes."""
        return self == Filter()

    def sql(self) -> tuple[str, list[Any]]:
        """A condition over ``documents d`` and its values."""
        parts: list[str] = []
        values: list[Any] = []

        def one_of(conditions: Sequence[str], bound: Sequence[Any]) -> None:
            parts.append(f"({' OR '.join(conditions)})")
            values.extend(bound)

        if self.sources:
            patterns = [source for source in self.sources if "*" in source or "?" in source]
            names = [source for source in self.sources if source not in patterns]
            # Lists travel as JSON: SQLite limits how deep an expression may be, and so how many ORs it takes.
            one_of(
                [
                    "d.source IN (SELECT value FROM json_each(?))",
                    "EXISTS (SELECT 1 FROM json_each(?) WHERE substr(d.source, 1, length(value)) = value)",
                    "EXISTS (SELECT 1 FROM json_each(?) WHERE d.source GLOB value)",
                ],
                [
                    json.dumps(names),
                    json.dumps([name.rstrip("/") + "/" for name in names if name]),
                    # In GLOB, a bracket opens a set; the patterns promised are * and ? alone.
                    json.dumps([pattern.replace("[", "[[]") for pattern in patterns]),
                ],
            )
        for column, allowed in (("type", self.types), ("language", self.languages)):
            if allowed:
                one_of([f"d.{column} IN ({','.join('?' * len(allowed))})"], allowed)
        if self.tags:
            asked = json.dumps([folded(tag) for tag in self.tags], ensure_ascii=False)
            one_of([_TAGGED.format(key=key) for key in (TAGS, GIVEN)], [asked, asked])
        if self.collections:
            names = [folded(name) for name in self.collections]
            one_of([_COLLECTED], [json.dumps(names, ensure_ascii=False)])
        if self.since:
            one_of(["d.date >= ?"], [self.since])
        if self.until:
            one_of(["substr(d.date, 1, ?) <= ?"], [len(self.until), self.until])
        if self.principals is not None:
            seen = "d.acl = '[]' OR EXISTS (SELECT 1 FROM json_each(d.acl) WHERE value IN (SELECT value FROM json_each(?)))"
            one_of([seen], [json.dumps(list(self.principals))])
        return " AND ".join(parts) or "1", values
