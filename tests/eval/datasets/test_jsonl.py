"""Our own format: what a line may say, where its evidence stands, and the lines that are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.datasets import QuestionSet, Span, read_jsonl, write_jsonl
from eval.datasets.base import ToolCall
from eval.datasets.locate import squeezed
from ragbot.errors import SourceError

DATA = Path(__file__).parents[3] / "data"
ENGLISH = "# Heads\n\nIn 2016 it was new.\nThe larger one used\n**16 heads**, the smaller one 8.\n"
CHINESE = "# 注意力\n\n较大的模型有 `16` 个头，\n较小的有8个。\n"


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    (folder / "sub").mkdir(parents=True)
    (folder / "en.md").write_text(ENGLISH, encoding="utf-8")
    (folder / "sub" / "中文.md").write_text(CHINESE, encoding="utf-8")
    (folder / "broken.pdf").write_text("no PDF", encoding="utf-8")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    return folder


def read(tmp_path: Path, documents: Path | None, *records: dict[str, Any]) -> QuestionSet:
    path = tmp_path / "mine.jsonl"
    write_jsonl(path, records)
    return read_jsonl(path, documents)


def texts(questions: QuestionSet) -> list[list[list[str]]]:
    return [
        [[questions.documents[span.source].text[span.start : span.end] for span in item] for item in question.gold]
        for question in questions.questions
    ]


def test_the_sample() -> None:
    questions = read_jsonl(DATA / "eval" / "sample.jsonl", DATA / "corpus")
    assert questions.name == "sample" and len(questions.documents) == 19
    assert "zh/提示工程.md" in questions.documents
    for question in questions.questions:
        assert bool(question.gold) == question.answerable and not question.relevant
        assert question.language in {"zh", "en"} and question.tags["category"]
        assert question.document in questions.documents or (
            not question.answerable and question.document == question.id
        )
        for item in question.gold:
            found = {squeezed(questions.documents[span.source].text[span.start : span.end]) for span in item}
            assert found == {squeezed(answer) for answer in question.answers}, question.id


def test_gold_is_the_answer_inside_the_evidence(tmp_path: Path, documents: Path) -> None:
    evidence = "The larger one used 16 heads"
    questions = read(
        tmp_path,
        documents,
        {"id": 1, "question": "How many?", "answers": ["16", "16 heads"], "source": "en.md", "evidence": evidence},
        {"id": 2, "question": "How many?", "answers": "sixteen", "source": "en.md", "evidence": evidence},
        {
            "id": 3,
            "question": "各有几个头？",
            "answers": ["16", "8"],
            "source": "sub/中文.md",
            "evidence": ["较大的模型有16个头", "较小的有8个"],
        },
    )
    assert texts(questions) == [
        [["16", "16 heads"]],  # not the 16 of 2016
        [["The larger one used\n**16 heads"]],
        [["16"], ["8"]],  # two places are needed
    ]
    assert [question.document for question in questions.questions] == ["en.md", "en.md", "sub/中文.md"]
    assert [question.language for question in questions.questions] == ["en", "en", "zh"]
    assert set(questions.documents) == {"en.md", "sub/中文.md"}, "files that cannot be read are no documents"


def test_offsets_say_which_of_two_places(tmp_path: Path, documents: Path) -> None:
    text = "One hat here.\n\nOne hat there, and one coat.\n"
    (documents / "hats.txt").write_text(text, encoding="utf-8")
    row = {"id": 1, "question": "Where?", "source": "hats.txt", "answers": ["hat"], "evidence": "One hat"}
    assert read(tmp_path, documents, row).questions[0].gold == ((Span("hats.txt", 4, 7),),)
    start = text.rindex("One hat")
    row |= {"start": start, "end": start + len("One hat")}
    assert read(tmp_path, documents, row).questions[0].gold == ((Span("hats.txt", start + 4, start + 7),),)
    del row["evidence"]
    assert read(tmp_path, documents, row).questions[0].gold == ((Span("hats.txt", start + 4, start + 7),),)


def test_without_documents(tmp_path: Path) -> None:
    questions = read(
        tmp_path,
        None,
        {"id": "a", "question": "Who?", "source": "a.md", "evidence": "Ann", "answers": ["Ann"]},
        {"id": "b", "question": "Who?", "answerable": False, "source": "a.md"},
        {"id": "c", "question": "谁？", "answerable": False, "source": None, "answers": []},
        {"id": "d", "question": "Who?", "calls": [{"tool": "search", "arguments": {"query": "Ann"}}, {"tool": "stop"}]},
    )
    assert questions.documents == {}
    first, second, third, fourth = questions.questions
    assert first.relevant == {"a.md": 1} and first.document == "a.md" and not first.gold
    assert not second.relevant and second.document == "a.md" and not second.answerable
    assert (third.document, third.answerable, third.answers, third.calls) == ("c", False, (), None)
    assert fourth.calls == (ToolCall("search", {"query": "Ann"}), ToolCall("stop")) and fourth.answerable


def test_tags_language_and_review(tmp_path: Path) -> None:
    questions = read(
        tmp_path,
        None,
        {"id": "a", "question": "1 + 1 = ?", "language": "zh", "category": "number", "origin": "model", "level": 3},
        {"id": "b", "question": "Dropped?", "review": "dropped"},
        {"id": "c", "question": "Is it kept?", "review": "kept"},
    )
    assert [(question.id, question.tags, question.language) for question in questions.questions] == [
        ("a", {"category": "number", "origin": "model"}, "zh"),
        ("c", {}, "en"),
    ]


GOOD = {"id": "good", "question": "Who?"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "not JSON"),
        ("[1]", "a JSON object is wanted"),
        ({"question": "Who?"}, '"id"'),
        ({"id": True, "question": "Who?"}, '"id"'),
        ({"id": 1}, '"question"'),
        ({"id": 1, "question": " "}, '"question"'),
        ({"id": "good", "question": "谁？"}, "line 1 has the id 'good' too"),
        ({"id": 1, "question": "Who?", "answers": [3]}, '"answers"'),
        ({"id": 1, "question": "Who?", "answers": [" "]}, '"answers"'),
        ({"id": 1, "question": "Who?", "answerable": "no"}, '"answerable"'),
        ({"id": 1, "question": "Who?", "answerable": False, "answers": ["Ann"]}, "remove one of the two"),
        ({"id": 1, "question": "Who?", "source": ["a"]}, '"source"'),
        ({"id": 1, "question": "Who?", "calls": [{"arguments": {}}]}, '"calls"'),
        ({"id": 1, "question": "Who?", "calls": [{"tool": "a", "arguments": 3}]}, '"calls"'),
        ({"id": 1, "question": "Who?", "source": "none.md"}, r"none\.md is not there.*relative to"),
        ({"id": 1, "question": "Who?", "source": "broken.pdf"}, r"broken\.pdf cannot be read"),
        (
            {"id": 1, "question": "谁？", "source": "sub/中文.md", "evidence": "没有的话"},
            r"中文\.md does not hold.*没有的话",
        ),
        ({"id": 1, "question": "Who?", "source": "en.md", "evidence": "heads", "start": 0, "end": 3}, "not the"),
        ({"id": 1, "question": "Who?", "source": "en.md", "evidence": "heads", "start": 0}, "stretch"),
        ({"id": 1, "question": "Who?", "source": "en.md", "start": 0, "end": 9999}, "stretch"),
    ],
)
def test_what_is_refused(tmp_path: Path, documents: Path, row: dict[str, Any] | str, message: str) -> None:
    path = tmp_path / "mine.jsonl"
    second = row if isinstance(row, str) else json.dumps(row)
    path.write_text(f"{json.dumps(GOOD)}\n\n{second}\n", encoding="utf-8")
    with pytest.raises(SourceError, match=rf"(?s)mine\.jsonl, line 3: .*{message}"):
        read_jsonl(path, documents)


def test_files_that_are_missing_or_not_utf_8(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.jsonl"):
        read_jsonl(tmp_path / "none.jsonl")
    path = tmp_path / "mine.jsonl"
    path.write_bytes('{"id": 1, "question": "谁？"}'.encode("gbk"))
    with pytest.raises(SourceError, match="save it as UTF-8"):
        read_jsonl(path)
    with pytest.raises(SourceError, match="not a folder"):
        read_jsonl(path, tmp_path / "none")


def test_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    records = [{"id": "a", "question": "谁？", "answers": ["甲"]}, {"id": "b", "question": "A\u2028b?"}]
    write_jsonl(path, records)
    assert [json.loads(line) for line in path.read_bytes().decode().split("\n")[:-1]] == records
    assert "谁" in path.read_text(encoding="utf-8")
    assert [question.text for question in read_jsonl(path).questions] == ["谁？", "A\u2028b?"]


def test_a_failed_write_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    write_jsonl(path, [GOOD])
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_jsonl(path, [GOOD, {"id": object()}])
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    with pytest.raises(SourceError, match="cannot write"):
        write_jsonl(tmp_path / "none" / "mine.jsonl", [GOOD])
