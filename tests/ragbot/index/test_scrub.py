"""Only what no row uses is overwritten, and all of that: whatever the rows are, and whenever it is cut off."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import struct
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ragbot.index.scrub import Marks, Scrubbed, UnknownPageError, scrub, unused

ROOT = Path(__file__).parents[3]
SCHEMA = """
CREATE TABLE a (id INTEGER PRIMARY KEY, t TEXT, b BLOB); CREATE INDEX a_t ON a (t);
CREATE TABLE w (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID; CREATE TABLE s (x INTEGER); CREATE INDEX s_x ON s (x);
"""


def scrubbed(path: Path, marks: Marks | None = None) -> Scrubbed:
    file = os.open(path, os.O_RDWR)
    try:
        return scrub(file, marks)
    finally:
        os.close(file)


def connect(path: Path) -> closing[sqlite3.Connection]:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA secure_delete = ON")
    db.execute("PRAGMA synchronous = OFF")
    return closing(db)


def grown(path: Path, seed: int, steps: int = 150) -> list[str]:
    """A file of rows of all sizes that were added, changed and deleted; returns a word for each text that it ever held."""
    chance, words = random.Random(seed), list[str]()

    def text() -> str:
        words.append(f"<{len(words)}密w> ")
        longest = chance.choice((chance.randint(10, 60), chance.randint(50, 900), chance.randint(900, 9000)))
        return (words[-1] * 1000)[:longest]

    with connect(path) as db:
        db.execute(f"PRAGMA page_size = {(4096, 512, 1024, 8192, 65536)[seed % 5]}")
        db.execute(f"PRAGMA auto_vacuum = {(0, 0, 1, 2)[seed % 4]}")
        db.execute(f"PRAGMA journal_mode = {('WAL', 'DELETE')[seed % 2]}")
        db.executescript(SCHEMA)
        for number in range(steps):
            kind, place = chance.random(), chance.randrange(number + 1)
            if kind < 0.6:
                row_id = chance.randrange(10 ** chance.randint(1, 14)) * steps + number
                db.execute(
                    "INSERT INTO a VALUES (?, ?, ?)", (row_id, text(), chance.randbytes(chance.choice((0, 1536))))
                )
                db.execute("INSERT INTO w VALUES (?, ?)", (text(), text()))
                db.execute("INSERT INTO s VALUES (?)", (chance.choice((None, 0, 300, -70000)),))
            elif kind < 0.8:
                db.execute("UPDATE a SET t = ? WHERE id IN (SELECT id FROM a LIMIT 1 OFFSET ?)", (text(), place // 2))
            else:
                db.execute("DELETE FROM a WHERE id IN (SELECT id FROM a LIMIT 4 OFFSET ?)", (place // 2,))
                db.execute("DELETE FROM w WHERE k IN (SELECT k FROM w LIMIT 4 OFFSET ?)", (place // 2,))
                db.execute("DELETE FROM s WHERE rowid IN (SELECT rowid FROM s LIMIT 2)")
    return words


def rows_of(path: Path) -> list[str]:
    """Every row as SQL, after SQLite's own check."""
    with connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [*db.iterdump()]


def check(path: Path, seed: int, steps: int) -> None:
    words = grown(path, seed, steps)
    before = rows_of(path)
    living = "\n".join(before)
    assert scrubbed(path).unknown == 0
    raw = path.read_bytes()
    assert rows_of(path) == before
    assert [word for word in words if word not in living and word.encode() in raw] == []
    assert [word for word in words if word in living and word.encode() not in raw] == []
    assert scrubbed(path).cleaned == 0
    with connect(path) as db:  # SQLite goes on with it
        db.execute("DELETE FROM a WHERE id % 2")
        db.execute("INSERT INTO w SELECT 'z' || k, v FROM w LIMIT 40")
    rows_of(path)


@pytest.mark.parametrize("seed", range(10))
def test_rows_stay_and_nothing_else(tmp_path: Path, seed: int) -> None:
    check(tmp_path / "db", seed, 120)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 400))
def test_rows_stay_and_nothing_else_many_times(tmp_path: Path, seed: int) -> None:
    check(tmp_path / "db", seed, 350)


def test_there_is_something_to_do(tmp_path: Path) -> None:
    words = grown(tmp_path / "db", 0, 300)
    living, raw = "\n".join(rows_of(tmp_path / "db")), (tmp_path / "db").read_bytes()
    assert [word for word in words if word not in living and word.encode() in raw], "SQLite has learnt it: rejoice"
    assert scrubbed(tmp_path / "db").cleaned > 10


def test_an_empty_one(tmp_path: Path) -> None:
    with connect(tmp_path / "db") as db:
        db.execute("CREATE TABLE a (x)")
    assert scrubbed(tmp_path / "db") == Scrubbed(pages=2, cleaned=0, unknown=0)


def test_only_marked_pages_are_looked_at(tmp_path: Path) -> None:
    path, marks = tmp_path / "db", Marks()
    grown(path, 0, 300)
    before = path.read_bytes()
    for number in (3, 4, 9, 10**6):  # the last is behind the end: the file was longer when it was written
        marks.add(number)
    assert scrubbed(path, marks).pages == 3
    after = path.read_bytes()
    changed = {at // 4096 + 1 for at in range(len(before)) if before[at] != after[at]}
    assert changed <= {3, 4, 9}


def test_marks() -> None:
    marks = Marks()
    assert [*marks.runs(5)] == []
    for number in (1, 7, 5, 6, 8, 9, 7):
        marks.add(number)
    assert [*marks.runs(3)] == [range(1, 2), range(5, 8), range(8, 10)]
    assert [number for number in range(12) if number in marks] == [1, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("at", [0, 16, 20, 21, 28, 31, 36, 39], ids="header at {}".format)
def test_a_header_that_is_wrong(tmp_path: Path, at: int) -> None:
    path = tmp_path / "db"
    grown(path, 0)
    with connect(path) as db:
        db.execute("DELETE FROM w")  # there are free pages
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(UnknownPageError):
        scrubbed(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"no database " * 1000, b"SQLite format 3\0"], ids=["empty", "text", "short"])
def test_other_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "db").write_bytes(content)
    with pytest.raises(UnknownPageError):
        scrubbed(tmp_path / "db")
    assert (tmp_path / "db").read_bytes() == content


def test_a_damaged_page_is_left_as_it_is(tmp_path: Path) -> None:
    path, chance = tmp_path / "db", random.Random(1)
    grown(path, 0, 300)
    whole = path.read_bytes()
    leaves = [at for at in range(4096, len(whole), 4096) if whole[at] in {0x0A, 0x0D}]
    for at in chance.sample(leaves, 12):
        damaged = bytearray(whole)
        byte = chance.choice((3, 4, 5, 6, 7))  # how many cells, where they begin, how many bytes are lost
        damaged[at + byte] ^= chance.choice((1, 2, 0x80))
        path.write_bytes(damaged)
        assert scrubbed(path).unknown == 1, (at, byte)
        assert path.read_bytes()[at : at + 4096] == damaged[at : at + 4096]


def test_a_damaged_list_of_free_pages_frees_nothing(tmp_path: Path) -> None:
    path = tmp_path / "db"
    grown(path, 0, 300)
    with connect(path) as db:
        db.execute("DELETE FROM w")
    content = bytearray(path.read_bytes())
    trunk = (int.from_bytes(content[32:36], "big") - 1) * 4096
    content[trunk + 8 : trunk + 12] = content[trunk + 12 : trunk + 16]  # one page twice, and one not at all
    path.write_bytes(content)
    with pytest.raises(UnknownPageError, match="free pages"):
        scrubbed(path)
    assert path.read_bytes() == content


def test_a_list_of_free_pages_in_a_circle(tmp_path: Path) -> None:
    path = tmp_path / "db"
    grown(path, 0, 300)
    with connect(path) as db:
        db.execute("DELETE FROM w")
    content = bytearray(path.read_bytes())
    trunk = (int.from_bytes(content[32:36], "big") - 1) * 4096
    content[trunk : trunk + 4] = content[32:36]
    path.write_bytes(content)
    with pytest.raises(UnknownPageError, match="free pages"):
        scrubbed(path)


def test_what_is_unused_of_a_page() -> None:
    # A leaf of a table: two cells of 14 and 4 bytes, a free block of 10 between them, and 2 lost bytes at the end.
    page = bytearray(b"\xee" * 512)
    page[480:510] = (
        bytes([12, 1, *range(12)]) + struct.pack(">2H", 0, 10) + b"\xee" * 6 + bytes([1, 2, 2, 9]) + b"\xee\xee"
    )
    page[:12] = struct.pack(">BHHHB2H", 0x0D, 494, 2, 480, 4, 480, 504)
    page[504:508] = bytes([1, 2, 2, 9])
    page[508:] = b"\xee" * 4
    spans, chains = unused(bytes(page))
    assert (spans, chains) == ([(12, 480), (498, 504), (508, 512)], [])
    page[7] = 3  # lost bytes, as it says itself
    with pytest.raises(UnknownPageError, match="missing"):
        unused(bytes(page))


def planted(path: Path, at: int) -> bool:
    """Whether a word that is written there is overwritten again, and the rows are the same."""
    rows, content = rows_of(path), bytearray(path.read_bytes())
    assert content[at : at + 6] == bytes(6), "SQLite has left it empty"
    content[at : at + 6] = "密语".encode()
    path.write_bytes(content)
    assert scrubbed(path) == Scrubbed(len(content) // 4096, 1, 0)
    assert rows_of(path) == rows
    return path.read_bytes()[at : at + 6] == bytes(6)


@pytest.mark.parametrize("table", ["a (id, t)", "w (k, v)"])
def test_behind_the_end_of_a_long_row(tmp_path: Path, table: str) -> None:
    path = tmp_path / "db"
    with connect(path) as db:
        db.executescript(SCHEMA)
        db.execute("DROP INDEX a_t")
        for number in range(9):  # SQLite fills the last page where it can
            db.execute(f"INSERT INTO {table} VALUES (?, ?)", (number, "x" * (9000 + 500 * number) + f"END{number}"))
    scrubbed(path)
    raw = path.read_bytes()
    ends = [raw.index(b"xEND%d" % number) + 5 for number in range(9)]
    at = next(at for at in ends if 100 < at % 4096 < 3900)
    assert planted(path, at)


def test_in_free_pages(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with connect(path) as db:
        db.executescript(SCHEMA)
        db.execute("INSERT INTO w VALUES ('long', ?)", ("x" * 30000,))
        db.execute("DELETE FROM w")
    content = path.read_bytes()
    trunk = (int.from_bytes(content[32:36], "big") - 1) * 4096
    leaf = (int.from_bytes(content[trunk + 8 : trunk + 12], "big") - 1) * 4096
    assert planted(path, trunk + 4090) and planted(path, leaf)


KILLED = """
import os, random, signal, sys
import ragbot.index.scrub as module
left, write = int(sys.argv[2]), os.write
def counted(file, data):
    global left
    left -= 1
    if left < 0:
        write(file, data[: len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    return write(file, data)
os.write = counted
module.scrub(os.open(sys.argv[1], os.O_RDWR))
"""


@pytest.mark.skipif(os.name == "nt", reason="sends SIGKILL")
def test_killed_in_between(tmp_path: Path) -> None:
    path = tmp_path / "db"
    grown(path, 0, 300)
    rows = rows_of(path)
    for writes in (0, 7, 20):
        done = subprocess.run([sys.executable, "-c", KILLED, str(path), str(writes)], cwd=ROOT, timeout=60, check=False)
        assert done.returncode == -signal.SIGKILL
        assert rows_of(path) == rows
    assert scrubbed(path).unknown == 0
    assert rows_of(path) == rows
