"""The question sets that a person may choose from: those that come with ragbot, and those in the data folder."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.datasets.jsonl import read_jsonl, read_lines, write_jsonl
from eval.datasets.open import open_dataset
from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.errors import RagbotError, SourceError, StorageError, UserError
from ragbot.settings import Settings

_OURS = Path(__file__).resolve().parents[1] / "data"
#: The documents that our own sets are about.
SAMPLE_DOCUMENTS = _OURS / "corpus"
_SUFFIXES = (".jsonl", ".json")
_UNSAFE = re.compile(r"[^\w .()-]+")
#: What a set of ours has to have in each line to be one for ``ragbot eval run``.
_WANTED = {"id", "question"}


@dataclass(frozen=True, slots=True)
class SetFile:
    """A question set.

    Attributes:
        name: of the file.
        path: where it lies.
        own: whether it is the person's own, and lies in the data folder.
        questions: how many; 0 where that is not known without reading the whole set.
    """

    name: str
    path: Path
    own: bool
    questions: int


def sets_folder(settings: Settings) -> Path:
    """Where the person's own sets lie."""
    return settings.data_dir.expanduser().absolute() / "eval" / "sets"


def question_sets(settings: Settings) -> list[SetFile]:
    """The sets that there are, the person's own first, each by name; what is no set is left out."""
    found = []
    for folder, own in ((sets_folder(settings), True), (_OURS / "eval", False)):
        for path in sorted(folder.glob("*")):
            if path.suffix in _SUFFIXES and path.is_file():
                questions = _questions_in(path)
                if questions is not None:
                    found.append(SetFile(path.name, path, own, questions))
    return found


def set_named(settings: Settings, name: str, own: bool) -> SetFile:
    """One of :func:`question_sets`. Raises SourceError: there is none of this name."""
    for found in question_sets(settings):
        if found.name == name and found.own == own:
            return found
    raise SourceError(f"there is no question set {name[:80]!r} any more: choose another")


def add_set(settings: Settings, name: str, content: bytes) -> SetFile:
    """Keep a question set that somebody sent in the data folder; another one of its name is replaced.

    Args:
        name: what the sender calls the file; no path in it is followed.
        content: of any format that :func:`eval.datasets.open.open_dataset` reads.

    Raises:
        SourceError: it is no question set; nothing is kept of it.
        StorageError: it cannot be kept.
    """
    folder = sets_folder(settings)
    path = folder / _safe_name(name)
    part = folder / f".{path.name}.part{path.suffix}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(content)
            try:
                count = len(open_dataset(part).questions)
            except SourceError as error:
                raise SourceError(str(error).replace(str(part), path.name)) from error
            if not count:
                raise SourceError(f"{path.name} holds no question: write one JSON object a line")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot keep {path}: {error.strerror or error}; check the rights") from error
    return SetFile(path.name, path, True, count)


def write_set(settings: Settings, name: str, records: Iterable[Mapping[str, Any]]) -> SetFile:
    """Keep records of our own format (such as :func:`ragbot.workspace.feedback.evaluation_set` gives) as a set.

    Raises:
        UserError: there are none.
        SourceError: they are none of our format, or cannot be written.
    """
    listed = list(records)
    if not listed:
        raise UserError("there is no rated answer yet: rate some in the chat with the thumbs, then make the set again")
    folder = sets_folder(settings)
    path = folder / _safe_name(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot keep {path}: {error.strerror or error}; check the rights") from error
    write_jsonl(path, listed)
    return SetFile(path.name, path, True, len(read_jsonl(path).questions))


def remove_set(settings: Settings, name: str) -> None:
    """Delete a set of the person's own. Raises SourceError: there is none of this name."""
    set_named(settings, name, own=True).path.unlink(missing_ok=True)


def documents_of(found: SetFile, bot: RagBot) -> dict[str, ParsedDocument]:
    """The documents of a knowledge base that the questions of a set in our own format name, by the name in the set.

    A question may name the end of a source; where several end so, none is taken.

    Raises:
        SourceError: the set cannot be read.
    """
    named = {str(record["source"]) for _, record in read_lines(found.path) if isinstance(record.get("source"), str)}
    known = bot.documents()
    documents = {}
    for name in sorted(named):
        fitting = [one for one in known if one.source == name] or [
            one for one in known if one.source.endswith(f"/{name}")
        ]
        if len(fitting) == 1:
            (one,) = fitting
            text, pages, headings = bot.kb.catalog.parsed_text(one.id)
            documents[name] = ParsedDocument(text, one.title, one.type, one.language, one.date, pages, headings)
    return documents


def _questions_in(path: Path) -> int | None:
    """How many questions a file holds; None where it is no set that can be run."""
    if path.suffix == ".json":
        try:
            return len(open_dataset(path).questions)
        except RagbotError:
            return None
    count = 0
    try:
        for _, record in read_lines(path):
            if not record.keys() >= _WANTED and not record.keys() & {"positive", "negative"}:
                return None
            if "template" in record or "history" in record or "document" in record:  # sets of benchmarks of their own
                return None
            count += record.get("review") != "dropped"
    except SourceError:
        return None
    return count or None


def _safe_name(name: str) -> str:
    base = unicodedata.normalize("NFC", re.split(r"[\\/]", name)[-1])
    base = _UNSAFE.sub("_", base).strip(" .") or "questions"
    suffix = Path(base).suffix.lower()
    stem = base[: -len(suffix)] if suffix in _SUFFIXES else base
    shown = stem.encode()[:150].decode(errors="ignore").strip(" .") or "questions"
    return f"{shown}{suffix if suffix in _SUFFIXES else '.jsonl'}"
