"""The catalog, read row by row with every checksum compared: what :mod:`ragbot.index.maintenance` stands on.

SQLite's own check sees broken pages and indexes, but not a flipped bit inside a text; the rows' checksums see that, but
not a row that is gone. Both are asked here.
"""

from __future__ import annotations

import secrets
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ragbot.errors import CorruptError
from ragbot.index.catalog import Catalog
from ragbot.index.embeddings import HOPELESS
from ragbot.index.records import checksum, chunk_checksum
from ragbot.index.schema import MIGRATIONS

#: Called with what is being done, how far it has come, and how far it goes.
Progress = Callable[[str, int, int], None]

#: SQLite's check stops after so many findings: more of them tell a person nothing new.
_FINDINGS = 20
#: Numbers of changes above this are damage: nobody makes 2^53 changes, and JSON keeps integers exact up to there.
_LAST_SEQ = 2**53
#: Faults of one document that are named; the rest are counted.
_NAMED = 3
_REPAIR = "ragbot kb repair"
#: What a file raises that SQLite cannot read, or that lacks a table.
UNREADABLE = (CorruptError, sqlite3.DatabaseError)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and what to do; ``kind`` is catalog, document or index."""

    kind: str
    message: str
    next_step: str
    source: str | None = None
    document_id: int | None = None


class Inspector(Catalog):
    """A catalog that may be damaged: bytes that are no text are read as U+FFFD, so that a checksum tells of them."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, create=False)
        self._db.execute("PRAGMA trusted_schema = OFF")  # the file may come from elsewhere
        self._db.text_factory = lambda raw: raw.decode("utf-8", "replace")

    # -- what is wrong -------------------------------------------------------------------------------------------

    def structure(self) -> list[Problem]:
        """What SQLite finds, what stands in the schema that we did not put there, and what the metadata lacks."""
        try:
            foreign = self._foreign()
            if foreign:
                return [Problem("catalog", f"the schema of {self.path} is not ragbot's: {foreign}", HOPELESS)]
            found = [str(row[0]) for row in self._query(f"PRAGMA integrity_check({_FINDINGS})")]
            faults = [*([] if found == ["ok"] else found), *self._metadata_faults(), *self._archive_faults()]
            orphans = len(self._orphans())
        except UNREADABLE as error:
            return [Problem("catalog", str(error), HOPELESS)]
        if orphans:
            faults.append(f"{orphans} chunks belong to no document")
        return [Problem("catalog", f"the catalog: {' '.join(fault.split())}", _REPAIR) for fault in faults]

    def damaged_documents(self, progress: Progress) -> Iterator[Problem]:
        """Each document whose rows are not what was written.

        Every document is read in a transaction of its own, so that writers are not held up; one that is removed in the
        meantime is left out.
        """
        try:
            # NOT INDEXED: an index that is damaged itself could leave out some.
            ids = [row[0] for row in self._query("SELECT id FROM documents NOT INDEXED ORDER BY id")]
        except UNREADABLE as error:
            yield Problem("catalog", str(error), HOPELESS)
            return
        dimension = self._dimension()
        for number, document_id in enumerate(ids):
            progress("documents", number, len(ids))
            source, faults = self._read(document_id, dimension)
            if faults:
                named = ", ".join(faults[:_NAMED])
                more = f" and {len(faults) - _NAMED} more" if len(faults) > _NAMED else ""
                yield Problem(
                    "document",
                    f"document {document_id} ({source}): {named}{more}",
                    f"{_REPAIR}, then ingest it again",
                    source,
                    document_id,
                )
        progress("documents", len(ids), len(ids))

    def chunk_numbers(self) -> tuple[int, np.ndarray[Any, np.dtype[np.int64]]]:
        """The number of the newest change, and the ids of all chunks at that moment, ascending."""
        with self._lock, self._snapshot() as db:
            seq = self.seq
            ids = [row[0] for row in db.execute("SELECT id FROM chunks NOT INDEXED ORDER BY id")]
        return seq, np.array(ids, np.int64)

    def _dimension(self) -> int | None:
        try:
            return self.fingerprint().dimension
        except CorruptError:
            return None  # a problem of its own, reported with the metadata

    def _foreign(self) -> str:
        """Tables, triggers and views that no migration makes; a trigger in a file from elsewhere would run."""
        fresh = sqlite3.connect(":memory:")
        try:
            for script in MIGRATIONS:
                fresh.executescript(script)
            known = set(fresh.execute(_SCHEMA).fetchall())
        finally:
            fresh.close()
        found = set(self._query(_SCHEMA))
        return ", ".join(sorted({str(row[1]) for row in known ^ found}))

    def _metadata_faults(self) -> list[str]:
        faults: list[str] = []
        seq, newest = self._stored_seq(), self._newest_seq()
        if seq is None:
            faults.append("its number of the newest change cannot be read")
        elif seq < newest:
            faults.append(f"its number of the newest change is {seq}, and there are rows of change {newest}")
        if not self.identity:
            faults.append("its identity is gone")
        if self._dimension() is None:
            faults.append("it does not say which embedder built it")
        return faults

    def _stored_seq(self) -> int | None:
        text = self.get("seq") or ""
        return int(text) if text.isascii() and text.isdigit() and int(text) < _LAST_SEQ else None

    def _newest_seq(self) -> int:
        rows = self._query(
            f"SELECT max(n) FROM (SELECT max(seq) AS n FROM chunks NOT INDEXED WHERE typeof(seq) = 'integer' AND seq < {_LAST_SEQ} "
            f"UNION ALL SELECT max(seq) FROM deletions WHERE typeof(seq) = 'integer' AND seq < {_LAST_SEQ})"
        )
        return int(rows[0][0] or 0)

    def _orphans(self) -> list[int]:
        sql = "SELECT id FROM chunks NOT INDEXED WHERE document_id NOT IN (SELECT id FROM documents NOT INDEXED)"
        return [row[0] for row in self._query(sql)]

    def _read(self, document_id: int, dimension: int | None) -> tuple[str, list[str]]:
        """The source of a document, and what is wrong with it."""
        source = ""
        faults: list[str] = []
        try:
            with self._lock, self._snapshot() as db:
                row = db.execute(_WHOLE_DOCUMENT, (document_id,)).fetchone()
                if row is None:
                    return source, faults
                source = str(row[1])
                if checksum(*row[1:11]) != row[11]:
                    faults.append("its description is damaged")
                text = row[12] if checksum(*row[12:15]) == row[15] else None
                if text is None:
                    faults.append("its text is damaged")
                for ordinal, chunk in enumerate(db.execute(_WHOLE_CHUNKS, (document_id,))):
                    faults += _chunk_faults(chunk, ordinal, text, dimension)
        except UNREADABLE as error:
            faults.append(f"it cannot be read ({error.__cause__ or error})")
        return source, faults

    # -- what is done about it -----------------------------------------------------------------------------------

    def purge(self, documents: Sequence[int]) -> int:
        """Build SQLite's indexes anew, mend the metadata, and drop these documents and the chunks of none.

        All of it in one transaction, which is undone if SQLite still finds something afterwards. Returns how many
        chunks belonged to no document.

        Raises:
            CorruptError: the file is damaged in a way that removing rows does not mend; it was left as it was.
        """
        try:
            with self._transaction() as db:
                newest = max(self._stored_seq() or 0, self._newest_seq())
                db.execute("INSERT OR REPLACE INTO meta VALUES ('seq', ?)", (str(newest),))
                if not self.identity:
                    db.execute("INSERT OR REPLACE INTO meta VALUES ('identity', lower(hex(randomblob(16))))")
                # Asked of the indexes as they are: they know a chunk whose own column names another document by now.
                theirs = [
                    row[0]
                    for document_id in documents
                    for row in db.execute("SELECT id FROM chunks WHERE document_id = ?", (document_id,))
                ]
                db.execute("REINDEX")  # a row cannot be deleted while its entry stands under another value
                orphans = sorted(set(self._orphans()) - set(theirs))
                if documents or orphans:
                    seq = self._next_seq(db)
                    for chunk_id in (*theirs, *orphans):
                        db.execute("INSERT INTO deletions VALUES (?, ?)", (seq, chunk_id))
                        db.execute("DELETE FROM chunks WHERE id = ?", (chunk_id,))
                    for document_id in documents:
                        self._drop_chunks(db, document_id, seq)
                        db.execute("DELETE FROM documents WHERE id = ?", (document_id,))
                self._drop_damaged_archives(db)
                left = [str(row[0]) for row in db.execute(f"PRAGMA integrity_check({_FINDINGS})")]
                if left != ["ok"]:
                    raise CorruptError(left[0])
        except UNREADABLE as error:
            reason = " ".join(str(error).split())
            raise CorruptError(
                f"{self.path} cannot be repaired by removing rows ({reason}), and was left as it was: {HOPELESS}"
            ) from error
        return len(orphans)

    def vacuum(self) -> bool:
        """Write the file anew without what was deleted, and empty the log; False if another process reads it just now."""
        self._query("VACUUM")
        self._query("PRAGMA busy_timeout = 1000")
        try:
            return not self._query("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
        finally:
            self._query("PRAGMA busy_timeout = 30000")

    def copy_to(self, path: Path) -> None:
        """Write one state of the catalog to a new file, whatever is written meanwhile. Raises StorageError."""
        with self._lock, self._translated():
            copy = sqlite3.connect(path, isolation_level=None)
            try:
                self._db.backup(copy, pages=4096)
                copy.execute("VACUUM")  # leaves out what was deleted
            finally:
                copy.close()  # empties the log beside it

    def move_sources(self, old: str, new: str) -> None:
        """Let the sources that begin with ``old`` begin with ``new``."""
        with self._transaction() as db:
            for row in db.execute(_WHOLE_DOCUMENTS.format("substr(source, 1, ?) = ?"), (len(old), old)).fetchall():
                source = new + row[1][len(old) :]
                db.execute(
                    "UPDATE documents SET source = ?, checksum = ? WHERE id = ?",
                    (source, checksum(source, *row[2:11]), row[0]),
                )
            self._move_archives(db, old, new)

    def become_another(self) -> None:
        """Take a new identity: indexes of the catalog that this one was copied from are worth nothing here."""
        self._query("PRAGMA journal_mode = WAL")
        self.put("identity", secrets.token_hex(16))


_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%'"
_WHOLE_DOCUMENTS = (
    "SELECT id, source, title, type, language, date, acl, metadata, content_hash, size, mtime_ns, checksum, "
    "text, pages, headings, text_checksum FROM documents WHERE {}"
)
_WHOLE_DOCUMENT = _WHOLE_DOCUMENTS.format("id = ?")
_WHOLE_CHUNKS = (
    'SELECT id, document_id, ordinal, start, "end", page, headings, prefix, text, checksum, embedding, '
    "embedding_checksum, seq, parent_start, parent_end FROM chunks WHERE document_id = ? ORDER BY ordinal"
)


def _chunk_faults(row: Sequence[Any], ordinal: int, text: str | None, dimension: int | None) -> list[str]:
    name, faults = f"chunk {row[0]}", []
    if chunk_checksum(row[1:9], row[13:15]) != row[9]:
        faults.append(f"{name} is damaged")
    elif row[2] != ordinal:
        faults.append(f"a chunk before {name} is missing")
    elif text is not None and not (0 <= row[3] <= row[4] <= len(text) and text[row[3] : row[4]] == row[8]):
        faults.append(f"{name} is not what stands in the document at its place")
    elif row[13] is not None and text is not None and not 0 <= row[13] <= row[3] <= row[4] <= row[14] <= len(text):
        faults.append(f"the parent of {name} does not hold it")
    if not isinstance(row[10], bytes) or zlib.crc32(row[10]) != row[11]:
        faults.append(f"the embedding of {name} is damaged")
    elif dimension is not None and len(row[10]) != 4 * dimension:
        faults.append(f"the embedding of {name} has not {dimension} dimensions")
    elif not np.isfinite(np.frombuffer(row[10], np.float32)).all():
        faults.append(f"the embedding of {name} holds what is no number")
    if not isinstance(row[12], int) or not 0 < row[12] < _LAST_SEQ:
        faults.append(f"the change that {name} belongs to is damaged")
    return faults
