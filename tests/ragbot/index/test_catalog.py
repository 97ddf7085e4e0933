"""The catalog is the truth: all or nothing, checked when read, replayable from any sequence number."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ragbot.documents import Heading, ParsedDocument
from ragbot.errors import CorruptError, KnowledgeBaseError, NewerVersionError, StorageError
from ragbot.index import catalog as module
from ragbot.index.catalog import Catalog
from ragbot.index.filters import Filter
from ragbot.index.records import FileState, NewChunk
from ragbot.index.schema import APPLICATION_ID, VERSION

DIMENSION = 4


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.sqlite3"


@pytest.fixture
def catalog(path: Path) -> Iterator[Catalog]:
    opened = Catalog(path)
    yield opened
    opened.close()


def put(catalog: Catalog, source: str, *texts: str, acl: tuple[str, ...] = (), **fields: Any) -> int:
    """Store a document whose chunks are ``texts``, one a paragraph."""
    text = "\n\n".join(texts)
    chunks, start = [], 0
    for part in texts:
        digest = part.encode("utf-8", "replace")[:16]
        chunks.append(NewChunk(start, start + len(part), 1, ("H",), "title", digest))
        start += len(part) + 2
    parsed = ParsedDocument(text, title="title", **fields)
    return catalog.put_document(source, parsed, FileState(f"hash of {text!a}"), chunks, vectors_of(texts), acl)


def vectors_of(texts: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.float32]]:
    rows = [[len(text), sum(map(ord, text)) % 97, 1, 0] for text in texts]
    return np.array(rows, np.float32).reshape(-1, DIMENSION)


def texts_of(catalog: Catalog) -> dict[str, list[str]]:
    """The chunks of every document, as a reader sees them."""
    found: dict[str, list[str]] = {document.source: [] for document in catalog.documents()}
    # Not in the order of ids: a chunk that an edit leaves as it is keeps its id, whatever comes before it.
    for chunk in sorted(catalog.chunks(catalog.chunk_ids(Filter()).tolist()).values(), key=lambda c: c.ordinal):
        assert chunk.text == catalog.document_text(chunk.document.id)[chunk.start : chunk.end]
        found[chunk.document.source].append(chunk.text)
    return found


def raw(path: Path, sql: str, *values: object) -> None:
    with sqlite3.connect(path) as db:
        assert db.execute(sql, values).rowcount != 0
    db.close()


# -- documents -------------------------------------------------------------------------------------------------------


def test_round_trip(catalog: Catalog) -> None:
    parsed = ParsedDocument(
        "第一页 text",
        title="标题",
        type="pdf",
        language="zh",
        date="2024-05-01",
        pages=(0, 4),
        headings=(Heading(0, 1, "第一"),),
        metadata={"author": "O'Brien", "键": '"'},
    )
    chunk = NewChunk(4, 8, 2, ("第一", "b"), "标题 > 第一", b"\x00\xff")
    identity = catalog.put_document(
        "/x/论文.pdf", parsed, FileState("h", 9, 7), [chunk], vectors_of(("text",)), ["b", "a"]
    )
    (document,) = catalog.documents()
    assert (document.id, document.source, document.title, document.type) == (identity, "/x/论文.pdf", "标题", "pdf")
    assert (document.language, document.date, document.content_hash) == ("zh", "2024-05-01", "h")
    assert (document.acl, document.metadata) == (("a", "b"), parsed.metadata)
    assert catalog.parsed_text(identity) == (parsed.text, parsed.pages, parsed.headings)
    assert catalog.file_state("/x/论文.pdf") == FileState("h", 9, 7)
    (stored,) = catalog.chunks(catalog.chunk_ids(Filter()).tolist()).values()
    assert (stored.text, stored.start, stored.end, stored.page, stored.headings) == ("text", 4, 8, 2, ("第一", "b"))
    assert stored.document == document
    assert catalog.counts() == {"documents": 1, "chunks": 1, "characters": 8}


@pytest.mark.parametrize("text", ["😀a🏳️‍🌈b", "𠮷野家𝔘𝔫𝔦", "e\u0301clair", "nul\0inside", "\u200b\ufeff"])
def test_offsets_are_code_points(catalog: Catalog, text: str) -> None:
    parsed = ParsedDocument(f"{text}|{text}")
    span = NewChunk(len(text) + 1, 2 * len(text) + 1, None, (), "", b"h")
    identity = catalog.put_document("s", parsed, FileState("h"), [span], vectors_of((text,)))
    (chunk,) = catalog.chunks(catalog.chunk_ids(Filter()).tolist()).values()
    assert chunk.text == text
    assert catalog.document_text(identity) == parsed.text


def test_half_a_character_is_refused_and_leaves_nothing(catalog: Catalog) -> None:
    put(catalog, "a", "old")
    for text, source in (("bad \ud83d", "a"), ("good", "bad \udce4")):
        with pytest.raises(ValueError, match="surrogates"):
            put(catalog, source, text)
    assert texts_of(catalog) == {"a": ["old"]}


def test_replacing_keeps_the_id_and_logs_what_went(catalog: Catalog) -> None:
    first = put(catalog, "a", "one", "two")
    before = catalog.chunk_ids(Filter()).tolist()
    assert put(catalog, "a", "three") == first
    after = catalog.chunk_ids(Filter()).tolist()
    assert not set(before) & set(after)
    (changes,) = catalog.changes(1)
    assert (changes.seq, sorted(changes.removed), changes.added) == (2, before, after)


def test_ids_are_never_used_twice(catalog: Catalog) -> None:
    put(catalog, "a", "one", "two")
    highest = max(catalog.chunk_ids(Filter()))
    assert catalog.remove_document("a")
    put(catalog, "b", "three")
    assert min(catalog.chunk_ids(Filter())) > highest


def test_removing(catalog: Catalog) -> None:
    identity = put(catalog, "a", "one")
    put(catalog, "b", "two")
    assert catalog.remove_document("a")
    assert not catalog.remove_document("a")
    assert texts_of(catalog) == {"b": ["two"]}
    assert catalog.seq == 3
    with pytest.raises(KeyError):
        catalog.document_text(identity)


@pytest.mark.parametrize("fails_at", [0, 1, 2])
def test_a_document_is_stored_whole_or_not_at_all(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    put(catalog, "a", "one", "two")
    seq = catalog.seq
    real = module.chunk_rows

    def broken(*args: Any) -> Iterator[Any]:
        for number, row in enumerate(real(*args)):
            if number == fails_at:
                raise RuntimeError("pulled the plug")
            yield row

    monkeypatch.setattr(module, "chunk_rows", broken)
    for source in ("a", "new"):
        with pytest.raises(RuntimeError, match="plug"):
            put(catalog, source, "x", "y", "z")
    assert texts_of(catalog) == {"a": ["one", "two"]}
    assert catalog.seq == seq
    assert list(catalog.changes(seq)) == []
    monkeypatch.undo()
    put(catalog, "new", "still works")


def test_vectors_that_do_not_match_the_chunks(catalog: Catalog) -> None:
    chunk = NewChunk(0, 1, None, (), "", b"")
    with pytest.raises(ValueError, match="zip"):
        catalog.put_document("a", ParsedDocument("abc"), FileState("h"), [chunk], vectors_of(("a", "b")))
    assert texts_of(catalog) == {}


def test_acl_given_as_a_string(catalog: Catalog) -> None:
    with pytest.raises(TypeError, match="alice"):
        put(catalog, "a", "one", acl="alice")  # type: ignore[arg-type]


def test_touch(catalog: Catalog) -> None:
    put(catalog, "a", "one")
    catalog.touch("a", FileState("ignored", 5, 6))
    state = catalog.file_state("a")
    assert state and (state.size, state.mtime_ns) == (5, 6) and state.content_hash.startswith("hash of")
    assert [document.source for document in catalog.documents()] == ["a"]  # the checksum still fits
    assert catalog.seq == 1


def test_neighbours(catalog: Catalog) -> None:
    put(catalog, "a", *(f"part {number}" for number in range(5)))
    put(catalog, "b", "other")
    chunks = catalog.chunks(catalog.chunk_ids(Filter()).tolist())
    by_ordinal = {(c.document.source, c.ordinal): c for c in chunks.values()}
    assert [c.ordinal for c in catalog.neighbours(by_ordinal["a", 2], 1)] == [1, 2, 3]
    assert [c.ordinal for c in catalog.neighbours(by_ordinal["a", 0], 2)] == [0, 1, 2]
    assert [c.text for c in catalog.neighbours(by_ordinal["b", 0], 9)] == ["other"]


def test_embeddings_are_found_by_the_hash_of_their_text(catalog: Catalog) -> None:
    put(catalog, "a", "one", "two", "one")
    found = catalog.embeddings_of([b"one", b"none", b"one"])
    assert list(found) == [b"one"]
    np.testing.assert_array_equal(found[b"one"], vectors_of(("one",))[0])


def test_ids_that_are_gone_are_left_out(catalog: Catalog) -> None:
    put(catalog, "a", "one")
    assert list(catalog.chunks([1, 99, 1, -3])) == [1]
    assert catalog.chunks([]) == {}
    assert list(catalog.chunks(range(40_000))) == [1]


# -- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "read"),
    [
        ("UPDATE documents SET text = replace(text, 'one', 'onf')", "text"),
        ("UPDATE documents SET pages = '[1]'", "text"),
        ("UPDATE documents SET headings = '[[0, 1, \"x\"]]'", "text"),
        ("UPDATE documents SET title = 'titlf'", "documents"),
        ("UPDATE documents SET acl = '[]'", "documents"),
        ("UPDATE documents SET date = '1999-01-01'", "documents"),
        ("UPDATE documents SET source = 'b'", "documents"),
        ("UPDATE documents SET mtime_ns = 5", "documents"),
        ("UPDATE chunks SET text = 'onf'", "chunks"),
        ("UPDATE chunks SET start = 1", "chunks"),
        ("UPDATE chunks SET page = 9", "chunks"),
        ("UPDATE chunks SET page = NULL", "chunks"),
        ("UPDATE chunks SET headings = '[]'", "chunks"),
        ("UPDATE chunks SET document_id = document_id, prefix = 'x'", "chunks"),
        ("UPDATE chunks SET text = 'onf'", "neighbours"),
        ("UPDATE chunks SET text = 'onf'", "changes"),
        ("UPDATE chunks SET embedding = zeroblob(16)", "changes"),
        ("UPDATE chunks SET embedding = substr(embedding, 1, 12)", "changes"),
        ("UPDATE chunks SET embedding = zeroblob(16)", "embeddings"),
        ("UPDATE documents SET acl = '[]'", "touch"),
    ],
)
def test_a_changed_byte_is_noticed_when_it_is_read(catalog: Catalog, path: Path, sql: str, read: str) -> None:
    identity = put(catalog, "a", "one", acl=("alice",))
    (chunk,) = catalog.chunks([1]).values()
    raw(path, sql)
    reads = {
        "text": lambda: catalog.document_text(identity),
        "documents": catalog.documents,
        "chunks": lambda: catalog.chunks([1]),
        "neighbours": lambda: catalog.neighbours(chunk, 1),
        "changes": lambda: list(catalog.changes(0)),
        "embeddings": lambda: catalog.embeddings_of([b"one"]),
        "touch": lambda: catalog.touch("a", FileState("h", 1, 1)),
    }
    names = {
        "text": "text of document 1",
        "documents": "document 1",
        "touch": "document 1",
        "embeddings": "an embedding",
    }
    what = names.get(read, "an embedding" if "embedding" in sql else "chunk 1")
    with pytest.raises(CorruptError, match=f"{what} in .*catalog.sqlite3 is damaged"):
        reads[read]()


def test_other_files_are_not_taken_for_a_catalog(path: Path) -> None:
    raw(path, "CREATE TABLE precious (x)")
    before = path.read_bytes()
    with pytest.raises(CorruptError, match="not a catalog of ragbot"):
        Catalog(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_files_that_are_no_database(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(CorruptError, match=r"catalog\.sqlite3"):
        Catalog(path)
    assert path.read_bytes() == content


def test_file_cut_short(path: Path) -> None:
    catalog = Catalog(path)
    for number in range(50):
        put(catalog, f"s{number}", "x" * 2000)
    catalog.close()
    whole = path.read_bytes()
    for kept in (len(whole) // 2, 5000, 100):
        path.write_bytes(whole[:kept])
        with pytest.raises(KnowledgeBaseError):
            damaged = Catalog(path)
            try:
                texts_of(damaged)
                list(damaged.changes(0))
            finally:
                damaged.close()


def test_newer_version(path: Path) -> None:
    Catalog(path).close()
    raw(path, f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(NewerVersionError, match=f"format {VERSION + 1}.*pip install"):
        Catalog(path)


def test_none_there(path: Path) -> None:
    with pytest.raises(KnowledgeBaseError, match=str(path.parent)):
        Catalog(path, create=False)
    assert not path.exists()


def test_folder_in_its_place(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StorageError, match=r"catalog\.sqlite3"):
        Catalog(path)


def test_what_the_file_says_it_is(path: Path) -> None:
    Catalog(path).close()
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


def test_each_catalog_has_an_identity_of_its_own(tmp_path: Path) -> None:
    first, second = Catalog(tmp_path / "1"), Catalog(tmp_path / "2")
    assert len(first.identity) == 32 and first.identity != second.identity
    first.close()
    again = Catalog(tmp_path / "1")
    assert again.identity == first_identity(tmp_path / "1")
    again.close()
    second.close()


def first_identity(path: Path) -> str:
    db = sqlite3.connect(path)
    (value,) = db.execute("SELECT value FROM meta WHERE key = 'identity'").fetchone()
    db.close()
    return str(value)


# -- a full disk -----------------------------------------------------------------------------------------------------


def test_full_disk_keeps_what_was_stored(catalog: Catalog) -> None:
    put(catalog, "a", "one", "two")
    (pages,) = catalog._db.execute("PRAGMA page_count").fetchone()
    catalog._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    for source in ("a", "b"):
        with pytest.raises(StorageError, match="free some space"):
            put(catalog, source, "x" * 100_000)
    assert texts_of(catalog) == {"a": ["one", "two"]}
    assert catalog.seq == 1
    catalog._db.execute("PRAGMA max_page_count = 1000000")
    put(catalog, "b", "x" * 100_000)
    assert set(texts_of(catalog)) == {"a", "b"}


FILL = """
import resource
import sys
from pathlib import Path
import numpy as np
from ragbot.documents import ParsedDocument
from ragbot.errors import StorageError
from ragbot.index.catalog import Catalog
from ragbot.index.records import FileState, NewChunk
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
catalog = Catalog(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    for number in range(1000):
        text = f"{number} " + "x" * 5000
        chunk = NewChunk(0, len(text), None, (), "", b"h")
        catalog.put_document(f"s{number}", ParsedDocument(text), FileState("h"), [chunk], np.ones((1, 4), np.float32))
        print(number, flush=True)
except StorageError as error:
    print("full", len(catalog.documents()), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_full_disk_in_a_process_of_its_own(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    *acknowledged, last = done.stdout.splitlines()
    assert last == f"full {len(acknowledged)}", done.stderr
    assert len(acknowledged) > 5
    catalog = Catalog(path)
    assert set(texts_of(catalog)) == {f"s{number}" for number in acknowledged}
    put(catalog, "more", "fits again")
    catalog.close()


# -- several at once -------------------------------------------------------------------------------------------------


def test_several_make_it_at_the_same_time(path: Path) -> None:
    errors: list[BaseException] = []
    start = threading.Barrier(6)

    def make() -> None:
        try:
            start.wait()
            Catalog(path).close()
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    Catalog(path).close()


def test_threads_read_while_one_writes(catalog: Catalog) -> None:
    put(catalog, "a", "one", "two")
    failures: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                seen = catalog.chunks(catalog.chunk_ids(Filter()).tolist())
                assert len(seen) in {0, 2, 3}  # none where it was replaced between the two calls
                for changes in catalog.changes(0):
                    assert len(changes.added) in {2, 3}
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(30):
        put(catalog, "a", *["x", "y", "z"][: 2 + number % 2])
    stop.set()
    for reader in readers:
        reader.join()
    assert failures == []


# -- deletion --------------------------------------------------------------------------------------------------------


def test_deleted_text_is_in_no_file(catalog: Catalog, path: Path) -> None:
    put(catalog, "keep", "public")
    put(catalog, "old", "TOPSECRET" + "x" * 9000, "密码四八一五")
    catalog.remove_document("old")
    put(catalog, "replaced", "WITHDRAWN words", metadata={"k": "METASECRET"})
    put(catalog, "replaced", "other words")
    catalog.checkpoint()
    for file in path.parent.iterdir():
        content = file.read_bytes()
        for needle in ("TOPSECRET", "密码四八一五", "WITHDRAWN", "METASECRET"):
            assert needle.encode() not in content, (file.name, needle)
    assert texts_of(catalog) == {"keep": ["public"], "replaced": ["other words"]}


# -- replay ----------------------------------------------------------------------------------------------------------


SOURCES = st.sampled_from(["a", "b", "c", "d"])
TEXTS = st.lists(st.text("xyz中", min_size=1, max_size=3), min_size=0, max_size=4)


class Replay(RuleBasedStateMachine):
    """Whatever was put, replaced and removed: replaying from any number gives the state."""

    def __init__(self) -> None:
        super().__init__()
        self.catalog = Catalog(Path(":memory:"))
        self.model: dict[str, list[str]] = {}
        self.known: dict[int, dict[int, str]] = {0: {}}  # what an index holds that has reached a number

    @rule(source=SOURCES, texts=TEXTS)
    def put(self, source: str, texts: list[str]) -> None:
        put(self.catalog, source, *texts)
        self.model[source] = texts

    @precondition(lambda self: self.model)
    @rule(source=SOURCES)
    def remove(self, source: str) -> None:
        assert self.catalog.remove_document(source) == (source in self.model)
        self.model.pop(source, None)

    @rule(limit=st.integers(1, 6))
    def replay_from_everywhere(self, limit: int) -> None:
        now = self.living()
        for seq, state in self.known.items():
            replayed, reached = dict(state), seq
            for changes in self.catalog.changes(seq, limit):
                assert changes.seq > reached
                reached = changes.seq
                for identity in changes.removed:
                    replayed.pop(identity, None)
                assert changes.added == sorted(changes.added)
                texts = [text.removeprefix("title\n") for text in changes.texts]
                replayed.update(zip(changes.added, texts, strict=True))
                np.testing.assert_array_equal(changes.vectors.reshape(-1, DIMENSION), vectors_of(tuple(texts)))
            assert reached == self.catalog.seq
            assert replayed == now
        self.known[self.catalog.seq] = now

    @invariant()
    def reads_as_the_model(self) -> None:
        assert texts_of(self.catalog) == self.model

    def living(self) -> dict[int, str]:
        chunks = self.catalog.chunks(self.catalog.chunk_ids(Filter()).tolist())
        return {identity: chunk.text for identity, chunk in chunks.items()}

    def teardown(self) -> None:
        self.catalog.close()


TestReplay = Replay.TestCase
TestReplay.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
