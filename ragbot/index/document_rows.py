"""The catalog's rows of documents: what is known of a source, and what of it can change without its text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ragbot.documents import Document
from ragbot.index.embeddings import StoredEmbeddings
from ragbot.index.filters import Filter
from ragbot.index.records import FileState, acl_json, checksum, metadata_json

#: The columns of a document without its text.
DOCUMENT = "id, source, title, type, language, date, acl, metadata, content_hash, size, mtime_ns, checksum"


class DocumentRows(StoredEmbeddings):
    """The part of :class:`ragbot.index.catalog.Catalog` that reads and changes single documents."""

    def file_state(self, source: str) -> FileState | None:
        """What was known of ``source`` when it was ingested, or None."""
        rows = self._query("SELECT content_hash, size, mtime_ns FROM documents WHERE source = ?", (source,))
        return FileState(*rows[0]) if rows else None

    def document(self, document_id: int) -> Document | None:
        """The document of this number, or None."""
        rows = self._query(f"SELECT {DOCUMENT} FROM documents WHERE id = ?", (document_id,))
        return self._document(rows[0]) if rows else None

    def document_at(self, source: str) -> Document | None:
        """The document of this source, or None."""
        rows = self._query(f"SELECT {DOCUMENT} FROM documents WHERE source = ?", (source,))
        return self._document(rows[0]) if rows else None

    def page(self, where: Filter, offset: int, limit: int) -> tuple[int, list[Document]]:
        """How many documents pass ``where``, and ``limit`` of them from the ``offset``-th on, by source."""
        condition, values = where.sql()
        with self._lock, self._snapshot():
            total = self._query(f"SELECT count(*) FROM documents d WHERE {condition}", values)[0][0]
            sql = f"SELECT {DOCUMENT} FROM documents d WHERE {condition} ORDER BY source LIMIT ? OFFSET ?"
            rows = self._query(sql, (*values, limit, offset))
        return int(total), [self._document(row) for row in rows]

    def counts_of(self, where: Filter) -> dict[str, int]:
        """Numbers of the documents that pass ``where`` and of their chunks."""
        condition, values = where.sql()
        joined = f"SELECT count(*) FROM chunks c JOIN documents d ON d.id = c.document_id WHERE {condition}"
        sql = f"SELECT (SELECT count(*) FROM documents d WHERE {condition}), ({joined})"
        documents, chunks = self._query(sql, (*values, *values))[0]
        return {"documents": documents, "chunks": chunks}

    def metadata_of(self, source: str) -> dict[str, str] | None:
        """What a document's loader noted, or None where there is no document of this source."""
        rows = self._query("SELECT metadata FROM documents WHERE source = ?", (source,))
        return dict(json.loads(rows[0][0])) if rows else None

    def touch(self, source: str, state: FileState) -> None:
        """Note a new modification time of a source whose contents are the same."""
        self._set(source, size=state.size, mtime_ns=state.mtime_ns)

    def set_acl(self, source: str, acl: Sequence[str]) -> bool:
        """Say who may see a document, empty for everyone; False if it was so already."""
        return self._set(source, acl=acl_json(acl))

    def set_metadata(self, source: str, metadata: Mapping[str, str]) -> bool:
        """Note other metadata of a document, all of it; False if it was so already."""
        return self._set(source, metadata=metadata_json(metadata))

    def _set(self, source: str, **values: str | int) -> bool:
        """Change columns of a document that are not its text; False if they had these values."""
        names = DOCUMENT.split(", ")
        with self._transaction() as db:
            row = db.execute(f"SELECT {DOCUMENT} FROM documents WHERE source = ?", (source,)).fetchone()
            self._document(row)  # a damaged row must not get a checksum that fits
            changed = {**dict(zip(names, row, strict=True)), **values}
            if tuple(changed.values()) == tuple(row):
                return False
            db.execute(
                f"UPDATE documents SET {', '.join(f'{name} = ?' for name in values)}, checksum = ? WHERE id = ?",
                (*values.values(), checksum(*tuple(changed.values())[1:11]), row[0]),
            )
        return True

    def _document(self, row: Sequence[Any]) -> Document:
        self._verify(checksum(*row[1:11]) == row[11], f"document {row[0]}")
        return Document(
            id=row[0],
            source=row[1],
            title=row[2],
            type=row[3],
            language=row[4],
            date=row[5],
            content_hash=row[8],
            acl=tuple(json.loads(row[6])),
            metadata=json.loads(row[7]),
        )
