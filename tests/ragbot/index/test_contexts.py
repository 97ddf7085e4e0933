"""Lines about chunks: what is dropped stands nowhere in the file any more."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from ragbot.index.contexts import FILE_NAME, forget_changed, forget_removed, opened_cache


def fill(folder: Path, seed: int) -> dict[str, list[str]]:
    """Lines of ten documents, of many lengths and in a mixed order; by document, a word that stands in each of them."""
    draw = random.Random(seed)
    marks: dict[str, list[str]] = {f"{name}.md": [] for name in range(10)}
    with opened_cache(folder) as cache:
        for number in range(600):
            source = draw.choice(list(marks))
            mark = f"mark{seed}x{number:04}港"
            marks[source].append(mark)
            cache.add(source, draw.randbytes(16), mark + draw.choice(["a line ", "一行说明"]) * draw.randrange(1, 60))
    return marks


def left(folder: Path, words: list[str]) -> list[str]:
    raw = b"".join(path.read_bytes() for path in folder.iterdir())
    return [word for word in words if word.encode() in raw]


@pytest.mark.parametrize("seed", range(6))
def test_the_lines_of_removed_and_changed_documents_stand_nowhere(tmp_path: Path, seed: int) -> None:
    marks = fill(tmp_path, seed)
    forget_removed(tmp_path, lambda: [source for source in marks if source not in {"0.md", "1.md"}])
    forget_changed(tmp_path, ["2.md"])
    with opened_cache(tmp_path) as cache:
        assert cache.begin("3.md", []) == {}  # a new version that shares no chunk with the old one
    gone = [word for source in ("0.md", "1.md", "2.md", "3.md") for word in marks[source]]
    assert left(tmp_path, gone) == []
    kept = [word for source in marks if source not in {"0.md", "1.md", "2.md", "3.md"} for word in marks[source]]
    assert left(tmp_path, kept) == kept


def test_what_a_kill_left_is_erased_by_the_next_one_who_opens_it(tmp_path: Path) -> None:
    marks = fill(tmp_path, 1)
    db = sqlite3.connect(tmp_path / FILE_NAME)
    # As a process leaves it that is killed after the lines were dropped and before the file was written anew.
    with db:
        db.execute("DELETE FROM contexts WHERE source = '4.md'")
        db.execute("PRAGMA user_version = 1")
    db.close()
    with opened_cache(tmp_path):
        pass
    assert left(tmp_path, marks["4.md"]) == []


def test_what_is_kept_is_not_written_anew(tmp_path: Path) -> None:
    with opened_cache(tmp_path) as cache:
        cache.add("a.md", b"1" * 16, "a line")
    with opened_cache(tmp_path) as cache:
        assert cache.begin("a.md", [b"1" * 16]) == {b"1" * 16: "a line"}
        assert cache._db.execute("PRAGMA user_version").fetchone() == (0,)
