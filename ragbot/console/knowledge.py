"""From the options to settings, filters, and an open knowledge base."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragbot.console.options import IndexOptions, KnowledgeBaseOptions, Options, SearchOptions
from ragbot.errors import SourceError, UserError

if TYPE_CHECKING:
    from ragbot.bot import RagBot
    from ragbot.documents import Document
    from ragbot.index.catalog import Catalog
    from ragbot.index.filters import Filter
    from ragbot.settings import Settings

#: The catalog's file in the folder of a knowledge base, and the key of the embedder's fingerprint in it.
CATALOG = "catalog.sqlite3"
FINGERPRINT = "embedder"
#: What people call the types of documents.
_TYPES = {
    "markdown": "md",
    "text": "txt",
    "htm": "html",
    "word": "docx",
    "excel": "xlsx",
    "powerpoint": "pptx",
    "mail": "eml",
}
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


def settings_of(options: Options, search: SearchOptions | None = None) -> Settings:
    """The settings with what the command line says on top. Raises SettingsError."""
    from ragbot.settings import load_settings

    searching: dict[str, object] = {}
    if search:
        searching = {
            "retrieval.top_k": search.top_k,
            "retrieval.rewrite": search.rewrite,
            "retrieval.reranker": search.reranker,
        }
    return load_settings({**options.arguments(), **searching}, options.config)[0]


def usable_folder(settings: Settings) -> Path:
    """The folder that the settings name, whether or not there is a knowledge base in it yet.

    Raises:
        SourceError: it is a file.
    """
    folder = settings.kb_path()
    if folder.exists() and not folder.is_dir():
        raise SourceError(
            f"{folder} is a file, and a knowledge base is a folder: choose another with --kb NAME-or-folder"
        )
    return folder


def existing_folder(settings: Settings) -> Path:
    """The folder of a knowledge base that is there.

    Raises:
        SourceError: there is none.
    """
    folder = usable_folder(settings)
    if not (folder / CATALOG).is_file():
        raise SourceError(
            f"there is no knowledge base {settings.kb!r} ({folder}); make one: ragbot ingest FOLDER --kb {settings.kb}"
            f"{_others(settings)}"
        )
    return folder


def _others(settings: Settings) -> str:
    names = [folder.name for folder in knowledge_bases(settings)]
    return f" (there are: {', '.join(names)})" if names else ""


def knowledge_bases(settings: Settings) -> list[Path]:
    """Folders of the knowledge bases that have a name, by name."""
    return sorted(path.parent for path in (settings.data_dir / "kb").glob(f"*/{CATALOG}"))


@contextmanager
def opened_bot(options: IndexOptions, settings: Settings, create: bool = False) -> Iterator[RagBot]:
    """A RagBot on the knowledge base of the settings. Raises SourceError if there is none and ``create`` is not set."""
    if create:
        usable_folder(settings)
    else:
        existing_folder(settings)
    with options.terminal.working("opening the knowledge base …"):
        from ragbot.bot import RagBot

        bot = RagBot.open(settings=settings, create=create)
    with bot:
        yield bot


@contextmanager
def opened_catalog(folder: Path) -> Iterator[Catalog]:
    """The catalog in ``folder``; no model is loaded for it."""
    from ragbot.index.catalog import Catalog

    catalog = Catalog(folder / CATALOG, create=False)
    try:
        yield catalog
    finally:
        catalog.close()


def summary(options: KnowledgeBaseOptions) -> dict[str, Any]:
    """What ``ragbot kb info`` says."""
    from ragbot.index.maintenance import folder_bytes
    from ragbot.index.vectors.faiss_check import describe
    from ragbot.index.vectors.stores import FAISS, name_in

    settings = settings_of(options)
    folder = existing_folder(settings)
    with opened_catalog(folder) as catalog:
        documents = catalog.documents()
        embedder = catalog.get(FINGERPRINT)
        return {
            "kb": settings.kb,
            "folder": str(folder),
            **catalog.counts(),
            "bytes": folder_bytes(folder),
            "embedder": catalog.fingerprint().as_dict() if embedder else None,
            "vector_store": name_in(catalog),
            "vector_index": describe(folder) if name_in(catalog) == FAISS else None,
            "seq": catalog.seq,
            "types": dict(Counter(document.type for document in documents).most_common()),
            "languages": dict(Counter(document.language or "?" for document in documents).most_common()),
        }


def listing(options: Options) -> dict[str, Any]:
    """What ``ragbot kb list`` says: one that cannot be opened is listed with its error."""
    from ragbot.errors import RagbotError

    settings = settings_of(options)
    rows = []
    for folder in knowledge_bases(settings):
        row: dict[str, Any] = {"name": folder.name, "folder": str(folder), "default": folder == settings.kb_path()}
        try:
            with opened_catalog(folder) as catalog:
                rows.append({**row, **catalog.counts(), "error": None})
        except RagbotError as error:
            rows.append({**row, "documents": None, "chunks": None, "characters": None, "error": str(error)})
    return {"folder": str(settings.data_dir / "kb"), "knowledge_bases": rows}


def remove(options: KnowledgeBaseOptions, name: str) -> str:
    """Remove a document, and our copy if it was uploaded, without loading the embedder; returns its source.

    Raises:
        SourceError: there is no such document.
        LockedError: another process is writing.
    """
    settings = settings_of(options)
    folder = existing_folder(settings)
    with opened_catalog(folder) as catalog:
        fingerprint = catalog.fingerprint()
    from ragbot.bot import store_options
    from ragbot.index.knowledge_base import KnowledgeBase
    from ragbot.index.uploads import forget

    kb = KnowledgeBase(folder, fingerprint, create=False, store=store_options(settings))
    try:
        # Looked for inside: the end of writing also finishes what a removal that was killed has left.
        with kb.writing() as writing:
            source = _resolve(name, [document.source for document in writing.documents()])
            if writing.remove_document(source):
                forget(folder, source)
    finally:
        kb.close()
    return source


def _resolve(name: str, sources: Sequence[str]) -> str:
    for candidate in (name, str(Path(name).expanduser().absolute())):
        if candidate in sources:
            return candidate
    near = [source for source in sources if Path(source).name == Path(name).name]
    near = near or difflib.get_close_matches(name, sources, 3, 0.5)
    hint = f"; did you mean {' or '.join(near[:3])}?" if near else "; ragbot kb documents lists them"
    raise SourceError(f"there is no document {name!r} in this knowledge base{hint}")


def where(search: SearchOptions) -> Filter | None:
    """The condition that the options describe, or None.

    Raises:
        UserError: a date that is none.
    """
    from ragbot.index.filters import Filter

    since, until = _day("--since", search.since), _day("--until", search.until)
    if since and until and since > until and not since.startswith(until):
        raise UserError(f"--since {since} is later than --until {until}: no document can be both")
    condition = Filter(
        sources=tuple(pattern for name in search.source or () for pattern in _patterns(name)),
        types=tuple(_TYPES.get(name, name) for name in (raw.lower().lstrip(".") for raw in search.type or ())),
        languages=tuple(tag.lower().partition("-")[0] for tag in search.language or ()),
        since=since,
        until=until,
        tags=tuple(search.tag or ()),
        collections=tuple(search.collection or ()),
    )
    return None if condition.empty else condition


def _day(option: str, value: str | None) -> str | None:
    if value is None:
        return None
    match = _DATE.fullmatch(value)
    try:
        if match is None:
            raise ValueError("not a date")
        year, month, day = match.groups()
        date(int(year), int(month or 1), int(day or 1))
    except ValueError as error:
        raise UserError(f"{option} {value!r} ({error}): write YYYY, YYYY-MM or YYYY-MM-DD") from None
    return value


def _patterns(name: str) -> Iterable[str]:
    """What a person may mean by a source: its name, a path from here, or a file's name alone."""
    path = Path(name).expanduser()
    yield name
    if "*" in name or "?" in name:
        if not name.startswith(("*", "/")):
            yield f"*/{name}"
    elif path.exists():
        yield str(path.absolute())
    elif "/" not in name:
        yield f"*/{name}"


def all_documents(
    options: KnowledgeBaseOptions, tags: Sequence[str] = (), collections: Sequence[str] = ()
) -> list[Document]:
    """The documents that have one of the tags and are in one of the collections, if any are given; by source."""
    from ragbot.index.filters import Filter

    with opened_catalog(existing_folder(settings_of(options))) as catalog:
        return catalog.documents(Filter(tags=tuple(tags), collections=tuple(collections)))
