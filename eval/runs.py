"""Runs on disk: a folder with what was run (run.json), a row for each question (rows.jsonl), and what was made of it.

``rows.jsonl`` grows while the run goes on; a line that was cut off by a kill is left out when it is read, and its
question is asked again when the run is resumed.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from eval.baselines import read_baseline
from eval.files import cut_torn_line, finite, now, write_json, write_text, writing
from eval.records import FORMAT, VERSION, Row, Run, checked, decode_row, encode_row
from ragbot.errors import EvaluationError

MANIFEST, ROWS = "run.json", "rows.jsonl"
#: Names the newest run, and so cannot be a run's name.
LATEST = "latest"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


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


def _read_run(folder: Path) -> Run:
    manifest = _read_manifest(folder / MANIFEST)
    path = folder / ROWS
    return Run(manifest, tuple(_unique(_read_rows(path))) if path.exists() else (), folder)


def _read_manifest(path: Path) -> Mapping[str, Any]:
    try:
        return checked(json.loads(path.read_text(encoding="utf-8")), path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(f"{path} is no run of ours: {error!r}") from error


def _read_rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:  # a kill may have cut it off inside a character
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield decode_row(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise EvaluationError(f"{path}, line {number}, is damaged: {error!r}") from error


def _unique(rows: Iterable[Row]) -> list[Row]:
    """The last row of each question, in the order of the first."""
    return list({row.question.id: row for row in rows}.values())


def _line(row: Row) -> str:
    return json.dumps(finite(encode_row(row)), ensure_ascii=False, separators=(",", ":")) + "\n"
