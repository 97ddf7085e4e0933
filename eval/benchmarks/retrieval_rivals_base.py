"""What the benchmark of retrieval asks of a system, whoever made it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import ModuleType

from eval.metrics.ranking import Place
from ragbot.documents import ParsedDocument
from ragbot.errors import MissingExtraError
from ragbot.models.embedders.base import Embedder

#: From a question to the places that were found, best first.
Search = Callable[[str], list[Place]]
#: From documents, by source name, and an embedder to the searches over them, by the name of the system.
Opener = Callable[[Mapping[str, ParsedDocument], Embedder], AbstractContextManager[Mapping[str, Search]]]

#: Hits of a search where chunks are short, and where they are long (1,000 characters, 1,024 tokens).
SHORT_DEPTH, LONG_DEPTH = 20, 10


@dataclass(frozen=True, slots=True)
class System:
    """One row of the tables.

    Attributes:
        name: in the names of files.
        label: for people.
        configuration: what exactly was measured, in one sentence.
        rival: whether it is another project's.
        packages: the distributions whose versions belong to a result.
    """

    name: str
    label: str
    configuration: str
    rival: bool = False
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Systems that share what was made of the documents, and are therefore opened together."""

    systems: tuple[System, ...]
    open: Opener


def optional_module(name: str, what: str) -> ModuleType:
    """Import what only the benchmarks use. Raises MissingExtraError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtraError(what, "dev") from error


def checked_place(documents: Mapping[str, ParsedDocument], source: str, start: int, text: str) -> Place:
    """The place of a chunk in its document.

    Raises:
        ValueError: the document does not have this text there: figures from such an offset would be wrong.
    """
    if documents[source].text[start : start + len(text)] != text or start < 0:
        raise ValueError(f"{source} does not hold {text[:60]!r} at {start}: the splitter's offsets cannot be used")
    return source, start, start + len(text)
