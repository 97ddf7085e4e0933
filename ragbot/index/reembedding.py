"""Another embedding model for a knowledge base, without parsing a file again.

The new embeddings are gathered in a file beside the catalog, so that a run that was stopped goes on where it stopped,
and the knowledge base serves with the old ones until all are there. Then one transaction puts them in, with the name of
the model and new numbers of change: the derived indexes, and readers in other processes, notice.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ragbot.errors import KnowledgeBaseError, StorageError
from ragbot.index import maintenance
from ragbot.index.catalog import FILE_NAME
from ragbot.index.counting import COUNTING, UNKNOWN
from ragbot.index.gathering import GATHERED, Gathering, gathering
from ragbot.index.inspection import Inspector, Progress
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.lexical import LexicalIndex
from ragbot.index.lock import writer_lock
from ragbot.index.records import chunk_checksum
from ragbot.index.vectors import stores
from ragbot.models.embedders.base import Embedder

#: Texts that are embedded before they are stored: what a kill costs.
BATCH = 256
#: Chunks of one number of change, so that an index that is brought up takes them in steps.
_STEP = 1_000
_FINGERPRINT, _SPEC = "embedder", "embedder_spec"
_TEXT = (
    'SELECT embedded_hash, id, document_id, ordinal, start, "end", page, headings, prefix, text, checksum, '
    "parent_start, parent_end FROM chunks WHERE id IN ({})"
)


@dataclass(frozen=True, slots=True)
class Reembedding:
    """What was done.

    ``texts`` are the different ones among the ``chunks``, ``embedded`` those of them that this run embedded,
    ``truncated`` those that are longer than the model reads: of these the end is not seen. ``store`` is the outside
    vector store that the vectors were in; they are in files of the knowledge base now.
    """

    before: str
    after: str
    dimension: int
    chunks: int
    texts: int
    embedded: int
    truncated: int
    unchanged: bool = False
    store: str | None = None
    seconds: float = 0.0


def reembed(
    folder: Path,
    embedder: Embedder,
    spec: str | None = None,
    progress: Progress = maintenance.silent,
    options: stores.StoreOptions | None = None,
    wait: float = 10.0,
) -> Reembedding:
    """Embed every chunk of the knowledge base in ``folder`` with another model.

    Nothing is cut anew: the next ingestion does that with its files, if the new model counts tokens in another way.

    Args:
        embedder: the new model; if it is the one in use, nothing is done.
        spec: the name under which a person asks for it.
        progress: called with a stage (``texts``, ``swap``, ``indexes``), how far it has come, and how far it goes.
        options: how outside vector stores are reached.
        wait: seconds to wait for another writer.

    Raises:
        KnowledgeBaseError: there is no knowledge base.
        CorruptError: a chunk is damaged; nothing was changed.
        LockedError: another process is writing.
        StorageError: there is not enough space; the knowledge base is as it was.
    """
    started = time.perf_counter()
    if not (folder / FILE_NAME).is_file():
        raise KnowledgeBaseError(f"there is no knowledge base in {folder}")
    with writer_lock(folder, wait):
        catalog = _Catalog(folder / FILE_NAME)
        try:
            done = _embedded_anew(catalog, embedder, spec, progress)
        finally:
            catalog.close()
    progress("indexes", 0, 1)
    kb = KnowledgeBase(folder, embedder.fingerprint, create=False, store=options)
    try:
        with kb.writing(wait):
            pass  # the indexes are brought up and stored at its end
    finally:
        kb.close()
    return replace(done, seconds=time.perf_counter() - started)


def _embedded_anew(catalog: _Catalog, embedder: Embedder, spec: str | None, progress: Progress) -> Reembedding:
    folder, before, mine = catalog.path.parent, catalog.fingerprint(), embedder.fingerprint
    chunks = catalog.counts()["chunks"]
    if before == mine:  # or a run was stopped after the swap
        (folder / GATHERED).unlink(missing_ok=True)
        return Reembedding(before.name, mine.name, mine.dimension, chunks, 0, 0, 0, unchanged=True)
    with gathering(folder, catalog.identity, json.dumps(mine.as_dict(), sort_keys=True)) as gathered:
        texts = catalog.different_texts()
        _check_space(folder, catalog, texts - gathered.count(), chunks, mine.dimension)
        embedded = _gather(catalog, gathered, embedder, texts, progress)
        truncated = gathered.truncated()
        gathered.check(mine.dimension)
    words = LexicalIndex.load(folder, catalog.seq, catalog.identity)
    current, store = words.seq == catalog.seq, stores.name_in(catalog)
    catalog.swap(folder / GATHERED, embedder, spec, progress)
    if current:  # words and texts are the same
        words.apply(catalog.seq, [], [], [])
        words.save(folder, catalog.identity)
    stores.remove_index(stores.FAISS, folder, catalog, mine.dimension, stores.StoreOptions())
    (folder / GATHERED).unlink(missing_ok=True)
    outside = None if store == stores.FAISS else store
    return Reembedding(before.name, mine.name, mine.dimension, chunks, texts, embedded, truncated, store=outside)


def _gather(catalog: _Catalog, gathered: Gathering, embedder: Embedder, texts: int, progress: Progress) -> int:
    """Embed what is not embedded yet; returns how many texts that were."""
    after, done, embedded = b"", 0, 0
    while page := catalog.hashes(after, BATCH):
        missing = gathered.missing([digest for digest, _ in page])
        wanted = catalog.texts([number for digest, number in page if digest in missing])
        if wanted:
            values = list(wanted.values())
            lengths = embedder.count_tokens(values)
            vectors = embedder.encode_documents(values)
            gathered.add(list(wanted), vectors, [length > embedder.max_tokens for length in lengths])
            embedded += len(wanted)
        after = page[-1][0]
        done += len(page)
        progress("texts", done, texts)
    return embedded


def _check_space(folder: Path, catalog: _Catalog, missing: int, chunks: int, dimension: int) -> None:
    """Refuse at once what would fail after hours.

    The gathered embeddings; all rows of chunks in SQLite's log, since each is written anew; and the vector index.
    """
    vector = 4 * dimension + 128
    needed = missing * vector + catalog.path.stat().st_size + 2 * chunks * vector
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StorageError(
            f"embedding {folder} anew takes about {needed >> 20:,} MiB of free space while it goes on, and there are "
            f"{free >> 20:,} MiB: free some, then run the same command again. Nothing was changed."
        )


class _Catalog(Inspector):
    """The catalog with what embedding it anew needs."""

    def different_texts(self) -> int:
        """How many different texts are embedded."""
        return int(self._query("SELECT count(DISTINCT embedded_hash) FROM chunks")[0][0])

    def hashes(self, after: bytes, limit: int) -> list[tuple[bytes, int]]:
        """The next hashes of embedded texts, ascending, each with a chunk that has it."""
        sql = "SELECT embedded_hash, min(id) FROM chunks WHERE embedded_hash > ? GROUP BY embedded_hash LIMIT ?"
        return [(row[0], row[1]) for row in self._query(sql, (after, limit))]

    def texts(self, ids: Sequence[int]) -> dict[bytes, str]:
        """What was embedded of these chunks, by its hash. Raises CorruptError."""
        found = {}
        for row in self._by_ids(_TEXT, ids):
            self._verify(chunk_checksum(row[2:10], row[11:13]) == row[10], f"chunk {row[1]}")
            found[row[0]] = f"{row[8]}\n{row[9]}" if row[8] else row[9]
        return found

    def swap(self, gathered: Path, embedder: Embedder, spec: str | None, progress: Progress) -> None:
        """Put the gathered embeddings in, in one transaction."""
        with self._lock, self._translated():
            self._db.execute("ATTACH DATABASE ? AS gathered", (str(gathered),))
            try:
                with self._transaction() as db:
                    self._swap(db, embedder, spec, progress)
            finally:
                self._db.execute("DETACH DATABASE gathered")

    def _swap(self, db: sqlite3.Connection, embedder: Embedder, spec: str | None, progress: Progress) -> None:
        ids = [row[0] for row in db.execute("SELECT id FROM chunks ORDER BY id")]
        self._next_seq(db)  # readers notice, though there may be no chunk
        for begin in range(0, len(ids), _STEP):
            step = ids[begin : begin + _STEP]
            db.execute(
                "UPDATE chunks SET seq = ?, (embedding, embedding_checksum) = (SELECT embedding, checksum "
                "FROM gathered.embeddings WHERE hash = embedded_hash) WHERE id BETWEEN ? AND ?",
                (self._next_seq(db), step[0], step[-1]),
            )
            progress("swap", begin + len(step), len(ids))
        values = {_FINGERPRINT: json.dumps(embedder.fingerprint.as_dict()), _SPEC: spec or ""}
        if self.get(COUNTING) is None:  # made before it was noted
            values[COUNTING] = UNKNOWN
        if stores.name_in(self) != stores.FAISS:
            # Its collection is made for vectors of the old dimension.
            stale = {*stores.stale_in(self), stores.name_in(self)}
            values |= {stores.STALE: " ".join(sorted(stale)), stores.STORE: stores.FAISS}
        db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())
