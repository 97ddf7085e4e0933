"""Readers of LlamaIndex as loaders: a class that a person names for a suffix, asked for its documents.

Only names from the settings or the command line are imported, never one from a document, and they are imported in a
parser process: what a reader does costs at most one file. A reader is any class that can be made without arguments and
whose ``load_data(path)`` gives a list of objects with ``text`` and ``metadata``, as
``llama_index.core.readers.base.BaseReader`` has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from ingest.archives.names import is_archive
from ingest.loaders.cleaning import clean
from ingest.loaders.fields import pick_language, pick_title
from ingest.loaders.source import empty
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError, MissingExtraError, UserError

#: LlamaIndex's key for the page that a document is.
PAGE = "page_label"
#: Printed page numbers above this are not followed: the pages are counted instead.
_LAST_PAGE = 20_000
_BETWEEN = "\n\n"


def check_readers(readers: Mapping[str, str], files: Iterable[Path]) -> None:
    """Refuse a reader that cannot be there before the first of its files is read.

    Args:
        readers: ``module:class`` by suffix (lower case, with its dot).
        files: those that are going to be read.

    Raises:
        MissingExtraError: LlamaIndex is not installed.
        UserError: the reader's package is not installed, or it is for archives.
    """
    for suffix in readers:
        if is_archive(suffix):
            raise UserError(f"{suffix} files are archives: their members are read, and no reader is asked for them")
    for suffix in sorted({path.suffix.lower() for path in files} & readers.keys() if readers else ()):
        module = readers[suffix].partition(":")[0]
        try:
            found = find_spec(module) is not None
        except (ImportError, ValueError):  # a package above it is not there, or is no package
            found = False
        if not found:
            raise _missing(readers[suffix])


def read(target: str, path: Path) -> ParsedDocument:
    """Read ``path`` with the reader ``target`` (``module:class``).

    The texts of its documents are joined by an empty line; where each has a ``page_label``, each label begins a page.

    Raises:
        LoaderError: the reader cannot be had, fails, or gives something else than documents; or there is no text.
    """
    documents = _documents(target, path)
    texts: list[str] = []
    starts: list[int] = []
    labels: list[str] = []
    length = 0
    is_labelled = True
    for text, metadata in documents:
        if texts:
            length += len(_BETWEEN)
        label = str(metadata.get(PAGE) or "").strip()
        is_labelled &= bool(label)
        if label and (not labels or label != labels[-1]):
            labels.append(label)
            starts.append(length)
        texts.append(text)
        length += len(text)
    whole = _BETWEEN.join(texts)
    if not whole.strip():
        raise empty(path)
    first = documents[0][1]
    title = first.get("title")
    return ParsedDocument(
        text=whole,
        title=pick_title(clean(title) if isinstance(title, str) else "", (), path),
        type=path.suffix.lower().lstrip("."),
        language=pick_language("", whole),
        pages=_pages(labels, starts) if is_labelled else (),
        metadata={"reader": target},
    )


def _documents(target: str, path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """Text and metadata of each document that the reader gives."""
    reader = _reader_class(target)
    try:
        found = reader().load_data(path)
        if not isinstance(found, Sequence) or isinstance(found, (str, bytes)):
            raise LoaderError(f"{path.name}: load_data of the reader {target} gives {_kind(found)}, not a list")
        documents = [(item.text, item.metadata) for item in found]
    except (LoaderError, MemoryError):
        raise
    except Exception as error:
        words = f"{type(error).__name__}: {error}".strip(": ")
        raise LoaderError(f"{path.name} cannot be read by the reader {target}: {words}") from error
    for text, metadata in documents:
        if not isinstance(text, str) or not isinstance(metadata, Mapping):
            raise LoaderError(
                f"{path.name}: a document of the reader {target} has {_kind(text)} as its text and {_kind(metadata)} "
                f"as its metadata: a string and a dict are needed"
            )
    return [(clean(text), metadata) for text, metadata in documents]


def _reader_class(target: str) -> Any:
    module, _, name = target.partition(":")
    try:
        found = getattr(import_module(module), name, None)
    except ModuleNotFoundError as error:
        above = {".".join(module.split(".")[:count]) for count in range(1, module.count(".") + 2)}
        if error.name in above:
            raise LoaderError(str(_missing(target))) from error
        raise LoaderError(
            f"the reader {target} needs the package {error.name}, which is not installed: pip install it"
        ) from error
    except (ImportError, SyntaxError) as error:
        raise LoaderError(f"the reader {target} cannot be imported: {error}") from error
    if not isinstance(found, type) or not callable(getattr(found, "load_data", None)):
        raise LoaderError(f"there is no reader {target}: {module} has no class {name} with load_data; check the name")
    return found


def _missing(target: str) -> UserError:
    module = target.partition(":")[0]
    parts = module.split(".")
    if parts[0] != "llama_index":
        return UserError(f"the reader {target} cannot be had: there is no module {module}; install its package")
    try:
        core = find_spec("llama_index.core") is not None
    except ImportError:
        core = False
    if not core:
        return MissingExtraError(f"the reader {target}", "llamaindex")
    if parts[1:2] == ["readers"] and len(parts) > 2:
        package = f"llama-index-readers-{parts[2].replace('_', '-')}"
        return UserError(f"the reader {target} is not installed: pip install {package}")
    return UserError(f"the reader {target} cannot be had: there is no module {module}; check the name")


def _pages(labels: Sequence[str], starts: Sequence[int]) -> tuple[int, ...]:
    """Offsets by page number. Labels that are rising numbers are the pages' numbers; others are counted from 1."""
    numbers = [int(label) for label in labels if label.isascii() and label.isdigit() and len(label) < 6]
    rising = all(before < after for before, after in pairwise(numbers))
    if len(numbers) < len(labels) or not rising or not 0 < numbers[0] <= numbers[-1] <= _LAST_PAGE:
        return tuple(starts)
    pages: list[int] = []
    for number, start in zip(numbers, starts, strict=True):
        # A page that is left out has no text: it begins where the next one does.
        pages += [start] * (number - len(pages))
    return tuple(pages)


def _kind(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
