"""Runs of the agent in the workspace: a head each, and the steps, one row each, in the order in which they happened.

A step is JSON here, and whoever made it knows what it means. When a call returns, what it changed is on the disk.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ragbot.errors import UserError
from ragbot.index.records import checksum
from ragbot.workspace.records import clean, now
from ragbot.workspace.store import Workspace, damaged

_HEAD = "id, question, created, updated, state, error, details, checksum"
STATES = frozenset({"running", "done", "interrupted", "failed"})

Json = Mapping[str, Any]


class AgentRuns:
    """The runs of a workspace.

    All methods raise CorruptError where a row is damaged, and StorageError where nothing can be written.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    # -- looking -------------------------------------------------------------------------------------------------

    def all(self, limit: int | None = None) -> list[dict[str, Any]]:
        """The heads, the last used first, each with the number of its ``steps``."""
        sql = f"""
            SELECT {_HEAD}, (SELECT count(*) FROM agent_steps WHERE run = id) FROM agent_runs
            ORDER BY updated DESC, rowid DESC LIMIT ?
        """
        with self.workspace.reading() as db:
            rows = db.execute(sql, (-1 if limit is None else limit,)).fetchall()
        return [{**self._head(row), "steps": row[8]} for row in rows]

    def head(self, name: str) -> dict[str, Any]:
        """A run by its id, or by the beginning of it that no other one has: id, question, state and details.

        Raises:
            UserError: there is none, or there are several.
        """
        with self.workspace.reading() as db:
            row = db.execute(f"SELECT {_HEAD} FROM agent_runs WHERE id = ?", (self._resolved(db, name),)).fetchone()
        return self._head(row)

    def resolve(self, name: str) -> str:
        """The id that ``name`` is, or is the beginning of; also of a run that is damaged. Raises as :meth:`head`."""
        with self.workspace.reading() as db:
            return self._resolved(db, name)

    def steps(self, run: str) -> list[Json]:
        """The steps of a run, the first one first."""
        sql = "SELECT run, number, step, checksum FROM agent_steps WHERE run = ? ORDER BY number"
        with self.workspace.reading() as db:
            rows = db.execute(sql, (run,)).fetchall()
        return [self._step(row) for row in rows]

    # -- changing ------------------------------------------------------------------------------------------------

    def begin(self, run: str, question: str, details: Json) -> None:
        """Store a new run without steps."""
        moment = now()
        columns = (run, clean(question), moment, moment, "running", "", _written(details))
        with self.workspace.writing() as db:
            db.execute("INSERT INTO agent_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*columns, checksum(*columns)))

    def append(self, run: str, number: int, step: Json) -> None:
        """Store the next step.

        Raises:
            UserError: it is not the next one (another process goes on with the run), or the run was deleted.
        """
        columns = (run, number, _written(step))
        with self.workspace.writing() as db:
            self._existing(db, run)
            (count,) = db.execute("SELECT count(*) FROM agent_steps WHERE run = ?", (run,)).fetchone()
            if count != number:
                raise UserError(
                    f"another process goes on with the run {run}: let it finish, then ragbot agent --replay {run}"
                )
            db.execute("INSERT INTO agent_steps VALUES (?, ?, ?, ?)", (*columns, checksum(*columns)))

    def mark(self, run: str, state: str, error: str = "") -> None:
        """Say how a run stands: one of :data:`STATES`; nothing is done where it was deleted."""
        with self.workspace.writing() as db:
            row = db.execute(f"SELECT {_HEAD} FROM agent_runs WHERE id = ?", (run,)).fetchone()
            if row is None:
                return
            self._head(row)
            columns = (*row[:3], now(), state, clean(error), row[6])
            sql = "UPDATE agent_runs SET updated = ?, state = ?, error = ?, checksum = ? WHERE id = ?"
            db.execute(sql, (*columns[3:6], checksum(*columns), run))

    def delete(self, runs: Iterable[str]) -> int:
        """Delete runs with their steps; no byte of them is left. Returns how many there were."""
        wanted = [(run,) for run in runs]
        if not wanted:
            return 0
        with self.workspace.deleting() as db:
            db.executemany("DELETE FROM agent_steps WHERE run = ?", wanted)
            return db.executemany("DELETE FROM agent_runs WHERE id = ?", wanted).rowcount

    # -- inside --------------------------------------------------------------------------------------------------

    def _resolved(self, db: sqlite3.Connection, name: str) -> str:
        wanted = name.strip().lower()
        found = [str(row[0]) for row in db.execute("SELECT id FROM agent_runs ORDER BY updated DESC, rowid DESC")]
        near = [identity for identity in found if wanted and identity.startswith(wanted)]
        if wanted in near:
            return wanted
        if not near:
            raise UserError(f"there is no run {name!r}; ragbot agent runs shows them")
        if len(near) > 1:
            raise UserError(f"{name!r} is the beginning of {len(near)} runs ({', '.join(near[:5])}); write more of it")
        return near[0]

    def _existing(self, db: sqlite3.Connection, run: str) -> None:
        if db.execute("SELECT 1 FROM agent_runs WHERE id = ?", (run,)).fetchone() is None:
            raise UserError(f"the run {run} has been deleted: ask again")

    def _head(self, row: Sequence[Any]) -> dict[str, Any]:
        if checksum(*row[:7]) != row[7] or row[4] not in STATES:
            raise self._damaged(row[0])
        head = {
            "id": row[0],
            "question": row[1],
            "created": row[2],
            "updated": row[3],
            "state": row[4],
            "error": row[5],
        }
        return {**self._object(row[0], row[6]), **head}

    def _step(self, row: Sequence[Any]) -> Json:
        if checksum(*row[:3]) != row[3]:
            raise self._damaged(row[0])
        return self._object(row[0], row[2])

    def _object(self, run: str, text: str) -> dict[str, Any]:
        try:
            found = json.loads(text)
        except ValueError as error:
            raise self._damaged(run) from error
        if not isinstance(found, dict):
            raise self._damaged(run)
        return found

    def _damaged(self, run: str) -> Exception:
        return damaged(self.workspace.path, f"run {run}", f"delete it: ragbot agent runs --delete {run}")


def _written(value: Json) -> str:
    return clean(json.dumps(value, ensure_ascii=False, default=str))
