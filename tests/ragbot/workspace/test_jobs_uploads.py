"""Files that were sent: safe names, nothing overwritten, nothing left behind."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import pytest

from ragbot.errors import StorageError, UserError
from ragbot.workspace.jobs_uploads import discard, keep, safe_name

#: What a path could be smuggled in with.
HOSTILE = [
    "../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/passwd",
    "C:\\x.md",
    "a/../../b.md",
    "x\x00.md",
    "x\n.md",
    ".bashrc",
    "..",
    ".",
    "",
    "   ",
    "con.md",
    "LPT1",
    "x" * 500 + ".md",
    "论" * 300 + ".md",
    "a$(rm -rf).md",
    "%2e%2e%2fetc.md",
    "\u202egpj.md",
    "~root",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_every_name_stays_in_the_folder(tmp_path: Path, name: str) -> None:
    kept = keep(tmp_path, name, io.BytesIO(b"text"), 100)
    assert kept.path.parent == tmp_path / "uploads"
    assert kept.path.read_bytes() == b"text"
    assert not kept.path.name.startswith(".")
    assert len(kept.path.name.encode()) <= 255
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "uploads", kept.path]


def test_ordinary_names_stay(tmp_path: Path) -> None:
    for name in ("论文 (终稿).pdf", "notes, v2 [final].md", "a-b_c+d=e@f.tar.gz"):
        assert safe_name(name) == name


def test_no_file_takes_anothers_place(tmp_path: Path) -> None:
    first = keep(tmp_path, "a.md", io.BytesIO(b"one"), 100)
    second = keep(tmp_path, "a.md", io.BytesIO(b"two"), 100)
    again = keep(tmp_path, "x/a.md", io.BytesIO(b"one"), 100)
    assert (second.path.name, second.is_new) == ("a (2).md", True)
    assert (again.path, again.is_new) == (first.path, False)
    hidden = keep(tmp_path, "a.md", io.BytesIO(b"one"), 100, lambda path: False)
    assert (hidden.path.name, hidden.is_new) == ("a (3).md", True)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_bytes(b"text")
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / "a.md").symlink_to(secret)
    kept = keep(tmp_path, "a.md", io.BytesIO(b"text"), 100)
    assert kept.path.name == "a (2).md"
    keep(tmp_path, "a.md", io.BytesIO(b"other"), 100)
    assert secret.read_bytes() == b"text"


def test_limits_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="larger than"):
        keep(tmp_path, "big.md", io.BytesIO(b"x" * 101), 100)
    with pytest.raises(UserError, match="is empty"):
        keep(tmp_path, "none.md", io.BytesIO(b""), 100)
    assert list((tmp_path / "uploads").iterdir()) == []
    assert keep(tmp_path, "fits.md", io.BytesIO(b"x" * 100), 100).is_new


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "uploads").write_text("no folder")
    with pytest.raises(StorageError, match=r"cannot keep a\.md"):
        keep(tmp_path, "a.md", io.BytesIO(b"text"), 100)


def test_what_a_killed_process_left_goes_after_a_day(tmp_path: Path) -> None:
    keep(tmp_path, "a.md", io.BytesIO(b"text"), 100)
    old, new = tmp_path / "uploads" / ".old.part", tmp_path / "uploads" / ".new.part"
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (time.time() - 90_000,) * 2)
    keep(tmp_path, "b.md", io.BytesIO(b"text"), 100)
    assert not old.exists()
    assert new.exists()


def test_only_copies_that_became_no_document_are_deleted(tmp_path: Path) -> None:
    used, archive, unused = (
        keep(tmp_path, name, io.BytesIO(name.encode()), 100).path for name in ("a.md", "b.zip", "c.md")
    )
    other = tmp_path / "mine.md"
    other.write_text("a person's own")
    discard([used, archive, unused, other], [str(used), f"{archive}!/x.md"])
    assert used.exists()
    assert archive.exists()
    assert not unused.exists()
    assert other.exists()
