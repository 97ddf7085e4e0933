"""Tags and collections of documents: what a file says of itself, and what the person who brings it in gives it.

They stand in the document's metadata, and :class:`ragbot.index.filters.Filter` looks there. Case and width do not
count: a label is kept in small letters, and looked for in the same way.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

#: Keys of the metadata: a JSON list of what the file says, one of what was given, and a single name.
TAGS, GIVEN, COLLECTION = "tags", "given_tags", "collection"
_SEPARATOR = re.compile(r"[,;，；、\n]")
#: More, and longer ones, are no labels, but text that a program put there.
_MOST, _LONGEST = 50, 100


def folded(label: str) -> str:
    """A label as it is kept: small letters of normal width, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split())


def declared_tags(text: str | Iterable[str]) -> dict[str, str]:
    """The metadata for keywords as a file declares them: a list, or a text with commas or semicolons; empty for none."""
    parts = _SEPARATOR.split(text) if isinstance(text, str) else text
    tags = _tags(parts)
    return {TAGS: _listed(tags)} if tags else {}


def tags_of(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """All tags of a document, declared and given."""
    return tuple(dict.fromkeys((*_read(metadata.get(TAGS, "")), *_read(metadata.get(GIVEN, "")))))


@dataclass(frozen=True, slots=True)
class Labels:
    """What a person gives to the documents that are brought in.

    Args:
        tags: in place of those given before, none for an empty tuple; None keeps them. What a file says of itself stays.
        collection: likewise, an empty one for none.
    """

    tags: tuple[str, ...] | None = None
    collection: str | None = None

    def __post_init__(self) -> None:
        """Refuse a string where a list is meant."""
        if isinstance(self.tags, str):
            raise TypeError(f"tags takes a list of strings, not the string {self.tags!r}")

    @property
    def given(self) -> bool:
        """Whether there is anything to change."""
        return self.tags is not None or self.collection is not None

    def applied(self, metadata: Mapping[str, str], known: Mapping[str, str] | None) -> dict[str, str]:
        """``metadata`` of a document with its labels.

        Args:
            known: the metadata of the same source so far; None for a new one.
        """
        before = {**metadata, **{key: value for key, value in (known or {}).items() if key in (GIVEN, COLLECTION)}}
        given = _tags(_read(before.get(GIVEN, "")) if self.tags is None else self.tags)
        collection = folded(before.get(COLLECTION, "") if self.collection is None else self.collection)[:_LONGEST]
        rest = {key: value for key, value in metadata.items() if key not in (TAGS, GIVEN, COLLECTION)}
        return {
            **rest,
            **declared_tags(_read(metadata.get(TAGS, ""))),
            **({GIVEN: _listed(given)} if given else {}),
            **({COLLECTION: collection} if collection else {}),
        }


def _tags(parts: Iterable[str]) -> tuple[str, ...]:
    found = dict.fromkeys(tag for tag in map(folded, parts) if tag and len(tag) <= _LONGEST)
    return tuple(found)[:_MOST]


def _listed(tags: Iterable[str]) -> str:
    return json.dumps(list(tags), ensure_ascii=False)


def _read(stored: str) -> tuple[str, ...]:
    """The labels in a value of the metadata: a JSON list, or what a caller wrote with commas."""
    try:
        found = json.loads(stored)
    except ValueError:
        found = None
    if not isinstance(found, list):
        found = _SEPARATOR.split(stored)
    return tuple(label for label in found if isinstance(label, str) and label.strip())
