"""Conversations and their turns in the workspace.

The turns of a conversation form a tree: what is asked or answered anew stands beside what it replaces, and the
conversation names the last turn of the branch in use. So nothing is overwritten, and an edit can be taken back.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ragbot.errors import UserError
from ragbot.generation.memory import Summary
from ragbot.index.records import checksum
from ragbot.workspace.records import ConversationInfo, Turn, clean, now
from ragbot.workspace.rows import CONVERSATION, TURN, conversation_of, conversation_row, turn_of_row, turn_row
from ragbot.workspace.store import Workspace

log = logging.getLogger(__name__)

#: Characters of the first question that become the title.
TITLE = 80
#: The branch in use, from its end: a turn's parent is older than itself, whatever a damaged row may say.
_BRANCH = """
    WITH RECURSIVE branch (conversation, id) AS (
        SELECT id, head FROM conversations WHERE head IS NOT NULL {and_where}
        UNION ALL
        SELECT branch.conversation, turns.parent FROM branch JOIN turns ON turns.id = branch.id
        WHERE turns.parent < turns.id
    )
"""


class Conversations:
    """The conversations of a workspace.

    All methods raise CorruptError where a row is damaged, and StorageError where nothing can be written.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    @property
    def path(self) -> Path:
        """The file of the workspace."""
        return self.workspace.path

    # -- looking -------------------------------------------------------------------------------------------------

    def all(self, kb: str | None = None) -> list[ConversationInfo]:
        """The conversations, those with a knowledge base if one is named; the one that was used last is the first."""
        where, values = ("WHERE kb = ?", (kb,)) if kb is not None else ("", ())
        with self.workspace.reading() as db:
            lengths = dict(
                db.execute(_BRANCH.format(and_where="") + "SELECT conversation, count(*) FROM branch GROUP BY 1")
            )
            rows = db.execute(
                f"SELECT {CONVERSATION} FROM conversations {where} ORDER BY updated DESC, rowid DESC", values
            )
            return [conversation_of(self.path, row, lengths.get(row[0], 0)) for row in rows]

    def get(self, name: str) -> ConversationInfo:
        """A conversation by its id, or by the beginning of it that no other one has.

        Raises:
            UserError: there is none, or there are several.
        """
        with self.workspace.reading() as db:
            info = self._info(db, self.resolve(name))
            return replace(info, turns=len(self._branch(db, info.id)))

    def resolve(self, name: str) -> str:
        """The id that ``name`` is, or is the beginning of; also of a conversation that is damaged. Raises as :meth:`get`."""
        wanted = name.strip().lower()
        with self.workspace.reading() as db:
            found = [
                str(row[0]) for row in db.execute("SELECT id FROM conversations ORDER BY updated DESC, rowid DESC")
            ]
        near = [identity for identity in found if wanted and identity.startswith(wanted)]
        if wanted in near:
            return wanted
        if not near:
            raise UserError(f"there is no conversation {name!r}; ragbot conversations list shows them")
        if len(near) > 1:
            several = ", ".join(near[:5])
            raise UserError(f"{name!r} is the beginning of {len(near)} conversations ({several}); write more of it")
        return near[0]

    def count(self) -> int:
        """How many there are, damaged ones included."""
        with self.workspace.reading() as db:
            return int(db.execute("SELECT count(*) FROM conversations").fetchone()[0])

    def turns(self, identity: str) -> tuple[Turn, ...]:
        """The turns of the branch in use, the first one first."""
        with self.workspace.reading() as db:
            return tuple(turn_of_row(self.path, row) for row in self._branch(db, identity))

    def all_turns(self, identity: str) -> tuple[Turn, ...]:
        """Every turn, alternatives included; a turn stands behind the one that it follows."""
        with self.workspace.reading() as db:
            rows = db.execute(f"SELECT {TURN} FROM turns WHERE conversation = ? ORDER BY id", (identity,))
            return tuple(turn_of_row(self.path, row) for row in rows)

    def shown(self, turn: Turn) -> Turn:
        """A turn as whoever looks may see it; see :mod:`ragbot.workspace.conversations_seen`."""
        return turn

    def alternatives(self, turn: Turn) -> tuple[Turn, ...]:
        """The turns in the same place, this one included, in the order in which they were made."""
        return tuple(other for other in self.all_turns(turn.conversation) if other.parent == turn.parent)

    # -- changing ------------------------------------------------------------------------------------------------

    def create(self, kb: str, title: str = "") -> ConversationInfo:
        """Make a conversation without turns; its title will be the first question, if it gets none here."""
        moment = now()
        info = ConversationInfo(secrets.token_hex(6), _title(title), kb, moment, moment)
        with self.workspace.writing() as db:
            insert_conversation(db, info)
        return info

    def append(self, identity: str, turn: Turn, *, new_in: str | None = None, instead_of: int | None = None) -> Turn:
        """Store a turn at the end of the branch in use; when this returns, it is on the disk.

        Args:
            new_in: make the conversation with it, about this knowledge base, unless it is there.
            instead_of: the turn that it replaces; that one stays, as an alternative.

        Returns:
            the turn as it was stored, with its id and time.

        Raises:
            UserError: there is no such conversation (any more), or it has no such turn.
        """
        moment = now()
        with self.workspace.writing() as db:
            row = db.execute(f"SELECT {CONVERSATION} FROM conversations WHERE id = ?", (identity,)).fetchone()
            if row is None:
                if new_in is None:
                    raise UserError(f"the conversation {identity} has been deleted; start a new one")
                info = ConversationInfo(identity, "", new_in, moment, moment)
                insert_conversation(db, info)
            else:
                info = conversation_of(self.path, row)
            parent = info.head if instead_of is None else self._turn(db, identity, instead_of).parent
            text = replace(turn, question=clean(turn.question), text=clean(turn.text), asked=turn.asked or moment)
            stored = insert_turn(db, replace(text, conversation=identity, parent=parent))
            update_conversation(
                db, replace(info, title=info.title or _title(turn.question), updated=moment, head=stored.id)
            )
        return stored

    def choose(self, identity: str, turn: int) -> None:
        """Go on with the branch that ``turn`` is part of, from its newest end. Raises UserError without such a turn."""
        with self.workspace.writing() as db:
            info = self._info(db, identity)
            head = self._turn(db, identity, turn).id
            children: dict[int, int] = {}
            for child, parent in db.execute(
                "SELECT id, parent FROM turns WHERE conversation = ? ORDER BY id", (identity,)
            ):
                children[parent] = child
            while children.get(head, 0) > head:
                head = children[head]
            update_conversation(db, replace(info, head=head, updated=now()))

    def rename(self, identity: str, title: str) -> None:
        """Give a conversation another title. Raises UserError if it is blank."""
        if not title.strip():
            raise UserError("the title is empty; write it in quotes")
        with self.workspace.writing() as db:
            update_conversation(db, replace(self._info(db, identity), title=_title(title)))

    def delete(self, identities: Iterable[str]) -> int:
        """Delete conversations with all that belongs to them; no byte of them is left. Returns how many there were."""
        wanted = [(identity,) for identity in identities]
        if not wanted:
            return 0
        with self.workspace.deleting() as db:
            # One by one, so that a turn without a conversation, which only damage makes, goes as well.
            db.executemany("DELETE FROM turns WHERE conversation = ?", wanted)
            return db.executemany("DELETE FROM conversations WHERE id = ?", wanted).rowcount

    def delete_all(self) -> int:
        """Delete every conversation; returns how many there were."""
        with self.workspace.deleting() as db:
            db.execute("DELETE FROM turns")
            return db.execute("DELETE FROM conversations").rowcount

    def expire(self, days: int) -> int:
        """Delete the conversations in which nothing was asked for so many days (0: none); returns how many."""
        if days <= 0:
            return 0
        oldest = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="microseconds")
        with self.workspace.reading() as db:
            old = [row[0] for row in db.execute("SELECT id FROM conversations WHERE updated < ?", (oldest,))]
        count = self.delete(old)
        if count:
            log.info("deleted %d conversations older than %d days", count, days)
        return count

    # -- summaries -----------------------------------------------------------------------------------------------

    def summaries(self, turns: Sequence[Turn]) -> dict[int, Summary]:
        """The summaries that end at one of these turns (a branch from its beginning), by how many turns they cover."""
        if not turns:
            return {}
        places = {turn.id: number for number, turn in enumerate(turns, 1)}
        with self.workspace.reading() as db:
            rows = db.execute(
                "SELECT s.turn, s.text, s.method, s.checksum FROM summaries s JOIN turns t ON t.id = s.turn "
                "WHERE t.conversation = ?",
                (turns[0].conversation,),
            ).fetchall()
        # One that is damaged is made anew: it is derived from the turns.
        return {
            places[turn]: Summary(text, method)
            for turn, text, method, stored in rows
            if turn in places and checksum(turn, text, method) == stored
        }

    def put_summary(self, turn: int, summary: Summary) -> None:
        """Store what was said up to a turn, that one included; nothing is done where the turn is gone."""
        with self.workspace.writing() as db:
            if db.execute("SELECT 1 FROM turns WHERE id = ?", (turn,)).fetchone():
                insert_summary(db, turn, summary)

    # -- inside --------------------------------------------------------------------------------------------------

    def _branch(self, db: sqlite3.Connection, identity: str) -> list[Any]:
        branch = _BRANCH.format(and_where="AND id = ?")
        columns = ", ".join(f"turns.{name}" for name in TURN.split(", "))
        sql = f"{branch} SELECT {columns} FROM branch JOIN turns ON turns.id = branch.id ORDER BY turns.id"
        return db.execute(sql, (identity,)).fetchall()

    def _info(self, db: sqlite3.Connection, identity: str) -> ConversationInfo:
        row = db.execute(f"SELECT {CONVERSATION} FROM conversations WHERE id = ?", (identity,)).fetchone()
        if row is None:
            raise UserError(f"there is no conversation {identity!r}; ragbot conversations list shows them")
        return conversation_of(self.path, row)

    def _turn(self, db: sqlite3.Connection, identity: str, turn: int) -> Turn:
        row = db.execute(f"SELECT {TURN} FROM turns WHERE id = ? AND conversation = ?", (turn, identity)).fetchone()
        if row is None:
            raise UserError(
                f"the conversation {identity} has no turn {turn}; ragbot conversations show {identity} --json"
            )
        return turn_of_row(self.path, row)


def insert_conversation(db: sqlite3.Connection, info: ConversationInfo) -> None:
    """Insert a row, inside a transaction."""
    db.execute(f"INSERT INTO conversations ({CONVERSATION}) VALUES (?, ?, ?, ?, ?, ?, ?)", conversation_row(info))


def insert_turn(db: sqlite3.Connection, turn: Turn) -> Turn:
    """Insert a row, inside a transaction; returns the turn with its id."""
    names = f"{TURN.removeprefix('id, ')}, searched"
    cursor = db.execute(f"INSERT INTO turns ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", turn_row(turn))
    return replace(turn, id=int(cursor.lastrowid or 0))


def insert_summary(db: sqlite3.Connection, turn: int, summary: Summary) -> None:
    """Insert a row, or replace the one of this turn, inside a transaction."""
    columns = (turn, clean(summary.text), summary.method)
    db.execute("INSERT OR REPLACE INTO summaries VALUES (?, ?, ?, ?)", (*columns, checksum(*columns)))


def update_conversation(db: sqlite3.Connection, info: ConversationInfo) -> None:
    """Write a row that is there, inside a transaction."""
    row = conversation_row(info)
    sql = "UPDATE conversations SET title=?, kb=?, created=?, updated=?, head=?, checksum=? WHERE id=?"
    db.execute(sql, (*row[1:], row[0]))


def _title(text: str) -> str:
    """``text`` on one line, and not too long for a list."""
    line = " ".join(clean(text).split())
    return line if len(line) <= TITLE else f"{line[: TITLE - 1].rstrip()}…"
