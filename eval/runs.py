"""Runs on disk: a folder with what was run (run.json), a row for each question (rows.jsonl), and what was made of it.

``rows.jsonl`` grows while the run goes on; a line that was cut off by a kill is left out when it is read, and its
question is asked again when the run is resumed. A baseline is the same in one small file, with no more of the responses
than their confidence.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from eval.datasets.base import Question, Span, ToolCall
from eval.files import cut_torn_line, finite, now, write_json, write_text, writing
from eval.responses import Hit, Quote, Response
from ragbot.errors import EvaluationError

MANIFEST, ROWS = "run.json", "rows.jsonl"
FORMAT, VERSION = "ragbot-eval", 1
#: Names the newest run, and so cannot be a run's name.
LATEST = "latest"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class Row:
    """One question, what the system said (None where it failed: ``error``), and the metrics that apply to it."""

    question: Question
    response: Response | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Run:
    """A run as it was stored.

    ``manifest`` has: ``name``, ``created``, ``finished`` (ISO 8601, empty while it runs), ``mode`` (answer or search),
    ``dataset`` (name, sha256, questions, documents, part, leave_out), ``settings`` (dotted keys), ``seed``,
    ``workers``, ``models`` (embedder, llm), ``versions``, ``machine``.
    """

    manifest: Mapping[str, Any]
    rows: tuple[Row, ...]
    folder: Path | None = None

    @property
    def name(self) -> str:
        """The name that it is found under."""
        return str(self.manifest["name"])

    @property
    def errors(self) -> int:
        """Questions that the system failed at."""
        return sum(bool(row.error) for row in self.rows)


class RunWriter:
    """Appends rows to a run; safe to use from several threads. Use it as a context manager.

    Entering it locks the run, and drops the rows that failed, so that their questions can be asked again.

    Raises:
        EvaluationError: on entering: another process is writing to the run.
    """

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        self.folder = folder
        self.manifest = dict(manifest)
        self._lock = threading.Lock()
        self._file: IO[str] | None = None
        self._held = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as held:
            held.enter_context(writing(self.folder))
            path = self.folder / ROWS
            cut_torn_line(path)
            if path.exists():
                rows = _unique(_read_rows(path))
                if any(row.error for row in rows):
                    write_text(path, "".join(_line(row) for row in rows if not row.error))
            if self.manifest["finished"]:
                self.manifest["finished"] = ""
                write_json(self.folder / MANIFEST, self.manifest)
            # What a system says may hold halves of surrogate pairs, which UTF-8 has no bytes for.
            self._file = path.open("a", encoding="utf-8", errors="replace")
            self._held = held.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._file is not None
        with self._held, self._file:
            self._file.flush()
            os.fsync(self._file.fileno())
        self._file = None

    def append(self, row: Row) -> None:
        """Store one row."""
        line = _line(row)
        with self._lock:
            assert self._file is not None, "use the writer as a context manager"
            self._file.write(line)
            self._file.flush()

    def finish(self) -> None:
        """Note in the manifest that every question was asked."""
        self.manifest["finished"] = now()
        write_json(self.folder / MANIFEST, self.manifest)


class RunStore:
    """The runs in one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self, manifest: Mapping[str, Any], name: str = "") -> RunWriter:
        """A new run; without a name it is called after the set and the time.

        Raises:
            EvaluationError: there is a run of this name, or the name cannot be one.
        """
        chosen = name or self._free_name(str(manifest["dataset"]["name"]))
        folder = self._folder(chosen)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise EvaluationError(
                f"there is a run named {chosen!r} already: take another --name, or go on with it by --resume {chosen}"
            ) from None
        full = {"format": FORMAT, "version": VERSION, "name": chosen, "created": now(), "finished": "", **manifest}
        write_json(folder / MANIFEST, full)
        return RunWriter(folder, full)

    def resume(self, name: str, check: Callable[[Mapping[str, Any]], None] | None = None) -> tuple[RunWriter, Run]:
        """Go on with a run; the rows that failed are asked again. Nothing is changed until the writer is entered.

        Args:
            check: called with the manifest; raises where the run was made of something else.

        Raises:
            EvaluationError: there is none, or it is finished without an error.
        """
        run = self.load(name)
        if run.folder is None:
            raise EvaluationError(f"{name} is a baseline, and only a run can be resumed; `ragbot eval list` shows them")
        if check:
            check(run.manifest)
        good = [row for row in run.rows if not row.error]
        if run.manifest["finished"] and len(good) == len(run.rows):
            raise EvaluationError(f"the run {run.name!r} is finished: there is nothing to resume")
        return RunWriter(run.folder, run.manifest), Run(run.manifest, tuple(good), run.folder)

    def load(self, name: str) -> Run:
        """A run by its name, ``latest``, its folder, or a baseline file.

        Raises:
            EvaluationError: it is not there, or not one of ours.
        """
        if name == LATEST:
            manifests = self.manifests()
            if not manifests:
                raise EvaluationError("there is no run yet: make one with `ragbot eval run DATASET`")
            name = manifests[0]["name"]
        path = Path(name)
        if path.is_file():
            return read_baseline(path)
        if (path / MANIFEST).is_file():
            return _read_run(path)
        folder = self.root / name if _NAME.fullmatch(name) else None
        if folder is None or not (folder / MANIFEST).is_file():
            raise EvaluationError(f"there is no run {name!r}; `ragbot eval list` shows those that there are")
        return _read_run(folder)

    def manifests(self) -> list[Mapping[str, Any]]:
        """The manifests of all runs, newest first; what cannot be read is left out."""
        found = []
        for path in self.root.glob(f"*/{MANIFEST}"):
            try:
                found.append(_read_manifest(path))
            except EvaluationError:
                continue
        return sorted(found, key=lambda manifest: str(manifest["created"]), reverse=True)

    def _folder(self, name: str) -> Path:
        if not _NAME.fullmatch(name) or name == LATEST:
            raise EvaluationError(
                f"{name!r} cannot name a run: take letters, digits, '_', '-' and '.', at most 100, no '.' or '-' first"
            )
        return self.root / name

    def _free_name(self, dataset: str) -> str:
        stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", dataset).strip(".-")[:60] or "run"
        stem = f"{stem}-{datetime.now():%Y%m%d-%H%M%S}"
        name, number = stem, 1
        while (self.root / name).exists():
            number += 1
            name = f"{stem}-{number}"
        return name


# -- baselines -------------------------------------------------------------------------------------------------------


def write_baseline(path: Path, run: Run) -> None:
    """Store what a later run is compared with: each question's metrics, and what made them."""
    rows = [
        {
            "question": {
                key: value
                for key, value in encode_question(row.question).items()
                if key not in {"gold", "relevant", "answers"}
            },
            **_confidence(row),
            "metrics": dict(row.metrics),
            **({"error": row.error} if row.error else {}),
        }
        for row in run.rows
    ]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    head = json.dumps({"manifest": dict(run.manifest)}, ensure_ascii=False, indent=1)
    # One row a line, so that a change of the file can be read.
    write_text(path, f'{head[:-2]},\n "rows": [\n{lines}\n ]\n}}\n')


def read_baseline(path: Path) -> Run:
    """See :func:`write_baseline`. Raises EvaluationError where it is not one."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        manifest = _checked(data["manifest"], path)
        rows = tuple(decode_row(row) for row in data["rows"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(
            f"{path} is no baseline: {error!r}; write one with `ragbot eval run … --save-baseline`"
        ) from error
    return Run(manifest, rows)


def _confidence(row: Row) -> dict[str, Any]:
    if row.response is None or row.response.confidence is None:
        return {}
    return {"response": {"confidence": row.response.confidence}}


# -- JSON ------------------------------------------------------------------------------------------------------------


def encode_question(question: Question) -> dict[str, Any]:
    """A question as JSON; what is empty is left out."""
    kept = {key: value for key, value in asdict(question).items() if value not in ("", (), {}, None)}
    kept |= {"id": question.id, "text": question.text}  # a set of strangers may hold an empty question
    # No call expected is something else than a question that is not for agents.
    calls = {} if question.calls is None else {"calls": [asdict(call) for call in question.calls]}
    return kept | calls | {"answerable": question.answerable}


def encode_row(row: Row) -> dict[str, Any]:
    """A row as JSON."""
    return {
        "question": encode_question(row.question),
        "response": asdict(row.response) if row.response else None,
        "metrics": dict(row.metrics),
        "error": row.error,
    }


def decode_row(data: Mapping[str, Any]) -> Row:
    """The reverse of :func:`encode_row`."""
    question = dict(data["question"])
    question["answers"] = tuple(question.get("answers", ()))
    question["gold"] = tuple(tuple(Span(**span) for span in item) for item in question.get("gold", ()))
    calls = question.get("calls")
    question["calls"] = None if calls is None else tuple(ToolCall(**call) for call in calls)
    response = data.get("response")
    if response is not None:
        response = dict(response)
        response["hits"] = tuple(Hit(**hit) for hit in response.get("hits", ()))
        for key, kind in (("quotes", Quote), ("calls", ToolCall)):
            if response.get(key) is not None:
                response[key] = tuple(kind(**item) for item in response[key])
        response = Response(**response)
    return Row(Question(**question), response, data["metrics"], data.get("error", ""))


def _read_run(folder: Path) -> Run:
    manifest = _read_manifest(folder / MANIFEST)
    path = folder / ROWS
    return Run(manifest, tuple(_unique(_read_rows(path))) if path.exists() else (), folder)


def _read_manifest(path: Path) -> Mapping[str, Any]:
    try:
        return _checked(json.loads(path.read_text(encoding="utf-8")), path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(f"{path} is no run of ours: {error!r}") from error


def _checked(manifest: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    if manifest["format"] != FORMAT:
        raise EvaluationError(f"{path} is no run of ours: its format is {manifest['format']!r}")
    if manifest["version"] > VERSION:
        raise EvaluationError(f"{path} was written by a newer ragbot: upgrade to read it")
    return manifest


def _read_rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith("\n"):
                return  # cut off by a kill
            try:
                yield decode_row(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise EvaluationError(f"{path}, line {number}, is damaged: {error!r}") from error


def _unique(rows: Iterable[Row]) -> list[Row]:
    """The last row of each question, in the order of the first."""
    return list({row.question.id: row for row in rows}.values())


def _line(row: Row) -> str:
    return json.dumps(finite(encode_row(row)), ensure_ascii=False, separators=(",", ":")) + "\n"
