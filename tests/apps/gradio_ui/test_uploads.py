"""What Gradio has received is gone once it was looked at, however that ended."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("gradio", reason='the Gradio app needs the extra "ui": pip install "ragbot[ui]"')

from apps.gradio_ui.uploads import received


def sent(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name[::-1] / name
    path.parent.mkdir()
    path.write_text("text")
    return path


def test_files_are_gone_with_their_folders(tmp_path: Path) -> None:
    files = [sent(tmp_path, "灯塔.md"), sent(tmp_path, "b.md")]
    with received([str(file) for file in files]) as paths:
        assert paths == files and all(path.read_text() == "text" for path in paths)
    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_nothing_and_what_is_gone_already_is_no_error(tmp_path: Path) -> None:
    file = sent(tmp_path, "a.md")
    (file.parent / "other.md").write_text("somebody else's")
    with pytest.raises(ValueError, match="no"), received(str(file)) as (path,):
        path.unlink()
        raise ValueError("no")
    assert [path.name for path in file.parent.iterdir()] == ["other.md"]
    with received(None) as paths:
        assert paths == []
