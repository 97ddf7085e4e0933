"""From documents to records: what they promise, and every way in which it can go wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from eval.synth import SynthReport, make_questions
from eval.synth.chat import locate, overlap, parse
from ragbot.documents import ParsedDocument
from ragbot.errors import GenerationError, SourceError, UserError
from ragbot.models.testing import HashEmbedder, ScriptedChatModel

Documents = dict[str, ParsedDocument]
#: What a good model would say to each paragraph, told by a piece of it.
WRITTEN = {
    "narrow-gauge": (
        "Which two places does the Ravna railway connect?",
        "the harbour of Ravna to the quarries of Tolm",
    ),
    "viaduct": ("What stone are the viaduct's arches made of?", "grey granite"),
    "wet leaves": ("When does the ticket office open?", "eight in the morning"),
    "浙江南部": ("青塘茶场种哪些茶？", "绿茶和白茶"),
    "林守正": ("创办青塘茶场的人是谁？", "林守正"),
}


def make(documents: Documents, count: int = 12, **options: Any) -> SynthReport:
    return make_questions(documents, **{"count": count, "llm": None, "embedder": HashEmbedder(), "seed": 1, **options})


def writer(change: Callable[[str, str], tuple[str, str]] = lambda q, a: (q, a)) -> Callable[[list[BaseMessage]], str]:
    """A model that writes :data:`WRITTEN`, changed in some way, and answers as it should."""

    def reply(messages: list[BaseMessage]) -> str:
        prompt = str(messages[-1].content)
        wants_answer = "NONE" in prompt
        for piece, (question, answer) in WRITTEN.items():
            if wants_answer and question in prompt:
                return f"{answer}."
            if not wants_answer and piece in prompt:
                asked, said = change(question, answer)
                return (
                    "Sure!\n```json\n" + json.dumps({"question": asked, "answer": said}, ensure_ascii=False) + "\n```"
                )
        return "NONE" if wants_answer else "I cannot."

    return reply


def test_every_record_points_at_its_evidence(both: Documents) -> None:
    done: list[tuple[int, int]] = []
    report = make(both, progress=lambda *at: done.append(at))
    answerable = [record for record in report.records if record["answerable"]]
    silent = [record for record in report.records if not record["answerable"]]
    assert len(answerable) == 9
    assert len(silent) == 3
    assert {record["language"] for record in answerable} == {"en", "zh"} == {record["language"] for record in silent}
    for record in answerable:
        text = both[record["source"]].text
        assert text[record["start"] : record["end"]] == record["evidence"]
        assert record["answers"][0] in record["evidence"]
        assert record["origin"] in {"template", "masked"}
    assert {record["category"] for record in silent} == {"unanswerable-near", "unanswerable-far"}
    assert all(record["answers"] == [] and record["source"] is None for record in silent)
    assert len({record["id"] for record in report.records}) == 12
    assert done[-1] == (12, 12)


def test_the_seed_decides(both: Documents) -> None:
    assert make(both) == make(both)
    assert make(both) != make(both, seed=2)


def test_more_than_there_is_gives_what_there_is_and_keeps_the_share(both: Documents) -> None:
    report = make(both, 500)
    answerable = sum(record["answerable"] for record in report.records)
    assert 12 <= answerable < 60
    assert len(report.records) - answerable == round(answerable / 3)


def test_without_unanswerable_ones(both: Documents) -> None:
    assert all(record["answerable"] for record in make(both, 6, unanswerable_share=0.0).records)


@pytest.mark.parametrize(
    "text", ["", "Too short.", "| a | b |\n| --- | --- |\n| 1 | 2 |\n", "太短。", "# A heading\n", "\n\n \n"]
)
def test_nothing_to_ask_about_is_said(text: str) -> None:
    with pytest.raises(SourceError, match="no question could be made from 1 documents"):
        make({"a.md": ParsedDocument(text)})


def test_arguments_that_make_no_sense(both: Documents) -> None:
    with pytest.raises(SourceError, match="no documents"):
        make({})
    with pytest.raises(UserError, match="at least 1"):
        make(both, 0)
    with pytest.raises(UserError, match="below 1"):
        make(both, unanswerable_share=1.0)


def test_a_model_writes_the_questions(both: Documents) -> None:
    report = make(both, 5, llm=ScriptedChatModel(writer()), unanswerable_share=0.0)
    assert {record["question"] for record in report.records} == {question for question, _ in WRITTEN.values()}
    assert {record["origin"] for record in report.records} == {"model"}
    for record in report.records:
        assert both[record["source"]].text[record["start"] : record["end"]] == record["evidence"]
        assert record["answers"][0] in record["evidence"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda q, a: (q, f"not {a}"), "model: not verbatim"),
        (lambda q, a: (f"{q} {a}", a), "question quotes the answer"),
        (lambda q, a: (f"Is it true? {q}", a), "yes or no"),
        (lambda q, a: (f"上述 {q}", a), "refers to the text"),
        (lambda q, a: ("", a), "model: no JSON"),
        (lambda q, a: (f"{q[:-1]}, tell me", a), "model: not answered the same again"),
    ],
)
def test_the_models_mistakes_stay_out(both: Documents, change: Any, reason: str) -> None:
    report = make(both, 5, llm=ScriptedChatModel(writer(change)), unanswerable_share=0.0)
    assert report.dropped[reason] >= len(WRITTEN)
    assert not any(record["origin"] == "model" for record in report.records)  # the templates filled up


def test_a_model_that_fails_half_way_costs_its_questions_only(both: Documents) -> None:
    good = writer()
    calls: list[int] = []

    def reply(messages: list[BaseMessage]) -> Any:
        calls.append(1)
        return good(messages) if len(calls) <= 4 else GenerationError("the server is gone")

    report = make(both, 8, llm=ScriptedChatModel(reply))
    assert report.dropped["model: call failed"] >= 5
    origins = {record["origin"] for record in report.records if record["answerable"]}
    assert "model" in origins
    assert origins & {"template", "masked"}


def test_a_model_that_only_fails_is_an_error(both: Documents) -> None:
    model = ScriptedChatModel(lambda messages: RuntimeError("connection refused"))
    with pytest.raises(GenerationError, match=r"failed 5 times out of 5.*connection refused.*without one"):
        make(both, llm=model)
    with pytest.raises(GenerationError, match="failed 4 times out of 4"):  # there are no more paragraphs
        make({"a.md": both["zh/茶场.md"]}, 1, llm=model)


def test_a_model_asks_what_the_documents_do_not_say(both: Documents) -> None:
    def reply(messages: list[BaseMessage]) -> str:
        prompt = str(messages[-1].content)
        if "NONE" in prompt:
            return "NONE"
        return '{"question": "Which painter decorated the waiting room of Ravna?"}'

    report = make({"en/railway.md": both["en/railway.md"]}, 8, llm=ScriptedChatModel(reply), unanswerable_share=0.5)
    near = [r for r in report.records if r["category"] == "unanswerable-near" and r["origin"] == "model"]
    assert near[0]["question"] == "Which painter decorated the waiting room of Ravna?"


@pytest.mark.parametrize(
    "reply",
    [
        '{"question": "Why?", "answer": "so"}',
        'Here:\n```json\n{"question": "Why?",\n "answer": "so"}\n```',
        '{"question": "Why?", "answer": "so",}',
        'first {broken} then {"question": "Why?", "answer": "so"}',
    ],
)
def test_lenient_reading(reply: str) -> None:
    assert parse(reply) == {"question": "Why?", "answer": "so"}


def test_nothing_readable() -> None:
    assert parse("no idea") == {}
    assert parse('["question"]') == {}


def test_locate_whatever_the_white_space() -> None:
    text = "The STRASSE is 5 km\nlong, 长江全长六千\n三百公里。"
    for wanted in ("5 km long", "“Strasse”", "长江全长六千三百公里。"):
        start, end = locate(text, wanted) or (0, 0)
        assert "".join(text[start:end].split()).casefold() == "".join(wanted.strip("“”。").split()).casefold()
    assert locate("Straße 7", "7") == (7, 8)
    assert locate(text, "six km") is None
    assert locate(text, "。") is None


def test_overlap() -> None:
    assert overlap("eight in the morning", "eight in the morning") == 1.0
    assert overlap("六千公里", "六千三百公里") == pytest.approx(0.8)
    assert overlap("NONE", "grey granite") == 0.0
