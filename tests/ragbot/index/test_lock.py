"""One writer at a time, across processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ragbot.errors import LockedError, StorageError
from ragbot.index.lock import HOLDER_FILE, LOCK_FILE, holder, writer_lock

HOLD = """
import sys
from pathlib import Path
from ragbot.index.lock import writer_lock
with writer_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_writer(folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_held_and_freed(tmp_path: Path) -> None:
    with writer_lock(tmp_path):
        assert str(os.getpid()) in holder(tmp_path)
    assert not (tmp_path / HOLDER_FILE).exists()
    with writer_lock(tmp_path):
        pass


def test_second_writer_is_told_who_holds_it(tmp_path: Path) -> None:
    with another_writer(tmp_path) as process:
        with pytest.raises(LockedError) as caught, writer_lock(tmp_path, wait=0.1):
            pass
        assert f"process {process.pid}" in str(caught.value) and str(tmp_path) in str(caught.value)
        assert (tmp_path / HOLDER_FILE).exists()  # the note of the one who holds it is left alone


def test_second_writer_waits(tmp_path: Path) -> None:
    with another_writer(tmp_path) as process:
        assert process.stdin
        process.stdin.close()  # it lets go
        with writer_lock(tmp_path, wait=10):
            assert str(os.getpid()) in holder(tmp_path)


def test_killed_writer_frees_it(tmp_path: Path) -> None:
    with another_writer(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with writer_lock(tmp_path, wait=5):
        assert str(os.getpid()) in holder(tmp_path)


def test_freed_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), writer_lock(tmp_path):
        raise ValueError("mine")
    with writer_lock(tmp_path, wait=0):
        pass


@pytest.mark.parametrize("note", ["", "{", "[]", "{}", "null", '{"pid": 1}', "\udc80"])
def test_unreadable_note(tmp_path: Path, note: str) -> None:
    (tmp_path / HOLDER_FILE).write_bytes(note.encode("utf-8", "surrogateescape"))
    assert holder(tmp_path) == "another process"


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).mkdir()
    with pytest.raises(StorageError, match=str(tmp_path)), writer_lock(tmp_path):
        pass
