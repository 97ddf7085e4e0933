"""Open a question set of any known format."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from eval.datasets.base import QuestionSet
from eval.datasets.beir import CORPUS, QUERIES, judgements, read_beir
from eval.datasets.jsonl import read_jsonl
from eval.datasets.rgb import read_rgb
from eval.datasets.squad import read_squad
from ragbot.documents import ParsedDocument
from ragbot.errors import SourceError

_FORMATS = (
    'a folder with corpus.jsonl (BEIR), a JSON file with "data" (SQuAD), lines with "query" and "positive" (RGB), or '
    'lines with "question" (ours, see eval/datasets/jsonl.py)'
)


def open_dataset(path: Path, documents: Path | Mapping[str, ParsedDocument] | None = None) -> QuestionSet:
    """Read a question set; what it holds tells its format, not its name.

    Args:
        path: a file, or a folder in BEIR's layout.
        documents: the folder of documents that questions in our own format are about, or the documents themselves. The
            other formats bring their documents along.

    Raises:
        SourceError: there is nothing at ``path``, its format is not known, or it is damaged; or ``documents`` was given
            for a set that brings its own.
    """
    if not path.exists():
        raise SourceError(f"there is no question set {path}; check the path")
    if path.is_dir():
        if not (path / CORPUS).is_file():
            raise SourceError(f"{path} is a folder without {CORPUS}; a question set is {_FORMATS}")
        reader: Callable[[Path], QuestionSet] = read_beir
    else:
        fields = _fields(path)
        if "question" in fields:
            return read_jsonl(path, documents)
        if fields & {"positive", "negative"}:
            reader = read_rgb
        elif "data" in fields:
            reader = read_squad
        else:
            raise SourceError(f"{path} is of no known format; a question set is {_FORMATS}")
    if documents is not None:
        raise SourceError(f"{path} brings its own documents: leave --documents and --kb out")
    return reader(path)


def fingerprint(path: Path) -> str:
    """SHA-256, in hexadecimal, of a question set: of the bytes of its file, or of the files of a folder by name.

    Documents that lie elsewhere are not part of it.

    Raises:
        SourceError: nothing can be read there.
    """
    try:
        if not path.is_dir():
            return _digest(path)
        whole = hashlib.sha256()
        for file in (path / CORPUS, path / QUERIES, *judgements(path).values()):
            whole.update(f"{file.relative_to(path).as_posix()} {_digest(file)}\n".encode())
        return whole.hexdigest()
    except OSError as error:
        raise SourceError(f"cannot read the question set {path}: {error}; check the path") from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fields(path: Path) -> set[str]:
    """The fields of the first object: of the first line, or of the whole file where that is no object of its own."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = next((line for line in file if line.strip()), "")
            try:
                record = json.loads(first)
            except ValueError:
                # Indented JSON, or a line that is damaged: a file of one object names its fields, others have none.
                try:
                    record = json.loads(first + file.read())
                except ValueError:
                    record = {name: None for name in ("question", "positive", "data") if f'"{name}"' in first}
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8 text; a question set is {_FORMATS}") from error
    except OSError as error:
        raise SourceError(f"cannot read the question set {path}: {error.strerror}; check the path") from error
    return set(record) if isinstance(record, dict) else set()
