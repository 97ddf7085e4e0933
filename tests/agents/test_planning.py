"""Plans and ways: a question taken apart, asked part by part; and whether tools are needed at all."""

from __future__ import annotations

import json

import pytest

from agents import planning, routing
from agents.react import AgentOptions
from agents.routing import Route
from agents.steps import Observation, Thought
from agents.tools.ask_documents import ask_documents
from ragbot.documents import Answer, Citation
from tests.agents.doubles import add_tool, agent, call, kinds, say

FACTS = {
    "Who wrote the paper?": "Edward Hu wrote it.",
    "Where does Edward Hu wrote it work?": "He works in Montreal.",
    "论文是谁写的？": "作者是胡爱德。",
}


def answered(question: str) -> Answer:
    text = FACTS.get(question, "")
    language = "zh" if "论文" in question else "en"
    citation = Citation(1, "/a.md", "A", None, "", 0, len(text), text, 1)
    shown = f"{text[:-1]} [1]{text[-1]}" if text else "The documents are silent."
    return Answer(question, shown, (citation,) if text else (), not text, 0.9, language)


def made(replies, **options):  # type: ignore[no-untyped-def]
    chosen = AgentOptions(protocol="text", **options)
    return agent(replies, [ask_documents(answered), add_tool()], options=chosen)


def plan(*parts: str) -> str:
    return json.dumps({"questions": parts}, ensure_ascii=False)


def test_each_part_is_asked_with_what_the_earlier_ones_found() -> None:
    replies = [plan("Who wrote the paper?", "Where does #1 work?"), say("Edward Hu works in Montreal [2].")]
    run = made(replies, plan=True).run("Where does the author of the paper work?")
    assert kinds(run) == ["thought", "action", "observation", "action", "observation", "answer"]
    assert [arguments["question"] for _, arguments in run.calls] == [
        "Who wrote the paper?",
        "Where does Edward Hu wrote it work?",
    ]
    seen = [step for step in run.steps if isinstance(step, Observation)]
    assert [step.text for step in seen] == ["Edward Hu wrote it [1].", "He works in Montreal [2]."]
    assert "He works in Montreal." in {item.quote for item in run.citations}


def test_where_a_part_is_not_answered_the_loop_goes_on() -> None:
    replies = [plan("Who painted it?", "Where does #1 work?"), call("add", a=1), say("I do not know.")]
    run = made(replies, plan=True).run("Where does its painter work?")
    assert [tool for tool, _ in run.calls] == ["ask_documents", "add"]
    assert run.text.startswith("I do not know.")


def test_a_question_of_one_part_has_no_plan() -> None:
    for reply in (plan("Who wrote the paper?"), "", "no idea"):
        run = made([reply, say("x")], plan=True).run("Who wrote the paper?")
        assert kinds(run) == ["answer"]


@pytest.mark.parametrize(
    ("reply", "parts"),
    [
        (plan("a fact?", "#1 where?"), ("a fact?", "#1 where?")),
        ("1. A fact?\n2. Another fact about #1?", ("A fact?", "Another fact about #1?")),
        (plan("论文是谁写的？", "#1 在哪里工作？"), ("论文是谁写的？", "#1 在哪里工作？")),
        (plan("needs #2?", "what?"), ()),
        (plan("needs #1?"), ()),
    ],
)
def test_reading_plans(reply: str, parts: tuple[str, ...]) -> None:
    assert planning.read(reply).parts == parts


@pytest.mark.parametrize(
    ("question", "way"),
    [
        ("hello", Route.DIRECT),
        ("谢谢你！", Route.DIRECT),
        ("What is 17 * 3?", Route.TOOLS),
        ("一百二十三乘以四是多少？", Route.TOOLS),
        ("北京今天比上海热多少度？", Route.TOOLS),
        ("Will it rain in Oslo tomorrow?", Route.TOOLS),
        ("现在几点？", Route.TOOLS),
        ("Please read https://example.org/a", Route.TOOLS),
        ("How does RMSNorm differ from layer normalisation?", Route.DOCUMENTS),
        ("什么是 PagedAttention？", Route.DOCUMENTS),
        ("What does GPT-4 cost in 2023-2024?", Route.DOCUMENTS),
        ("hello world programs in C: who wrote the first?", Route.DOCUMENTS),
    ],
)
def test_ways_by_rules(question: str, way: Route) -> None:
    tools = ["calculator", "clock", "weather", "fetch_page"]
    assert routing.by_rules(question, tools, True) is way
    if way is Route.TOOLS:
        assert routing.by_rules(question, [], True) is Route.DOCUMENTS  # there is no such tool
    if way is Route.DOCUMENTS:
        assert routing.by_rules(question, tools, False) is Route.TOOLS


def test_the_documents_answer_without_the_model() -> None:
    run = made([], route="rules").run("Who wrote the paper?")
    assert kinds(run) == ["thought", "action", "observation", "answer"]
    assert "Edward Hu wrote it" in run.text and [item.quote for item in run.citations] == ["Edward Hu wrote it."]
    run = made([], route="rules").run("论文是谁写的？")
    assert next(step.text for step in run.steps if isinstance(step, Thought)) == "这个问题应当向文档提出。"


def test_silent_documents_hand_over_to_the_agent() -> None:
    run = made([call("add", a=1), say("1")], route="rules").run("Who painted it?")
    assert [tool for tool, _ in run.calls] == ["ask_documents", "add"]


def test_small_talk_needs_no_tools() -> None:
    made_agent = made([say("Hello!")], route="rules")
    assert made_agent.run("hello").text == "Hello!"
    assert "add(" not in str(made_agent.model.calls[-1][0].text)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [('{"way": "direct"}', "direct"), ("documents, I think", "documents"), ("direct or tools", None), ("", None)],
)
def test_the_model_decides(reply: str, expected: str | None) -> None:
    assert routing.read(reply) == expected
    run = made([reply, say("x")], route="model").run("Who painted it?")
    way = expected or "documents"  # by rules
    assert run.steps[0].kind == "thought" and len(run.calls) == (way == "documents")
