"""Store the chunks of a document; those whose embedded text is the same keep their ids and embeddings.

An edit in a long document then costs the derived indexes only what the edit changed: they know chunks by id, and of a
chunk they hold its embedded text, its vector and its document's language, but not where in the document it stands.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Any

# The order of ragbot.index.records.chunk_rows.
_COLUMNS = (
    'document_id, ordinal, start, "end", page, headings, prefix, text, checksum, '
    "embedded_hash, embedding, embedding_checksum, seq, parent_start, parent_end"
)
_PLACE = slice(1, 6)
_PREFIX, _TEXT, _CHECKSUM, _HASH, _EMBEDDING_CHECKSUM = 6, 7, 8, 9, 11
_PARENT = slice(13, 15)


def replace_chunks(
    db: sqlite3.Connection, document_id: int, rows: Iterable[Sequence[Any]], seq: int, keep: bool
) -> None:
    """Let the chunks of a document be these ``rows`` (see :func:`ragbot.index.records.chunk_rows`), as change ``seq``.

    Call it inside a transaction.

    Args:
        keep: whether chunks that stay the same may keep their ids: not if the document's language has changed.
    """
    old: dict[tuple[Any, ...], deque[tuple[int, int]]] = defaultdict(deque)
    gone: set[int] = set()
    found = "SELECT id, prefix, text, checksum, embedded_hash, embedding_checksum FROM chunks WHERE document_id = ?"
    for identity, prefix, text, checksum, digest, embedding in db.execute(f"{found} ORDER BY ordinal", (document_id,)):
        gone.add(identity)
        if keep:
            old[prefix, text, digest, embedding].append((identity, checksum))
    fresh, moved = [], []
    for row in rows:
        same = old.get((row[_PREFIX], row[_TEXT], row[_HASH], row[_EMBEDDING_CHECKSUM]))
        if not same:
            fresh.append(row)
            continue
        identity, checksum = same.popleft()
        gone.remove(identity)
        if checksum != row[_CHECKSUM]:
            moved.append((*row[_PLACE], row[_CHECKSUM], *row[_PARENT], identity))
    db.executemany("INSERT INTO deletions VALUES (?, ?)", ((seq, identity) for identity in sorted(gone)))
    db.executemany("DELETE FROM chunks WHERE id = ?", ((identity,) for identity in sorted(gone)))
    db.executemany(
        'UPDATE chunks SET ordinal=?, start=?, "end"=?, page=?, headings=?, checksum=?, parent_start=?, parent_end=? '
        "WHERE id = ?",
        moved,
    )
    db.executemany(f"INSERT INTO chunks ({_COLUMNS}) VALUES ({','.join('?' * 15)})", fresh)
