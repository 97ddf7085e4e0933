"""Keys of people and programs: made, looked up, replaced and revoked; their secrets are stored nowhere.

A key that was made is on the disk when its secret is handed out, and one that was revoked opens nothing from then on,
in every process: each request looks it up again.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ragbot.errors import CorruptError, StorageError, UserError
from ragbot.workspace.keys_records import ROW, Key, Rights, key_of, key_row, name_of
from ragbot.workspace.keys_secrets import NOBODY, Secret, new_secret, parse
from ragbot.workspace.store import Workspace

log = logging.getLogger(__name__)


class Keys:
    """The keys of a workspace.

    Args:
        clock: tells the time, in UTC.
    """

    def __init__(self, workspace: Workspace, clock: Callable[[], datetime] | None = None) -> None:
        self.workspace = workspace
        self._clock = clock or _now

    # -- looking -------------------------------------------------------------------------------------------------

    def required(self) -> bool:
        """Whether a key was ever made here: from then on nobody comes in without one, also when all are revoked."""
        with self.workspace.reading() as db:
            return db.execute("SELECT 1 FROM keys LIMIT 1").fetchone() is not None

    def verify(self, text: str) -> Key | None:
        """The key that ``text`` is the secret of; None if it is none, or not valid any more.

        Which of the two it is shows neither in the answer nor in the time that it takes. A damaged row opens nothing.
        """
        given = parse(text)
        if given is None:
            return None
        with self.workspace.reading() as db:
            row = db.execute(f"SELECT {ROW} FROM keys WHERE id = ?", (given.id,)).fetchone()
        key, stored = None, NOBODY
        if row is not None:
            try:
                key, stored = key_of(self.workspace.path, row)
            except CorruptError as error:
                log.error("%s", error)
        if not given.fits(stored) or key is None:
            return None
        moment = self._clock()
        if key.state(moment) != "valid":
            return None
        return self._noted(key, moment)

    def all(self) -> list[Key]:
        """The keys, the newest first, revoked ones too; damaged ones are left out, and logged."""
        with self.workspace.reading() as db:
            rows = db.execute(f"SELECT {ROW} FROM keys ORDER BY created DESC, id").fetchall()
        found = []
        for row in rows:
            try:
                found.append(key_of(self.workspace.path, row)[0])
            except CorruptError as error:
                log.error("%s", error)
        return found

    def get(self, name: str) -> Key:
        """A key by its id, the beginning of one, or its name. Raises UserError: there is none, or several."""
        with self.workspace.reading() as db:
            identity = self._resolved(db, name)
            return key_of(self.workspace.path, self._row(db, identity))[0]

    def resolve(self, name: str) -> str:
        """The id that is meant by ``name``; also of a damaged key. Raises as :meth:`get`."""
        with self.workspace.reading() as db:
            return self._resolved(db, name)

    # -- changing ------------------------------------------------------------------------------------------------

    def create(self, name: str, rights: Rights, lifetime: timedelta | None = None) -> tuple[Key, Secret]:
        """A new key, and its secret, which cannot be had again.

        Args:
            name: whose it is; no two valid keys have the same.
            lifetime: after this it is not valid any more; None: it is valid until it is revoked.

        Raises:
            UserError: a valid key has this name, or it is no name, or the lifetime is over already.
        """
        name, moment = name_of(name), self._clock()
        secret = new_secret()
        key = Key(secret.id, name, rights, _time(moment), _until(moment, lifetime))
        with self.workspace.writing() as db:
            taken = [other for other in self._named(db, name) if other.state(moment) == "valid"]
            if taken:
                raise UserError(
                    f"there is a key {name!r} already ({taken[0].id}); choose another name, or give it a new secret: "
                    f"ragbot keys rotate {taken[0].id}"
                )
            _insert(db, key, secret)
        return key, secret

    def rotate(self, name: str, grace: timedelta = timedelta()) -> tuple[Key, Secret]:
        """A key with the same name, rights and end in the place of one, which is valid for ``grace`` longer.

        Raises UserError: there is no such key, or it is not valid any more.
        """
        moment = self._clock()
        secret = new_secret()
        with self.workspace.writing() as db:
            row = self._row(db, self._resolved(db, name))
            old, digest = key_of(self.workspace.path, row)
            if old.state(moment) != "valid":
                raise UserError(
                    f"the key {old.id} is {old.state(moment)}, and is not replaced; make a new one: ragbot keys create"
                )
            key = replace(old, id=secret.id, created=_time(moment), used="")
            if grace:
                ends = _until(moment, grace)
                old = replace(old, expires=min(filter(None, (ends, old.expires))))
            else:
                old = replace(old, revoked=_time(moment))
            _update(db, old, digest)
            _insert(db, key, secret)
        return key, secret

    def revoke(self, name: str) -> Key:
        """Make a key open nothing from now on; one that is revoked already stays so. Raises UserError: there is none."""
        with self.workspace.writing() as db:
            row = self._row(db, self._resolved(db, name))
            try:
                key, digest = key_of(self.workspace.path, row)
            except CorruptError:  # of a damaged one, nothing but the id and that it is revoked is kept
                key, digest = Key(row[0], "?", Rights(), _time(self._clock())), NOBODY
            if key.revoked is None:
                key = replace(key, revoked=_time(self._clock()))
                _update(db, key, digest)
        return key

    # -- inside --------------------------------------------------------------------------------------------------

    def _noted(self, key: Key, moment: datetime) -> Key:
        """Note the hour of the use: coarse, so that a key in use is not a write to the disk each time."""
        hour = moment.replace(minute=0, second=0, microsecond=0).isoformat()
        if key.used == hour:
            return key
        try:
            with self.workspace.writing() as db:
                db.execute("UPDATE keys SET used = ? WHERE id = ?", (hour, key.id))
        except StorageError as error:  # a full disk is no reason to lock people out
            log.warning("cannot note that the key %s was used: %s", key.id, error)
        return replace(key, used=hour)

    def _row(self, db: sqlite3.Connection, identity: str) -> Any:
        return db.execute(f"SELECT {ROW} FROM keys WHERE id = ?", (identity,)).fetchone()

    def _named(self, db: sqlite3.Connection, name: str) -> list[Key]:
        found = []
        for row in db.execute(f"SELECT {ROW} FROM keys WHERE name = ?", (name,)).fetchall():
            try:
                found.append(key_of(self.workspace.path, row)[0])
            except CorruptError as error:
                log.error("%s", error)
        return found

    def _resolved(self, db: sqlite3.Connection, name: str) -> str:
        wanted = name.strip()
        rows = db.execute("SELECT id, name, revoked, expires FROM keys ORDER BY created DESC, id").fetchall()
        if any(row[0] == wanted for row in rows):
            return wanted
        # A name is mostly meant to be that of the key in use, and not of those that it took the place of.
        moment = _time(self._clock())
        near = [row[0] for row in rows if row[1] == wanted and row[2] is None and (row[3] is None or row[3] > moment)]
        near = near or [row[0] for row in rows if row[1] == wanted]
        near = near or [row[0] for row in rows if wanted and row[0].startswith(wanted)]
        if not near:
            raise UserError(f"there is no key {name!r}; ragbot keys list shows them")
        if len(near) > 1:
            raise UserError(f"{name!r} can be {len(near)} keys ({', '.join(near[:5])}): write the id")
        return str(near[0])


def _now() -> datetime:
    return datetime.now(UTC)


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _until(moment: datetime, lifetime: timedelta | None) -> str | None:
    if lifetime is None:
        return None
    if lifetime <= timedelta():
        raise UserError("that time is over already: write a later one")
    try:
        return _time(moment + lifetime)
    except OverflowError:
        raise UserError("so late a time cannot be written: leave it out for a key without an end") from None


def _insert(db: sqlite3.Connection, key: Key, secret: Secret) -> None:
    db.execute(f"INSERT INTO keys ({ROW}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", key_row(key, secret.hash))


def _update(db: sqlite3.Connection, key: Key, digest: str) -> None:
    row = key_row(key, digest)
    sql = "UPDATE keys SET name = ?, hash = ?, created = ?, expires = ?, revoked = ?, details = ?, checksum = ? WHERE id = ?"
    db.execute(sql, (*row[1:8], key.id))
