"""The file: who may read it, what is refused and left as it is, and what happens to deletions that were cut off."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ragbot.errors import CorruptError, NewerVersionError, StorageError
from ragbot.workspace.schema import VERSION
from ragbot.workspace.store import Workspace
from tests.ragbot.workspace.conftest import KB, Open, bytes_of, said

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(os.name == "nt", reason="rights of POSIX")
def test_others_cannot_read_it(reopen: Open, path: Path) -> None:
    reopen().create(KB)
    kept = [file for file in path.parent.iterdir() if file.name.startswith(path.name)]
    assert len(kept) > 1  # the log is there, too
    assert {stat.S_IMODE(file.stat().st_mode) for file in kept} == {0o600}


def test_a_newer_one_is_left_alone(reopen: Open, path: Path) -> None:
    reopen().workspace.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(NewerVersionError, match=rf"format {VERSION + 1}, this one knows {VERSION}.*pip install -U"):
        Workspace(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"no database at all " * 300, b"SQLite format 3\0" + b"\xff" * 9000], ids=["text", "head"]
)
def test_what_is_no_database_is_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(
        CorruptError, match=r"nothing was changed: restore it from a backup, or move workspace\.sqlite3"
    ):
        Workspace(path)
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_another_application_s_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE t (x)")
        db.commit()
    before = path.read_bytes()
    with pytest.raises(CorruptError, match=r"not a workspace of ragbot; .* move workspace\.sqlite3 away"):
        Workspace(path)
    assert path.read_bytes() == before


def test_a_broken_page_is_told_and_nothing_is_written(reopen: Open, path: Path) -> None:
    conversations = reopen()
    identity = conversations.create(KB).id
    for number in range(40):
        conversations.append(identity, said(f"question {number}", "answer " * 200))
    conversations.workspace.close()
    content = bytearray(path.read_bytes())
    content[8192 : len(content) - 4096] = b"\xa5" * (len(content) - 12288)
    path.write_bytes(content)
    with pytest.raises(CorruptError, match="workspace"):
        reopen().turns(identity)
    assert path.read_bytes() == content


def test_a_flipped_bit_is_told_with_the_way_out(reopen: Open, path: Path) -> None:
    conversations = reopen()
    damaged, whole = conversations.create(KB).id, conversations.create(KB).id
    conversations.append(damaged, said("What is the rank?", "The rank is sixteen."))
    conversations.append(whole, said("And alpha?", "Thirty-two."))
    conversations.workspace.close()
    content = path.read_bytes()
    assert content.count(b"The rank is sixteen.") == 1
    path.write_bytes(content.replace(b"The rank is sixteen.", b"The rank is sixtten."))
    conversations = reopen()
    with pytest.raises(CorruptError, match=rf"ragbot conversations delete {damaged}"):
        conversations.turns(damaged)
    assert conversations.turns(whole)[0].text == "Thirty-two."
    assert conversations.delete([conversations.resolve(damaged[:6])]) == 1
    assert [info.id for info in conversations.all()] == [whole]


def test_a_folder_in_its_place(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StorageError, match="set data_dir to another folder"):
        Workspace(path)


def test_several_processes_may_make_it_at_once(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ragbot.workspace.store import Workspace\n"
        "from ragbot.workspace.conversations import Conversations\n"
        "c = Conversations(Workspace(Path(sys.argv[1]))); print(c.create('kb').id)"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for _ in range(3)
    ]
    ids = {process.communicate(timeout=60)[0].strip() for process in started}
    assert [process.returncode for process in started] == [0, 0, 0]
    workspace = Workspace(path)
    with workspace.reading() as db:
        assert {row[0] for row in db.execute("SELECT id FROM conversations")} == ids
    workspace.close()


def test_a_deletion_that_was_killed_is_finished_when_it_is_next_opened(
    reopen: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversations = reopen()
    identity = conversations.create(KB).id
    conversations.append(identity, said("a question", "Zanzibar " * 2000))
    monkeypatch.setattr(Workspace, "_erase", lambda self: None)  # killed between the commit and this
    conversations.delete([identity])
    assert b"Zanzibar" in bytes_of(path)
    monkeypatch.undo()
    reopen()
    assert b"Zanzibar" not in bytes_of(path)


def test_a_reader_delays_the_erasing_and_the_next_one_to_open_it_makes_up(
    reopen: Open, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ragbot.workspace.store._PATIENCE", 0.1)
    conversations, other = reopen(), reopen()
    identity = conversations.create(KB).id
    conversations.append(identity, said("a question", "Zanzibar"))
    with other.workspace.reading() as db:
        assert db.execute("SELECT count(*) FROM turns").fetchone() == (1,)  # its view of the file begins here
        assert conversations.delete([identity]) == 1
    assert "is erased when it is closed or next opened" in caplog.text
    reopen()
    assert b"Zanzibar" not in bytes_of(path)
