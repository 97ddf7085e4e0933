"""From what a person names to the files to be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.sources import find, vanished
from ragbot.errors import SourceError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    for name in ("b.md", "a.TXT", "sub/c.pdf", "sub/.hidden.md", ".git/d.md", "sub/photo.jpg", "空 格/文.md"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x", encoding="utf-8")
    return root


def names(paths: list[Path], root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in paths]


def test_folder_in_order_of_name(folder: Path) -> None:
    found = find([folder])
    assert names(found.files, folder) == ["a.TXT", "b.md", "sub/c.pdf", "空 格/文.md"]
    assert names(found.ignored, folder) == ["sub/photo.jpg"]
    assert found.failed == []


def test_each_once(folder: Path) -> None:
    assert names(find([folder / "b.md", folder, str(folder / "b.md")]).files, folder)[0] == "b.md"
    assert len(find([folder / "b.md", folder, str(folder / "b.md")]).files) == 4


def test_same_file_by_another_way_is_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "sub")
    (by_dots,) = find(["../b.md"]).files
    monkeypatch.chdir(folder)
    (plainly,) = find(["b.md"]).files
    assert by_dots == plainly == folder / "b.md"


def test_named_files_are_read_whatever_they_are(folder: Path) -> None:
    assert names(find([folder / "sub" / "photo.jpg", folder / ".git" / "d.md"]).files, folder) == [
        "sub/photo.jpg",
        ".git/d.md",
    ]


def test_missing(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"typo\.md does not exist"):
        find([folder, folder / "typo.md"])


def test_nothing_to_read(tmp_path: Path) -> None:
    (tmp_path / "only.jpg").touch()
    with pytest.raises(SourceError, match=r"nothing to ingest in .*formats: .*\.md"):
        find([tmp_path])
    with pytest.raises(SourceError, match="nothing to ingest"):
        find([])


def test_home_and_names_that_begin_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.md").touch()
    (tmp_path / "~draft.md").touch()
    assert find(["~/a.md"]).files == [tmp_path / "a.md"]
    assert find(["~draft.md"]).files == [tmp_path / "~draft.md"]


def test_links_to_folders_are_not_followed(folder: Path) -> None:
    (folder / "sub" / "loop").symlink_to(folder, target_is_directory=True)
    assert len(find([folder]).files) == 4


def test_folders_without_rights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def refusing(path: str) -> object:
        if os.fspath(path) == str(refused):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    refused = folder / "sub"  # inside a folder: a line in the report
    found = find([folder])
    assert names(found.files, folder) == ["a.TXT", "b.md", "空 格/文.md"]
    assert [(failed.source, "Permission denied" in failed.reason) for failed in found.failed] == [(str(refused), True)]
    refused = folder  # named by the person: an error
    with pytest.raises(SourceError, match=r"cannot read the folder .*docs: Permission denied"):
        find([folder])


def test_a_path_in_a_folder_without_rights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.stat

    def refusing(path: os.PathLike[str], *args: object, **options: object) -> os.stat_result:
        if not isinstance(path, int) and os.fspath(path).startswith(str(folder / "sub" / "c")):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return real(path, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", refusing)
    with pytest.raises(SourceError, match=r"cannot read .*c\.pdf: Permission denied"):
        find([folder / "b.md", folder / "sub" / "c.pdf"])


def test_a_file_that_became_a_folder_has_vanished(tmp_path: Path) -> None:
    (tmp_path / "a.md").mkdir()
    (tmp_path / "b.md").write_text("b")
    sources = [str(tmp_path / name) for name in ("a.md", "b.md", "c.md")]
    assert vanished(sources, [tmp_path]) == [sources[0], sources[2]]
