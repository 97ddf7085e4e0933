"""``splits.json``: its form, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.datasets import read_splits
from ragbot.errors import SourceError


def test_read(tmp_path: Path) -> None:
    (tmp_path / "splits.json").write_text('{"set": {"train": [2, 0], "test": [1]}}', encoding="utf-8")
    assert read_splits(tmp_path) == {"set": {"train": [2, 0], "test": [1]}}


@pytest.mark.parametrize("content", ["{", "[]", '{"a": [1]}', '{"a": {"held": [1]}}', '{"a": {"test": ["1"]}}'])
def test_what_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "splits.json").write_text(content, encoding="utf-8")
    with pytest.raises(SourceError, match="remove it to go without parts"):
        read_splits(tmp_path)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot read"):
        read_splits(tmp_path)
