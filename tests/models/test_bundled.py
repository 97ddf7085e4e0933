"""What is built once into the cache: whole or not at all, and a clear word where the cache cannot be written."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from ragbot.errors import StorageError
from ragbot.models.bundled import build_once


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def whole(folder: Path) -> None:
    (folder / "weights").write_bytes(b"whole")


def failing(error: BaseException) -> None:
    def build(folder: Path) -> None:
        (folder / "weights").write_bytes(b"ha")
        raise error

    build_once("model", build)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        Exception("No space left on device (os error 28)"),  # as tokenizers says it
    ],
)
def test_a_full_cache(cache: Path, error: Exception) -> None:
    with pytest.raises(StorageError, match=r"No space left on device.*RAGBOT_CACHE_DIR to another folder") as caught:
        failing(error)
    assert str(cache) in str(caught.value)
    assert [path.name for path in (cache / "models").iterdir() if path.is_dir()] == []
    assert (build_once("model", whole) / "weights").read_bytes() == b"whole"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("a defect")])
def test_what_is_no_fault_of_the_disk_passes_and_leaves_nothing(cache: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        failing(error)
    assert [path.name for path in (cache / "models").iterdir() if path.is_dir()] == []


def test_a_cache_that_cannot_be_made(cache: Path) -> None:
    cache.write_text("a file is in the way, for root too")
    with pytest.raises(StorageError, match=r"cache folder .*cache \(.+RAGBOT_CACHE_DIR"):
        build_once("model", whole)


def test_a_rename_that_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(StorageError, match="Permission denied"):
        build_once("model", whole)
    assert not (cache / "models" / "model.partial").exists()
