"""The question sets that there are to choose from, and those that a person adds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.datasets.jsonl import read_jsonl
from eval.sets import (
    SAMPLE_DOCUMENTS,
    add_set,
    documents_of,
    question_sets,
    remove_set,
    set_named,
    sets_folder,
    write_set,
)
from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.errors import SourceError, UserError
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings

LINE = json.dumps({"id": "1", "question": "灯塔有多高？", "answers": ["47 米"]}, ensure_ascii=False) + "\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def test_ours_are_those_that_can_be_run(settings: Settings) -> None:
    found = {one.name: one for one in question_sets(settings)}
    assert "sample.jsonl" in found and not found["sample.jsonl"].own
    assert {"agent_tasks.jsonl", "followups.jsonl", "paraphrases.jsonl", "cross_language.jsonl"}.isdisjoint(found)
    for one in found.values():
        assert len(read_jsonl(one.path, SAMPLE_DOCUMENTS).questions) == one.questions


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../mine.jsonl", "mine.jsonl"),
        ("C:\\x\\问题 集.JSONL", "问题 集.jsonl"),
        ("", "questions.jsonl"),
        ("..", "questions.jsonl"),
        ("a.exe", "a.exe.jsonl"),
        ("字" * 300 + ".jsonl", "字" * 50 + ".jsonl"),
    ],
)
def test_a_set_that_is_sent_lies_in_its_folder(settings: Settings, name: str, kept: str) -> None:
    made = add_set(settings, name, LINE.encode())
    assert (made.name, made.own, made.questions) == (kept, True, 1)
    assert made.path.parent == sets_folder(settings)
    assert question_sets(settings)[0] == made == set_named(settings, kept, own=True)


@pytest.mark.parametrize("content", [b"", b"no json", b'{"text": "x"}\n', b"\xff\xfe", LINE.encode() * 2])
def test_what_is_no_set_is_refused_and_leaves_the_old_one(settings: Settings, content: bytes) -> None:
    add_set(settings, "mine.jsonl", LINE.encode())
    with pytest.raises(SourceError) as error:
        add_set(settings, "mine.jsonl", content)
    assert "mine.jsonl" in str(error.value) and ".part" not in str(error.value)
    assert [path.name for path in sets_folder(settings).iterdir()] == ["mine.jsonl"]
    assert set_named(settings, "mine.jsonl", own=True).questions == 1


def test_documents_of_a_set_are_those_that_its_questions_name(settings: Settings, tmp_path: Path) -> None:
    lines = [
        {"id": n, "question": "x", "source": name} for n, name in enumerate(("tower.md", "/b/灯塔.md", "two.md", "no"))
    ]
    made = add_set(
        settings, "named.jsonl", "\n".join(json.dumps(line) for line in [*lines, {"id": "s", "question": "y"}]).encode()
    )
    with RagBot.open(tmp_path / "kb", embedder=HashEmbedder(), settings=settings) as bot:
        names = ("/a/tower.md", "/b/灯塔.md", "/a/two.md", "/b/two.md", "/a/other.md")
        bot.ingest_documents({name: ParsedDocument(f"The text of {name}.", "T") for name in names})
        found = documents_of(made, bot)
    assert {name: document.text for name, document in found.items()} == {
        "tower.md": "The text of /a/tower.md.",
        "/b/灯塔.md": "The text of /b/灯塔.md.",
    }


def test_rated_answers_become_a_set(settings: Settings) -> None:
    with pytest.raises(UserError, match="thumbs"):
        write_set(settings, "feedback", [])
    assert write_set(settings, "feedback", [json.loads(LINE)]).questions == 1
    remove_set(settings, "feedback.jsonl")
    with pytest.raises(SourceError, match="choose another"):
        remove_set(settings, "feedback.jsonl")
