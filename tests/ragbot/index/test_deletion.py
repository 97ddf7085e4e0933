"""A knowledge base that is deleted is gone, with its uploads; and nothing else ever is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.errors import KnowledgeBaseError, LockedError, UserError
from ragbot.index.deletion import delete_knowledge_base
from ragbot.index.lock import writer_lock
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two knowledge bases, each with an uploaded file."""
    home = tmp_path / "kb"
    for name in ("papers", "论文"):
        with RagBot.open(home / name, embedder=HashEmbedder(), settings=Settings(data_dir=tmp_path)) as bot:
            bot.ingest_documents({"a.md": ParsedDocument("A text.", "A", "md", "en")})
        (home / name / "uploads").mkdir()
        (home / name / "uploads" / "a.md").write_text("A text.")
    return home


def test_it_is_gone_and_the_others_stay(home: Path) -> None:
    delete_knowledge_base(home, "论文")
    assert [path.name for path in home.iterdir()] == ["papers"]
    assert (home / "papers" / "uploads" / "a.md").exists()
    with pytest.raises(KnowledgeBaseError, match="there is no knowledge base '论文'"):
        delete_knowledge_base(home, "论文")
    with RagBot.open(home / "论文", embedder=HashEmbedder()) as bot:
        assert bot.documents() == []


@pytest.mark.parametrize("name", ["", ".", "..", "../kb/papers", "papers/../papers", "papers/uploads", "nowhere", ".x"])
def test_only_what_lies_in_the_folder_by_its_name(home: Path, name: str) -> None:
    with pytest.raises(KnowledgeBaseError):
        delete_knowledge_base(home, name)
    assert sorted(path.name for path in home.iterdir()) == ["papers", "论文"]


def test_a_folder_without_a_knowledge_base_is_left_alone(home: Path) -> None:
    (home / "mine").mkdir()
    (home / "mine" / "diary.txt").write_text("mine")
    with pytest.raises(KnowledgeBaseError):
        delete_knowledge_base(home, "mine")
    assert (home / "mine" / "diary.txt").exists()


def test_a_link_is_not_followed(home: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (home / "papers").rename(elsewhere)
    (home / "papers").symlink_to(elsewhere)
    with pytest.raises(UserError, match="is a link"):
        delete_knowledge_base(home, "papers")
    assert (elsewhere / "uploads" / "a.md").exists()


def test_not_while_somebody_writes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_lock.__wrapped__, "__defaults__", (0.05,))  # type: ignore[attr-defined]
    with writer_lock(home / "papers"), pytest.raises(LockedError):
        delete_knowledge_base(home, "papers")
    assert (home / "papers" / "uploads" / "a.md").exists()


def test_what_a_killed_deletion_left_goes_with_the_next(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ragbot.index.deletion.shutil.rmtree", lambda *_, **__: None
    )  # killed after the folder was renamed
    delete_knowledge_base(home, "论文")
    assert not (home / "论文").exists()
    assert len(list(home.iterdir())) == 2
    monkeypatch.undo()
    delete_knowledge_base(home, "papers")
    assert list(home.iterdir()) == []
