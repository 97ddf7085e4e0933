"""BEIR's layout: corpus, queries and judgements."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.datasets import read_beir
from ragbot.errors import SourceError

CORPUS = """\
{"_id": "d1", "title": "Kites", "text": "A kite is flown in the wind."}
{"_id": "d2", "title": "", "text": "风筝在风里飞。"}
{"_id": 3, "title": "Only a title", "text": ""}
"""
QUERIES = """\
{"_id": "q1", "text": "What is flown in the wind?"}
{"_id": "q2", "text": "什么在风里飞？"}
{"_id": "q3", "text": "Never judged"}
"""
TEST = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t1\nq1\t3\t0\nq2\td2\t1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "kites"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text(CORPUS, encoding="utf-8")
    (folder / "queries.jsonl").write_text(QUERIES, encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text(TEST, encoding="utf-8")
    return folder


def test_read(folder: Path) -> None:
    read = read_beir(folder)
    assert read.name == "kites"
    assert {source: (d.title, d.text, d.language) for source, d in read.documents.items()} == {
        "d1": ("Kites", "A kite is flown in the wind.", "en"),
        "d2": ("", "风筝在风里飞。", "zh"),
        "3": ("Only a title", "Only a title", ""),
    }
    first, second = read.questions  # q3 is not judged
    assert (first.id, first.text, first.relevant, first.document) == (
        "q1",
        "What is flown in the wind?",
        {"d1": 2, "d2": 1},
        "q1",
    )
    assert (second.id, second.relevant, second.language) == ("q2", {"d2": 1}, "zh")
    assert first.answerable and not first.answers and not first.gold
    assert read.parts == {"test": {"q1", "q2"}}
    assert len(read.part("test").questions) == 2


def test_which_judgements(folder: Path) -> None:
    (folder / "qrels" / "dev.tsv").write_text("q3\td1\t1.0\r\n", encoding="utf-8")  # no names, a float, Windows' end
    assert [question.id for question in read_beir(folder).questions] == ["q1", "q2"], "test among several"
    dev = read_beir(folder, "dev")
    assert [(question.id, question.relevant) for question in dev.questions] == [("q3", {"d1": 1})]
    assert dev.parts == {"dev": {"q3"}}
    with pytest.raises(SourceError, match=r"no train\.tsv.*dev, test"):
        read_beir(folder, "train")
    (folder / "qrels" / "test.tsv").unlink()
    assert [question.id for question in read_beir(folder).questions] == ["q3"], "the only one"
    (folder / "qrels" / "dev.tsv").rename(folder / "qrels" / "mine.tsv")
    assert read_beir(folder).parts == {}
    (folder / "qrels" / "mine.tsv").unlink()
    with pytest.raises(SourceError, match="none"):
        read_beir(folder)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("corpus.jsonl", '{"_id": "d1"}', r"corpus\.jsonl, line 1.*\"text\""),
        ("corpus.jsonl", '\n{"_id": "d1", "text": "a", "title": 3}', r"line 2.*\"title\""),
        ("queries.jsonl", '{"text": "a"}', r"queries\.jsonl, line 1.*\"_id\""),
        ("qrels/test.tsv", "q1\td1\t1\nq9\td1\t1\n", r"line 2.*no query 'q9'"),
        ("qrels/test.tsv", "q1\td1\n", "line 1.*with tabs"),
        ("qrels/test.tsv", "q1\td1\thigh\n", "line 1.*with tabs"),
    ],
)
def test_what_is_refused(folder: Path, file: str, content: str, message: str) -> None:
    (folder / file).write_text(content, encoding="utf-8")
    with pytest.raises(SourceError, match=message):
        read_beir(folder)


def test_missing(folder: Path) -> None:
    (folder / "queries.jsonl").unlink()
    with pytest.raises(SourceError, match=r"queries\.jsonl"):
        read_beir(folder)
