"""The sample documents and the questions over them hold what they promise."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from ingest.loaders import load
from ragbot.documents import ParsedDocument

DATA = Path(__file__).parents[2] / "data"
CORPUS = DATA / "corpus"


@pytest.fixture(scope="module")
def documents() -> dict[str, ParsedDocument]:
    files = [path for path in sorted(CORPUS.rglob("*")) if path.is_file()]
    return {path.relative_to(CORPUS).as_posix(): load(path) for path in files}


@pytest.fixture(scope="module")
def questions() -> list[dict[str, object]]:
    lines = (DATA / "eval" / "sample.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def squeezed(text: str) -> str:
    """Without white space and marks of Markdown: a PDF breaks lines, and evidence is quoted without markup."""
    return "".join(character for character in text if not character.isspace() and character not in "*`")


def test_documents(documents: dict[str, ParsedDocument]) -> None:
    assert len(documents) >= 16
    assert sum(len(document.text.encode()) for document in documents.values()) >= 150_000
    assert {document.type for document in documents.values()} == {"md", "html", "docx", "pdf"}
    languages = Counter(document.language for document in documents.values())
    assert set(languages) == {"zh", "en"} and min(languages.values()) >= 7
    assert all(document.title and (document.headings or document.type == "pdf") for document in documents.values())


def test_questions(questions: list[dict[str, object]]) -> None:
    assert len(questions) >= 120
    assert len({question["id"] for question in questions}) == len(questions)
    unanswerable = [question for question in questions if not question["answerable"]]
    assert 0.2 <= len(unanswerable) / len(questions) <= 0.3
    assert all(question["source"] is None and not question["answers"] for question in unanswerable)
    kinds = Counter((question["language"], question["category"] == "cross-language") for question in questions)
    assert min(kinds.values()) >= 10 and len(kinds) == 4


def test_evidence_stands_in_the_document(
    questions: list[dict[str, object]], documents: dict[str, ParsedDocument]
) -> None:
    texts = {name: squeezed(document.text) for name, document in documents.items()}
    for question in questions:
        if question["answerable"]:
            evidence = squeezed(str(question["evidence"]))
            assert evidence in texts[str(question["source"])], question["id"]
            answers = question["answers"]
            assert isinstance(answers, list) and answers
            assert all(squeezed(answer) in evidence for answer in answers), question["id"]
