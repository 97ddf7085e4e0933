"""Question sets: the format, its offsets, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.datasets import read_splits, read_squad
from ragbot.errors import SourceError

SQUAD = {
    "data": [
        {
            "title": "Some_Article",
            "paragraphs": [
                {
                    "context": "甲是乙。",
                    "qas": [{"id": 1, "question": "甲是什么？", "answers": [{"text": "乙", "answer_start": 2}]}],
                },
                {"context": "Two.", "qas": [{"id": "q2", "question": "Three?", "answers": [], "is_impossible": True}]},
            ],
        },
        {"paragraphs": [{"context": "Other.", "qas": []}]},
    ]
}


def test_squad(tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    path.write_text(json.dumps(SQUAD), encoding="utf-8")
    read = read_squad(path)
    assert read.name == "set"
    assert [(article.title, article.paragraphs) for article in read.articles] == [
        ("Some Article", ("甲是乙。", "Two.")),
        ("", ("Other.",)),
    ]
    first, second = read.questions
    assert (first.id, first.article, first.paragraph, first.answers) == ("1", 0, 0, (("乙", 2),))
    assert (second.paragraph, second.answers) == (1, ())
    assert read.of_articles({1}) == [] and len(read.of_articles({0})) == 2


@pytest.mark.parametrize("content", ["{", "[]", '{"data": [{"paragraphs": [{}]}]}', '{"data": 1}'])
def test_what_is_not_squad(tmp_path: Path, content: str) -> None:
    path = tmp_path / "set.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SourceError, match="SQuAD"):
        read_squad(path)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="RAGBOT_BENCH_DIR"):
        read_squad(tmp_path / "none.json")
    with pytest.raises(SourceError, match="RAGBOT_BENCH_DIR"):
        read_splits(tmp_path)
