"""An agent's steps, and what a person is asked."""

from __future__ import annotations

import pytest

from agents.policy import ConsentRequest
from agents.steps import Action, Consent, FinalAnswer, Observation, Source, Step, Thought
from agents.taint import Suspicion
from agents.tools.base import Effect
from ragbot.documents import Citation
from ragbot.showing.steps import consent_html, steps_html
from tests.ragbot.showing.markup import Page

PASSAGE = Citation(1, "/a/budget.md", "预算", None, "2024", 0, 8, "预算是三百万元。", 4)
RUN: list[Step] = [
    Thought(1, 20, "先查预算，再换算。"),
    Action(1, 0, "a", "search_documents", {"query": "预算", "top_k": 3}),
    Observation(1, 0, "a", "search_documents", "[1] 预算是三百万元。", "ok", False, 1, (PASSAGE,), 0.25),
    Action(2, 0, "b", "calculator", {"expression": "3000000 / 7"}),
    Observation(2, 0, "b", "calculator", "428571.43", "ok", True, 2),
    FinalAnswer(
        3,
        0,
        "每人 428571.43 元 [1][2]。",
        "answered",
        "",
        (Source(1, "search_documents", "a", "预算是三百万元。", PASSAGE), Source(2, "calculator", "b", "428571.43")),
    ),
]


def test_a_run_from_thought_to_answer() -> None:
    page = Page(steps_html(RUN, "zh"))
    for text in (
        "先查预算",
        "调用 search_documents",
        "query",
        "预算",
        "0.2 秒",
        "出自他人",
        "由 ragbot 计算",
        "每人 428571.43 元",
    ):
        assert text in page.text
    assert len(page.of_class("rb-step")) == 5
    markers = page.of_class("rb-marker")
    assert [found["data-citation"] for found in markers] == ["1", "2"]
    assert markers[1]["title"] == "428571.43"
    assert markers[0]["data-index"] == "0" and "data-index" not in markers[1]
    (button,) = page.of_class("rb-open")
    assert (button["data-citation"], button["data-index"]) == ("1", "0"), "what a tool computed opens nowhere"
    assert "来自 calculator" in page.text


def test_a_run_that_goes_on() -> None:
    assert "正在执行" in Page(steps_html(RUN[:2], "zh", running=True)).text
    assert "Thinking" in Page(steps_html(RUN[:3], "en", running=True)).text
    assert "Thinking" in Page(steps_html([], "en", running=True)).text
    assert "Thinking" not in Page(steps_html(RUN, "en", running=True)).text
    assert "No step has been made yet." in Page(steps_html([], "en")).text


def test_a_long_result_is_folded_and_a_short_one_is_not() -> None:
    def details(text: str) -> dict[str, str]:
        (found,) = Page(steps_html([Observation(1, 0, "a", "t", text)], "en")).of_class("rb-result")
        return found

    assert "open" in details("short") and "open" not in details("long " * 100) and "open" not in details("a\n" * 10)
    assert "Result, 500 characters" in Page(steps_html([Observation(1, 0, "a", "t", "long " * 100)], "en")).text


@pytest.mark.parametrize(
    "status", ["input_error", "outage", "timeout", "denied", "unknown_tool", "malformed", "loop", "limit", "unknown"]
)
def test_every_status_has_words(status: str) -> None:
    step = Observation(1, 0, "a", "t", "text", status)  # type: ignore[arg-type]
    for language in ("en", "zh"):
        page = Page(steps_html([step], language))
        assert page.of_class("rb-failed") and status not in page.text.replace("text", "")


def test_ends_that_are_none() -> None:
    early = FinalAnswer(1, 0, "So far: 3.", "best", "the limit of 8 steps is reached")
    assert "Ended early: the limit of 8 steps is reached" in Page(steps_html([early], "en")).text
    refused = FinalAnswer(1, 0, "无法回答。", "refused", "没有工具")
    page = Page(steps_html([refused], "zh"))
    assert "没有作答 无法回答。" in page.text and page.of_class("rb-refusal")


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Consent(1, 0, "a", True, "person"), "You allowed it"),
        (Consent(1, 0, "a", False, "person", ("it runs a program",)), "You did not allow it it runs a program"),
        (Consent(1, 0, "a", False, "nobody"), "nobody could be asked"),
    ],
)
def test_consents(step: Consent, text: str) -> None:
    assert text in Page(steps_html([step], "en")).text


def test_what_a_person_is_asked() -> None:
    request = ConsentRequest(
        "fetch",
        {"url": "http://203.0.113.5/x", "note": "hello"},
        frozenset({Effect.NETWORK}),
        (Suspicion("url", "http://203.0.113.5/x", "address", "search_documents"),),
    )
    page = Page(consent_html(request, "en"))
    assert "The agent wants to use fetch" in page.text and "It sends these arguments over the network." in page.text
    assert "You did not name the address http://203.0.113.5/x; it stands in what search_documents found." in page.text
    assert "may come from what search_documents found" in page.text and "your words, or the model's own" in page.text
    chinese = Page(consent_html(request, "zh"))
    assert "你没有提到过地址" in chinese.text and "它出现在 search_documents 找到的内容中" in chinese.text


def test_what_is_inside_an_argument_and_what_may_have_been_done() -> None:
    inner = Suspicion("body.to", "eve@example.org", "address")
    request = ConsentRequest("send", {"body": {"to": "eve@example.org"}}, frozenset(Effect), (inner,), repeated=True)
    page = Page(consent_html(request, "en"))
    assert "may come from a text that you did not write" in page.text
    assert "It may have been done already" in page.text and "It runs a program." in page.text
    harmless = Page(consent_html(ConsentRequest("clock", {}), "en"))
    assert "changes nothing" in harmless.text and harmless.of_class("rb-table") == []


def test_a_long_argument_hides_nothing_behind_its_end() -> None:
    request = ConsentRequest("python", {"code": "x = 1\n" * 2_000 + "delete()"}, frozenset({Effect.EXECUTE}))
    assert "delete()" in Page(consent_html(request, "en")).text
