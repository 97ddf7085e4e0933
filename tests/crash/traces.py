"""Looks for removed text in every byte of a folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ragbot.index.analysis import terms


def remains(folder: Path, words: Iterable[Iterable[str]]) -> Iterator[str]:
    """Where a word still stands: as it was written, in UTF-16, and as the lexical index would store it."""
    needles = {
        needle
        for group in words
        for word in group
        for form in (word, *(term for term in terms(word) if len(term.encode()) > 5))
        for needle in (form.encode(), form.encode("utf-16-le"))
    }
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            whole = path.read_bytes()
            found = sorted(needle.decode("utf-8", "replace") for needle in needles if needle in whole)
            if found:
                yield f"{path.name} still holds {found[:3]}"
