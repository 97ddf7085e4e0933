"""A new catalog of the rows that are found in a broken one: a document comes back whole or not at all."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

from ragbot.errors import CorruptError
from ragbot.index.catalog import FILE_NAME, Catalog
from ragbot.index.embeddings import HOPELESS
from ragbot.index.inspection import Inspector, Progress
from ragbot.index.pages import INDEX_LEAF, TABLE_LEAF, Pages, Row
from ragbot.index.records import checksum, chunk_checksum
from ragbot.models.embedders.base import Fingerprint

_LAST = 2**53  # ids and numbers of changes above this are damage
_RIVALS = 1000
#: Columns of a document and of a chunk: null, string, integer, bytes; in capitals, or null.
_DOCUMENT, _CHUNK = "nssssSsssiiisssi", "niiiiIsssibbiiII"
_TYPES: dict[str, type] = {"n": type(None), "s": str, "i": int, "b": bytes}
#: The new file takes its place only when it is whole and on the disk: until then, transactions would cost time only.
_BUILD = (
    "PRAGMA foreign_keys = OFF",
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "CREATE TABLE found AS SELECT * FROM documents WHERE 0",
    "CREATE UNIQUE INDEX found_id ON found (id, source, acl, checksum, text_checksum)",
    "CREATE INDEX found_source ON found (source)",
    "CREATE TABLE names (id, source)",
    "CREATE TABLE damaged (id, source)",
    "CREATE TABLE known (chunk_id INTEGER PRIMARY KEY, document_id INTEGER)",
    "CREATE TABLE ends (document_id, ordinal, PRIMARY KEY (document_id, ordinal))",
    "CREATE TABLE stops (seq, chunk_id, PRIMARY KEY (seq, chunk_id))",
)
_RIVAL = (
    "SELECT rowid, id, source, acl FROM found f WHERE EXISTS (SELECT 1 FROM found o WHERE o.id = f.id AND "
    "o.rowid <> f.rowid) OR EXISTS (SELECT 1 FROM found o WHERE o.source = f.source AND o.rowid <> f.rowid)"
)
#: Documents of which chunks of several changes were found: those of the newest count.
_RENEWED = "SELECT document_id, max(seq) FROM chunks GROUP BY document_id HAVING min(seq) < max(seq)"
_LAST_CHUNK = 'SELECT id, ordinal, "end", seq FROM chunks WHERE document_id = ? ORDER BY ordinal DESC LIMIT 1'
_END = (
    "SELECT 1 FROM ends WHERE document_id = ? AND ordinal = ? UNION SELECT 1 FROM stops WHERE seq = ? AND chunk_id = ?"
)
_OWNERS = "SELECT document_id FROM known WHERE chunk_id = ?1 UNION SELECT document_id FROM chunks WHERE id = ?1"
_LOST = (
    "SELECT max(source) FROM names WHERE id NOT IN (SELECT id FROM documents) "
    "AND (source IS NULL OR source NOT IN (SELECT source FROM documents)) GROUP BY id"
)
_FINISH = (
    # No id is given twice, not even that of a chunk which is lost.
    "UPDATE sqlite_sequence SET seq = max(seq, (SELECT coalesce(max(chunk_id), 0) FROM known)) WHERE name = 'chunks'",
    "UPDATE sqlite_sequence SET seq = max(seq, (SELECT max(id) FROM names)) WHERE name = 'documents'",
    "DELETE FROM deletions",
    *(f"DROP TABLE {name}" for name in ("found", "names", "damaged", "known", "ends", "stops")),
    "VACUUM",
    "PRAGMA synchronous = FULL",
)


def _typed(row: Row, types: str) -> bool:
    return len(row) == len(types) and all(
        isinstance(value, _TYPES[t.lower()]) or (t.isupper() and value is None)
        for value, t in zip(row, types, strict=True)
    )


class Builder(Inspector):
    """The new catalog, with tables beside its own for what is known of the old one."""

    def __init__(self, path: Path) -> None:
        Catalog.__init__(self, path)
        for sql in _BUILD:
            self._query(sql)

    def collect(self, pages: Pages, progress: Progress) -> None:
        """Take every row that is what was written, and note what else tells of rows."""
        self._query("BEGIN")
        for number in range(1, pages.count + 1):
            progress("pages", number, pages.count)
            before: Row = ()
            for kind, row_id, row in pages.rows(number):
                if row and kind == TABLE_LEAF and 0 < row_id < _LAST:
                    self._take(row_id, row, pages.current(number))
                elif row and kind != TABLE_LEAF:
                    self._note(row)
                    if kind == INDEX_LEAF and set(map(type, row + before)) == {int} and row[:1] != before[:1]:
                        self._note_end(before)
                before = row or ()
        self._query("COMMIT")

    def _take(self, row_id: int, row: Row, current: bool) -> None:
        """A row of a table; one from before a migration lacks the newest columns."""
        chunk = (*row, *[None] * (len(_CHUNK) - len(row)))
        if _typed(chunk, _CHUNK):
            if chunk_checksum(chunk[1:9], chunk[14:]) == chunk[9] and zlib.crc32(chunk[11]) == chunk[12]:
                self._insert("chunks", (row_id, *chunk[1:]))
        elif len(row) == len(_DOCUMENT) and isinstance(row[1], str):
            self._insert("names", (row_id, row[1]))
            whole = checksum(*row[1:11]) == row[11] and checksum(*row[12:15]) == row[15]
            if not whole or not _typed(row, _DOCUMENT):
                self._insert("damaged", (row_id, row[1]))
            elif current:
                self._insert("found", (row_id, *row[1:]))
        elif _typed(row, "si") and row[0] == "chunks" and 0 < row[1] < _LAST:  # SQLite's last id of a chunk
            self._insert("known", (row[1] + 1, 0))

    def _note(self, row: Row) -> None:
        """A row of an index, or of the metadata."""
        if _typed(row, "ss") and row[0] not in {"seq", "identity"}:
            self._insert("meta", row)
        elif _typed(row, "si") and 0 < row[1] < _LAST:  # documents by source
            self._insert("names", row[::-1])
        elif _typed(row, "iii") and 0 < row[2] < _LAST:  # chunks by document and place
            self._insert("known", (row[2], row[0]))

    def _note_end(self, row: Row) -> None:
        """The last one of a document (by document and place) or of a change (by change and id of the chunk)."""
        if len(row) in {2, 3}:
            self._insert("ends" if len(row) == 3 else "stops", row[:2])

    def _insert(self, table: str, row: Row) -> None:
        self._query(f"INSERT OR IGNORE INTO {table} VALUES ({','.join('?' * len(row))})", row)

    def describe(self, fingerprint: Fingerprint | None, spec: str | None) -> None:
        """Say which embedder built it where the old file does not. Raises CorruptError where nobody knows."""
        try:
            self.fingerprint()
        except CorruptError:
            if fingerprint is None:
                raise CorruptError(
                    f"{self.path.with_name(FILE_NAME)} does not say any more which embedder built it, and was left as "
                    f"it was: name it with ragbot kb repair --embedder MODEL"
                ) from None
            for row in {"embedder": json.dumps(fingerprint.as_dict()), "embedder_spec": spec}.items():
                self._query("INSERT OR REPLACE INTO meta SELECT ?, ? WHERE ?3 IS NOT NULL", (*row, row[1]))

    def finish(self, progress: Progress) -> tuple[tuple[str, ...], int]:
        """Keep the documents that are whole, and nothing else; returns the sources of the others, and how many have none.

        Raises:
            CorruptError: there are none.
        """
        self._query(
            "INSERT INTO names SELECT document_id, NULL FROM chunks UNION SELECT document_id, NULL FROM known WHERE document_id <> 0"
        )
        self._query("BEGIN")
        self._choose()
        for (document_id,) in self._query("SELECT id FROM documents"):
            if not self._complete(document_id):
                self._query("DELETE FROM documents WHERE id = ?", (document_id,))
        self._query("DELETE FROM chunks WHERE document_id NOT IN (SELECT id FROM documents)")
        self._query("COMMIT")
        damaged = [problem.document_id for problem in self.damaged_documents(progress)]
        self.purge([document_id for document_id in damaged if document_id is not None])
        sources = [row[0] for row in self._query(_LOST)]
        lost, unnamed = tuple(sorted({source for source in sources if source is not None})), sources.count(None)
        if not self.counts()["documents"]:
            raise CorruptError(
                f"no document in {self.path.with_name(FILE_NAME)} is whole ({len(lost) + unnamed} are damaged). It was "
                f"left as it was: {HOPELESS}"
            )
        for sql in _FINISH:
            self._query(sql)
        self.become_another()
        self.checkpoint()
        for problem in self.structure():
            raise CorruptError(f"{problem.message}. The old one was left as it was: {HOPELESS}")
        return lost, unnamed

    def _choose(self) -> None:
        """Of several versions of a document the newest; none, if that may be another one or may be seen by others."""
        self._query("DELETE FROM found WHERE (id, source) IN (SELECT id, source FROM damaged)")
        for document_id, seq in self._query(_RENEWED):
            self._query("DELETE FROM chunks WHERE document_id = ? AND seq < ?", (document_id, seq))
        rivals = self._query(_RIVAL)
        ranked = [(*rival, *self._age(rival[0], rival[1])) for rival in rivals[:_RIVALS]]
        losers = {rival[0] for rival in rivals}
        for number, document_id, source, acl, seq, fits in ranked:
            others = [row for row in ranked if row[0] != number and (row[1] == document_id or row[2] == source)]
            unsure = any((row[1] == document_id and row[3] != acl) or (row[5] and row[4] >= seq) for row in others)
            if fits and not unsure:
                losers.remove(number)
        for number in losers:
            self._query("DELETE FROM found WHERE rowid = ?", (number,))
        self._query("INSERT OR IGNORE INTO documents SELECT * FROM found")

    def _age(self, number: int, document_id: int) -> tuple[int, bool]:
        """The change that made the chunks of a document, and whether they are those of this version."""
        text = self._query("SELECT text FROM found WHERE rowid = ?", (number,))[0][0]
        chunks = self._query('SELECT seq, start, "end", text FROM chunks WHERE document_id = ?', (document_id,))
        return max((row[0] for row in chunks), default=0), all(text[row[1] : row[2]] == row[3] for row in chunks)

    def _complete(self, document_id: int) -> bool:
        """Whether no chunk can be missing at the end. Nobody counted them, but the ids of a document are consecutive.

        Where its text ends before, and all that would prove it is damaged, too, the document counts as lost.
        """
        text = self._query("SELECT text FROM documents WHERE id = ?", (document_id,))[0][0]
        rows = self._query(_LAST_CHUNK, (document_id,))
        chunk_id, ordinal, end, seq = rows[0] if rows else (0, -1, 0, -1)
        owners = [row[0] for row in self._query(_OWNERS, (chunk_id + 1,))] if rows else []
        if document_id in owners:
            return False
        return bool(owners or not text[end:].strip() or self._query(_END, (document_id, ordinal, seq, chunk_id)))
