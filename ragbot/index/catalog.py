"""The catalog: documents, chunks and embeddings in SQLite. It is the truth; every index is derived from it.

A document is one transaction: all of it or nothing. Each change raises a sequence number by one; an index that says
which number it has reached is brought up with :meth:`Catalog.changes`. Rows carry a checksum that is compared when
they are read, because SQLite's own check does not see a flipped bit inside a text.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ragbot.documents import Chunk, Document, Heading, ParsedDocument
from ragbot.index.document_rows import DOCUMENT, DocumentRows
from ragbot.index.filters import Filter
from ragbot.index.records import (
    Changes,
    FileState,
    NewChunk,
    acl_json,
    checksum,
    chunk_checksum,
    chunk_rows,
    metadata_json,
)
from ragbot.index.replacement import replace_chunks
from ragbot.models.embedders.base import Vectors
from ragbot.settings import CATALOG

FILE_NAME = CATALOG
_CHUNK = 'id, document_id, ordinal, start, "end", page, headings, prefix, text, checksum, parent_start, parent_end'
_CHUNK_COLUMNS = 12
_CHUNK_AND_DOCUMENT = (
    f"c.{', c.'.join(_CHUNK.split(', '))}, d.{', d.'.join(DOCUMENT.split(', '))} "
    "FROM chunks c JOIN documents d ON d.id = c.document_id"
)
#: Chunks of one parent stand side by side: they are looked for this far around one of them.
_FAMILY = 256


class Catalog(DocumentRows):
    """What a knowledge base holds; opens, migrates and raises as :class:`ragbot.index.database.Database`."""

    # -- metadata ------------------------------------------------------------------------------------------------

    @property
    def identity(self) -> str:
        """Tells this catalog from any other: an index derived from another one is worth nothing here."""
        return self.get("identity") or ""

    @property
    def seq(self) -> int:
        """The number of the newest change."""
        return self._number(self.get("seq"))

    def state(self, key: str) -> tuple[str, int, str | None]:
        """Identity, number of the newest change, and one more value of the metadata, in one query."""
        found = self.get_all(("identity", "seq", key))
        return found.get("identity", ""), self._number(found.get("seq")), found.get(key)

    def counts(self) -> dict[str, int]:
        """Numbers of documents and chunks, and characters of text."""
        sql = "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM chunks), (SELECT total(length(text)) FROM documents)"
        documents, chunks, characters = self._query(sql)[0]
        return {"documents": documents, "chunks": chunks, "characters": int(characters)}

    # -- documents -----------------------------------------------------------------------------------------------

    def documents(self, where: Filter | None = None) -> list[Document]:
        """The documents that pass ``where``, all without one, by source."""
        condition, values = (where or Filter()).sql()
        rows = self._query(f"SELECT {DOCUMENT} FROM documents d WHERE {condition} ORDER BY source", values)
        return [self._document(row) for row in rows]

    def document_text(self, document_id: int) -> str:
        """The whole text of a document."""
        return self.parsed_text(document_id)[0]

    def parsed_text(self, document_id: int) -> tuple[str, tuple[int, ...], tuple[Heading, ...]]:
        """Text, page offsets and headings of a document.

        Raises:
            KeyError: there is no such document.
            CorruptError: its checksum does not match.
        """
        rows = self._query("SELECT text, pages, headings, text_checksum FROM documents WHERE id = ?", (document_id,))
        if not rows:
            raise KeyError(document_id)
        text, pages, headings, stored = rows[0]
        self._verify(checksum(text, pages, headings) == stored, f"the text of document {document_id}")
        return text, tuple(json.loads(pages)), tuple(Heading(*heading) for heading in json.loads(headings))

    def put_document(
        self,
        source: str,
        parsed: ParsedDocument,
        state: FileState,
        chunks: Sequence[NewChunk],
        vectors: Vectors,
        acl: Sequence[str] | None = (),
    ) -> int:
        """Add a document, or replace the one of the same source; all of it in one transaction. Returns its id.

        Chunks whose embedded text is the same keep their ids (see :mod:`ragbot.index.replacement`).
        ``acl`` None keeps the access list of the one that is replaced.
        """
        given = None if acl is None else acl_json(acl)
        metadata = metadata_json(parsed.metadata)
        pages = json.dumps(parsed.pages)
        headings = json.dumps([(h.start, h.level, h.text) for h in parsed.headings], ensure_ascii=False)
        body = (parsed.text, pages, headings, checksum(parsed.text, pages, headings))
        with self._transaction() as db:
            seq = self._next_seq(db)
            old = db.execute("SELECT id, acl, language FROM documents WHERE source = ?", (source,)).fetchone()
            kept = given or (old[1] if old else "[]")
            fields = (source, parsed.title, parsed.type, parsed.language, parsed.date, kept, metadata)
            fields = (*fields, state.content_hash, state.size, state.mtime_ns)  # type: ignore[assignment]
            if old:
                document_id = int(old[0])
                db.execute(
                    "UPDATE documents SET source=?, title=?, type=?, language=?, date=?, acl=?, metadata=?, content_hash=?, "
                    "size=?, mtime_ns=?, checksum=?, text=?, pages=?, headings=?, text_checksum=? WHERE id = ?",
                    (*fields, checksum(*fields), *body, document_id),
                )
            else:
                cursor = db.execute(
                    "INSERT INTO documents (source, title, type, language, date, acl, metadata, content_hash, size, "
                    f"mtime_ns, checksum, text, pages, headings, text_checksum) VALUES ({','.join('?' * 15)})",
                    (*fields, checksum(*fields), *body),
                )
                document_id = int(cursor.lastrowid or 0)
            if old:
                self._leave_traces(db)
            rows = chunk_rows(document_id, parsed.text, chunks, vectors, seq)
            replace_chunks(db, document_id, rows, seq, keep=bool(old) and old[2] == parsed.language)
        return document_id

    def remove_document(self, source: str) -> bool:
        """Remove a document and its chunks; False if there is none of that source."""
        with self._transaction() as db:
            row = db.execute("SELECT id FROM documents WHERE source = ?", (source,)).fetchone()
            if row is None:
                return False
            self._drop_chunks(db, row[0], self._next_seq(db))
            db.execute("DELETE FROM documents WHERE id = ?", (row[0],))
            self._forget_archive(db, source)
            self._leave_traces(db)
        return True

    # -- chunks --------------------------------------------------------------------------------------------------

    def chunks(self, ids: Iterable[int]) -> dict[int, Chunk]:
        """The chunks of these ids, by id; ids that are gone are left out."""
        # One query, and not two in a transaction: every search comes here, and sees chunks and documents of one state.
        rows = self._by_ids(f"SELECT {_CHUNK_AND_DOCUMENT} WHERE c.id IN ({{}})", list(ids))
        documents: dict[int, Document] = {}
        found = {}
        for row in rows:
            if row[1] not in documents:
                documents[row[1]] = self._document(row[_CHUNK_COLUMNS:])
            found[row[0]] = self._chunk(row, documents[row[1]])
        return found

    def chunk_ids(self, where: Filter) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Ids of the chunks whose documents pass ``where``, ascending."""
        condition, values = where.sql()
        sql = f"SELECT c.id FROM chunks c JOIN documents d ON d.id = c.document_id WHERE {condition} ORDER BY c.id"
        return np.array([row[0] for row in self._query(sql, values)], np.int64)

    def chunks_of(self, document: Document) -> list[Chunk]:
        """All chunks of a document, in order; none if it is gone."""
        rows = self._query(f"SELECT {_CHUNK} FROM chunks WHERE document_id = ? ORDER BY ordinal", (document.id,))
        return [self._chunk(row, document) for row in rows]

    def neighbours(self, chunk: Chunk, radius: int) -> list[Chunk]:
        """The chunk and those up to ``radius`` before and after it in the same document, in order."""
        rows = self._query(
            f"SELECT {_CHUNK} FROM chunks WHERE document_id = ? AND ordinal BETWEEN ? AND ? ORDER BY ordinal",
            (chunk.document.id, chunk.ordinal - radius, chunk.ordinal + radius),
        )
        return [self._chunk(row, chunk.document) for row in rows]

    def family(self, chunk: Chunk) -> list[Chunk]:
        """The chunks that have the parent of this one, itself among them, in order; of one without a parent, none."""
        rows = self._query(
            f"SELECT {_CHUNK} FROM chunks WHERE document_id = ? AND ordinal BETWEEN ? AND ? "
            "AND parent_start = ? AND parent_end = ? ORDER BY ordinal",
            (chunk.document.id, chunk.ordinal - _FAMILY, chunk.ordinal + _FAMILY, *(chunk.parent or (None, None))),
        )
        return [self._chunk(row, chunk.document) for row in rows]

    def changes(self, after: int, limit: int = 5_000) -> Iterator[Changes]:
        """What happened after sequence number ``after``, in steps of at most ``limit`` chunks or one change.

        Chunks that were added and removed again since do not appear as added. Raises CorruptError on a bad row.
        """
        with self._lock, self._snapshot() as db:
            last = self.seq
            while after < last:
                row = db.execute(
                    "SELECT max(seq) FROM (SELECT seq FROM chunks WHERE seq > ? ORDER BY seq LIMIT ?)", (after, limit)
                ).fetchone()
                upto = last if row[0] is None else min(int(row[0]), last)
                rows = db.execute(
                    f"SELECT {_CHUNK}, embedding, embedding_checksum FROM chunks WHERE seq > ? AND seq <= ? ORDER BY id",
                    (after, upto),
                ).fetchall()
                if len(rows) < limit:
                    upto = last  # nothing else was added: take the deletions that remain as well
                languages = db.execute(
                    "SELECT d.language FROM chunks c JOIN documents d ON d.id = c.document_id "
                    "WHERE c.seq > ? AND c.seq <= ? ORDER BY c.id",
                    (after, upto),
                ).fetchall()
                removed = db.execute(
                    "SELECT chunk_id FROM deletions WHERE seq > ? AND seq <= ?", (after, upto)
                ).fetchall()
                for chunk in rows:
                    self._verify(chunk_checksum(chunk[1:9], chunk[10:12]) == chunk[9], f"chunk {chunk[0]}")
                vectors = [self._vector(chunk[12], chunk[13]) for chunk in rows]
                yield Changes(
                    seq=upto,
                    removed=[row[0] for row in removed],
                    added=[row[0] for row in rows],
                    texts=[f"{row[7]}\n{row[8]}" if row[7] else row[8] for row in rows],
                    vectors=np.stack(vectors) if vectors else np.empty((0, 0), np.float32),
                    languages=[row[0] for row in languages],
                )
                after = upto

    # -- internals -----------------------------------------------------------------------------------------------

    def _number(self, stored: str | None) -> int:
        self._verify(stored is not None and stored.isascii() and stored.isdigit(), "the number of the newest change")
        return int(stored or "")

    def _next_seq(self, db: sqlite3.Connection) -> int:
        seq = self.seq + 1
        db.execute("UPDATE meta SET value = ? WHERE key = 'seq'", (str(seq),))
        return seq

    def _drop_chunks(self, db: sqlite3.Connection, document_id: int, seq: int) -> None:
        db.execute("INSERT INTO deletions SELECT ?, id FROM chunks WHERE document_id = ?", (seq, document_id))
        db.execute("DELETE FROM chunks WHERE document_id = ?", (document_id,))

    def _chunk(self, row: Sequence[Any], document: Document) -> Chunk:
        self._verify(chunk_checksum(row[1:9], row[10:12]) == row[9], f"chunk {row[0]}")
        return Chunk(
            id=row[0],
            document=document,
            ordinal=row[2],
            text=row[8],
            start=row[3],
            end=row[4],
            page=row[5],
            headings=tuple(json.loads(row[6])),
            parent=None if row[10] is None else (row[10], row[11]),
        )
