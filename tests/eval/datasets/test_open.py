"""The format is told by the content; a fingerprint follows every byte that counts."""

from __future__ import annotations

import hashlib
import json
from inspect import ismodule
from pathlib import Path

import pytest

import eval.datasets as datasets
from eval.datasets import fingerprint, open_dataset
from ragbot.errors import SourceError

SQUAD = {"version": "1", "data": [{"paragraphs": [{"context": "甲是乙。", "qas": []}]}]}
RGB = {"id": 0, "query": "谁？", "answer": "甲", "positive": ["甲。"], "negative": []}
OURS = {"id": 0, "question": "谁？", "positive": "a tag"}


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "d", "text": "Text."}\n', encoding="utf-8")
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "What?"}\n', encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text("q\td\t1\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("content", "sources"),
    [
        (json.dumps(SQUAD), ["set/0"]),
        (json.dumps(SQUAD, indent=2), ["set/0"]),
        ("\n" + json.dumps(RGB) + "\n" + json.dumps({**RGB, "id": 1}), ["set/0/p0", "set/1/p0"]),
        (json.dumps(OURS), []),
    ],
)
def test_by_content(tmp_path: Path, content: str, sources: list[str]) -> None:
    path = tmp_path / "set.txt"
    path.write_text(content, encoding="utf-8-sig")
    assert list(open_dataset(path).documents) == sources


def test_folder(beir: Path) -> None:
    assert list(open_dataset(beir).documents) == ["d"]


def test_documents_of_our_own_format(tmp_path: Path, beir: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps(OURS | {"source": "a.md", "evidence": "甲"}), encoding="utf-8")
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "a.md").write_text("甲是乙。", encoding="utf-8")
    (question,) = open_dataset(path, tmp_path / "documents").questions
    assert question.gold
    with pytest.raises(SourceError, match="brings its own documents"):
        open_dataset(beir, tmp_path / "documents")


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text('{"id": 1, "question": "Who?"\n' + json.dumps(OURS), encoding="utf-8")
    with pytest.raises(SourceError, match="line 1"):
        open_dataset(path)


@pytest.mark.parametrize("content", ["", "text", "[1]", '{"a": 1}', json.dumps([OURS]), "3"])
def test_no_known_format(tmp_path: Path, content: str) -> None:
    path = tmp_path / "set.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SourceError, match=r"no known format.*BEIR.*SQuAD.*RGB"):
        open_dataset(path)


def test_nothing_to_open(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no question set"):
        open_dataset(tmp_path / "none")
    with pytest.raises(SourceError, match=r"without corpus\.jsonl"):
        open_dataset(tmp_path)
    (tmp_path / "set.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="UTF-8"):
        open_dataset(tmp_path / "set.json")


def test_fingerprint_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    path.write_bytes(b"abc")
    assert fingerprint(path) == hashlib.sha256(b"abc").hexdigest()
    with pytest.raises(SourceError, match="cannot read"):
        fingerprint(tmp_path / "none")


def test_fingerprint_of_a_folder(beir: Path) -> None:
    seen = {fingerprint(beir)}
    (beir / "README.md").write_text("no part of it", encoding="utf-8")
    assert fingerprint(beir) in seen
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        with (beir / name).open("a", encoding="utf-8") as file:
            file.write("\n")
        seen.add(fingerprint(beir))
    (beir / "qrels" / "test.tsv").rename(beir / "qrels" / "dev.tsv")
    seen.add(fingerprint(beir))
    assert len(seen) == 5


def test_exports() -> None:
    public = {name for name, value in vars(datasets).items() if not (name.startswith("_") or ismodule(value))}
    assert public == set(datasets.__all__)
