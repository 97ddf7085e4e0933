"""No byte of a deleted text is left in the catalog's files, whatever else goes on."""

from __future__ import annotations

import logging
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from ragbot.documents import ParsedDocument
from ragbot.errors import StorageError
from ragbot.index import traces
from ragbot.index.catalog import Catalog
from ragbot.index.records import FileState, NewChunk
from ragbot.index.scrub import Marks, Scrubbed, scrub
from ragbot.index.written_pages import WrittenPages

ROOT = Path(__file__).parents[3]
Looked = list[Scrubbed]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "kb").mkdir()
    return tmp_path / "kb" / "catalog.sqlite3"


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Looked:
    """What was looked at, each time something was overwritten."""
    done: Looked = []

    def watched(file: int, marks: Marks | None = None) -> Scrubbed:
        done.append(scrub(file, marks))
        return done[-1]

    monkeypatch.setattr(traces, "scrub", watched)
    return done


def opened(path: Path) -> Catalog:
    catalog = Catalog(path)
    catalog._query("PRAGMA synchronous = OFF")  # for the tests' speed
    return catalog


def put(catalog: Catalog, source: str, text: str, size: int = 400) -> None:
    chunks = [
        NewChunk(start, min(start + size, len(text)), 1, ("H",), "", text[start : start + size].encode()[:16])
        for start in range(0, len(text), size)
    ]
    vectors = np.ones((len(chunks), 8), np.float32)
    catalog.put_document(source, ParsedDocument(text, title=source), FileState(source), chunks, vectors)


def found(path: Path, words: list[str]) -> list[str]:
    raw = b"\0".join(file.read_bytes() for file in sorted(path.parent.iterdir()) if file.is_file())
    return [word for word in words if word.encode() in raw]


def changing(catalog: Catalog, seed: int, documents: int = 90) -> tuple[list[str], list[str]]:
    """Documents come, change and go; returns a word of each text that is gone, and of each that is there."""
    chance, gone, there = random.Random(seed), list[str](), dict[str, str]()

    def store(source: str, version: int) -> None:
        word = f"{source}v{version}{chance.choice(('密语', 'secret'))}"
        longest = chance.choice((chance.randint(50, 900), chance.randint(50, 900), chance.randint(900, 6000)))
        if source in there:
            gone.append(there[source])
        there[source] = word
        put(catalog, source, (f"{word} " * 500)[:longest], chance.choice((120, 400, 1000)))

    for number in range(documents):
        store(f"D{number:03d}", 0)
        if chance.random() < 0.3:
            store(chance.choice([*there]), number + 1)
    for source in chance.sample([*there], documents // 3):
        gone.append(there.pop(source))
        assert catalog.remove_document(source)
    return gone, [*there.values()]


def whole(catalog: Catalog, there: list[str]) -> None:
    """Every document is read, with its checksums."""
    assert sorted(catalog.document_text(document.id).split()[0] for document in catalog.documents()) == sorted(there)
    assert sum(len(changes.added) for changes in catalog.changes(0)) == catalog.counts()["chunks"]
    assert catalog._query("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("seed", range(25))
def test_nothing_is_left(path: Path, seed: int) -> None:
    catalog = opened(path)
    if seed % 5:  # else, nobody has seen what was written from the beginning
        assert catalog.checkpoint()
    gone, there = changing(catalog, seed)
    assert catalog.traces_left()
    assert catalog.checkpoint()
    assert not catalog.traces_left()
    assert found(path, gone) == []
    assert len(found(path, there)) == len(there)
    whole(catalog, there)
    catalog.close()
    assert found(path, gone) == []


def test_a_removal_looks_at_what_it_has_written(path: Path, looked: Looked) -> None:
    catalog = opened(path)
    for number in range(150):
        put(catalog, f"D{number:03d}", f"<{number}密> " * 700)
    assert catalog.checkpoint() and catalog.checkpoint()
    assert len(looked) == 1  # nothing has changed in between
    pages = catalog._query("PRAGMA page_count")[0][0]
    assert looked[0].pages >= pages - 1 and pages > 400
    assert catalog.remove_document("D077") and catalog.checkpoint()
    assert looked[1].pages < 40
    catalog.close()
    again = opened(path)
    assert again.remove_document("D078") and again.checkpoint()
    assert looked[2].pages < 40
    assert found(path, ["<77密>", "<78密>"]) == [] != found(path, ["<79密>"])
    again.close()


def aged(catalog: Catalog, path: Path) -> None:
    """As a ragbot left it that knew nothing of this."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("DELETE FROM meta WHERE key = 'traces'")


def vacuumed(catalog: Catalog, path: Path) -> None:
    catalog._query("VACUUM")
    catalog._query("PRAGMA wal_checkpoint(TRUNCATE)")


def copied(catalog: Catalog, path: Path) -> None:
    catalog.close()
    shutil.copy(path, path.with_suffix(".copy"))
    path.with_suffix(".copy").replace(path)


@pytest.mark.parametrize("happen", [aged, vacuumed, copied])
def test_where_not_all_was_seen_every_page_is_looked_at(
    path: Path, looked: Looked, happen: Callable[[Catalog, Path], None]
) -> None:
    catalog = opened(path)
    gone, there = changing(catalog, 1)
    assert catalog.checkpoint()
    happen(catalog, path)
    if happen is copied:
        catalog = opened(path)
    put(catalog, "more", "one more")
    pages = catalog._query("PRAGMA page_count")[0][0]
    assert catalog.checkpoint()
    assert looked[-1].pages == pages > 50
    assert found(path, gone) == []
    whole(catalog, [*there, "one"])
    catalog.close()


@pytest.mark.parametrize("again", [False, True], ids=["then it looks", "then it writes"])
def test_others_who_write_in_between(path: Path, looked: Looked, again: bool) -> None:
    first, second = opened(path), opened(path)
    for number in range(40):
        put(first, f"D{number}", f"<{number}密> " * 300)
    assert first.checkpoint()
    assert first.remove_document("D1") and second.remove_document("D2")
    second._query("PRAGMA wal_checkpoint(TRUNCATE)")  # what the log named is lost to the first
    if again:
        assert first.remove_document("D3")
    assert first.checkpoint()
    assert looked[-1].pages == first._query("PRAGMA page_count")[0][0]
    assert found(path, ["<1密>", "<2密>"]) == [] != found(path, ["<4密>"])
    assert second.remove_document("D4") and second.checkpoint() and first.checkpoint()  # and all begins anew
    assert looked[-1].pages < looked[-2].pages
    assert found(path, ["<4密>"]) == []
    first.close()
    second.close()


def test_a_reader_delays_it_until_the_close(path: Path) -> None:
    catalog, reader = opened(path), opened(path)
    put(catalog, "secret", "topsecret 密语 " * 300)
    with reader._snapshot() as db:
        assert db.execute("SELECT count(*) FROM documents").fetchone() == (1,)
        assert catalog.remove_document("secret")
        assert not catalog.checkpoint(0)
        assert catalog.traces_left() and found(path, ["topsecret"])
    catalog.close()  # the reader is still open, and the one who closes is not the last
    assert found(path, ["topsecret", "密语"]) == []
    assert not reader.traces_left()
    reader.close()


def test_a_transaction_that_is_undone(path: Path, looked: Looked) -> None:
    catalog = opened(path)
    for number in range(60):
        put(catalog, f"D{number}", f"<{number}密> " * 900)
    assert catalog.checkpoint()
    catalog._query("PRAGMA cache_size = 3")  # what is undone has been in the log by then
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), catalog._transaction() as db:
            db.execute("UPDATE documents SET title = hex(zeroblob(3000))")
            raise ZeroDivisionError
        assert catalog.remove_document(f"D{_}")
    assert catalog.checkpoint()
    assert found(path, ["<0密>", "<1密>"]) == []
    whole(catalog, [f"<{number}密>" for number in range(2, 60)])
    catalog.close()


def test_a_damaged_page_is_told(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    catalog = opened(path)
    changing(catalog, 2)
    catalog.close()
    raw = bytearray(path.read_bytes())
    at = next(at for at in range(8 * 4096, len(raw), 4096) if raw[at] == 0x0D and raw[at + 1 : at + 3] == b"\0\0")
    raw[at + 7] ^= 3
    path.write_bytes(raw)
    catalog = opened(path)
    with caplog.at_level(logging.WARNING):
        assert not catalog.checkpoint(0)
    assert "is damaged, and what was deleted may still stand in it (1 of its pages" in caplog.text
    assert catalog.traces_left()
    catalog.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from ragbot.index import traces
from ragbot.index.catalog import Catalog
real = traces.scrub
def scrub(*given):
    if sys.argv[2] == "after":
        real(*given)
    os.kill(os.getpid(), signal.SIGKILL)
traces.scrub = scrub
catalog = Catalog(Path(sys.argv[1]))
for source in sys.argv[3:]:
    assert catalog.remove_document(source)
catalog.checkpoint()
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_removal_that_was_killed_is_finished_by_the_next(path: Path, when: str) -> None:
    catalog = opened(path)
    gone, there = changing(catalog, 3)
    assert catalog.checkpoint()
    catalog.close()
    names = [word.partition("v")[0] for word in there[:20]]
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), when, *names], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    catalog = opened(path)
    assert catalog.traces_left()
    whole(catalog, there[20:])
    assert catalog.checkpoint()
    assert found(path, [*gone, *there[:20]]) == []
    whole(catalog, there[20:])
    catalog.close()


def test_locks_of_sqlite_outlive_it(path: Path) -> None:
    """POSIX drops them when any descriptor of the file is closed in the process."""
    catalog, other = opened(path), opened(path)
    put(other, "a", "word")
    assert other.checkpoint()
    put(catalog, "b", "word")
    assert catalog.checkpoint()
    other.close()
    assert not alone(path)
    catalog.close()
    assert alone(path)


def alone(path: Path) -> bool:
    """Whether no other process has it open, as :mod:`ragbot.index.salvage` asks."""
    code = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, timeout=60, check=False)
    return done.returncode == 0


def test_a_file_that_was_replaced_is_not_touched(path: Path) -> None:
    catalog = opened(path)
    put(catalog, "a", "word")
    path.rename(path.with_suffix(".old"))
    path.write_bytes(b"somebody else's")
    with pytest.raises(StorageError, match="replaced by another file"):
        catalog.checkpoint()
    assert path.read_bytes() == b"somebody else's"
    catalog.close()


def test_pages_that_were_written_are_known_whatever_was_undone(path: Path) -> None:
    catalog = opened(path)
    for number in range(60):
        put(catalog, f"D{number}", f"<{number}密> " * 300)
    catalog.close()
    log = path.with_name(f"{path.name}-wal")
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as one,
        closing(sqlite3.connect(path, isolation_level=None)) as two,
    ):
        two.execute("PRAGMA cache_size = 3")
        written, before = WrittenPages(log), path.read_bytes()
        for number in range(20):
            two.execute("BEGIN IMMEDIATE")  # so large that it stands in the log before it is undone
            two.execute("UPDATE documents SET title = hex(zeroblob(2000))")
            two.execute("ROLLBACK")
            one.execute("UPDATE chunks SET headings = hex(zeroblob(200)) WHERE id % 20 = ?", (number,))
            written.note()
            if number % 6 == 5:
                one.execute("PRAGMA wal_checkpoint(RESTART)")
        one.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        after = path.read_bytes()
    pages = range(1, len(after) // 4096 + 1)
    changed = {
        page for page in pages if before[page * 4096 - 4096 : page * 4096] != after[page * 4096 - 4096 : page * 4096]
    }
    assert len(changed) > 40
    assert {page for page in changed if page not in written.marks} == set()
