"""Files that a browser sent: each is kept whole under a name of its own, or nothing of its drop is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from apps import gradio_uploads as uploads
from ragbot.errors import StorageError

Send = Callable[[str, str], str]


@pytest.fixture
def send(tmp_path: Path) -> Send:
    """Puts a file where a browser's would arrive."""

    def sent(name: str, text: str) -> str:
        path = tmp_path / "sent" / str(len(list(tmp_path.glob("sent/*")))) / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
        return str(path)

    return sent


def stored(kb: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (kb / "uploads").iterdir()}


def test_another_file_of_a_name_takes_the_next_one(kb_folder: Path, send: Send) -> None:
    files = [send("n.md", text) for text in "aba"]
    first = uploads.keep(kb_folder, files)
    assert [path.name for path in first.paths] == ["n.md", "n (2).md"]
    assert not any(Path(file).exists() for file in files)
    (again,) = uploads.keep(kb_folder, [send("n.md", "c")]).new
    assert again.name == "n (3).md"
    assert stored(kb_folder) == {"n.md": "a", "n (2).md": "b", "n (3).md": "c"}


def test_the_same_bytes_again_are_the_same_file(kb_folder: Path, send: Send) -> None:
    uploads.keep(kb_folder, [send("n.md", text) for text in "ab"])
    for text, name in (("a", "n.md"), ("b", "n (2).md")):
        kept = uploads.keep(kb_folder, [send("n.md", text)])
        assert [path.name for path in kept.paths] == [name]
        assert not kept.new  # so that a failure afterwards does not discard it
    (kb_folder / "uploads" / "n.md").unlink()
    assert [path.name for path in uploads.keep(kb_folder, [send("n.md", "b")]).paths] == ["n (2).md"]
    assert stored(kb_folder) == {"n (2).md": "b"}


def test_a_failure_keeps_nothing_of_the_drop(kb_folder: Path, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads.keep(kb_folder, [send("old.md", "old")])
    real = shutil.copyfile

    def full(source: Path, target: Path) -> None:
        real(source, target)
        if Path(source).name == "second.md":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(uploads.shutil, "copyfile", full)
    files = [send(*pair) for pair in (("old.md", "old"), ("first.md", "1"), ("second.md", "2"), ("third.md", "3"))]
    with pytest.raises(StorageError, match=r"second\.md.*No space left.*none of these files was added"):
        uploads.keep(kb_folder, files)
    assert stored(kb_folder) == {"old.md": "old"}
    assert not any(Path(file).exists() for file in files)


def test_a_folder_that_cannot_be_made_is_said(kb_folder: Path, send: Send) -> None:
    kb_folder.mkdir()
    (kb_folder / "uploads").write_text("a file")
    with pytest.raises(StorageError, match="cannot keep"):
        uploads.keep(kb_folder, [send("n.md", "a")])
