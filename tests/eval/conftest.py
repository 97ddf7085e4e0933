"""A small question set, and systems that are right, wrong, silent or broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.datasets.base import Question, QuestionSet, Span
from eval.responses import Hit, Quote, Response
from eval.runs import RunStore
from eval.workbench import Workbench
from ragbot.documents import ParsedDocument
from ragbot.models.testing import HashEmbedder

EN = "# Towers\n\nThe tower was finished in 1889. It stands in Paris and is 330 metres high.\n"
ZH = "# 长城\n\n长城东起山海关，西至嘉峪关。总长度超过两万公里。\n"


def span(source: str, text: str, words: str) -> Span:
    start = text.index(words)
    return Span(source, start, start + len(words))


def question_set() -> QuestionSet:
    """Two documents, a question that both halves of one are needed for, and two that nothing answers."""
    return QuestionSet(
        "towers",
        (
            Question("en-1", "When was the tower finished?", ("1889",), gold=((span("en.md", EN, "1889"),),),
                     document="en.md", language="en", tags={"category": "number"}),
            Question("en-2", "Where does it stand, and how high is it?", ("Paris",),
                     gold=((span("en.md", EN, "Paris"),), (span("en.md", EN, "330 metres"),)),
                     document="en.md", language="en", tags={"category": "list"}),
            Question("zh-1", "长城西至哪里？", ("嘉峪关",), gold=((span("zh.md", ZH, "嘉峪关"),),),
                     document="zh.md", language="zh", tags={"category": "place"}),
            Question("no-1", "Who built the moon?", answerable=False, language="en"),
            Question("no-2", "谁发明了月亮？", answerable=False, language="zh"),
        ),
        {"en.md": ParsedDocument(EN, "Towers", "md", "en"), "zh.md": ParsedDocument(ZH, "长城", "md", "zh")},
    )  # fmt: skip


@pytest.fixture
def questions() -> QuestionSet:
    return question_set()


@pytest.fixture
def texts(questions: QuestionSet) -> dict[str, str]:
    return {source: document.text for source, document in questions.documents.items()}


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


MANIFEST = {
    "format": "ragbot-eval",
    "version": 1,
    "mode": "answer",
    "dataset": {"name": "towers", "sha256": "x", "questions": 5, "documents": 2},
    "settings": {},
    "seed": 0,
    "workers": 1,
    "models": {"embedder": {}, "llm": "extractive"},
    "versions": {},
    "machine": {},
}


def right(question: Question) -> Response:
    """A system that knows everything: the sentence that holds the gold words, cited; a refusal where nothing answers."""
    if not question.answerable:
        return Response("I cannot find this." if question.language == "en" else "文档中没有提到。", True, 0.1,
                        question.language, quotes=(), timings={"total": 0.1})  # fmt: skip
    text = EN if question.language == "en" else ZH
    source = question.gold[0][0].source
    hits = (Hit(source, text, 0, len(text), 1.0),)
    start = text.index("\n\n") + 2
    quote = Quote(1, source, start, len(text) - 1, text[start : len(text) - 1])
    answer = f"{'，'.join(question.answers)}。[1]" if question.language == "zh" else f"It is {question.answers[0]} [1]."
    return Response(answer, False, 0.9, question.language, hits, (quote,),
                    timings={"total": 0.3, "search": 0.1, "first_token": 0.2}, usage={"output_tokens": 7})  # fmt: skip


def wrong(question: Question) -> Response:
    """A system that answers everything with the same invention, citing what is not there."""
    return Response("Bananas [1]. Apples [2]." if question.language == "en" else "香蕉。[1]苹果。[2]", False, 0.8,
                    question.language, (Hit("other.md", "Bananas", 0, 7, 1.0),),
                    (Quote(1, "en.md", 0, 5, "Nope!"),), timings={"total": 1.0})  # fmt: skip


@pytest.fixture
def workbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """Builds knowledge bases with an embedder without weights."""
    monkeypatch.setattr("eval.workbench.load_embedder", lambda spec, **options: HashEmbedder())
    return Workbench(tmp_path / "kb")
