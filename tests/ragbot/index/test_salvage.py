"""What is whole in a broken catalog comes back exactly, what is not is named, and nobody sees more than before."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ingest.chunkers.recursive import RecursiveChunker
from ingest.pipeline import ingest_documents
from ragbot.documents import ParsedDocument
from ragbot.errors import CorruptError, KnowledgeBaseError, LockedError, NewerVersionError, StorageError
from ragbot.index import rebuilding as module
from ragbot.index.catalog import FILE_NAME, Catalog
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.lock import writer_lock
from ragbot.index.maintenance import compact, repair, verify
from ragbot.index.records import FileState, NewChunk
from ragbot.index.salvage import salvage
from ragbot.index.schema import MIGRATIONS
from ragbot.models.testing import HashEmbedder
from tests.ragbot.conftest import Cli

EMBEDDER = HashEmbedder(16)
PAGE = 4096
#: Removed, or replaced: no byte sequence of them may come back.
GONE_EN, GONE_ZH = "Zanzibarquartz", "鲲鹏翡翠密令"


def document(number: int, parts: int, extra: str = "") -> ParsedDocument:
    texts = [f"Part {part} of {number}: the green lamp. 北京的训练数据第{part}段。{extra}" for part in range(parts)]
    return ParsedDocument("\n\n".join(texts), title=f"Title {number}", language="zh" if number % 2 else "en")


#: The longest reach over pages of their own.
LENGTHS = {"第一": 3, "second": 5, "third": 90, "第四": 4, "fifth": 7, "第六": 60, "eighth": 2}


def put(folder: Path, documents: dict[str, ParsedDocument]) -> None:
    kb = KnowledgeBase(folder, EMBEDDER.fingerprint, embedder_spec="hash")
    ingest_documents(kb, EMBEDDER, RecursiveChunker(EMBEDDER.count_tokens, 48), documents)
    kb.close()


def put_with_tail(folder: Path, source: str) -> None:
    """A document whose chunks do not reach its end, as with a heading under which nothing stands."""
    text = "第一章 one. 第二章 two.\n\n尾声 Epilogue"
    spans = [(0, 8), (8, 16)]
    kb = KnowledgeBase(folder, EMBEDDER.fingerprint)
    with kb.writing() as catalog:
        chunks = [NewChunk(start, end, None, (), "", bytes(16)) for start, end in spans]
        vectors = EMBEDDER.encode_documents([text[start:end] for start, end in spans])
        catalog.put_document(source, ParsedDocument(text), FileState("hash"), chunks, vectors)
    kb.close()


@dataclass(frozen=True)
class Whole:
    """A catalog and its log, what stands in it by source, and the ids of the documents that each page holds a part of."""

    data: bytes
    log: bytes
    rows: dict[str, Any]
    pages: dict[int, set[int]]
    #: Documents whose own pages alone do not say where they end.
    unproven: frozenset[int]
    #: The page that says which chunk's id is the last.
    sequence: int

    def write(self, folder: Path, data: bytes | None = None, log: bytes | None = None) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / FILE_NAME).write_bytes(self.data if data is None else data)
        if log or self.log:
            (folder / f"{FILE_NAME}-wal").write_bytes(self.log if log is None else log)

    def untouched(self, pages: set[int]) -> set[str]:
        touched = set[int]().union(*(self.pages.get(page, set()) for page in pages))
        touched |= self.unproven if len(pages) > 1 else set()
        touched |= {self.rows["last 末"][0][0]} if self.sequence in pages else set()
        return {source for source, row in self.rows.items() if row[0][0] not in touched}


def contents(file: Path) -> dict[str, Any]:
    """Every column of every document and its chunks by source, but the two that no checksum covers.

    These are the hash of what was embedded (if it is damaged, that is embedded again) and the number of the change.
    """
    db = sqlite3.connect(file)
    found = {}
    for row in db.execute("SELECT * FROM documents").fetchall():
        chunks = db.execute("SELECT * FROM chunks WHERE document_id = ? ORDER BY ordinal", row[:1]).fetchall()
        found[row[1]] = (row, [(*chunk[:10], *chunk[11:13], *chunk[14:]) for chunk in chunks])
    db.close()
    return found


def owners(file: Path) -> dict[int, set[int]]:
    """Which documents a page holds a part of, as SQLite's own table of pages says (https://sqlite.org/dbstat.html)."""
    db = sqlite3.connect(file)
    pages: dict[int, set[int]] = {}
    for table, owner in (("documents", "id"), ("chunks", "document_id")):
        ids = iter([row[0] for row in db.execute(f"SELECT {owner} FROM {table} NOT INDEXED ORDER BY id")])
        sql = "SELECT pageno, path, ncell FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY path"
        leaves = {path: (page, [next(ids) for _ in range(n)]) for page, path, n in db.execute(sql, (table, "leaf"))}
        for page, cells in leaves.values():
            pages[page] = set(cells)
        for page, path, _ in db.execute(sql, (table, "overflow")):
            leaf, _, cell = path.partition("+")[0].rpartition("/")
            pages[page] = {leaves[f"{leaf}/"][1][int(cell, 16)]}
    db.close()
    return pages


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole") / "kb"
    put(folder, {name: document(n, parts) for n, (name, parts) in enumerate(LENGTHS.items())})
    put_with_tail(folder, "tail 尾")
    put(folder, {f"gone{n}": document(n, 20 * n, f"{GONE_EN} {GONE_ZH}") for n in range(1, 4)})
    put(folder, {"second": document(1, 6, f"{GONE_EN} {GONE_ZH}")})
    put(folder, {"second": document(1, 6)})
    kb = KnowledgeBase(folder, EMBEDDER.fingerprint)
    with kb.writing() as catalog:
        for n in range(1, 4):
            assert catalog.remove_document(f"gone{n}")
        assert catalog.set_acl("fifth", ["王芳", "bob"])
        assert catalog.set_acl("第四", ["alice"])
    kb.close()
    put(folder, {"tenth": document(9, 3)})
    put_with_tail(folder, "last 末")
    file = folder / FILE_NAME
    rows = contents(file)
    unproven = frozenset(rows[name][0][0] for name in ("tail 尾", "last 末"))
    db = sqlite3.connect(file)
    (sequence,) = db.execute("SELECT pageno FROM dbstat WHERE name = 'sqlite_sequence'").fetchone()
    db.close()
    return Whole(file.read_bytes(), b"", rows, owners(file), unproven, sequence)


def saved(folder: Path, whole: Whole, *, least: set[str], named: bool = True) -> set[str]:
    """Salvage, compare everything that came back with what was there; returns the sources that did."""
    try:
        done = salvage(folder, EMBEDDER.fingerprint)
    except CorruptError as error:
        assert not least, error
        return set()
    assert verify(folder).problems == ()
    found = contents(folder / FILE_NAME)
    for source, rows in found.items():
        assert rows == whole.rows[source], source
    assert least <= found.keys()
    assert (done.documents, done.chunks) == (len(found), sum(len(rows[1]) for rows in found.values()))
    if named:
        assert set(done.lost) == whole.rows.keys() - found.keys()
    assert not any(word.encode() in (folder / FILE_NAME).read_bytes() for word in (GONE_EN, GONE_ZH))
    return set(found)


def zeroed(data: bytes, *pages: int) -> bytes:
    out = bytearray(data)
    for page in pages:
        out[(page - 1) * PAGE : page * PAGE] = bytes(PAGE)
    return bytes(out)


# -- one after another -------------------------------------------------------------------------------------------------


def test_the_oracle_and_the_columns_are_right(whole: Whole) -> None:
    assert set[int]().union(*whole.pages.values()) == {row[0][0] for row in whole.rows.values()}
    assert any(len(owned) > 1 for owned in whole.pages.values())
    assert len(whole.rows) == 10
    db = sqlite3.connect(":memory:")
    for script in MIGRATIONS:
        db.executescript(script)
    for table, types in (("documents", module._DOCUMENT), ("chunks", module._CHUNK)):
        columns = db.execute(f"PRAGMA table_info({table})").fetchall()
        kinds = {"INTEGER": "i", "TEXT": "s", "BLOB": "b"}
        declared = "".join(kinds[c[2]] if c[3] else kinds[c[2]].upper() for c in columns[1:])
        assert types == f"n{declared}"  # the column of the row id is stored as NULL
    db.close()


def test_each_page_zeroed_in_turn(whole: Whole, kb_folder: Path) -> None:
    """All that has no part on that page comes back, and all that is lost is named."""
    for page in range(1, len(whole.data) // PAGE + 1):
        whole.write(kb_folder, zeroed(whole.data, page))
        assert saved(kb_folder, whole, least=whole.untouched({page})) <= whole.rows.keys()


@pytest.mark.parametrize("length", [16, 40, 100, 108, 512, PAGE])
def test_a_damaged_header_costs_nothing(whole: Whole, kb_folder: Path, length: int) -> None:
    for filler in (b"\0", b"\xff"):
        whole.write(kb_folder, filler * length + whole.data[length:])
        assert saved(kb_folder, whole, least=set(whole.rows)) == whole.rows.keys()


def test_each_byte_of_the_header_damaged(whole: Whole, kb_folder: Path) -> None:
    for at in (*range(0, 60, 5), *range(64, 112, 4)):
        whole.write(kb_folder, whole.data[:at] + bytes([whole.data[at] ^ 0x41]) + whole.data[at + 1 :])
        assert saved(kb_folder, whole, least=set(whole.rows)) == whole.rows.keys()


def test_truncated_at_many_lengths(whole: Whole, kb_folder: Path) -> None:
    count = len(whole.data) // PAGE
    for length in [*range(0, len(whole.data), 3 * PAGE + 1000), len(whole.data) - 1]:
        whole.write(kb_folder, whole.data[:length])
        gone = set(range(length // PAGE + 1, count + 1))
        saved(kb_folder, whole, least=whole.untouched(gone), named=False)


@pytest.mark.parametrize("seed", range(12))
def test_random_damage(whole: Whole, kb_folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    data, touched = bytearray(whole.data), set()
    for _ in range(chance.choice([1, 5, 40])):
        at = chance.randrange(112, len(data))
        length = chance.choice([1, 1, 1, 30, 700])
        data[at : at + length] = chance.randbytes(len(data[at : at + length]))
        touched |= {at // PAGE + 1, (at + length - 1) // PAGE + 1}
    whole.write(kb_folder, bytes(data))
    saved(kb_folder, whole, least=whole.untouched(touched), named=False)


def test_what_was_removed_or_replaced_does_not_come_back(whole: Whole) -> None:
    assert GONE_EN.encode() not in whole.data
    assert GONE_ZH.encode() not in whole.data


def test_ids_are_not_given_twice(whole: Whole, kb_folder: Path) -> None:
    """Not even those of what is lost: chunk 200 of the old catalog is no chunk of the new one's next document."""
    newest = max(chunk[0] for _, chunks in whole.rows.values() for chunk in chunks)
    lost = next(page for page, ids in whole.pages.items() if whole.rows["last 末"][0][0] in ids)
    whole.write(kb_folder, zeroed(whole.data, lost))
    assert "last 末" in salvage(kb_folder, EMBEDDER.fingerprint).lost
    put(kb_folder, {"new 新": document(11, 4)})
    row, chunks = contents(kb_folder / FILE_NAME)["new 新"]
    assert row[0] > whole.rows["last 末"][0][0]
    assert chunks[0][0] > newest
    assert verify(kb_folder).problems == ()


def test_the_new_one_is_another_and_is_searched(whole: Whole, kb_folder: Path) -> None:
    whole.write(kb_folder)
    kb = KnowledgeBase(kb_folder, EMBEDDER.fingerprint)
    identity = kb.catalog.identity
    kb.close()
    salvage(kb_folder)
    kb = KnowledgeBase(kb_folder, EMBEDDER.fingerprint, create=False)
    assert kb.catalog.identity not in {identity, ""}
    assert kb.catalog.get("embedder_spec") == "hash"
    assert (kb.vectors.seq, kb.lexical.seq) == (kb.catalog.seq, kb.catalog.seq)
    kb.close()


# -- the embedder ------------------------------------------------------------------------------------------------------


def test_without_the_metadata_the_embedder_must_be_named(whole: Whole, kb_folder: Path) -> None:
    data = whole.data.replace(b"embedder", b"embeddxx")
    whole.write(kb_folder, data)
    with pytest.raises(CorruptError, match="--embedder"):
        salvage(kb_folder)
    assert (kb_folder / FILE_NAME).read_bytes() == data
    with pytest.raises(CorruptError, match="no document"):  # another model has other dimensions
        salvage(kb_folder, HashEmbedder(32).fingerprint)
    assert sorted(path.name for path in kb_folder.iterdir()) == [FILE_NAME, "writer.lock"]
    assert salvage(kb_folder, EMBEDDER.fingerprint, "spec").documents == len(whole.rows)
    kb = KnowledgeBase(kb_folder, EMBEDDER.fingerprint, create=False)
    assert kb.catalog.get("embedder_spec") == "spec"
    kb.close()


# -- the log -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory, whole: Whole) -> Whole:
    """The newest changes stand in the log alone: the access lists of two, a document more, one replaced, one removed."""
    folder = tmp_path_factory.mktemp("logged") / "kb"
    whole.write(folder)
    catalog = Catalog(folder / FILE_NAME)
    text = "新的文档 a new one. " * 9
    spans = [(0, 60), (60, len(text))]
    chunks = [NewChunk(start, end, None, (), "", bytes(16)) for start, end in spans]
    vectors = EMBEDDER.encode_documents([text[start:end] for start, end in spans])
    for source in ("新 new", "第一"):
        catalog.put_document(source, ParsedDocument(text), FileState("hash"), chunks, vectors, acl=None)
    assert catalog.remove_document("eighth")
    assert catalog.set_acl("second", ["alice"])
    assert catalog.set_acl("third", ["王芳"])
    data, log = (folder / FILE_NAME).read_bytes(), (folder / f"{FILE_NAME}-wal").read_bytes()
    catalog.close()
    rows = contents(folder / FILE_NAME)
    assert data == whole.data
    return Whole(data, log, rows, owners(folder / FILE_NAME), whole.unproven, whole.sequence)


def test_with_a_log(logged: Whole, kb_folder: Path) -> None:
    """The header is broken in both: what stands in the log counts."""
    frames = range(32, len(logged.log), 24 + PAGE)
    log = bytearray(logged.log)
    for at in frames:
        if log[at : at + 4] == b"\0\0\0\1":
            log[at + 24 : at + 124] = bytes(100)
    for changed in (logged.log, bytes(log)):  # in the second, the frame of the header is damaged
        logged.write(kb_folder, bytes(100) + logged.data[100:], changed)
        assert saved(kb_folder, logged, least=set(logged.rows)) == logged.rows.keys()


def test_pages_of_the_file_that_the_log_has_anew_do_not_matter(logged: Whole, kb_folder: Path) -> None:
    newer = {struct.unpack(">I", logged.log[at : at + 4])[0] for at in range(32, len(logged.log), 24 + PAGE)}
    assert len(newer) > 3
    logged.write(kb_folder, zeroed(logged.data, *(page for page in newer if page * PAGE <= len(logged.data))))
    assert saved(kb_folder, logged, least=set(logged.rows)) == logged.rows.keys()


def test_what_was_not_committed_does_not_count(logged: Whole, kb_folder: Path) -> None:
    """A log that is cut in the last transaction: the state before it."""
    logged.write(kb_folder, log=logged.log[:-1])
    salvage(kb_folder)
    found = contents(kb_folder / FILE_NAME)
    assert found["second"] == logged.rows["second"]
    assert found["third"][0][6] == "[]"


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_log_shows_nobody_more(logged: Whole, kb_folder: Path, seed: int) -> None:
    """Whichever change is lost with a part of the log, what it hid stays hidden, and what it removed stays away."""
    chance, log = random.Random(seed), bytearray(logged.log)
    last = len(log) - 2 * (24 + PAGE)  # the frame before the last commit stands for itself: SQLite ignores it, too
    at = chance.randrange(0, last - PAGE)
    length = chance.choice([1, 4, 24, 512, PAGE])
    log[at : at + length] = bytes(length) if seed % 2 else chance.randbytes(length)
    logged.write(kb_folder, bytes(100) + logged.data[100:], bytes(log))
    with contextlib.suppress(CorruptError):
        salvage(kb_folder, EMBEDDER.fingerprint)
        assert verify(kb_folder).problems == ()
        for source, rows in contents(kb_folder / FILE_NAME).items():
            assert rows[0][6] == logged.rows[source][0][6], source
            assert rows == logged.rows[source]


# -- several versions of one document ----------------------------------------------------------------------------------


def checkpointed(logged: Whole, folder: Path) -> bytes:
    logged.write(folder)
    Catalog(folder / FILE_NAME).close()
    return (folder / FILE_NAME).read_bytes()


def stale(whole: Whole, *sources: str) -> bytes:
    """The pages on which these documents and their chunks stood once."""
    ids = {whole.rows[source][0][0] for source in sources}
    numbers = [page for page, owned in sorted(whole.pages.items()) if owned & ids]
    return b"".join(whole.data[(page - 1) * PAGE : page * PAGE] for page in numbers)


def test_an_older_version_that_was_never_overwritten(whole: Whole, logged: Whole, kb_folder: Path) -> None:
    """The newer chunks tell which text is the newer one; nothing tells it of two access lists."""
    data = checkpointed(logged, kb_folder) + stale(whole, "第一")
    logged.write(kb_folder, bytes(100) + data[100:])
    (kb_folder / f"{FILE_NAME}-wal").unlink()
    done = salvage(kb_folder, EMBEDDER.fingerprint)
    found = contents(kb_folder / FILE_NAME)
    assert found["第一"] == logged.rows["第一"]
    assert not found.keys() & set(done.lost)
    for source in ("second", "third"):
        assert source not in found or found[source] == logged.rows[source]


def test_two_access_lists_of_one_document(whole: Whole, logged: Whole, kb_folder: Path) -> None:
    for sources in (("second",), ("third",), ("second", "third")):
        data = checkpointed(logged, kb_folder) + stale(whole, *sources)
        logged.write(kb_folder, bytes(100) + data[100:])
        (kb_folder / f"{FILE_NAME}-wal").unlink()
        done = salvage(kb_folder, EMBEDDER.fingerprint)
        found = contents(kb_folder / FILE_NAME)
        assert "second" in done.lost or "second" not in sources
        assert (
            "third" in done.lost or found["third"] == logged.rows["third"]
        )  # the pages of its old text are others' now
        assert not found.keys() & set(done.lost)


def test_an_old_version_whose_successor_is_damaged(whole: Whole, logged: Whole, kb_folder: Path) -> None:
    """It may have been shown to everyone, which its successor is not."""
    name = "second"
    for column in ("Title 1", "green lamp. 北京"):
        data = checkpointed(logged, kb_folder)
        at = next(at for at in range(0, len(data), PAGE) if f"{name}Title 1".encode() in data[at : at + PAGE])
        page = data[at : at + PAGE]
        start = page.index(f"{name}Title 1".encode())
        hurt = page.index(column.encode(), start)
        page = page[:hurt] + b"\x01" + page[hurt + 1 :]
        data = bytes(100) + data[100:at] + page + data[at + PAGE :] + stale(whole, name)
        logged.write(kb_folder, data)
        (kb_folder / f"{FILE_NAME}-wal").unlink()
        assert name in salvage(kb_folder, EMBEDDER.fingerprint).lost
        assert name not in contents(kb_folder / FILE_NAME)


# -- files that somebody made ------------------------------------------------------------------------------------------


def cell(length: int, overflow: int, claimed: int | None = None) -> bytes:
    """A row of a document's number of columns, whose last text is ``length`` bytes long and goes on on another page."""
    header = bytes([1] * 15)
    text = varint(13 + 2 * length)
    header = bytes([1 + len(header) + len(text)]) + header + text
    payload = header + bytes(15)
    total = len(payload) + length
    local = 489 + (total - 489) % (PAGE - 4)
    local = local if local <= PAGE - 35 else 489
    body = payload.ljust(local, b"x")
    return varint(total if claimed is None else claimed) + b"\1" + body + struct.pack(">I", overflow)


def varint(value: int) -> bytes:
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(value & 0x7F | 0x80)
    return bytes(reversed(parts))


def leaf(*cells: bytes, copies: int = 1) -> bytes:
    page, pointers, at = bytearray(PAGE), [], PAGE
    for one in cells:
        at -= len(one)
        page[at : at + len(one)] = one
        pointers += [at] * copies
    page[0] = 0x0D
    page[3:5] = struct.pack(">H", len(pointers))
    page[8 : 8 + 2 * len(pointers)] = struct.pack(f">{len(pointers)}H", *pointers)
    return bytes(page)


CHAIN = 1000


@pytest.mark.parametrize(
    "pages",
    [
        [leaf(cell(100_000, 3)), struct.pack(">I", 3).ljust(PAGE, b"x")] * 200,  # a page that names itself
        [leaf(cell(2**31, 3)), struct.pack(">I", 4).ljust(PAGE, b"x")] * 200,
        [leaf(cell(9_000, 3, claimed=2**49))] * 200,
        [leaf(cell(9_000, 3), copies=1000)] * 200,
        [b"\x0d\0\0\xff\xff".ljust(PAGE, b"\xff")] * 200,
        [b"\x0a\0\0\xff\xff".ljust(PAGE, b"\0")] * 200,
        # Thousands of rows claim the same chain of 4 MB.
        [struct.pack(">I", n + 3).ljust(PAGE, b"x") for n in range(CHAIN)]
        + [leaf(*[cell((CHAIN - 1) * (PAGE - 4), 2)] * 7)] * CHAIN,
    ],
)
def test_a_hostile_file_costs_little(kb_folder: Path, pages: list[bytes]) -> None:
    kb_folder.mkdir()
    data = bytes(PAGE) + b"".join(pages)
    (kb_folder / FILE_NAME).write_bytes(data)
    start = time.process_time()
    with pytest.raises(CorruptError, match="no document"):
        salvage(kb_folder, EMBEDDER.fingerprint)
    assert time.process_time() - start < 10
    assert (kb_folder / FILE_NAME).read_bytes() == data


def test_files_that_are_no_catalog(kb_folder: Path) -> None:
    with pytest.raises(KnowledgeBaseError, match="no knowledge base"):
        salvage(kb_folder)
    kb_folder.mkdir()
    for data in (b"", b"x", b"SQLite format 3\0", random.Random(1).randbytes(50_000)):
        (kb_folder / FILE_NAME).write_bytes(data)
        with pytest.raises(CorruptError):
            salvage(kb_folder, EMBEDDER.fingerprint)
        assert (kb_folder / FILE_NAME).read_bytes() == data


def test_a_newer_one_is_left_alone(whole: Whole, kb_folder: Path) -> None:
    whole.write(kb_folder, whole.data[:60] + struct.pack(">I", 99) + whole.data[64:])
    with pytest.raises(NewerVersionError, match="pip install -U"):
        salvage(kb_folder)


# -- in the place of the broken one ------------------------------------------------------------------------------------


def test_the_broken_file_is_kept_until_it_is_compacted(logged: Whole, kb_folder: Path) -> None:
    broken = bytes(100) + logged.data[100:]
    logged.write(kb_folder, broken)
    (kb_folder / FILE_NAME).chmod(0o640)
    done = salvage(kb_folder, EMBEDDER.fingerprint)
    assert done.kept.read_bytes() == broken
    assert Path(f"{done.kept}-wal").read_bytes() == logged.log
    assert (kb_folder / FILE_NAME).stat().st_mode & 0o777 == 0o640
    compact(kb_folder)
    assert not [path.name for path in kb_folder.iterdir() if "broken" in path.name or ".new" in path.name]
    assert verify(kb_folder).documents == len(logged.rows)


def test_killed_before_the_swap(logged: Whole, kb_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log was put aside already, and the next run finds it there."""
    logged.write(kb_folder, bytes(100) + logged.data[100:])

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", killed)
        salvage(kb_folder, EMBEDDER.fingerprint)
    assert not (kb_folder / f"{FILE_NAME}-wal").exists()
    assert saved(kb_folder, logged, least=set(logged.rows)) == logged.rows.keys()


def test_a_full_disk_leaves_it_as_it_was(whole: Whole, kb_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole.write(kb_folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ragbot.index.salvage.shutil.copymode", full)
    with pytest.raises(StorageError, match="No space left"):
        salvage(kb_folder)
    assert (kb_folder / FILE_NAME).read_bytes() == whole.data
    assert not list(kb_folder.glob("*.new*"))


def test_nobody_else_has_it_open(whole: Whole, kb_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole.write(kb_folder)
    script = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT * FROM meta').fetchall(); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(kb_folder / FILE_NAME)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"1\n"
        with pytest.raises(LockedError, match="open"):
            salvage(kb_folder)
        reader.communicate(b"\n")
    monkeypatch.setattr("ragbot.index.salvage.writer_lock", lambda folder: writer_lock(folder, 0.1))
    with writer_lock(kb_folder), pytest.raises(LockedError, match="is being written"):
        salvage(kb_folder)
    assert salvage(kb_folder).documents == len(whole.rows)


# -- ragbot kb repair --------------------------------------------------------------------------------------------------


def test_repair_of_what_cannot_be_mended_in_place(cli: Cli, folder: Path, tmp_path: Path) -> None:
    assert cli("ingest", str(folder)).code == 0
    file = tmp_path / "data" / "kb" / "default" / FILE_NAME
    data = file.read_bytes()
    file.write_bytes(bytes(100) + data[100:])
    assert cli("kb", "verify").code == 1
    result = cli("kb", "repair")
    assert (result.code, "2 documents saved whole" in result.out, ", 0 lost" in result.out) == (0, True, True)
    assert "cannot be mended in place" in result.err
    assert "kb compact deletes it" in result.err
    assert cli("kb", "verify").code == 0
    assert cli("ingest", str(folder), "--json").json["skipped"] == [str(folder / "bpe.md"), str(folder / "lora.md")]
    file.write_bytes(bytes(100) + file.read_bytes()[100:].replace("低秩矩阵".encode(), b"x" * 12))
    again = cli("kb", "repair", "--json")
    assert (again.code, again.json["documents"], again.json["lost"]) == (1, 1, [str(folder / "lora.md")])


def test_repair_with_the_embedder_named(
    cli: Cli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("ingest", str(folder)).code == 0
    file = tmp_path / "data" / "kb" / "default" / FILE_NAME
    file.write_bytes(file.read_bytes().replace(b"embedder{", b"embeddex{"))
    result = cli("kb", "repair")
    assert (result.code, "--embedder MODEL" in result.err) == (1, True)
    monkeypatch.setattr("ragbot.models.registry.load_embedder", lambda spec, **_: HashEmbedder())
    assert cli("kb", "repair", "--embedder", "bundled").code == 0
    assert cli("search", "Philip Gage").code == 0


def test_what_sqlite_refuses_is_told_as_an_error_of_ours(whole: Whole, kb_folder: Path) -> None:
    """A version number that is damaged makes it migrate what is new already."""
    whole.write(kb_folder, whole.data[:60] + bytes(4) + whole.data[64:])
    assert verify(kb_folder).problems
    with pytest.raises(CorruptError):
        repair(kb_folder)
    assert saved(kb_folder, whole, least=set(whole.rows)) == whole.rows.keys()


def test_a_frame_of_the_log_whose_head_is_gone(logged: Whole, kb_folder: Path) -> None:
    """Nobody knows which page it held: no document is taken from a page that may be older, with its old access list."""
    frames = range(32, len(logged.log), 24 + PAGE)
    kept = set[str]()
    for at in frames[:-3]:
        log = logged.log[:at] + bytes(24) + logged.log[at + 24 :]
        logged.write(kb_folder, bytes(100) + logged.data[100:], log)
        try:
            salvage(kb_folder, EMBEDDER.fingerprint)
        except CorruptError:
            continue
        for source, rows in contents(kb_folder / FILE_NAME).items():
            kept.add(source)
            assert rows == logged.rows[source]
    assert kept
