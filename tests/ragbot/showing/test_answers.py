"""What an answer's HTML says, and what a page can act on."""

from __future__ import annotations

import pytest

from ragbot.bot import RagBot
from ragbot.documents import Answer, Citation, Claim, Finding
from ragbot.showing.answers import answer_html, failure_html, partial_html
from tests.ragbot.showing.markup import Page
from tests.ragbot.showing.pages_of import answer, hit

LORA = Citation(1, "/papers/lora.pdf", "LoRA", 3, "LoRA > 秩", 100, 112, "秩通常取 8 或 16。", 7, (104, 105))
COST = Citation(2, "/papers/cost.md", "", None, "Costs", 10, 30, "It costs 20 dollars.", 8)
TEXT = "秩通常取 8 [1]。It costs 25 dollars [2]."


def made(**changes: object) -> Answer:
    wrong = Claim("It costs 25 dollars.", 12, len(TEXT), "unsupported", (2,), (Finding("number", "25", "20"),))
    values: dict[str, object] = {"text": TEXT, "citations": (LORA, COST), "claims": (wrong,), "confidence": 0.72}
    return answer("What is the rank?", **{**values, **changes})


def test_markers_are_buttons_that_name_their_citation() -> None:
    page = Page(answer_html(made(), "en"))
    markers = page.of_class("rb-marker")
    assert [(found["data-citation"], found["data-index"]) for found in markers] == [("1", "0"), ("2", "1")]
    assert markers[0]["title"] == LORA.quote
    assert markers[0]["aria-label"] == f"Source 1: {LORA.quote}"
    assert "出处 1：" in Page(answer_html(made(), "zh")).of_class("rb-marker")[0]["aria-label"]


def test_text_stays_in_its_order_whatever_is_marked_in_it() -> None:
    assert TEXT in Page(answer_html(made(), "en")).text


def test_the_few_words_that_answer_stand_out_once() -> None:
    shown = answer_html(made(short="通常取 8"), "en")
    assert "秩<strong>通常取 8</strong> " in shown.replace("&#32;", " ")
    assert "<strong>" not in answer_html(made(short="9", claims=()), "en")
    twice = answer_html(made(text="8 oder 8 [1]", claims=(), short="8"), "en")
    assert twice.count("<strong>8</strong>") == 1
    whole = answer_html(made(text="八。 [1]", claims=(), short="八"), "zh")
    assert "<strong>" not in whole
    unsupported = answer_html(made(short="25 dollars"), "en").replace("&#32;", " ")
    assert "costs <strong>25 dollars</strong>" in unsupported
    assert "<b>" not in answer_html(made(text="a <b> c [1]", claims=(), short="<b>"), "en")


def test_cards_have_place_and_quote_with_the_phrase_marked() -> None:
    shown = answer_html(made(), "en")
    page = Page(shown)
    assert [found["data-citation"] for found in page.of_class("rb-card")] == ["1", "2"]
    assert "[1] LoRA lora.pdf · p. 3 · 秩" in page.text and "[2] cost.md cost.md · Costs" in page.text
    assert "<mark>&#32;</mark>" not in shown and "秩通常取<mark> </mark>8" in shown
    assert [found["data-index"] for found in page.of_class("rb-open")] == ["0", "1"]


def test_two_quotes_of_one_marker_stand_on_one_card() -> None:
    second = Citation(1, LORA.source, LORA.title, 3, LORA.heading, 200, 204, "两个矩阵", 7)
    page = Page(answer_html(made(citations=(LORA, second, COST)), "en"))
    assert len(page.of_class("rb-card")) == 2
    assert [found["data-index"] for found in page.of_class("rb-open")] == ["0", "1", "2"]
    assert [found["data-index"] for found in page.of_class("rb-marker")] == ["0", "2"]


def test_a_label_of_the_page_or_no_button() -> None:
    assert "Show me" in Page(answer_html(made(), "en", "Show me")).text
    assert Page(answer_html(made(), "en", None)).of_class("rb-open") == []


def test_a_sentence_without_support_is_marked_with_the_reason() -> None:
    page = Page(answer_html(made(), "en"))
    (marked,) = page.of_class("rb-unsupported")
    assert marked["title"] == "not supported by the sources: the source says 20, not 25"
    assert "Not supported by the sources:It costs 25 dollars. the source says 20, not 25" in page.text
    assert "来源中是 20，不是 25" in Page(answer_html(made(), "zh")).text


def test_what_was_left_out_is_told() -> None:
    removed = Claim("It is blue.", 5, 5, "unsupported", (), (Finding("unfounded", "It is blue."),))
    page = Page(answer_html(made(claims=(removed,)), "en"))
    assert page.of_class("rb-unsupported") == []
    assert "Left out, because the sources do not support it:It is blue. no passage says this" in page.text


@pytest.mark.parametrize("kind", ["number", "date", "name", "negation", "opposite", "unfounded"])
@pytest.mark.parametrize("found", ["", "北京"])
def test_every_finding_has_words(kind: str, found: str) -> None:
    wrong = Claim("x", 0, 1, "unsupported", (), (Finding(kind, "上海", found),))  # type: ignore[arg-type]
    for language in ("en", "zh"):
        reason = Page(answer_html(made(claims=(wrong,)), language)).text
        assert kind == "unfounded" or (found or "上海") in reason


def test_claims_of_another_text_mark_nothing() -> None:
    beyond = Claim("x", 5, 10_000, "unsupported")
    overlapping = (Claim("x", 0, 8, "unsupported"), Claim("y", 4, 10, "unsupported"))
    assert TEXT in Page(answer_html(made(claims=(beyond,)), "en")).text
    assert TEXT in Page(answer_html(made(claims=overlapping), "en")).text


@pytest.mark.parametrize(
    ("confidence", "words"),
    [
        (1.0, "high (99%)"),
        (0.85, "high (85%)"),
        (0.6, "medium (60%)"),
        (0.2, "low (20%)"),
        (-1.0, "low (0%)"),
        (float("nan"), "low (0%)"),
    ],
)
def test_confidence_is_words_and_a_number(confidence: float, words: str) -> None:
    assert f"Confidence: {words}" in Page(answer_html(made(confidence=confidence), "en")).text


def test_seconds_and_tokens_are_small_facts() -> None:
    page = Page(answer_html(made(), "en"))
    assert "1.5 s" in page.text and "3,000 + 40 tokens" in page.text
    plain = Page(answer_html(made(), "en", details=False)).text
    assert "1.5 s" not in plain and "Confidence" in plain
    assert "tokens" not in Page(answer_html(made(usage={}, timings={}), "en")).text


def test_an_answer_without_citations_says_so() -> None:
    assert "has no citation" in Page(answer_html(made(citations=()), "en")).text


def test_a_refusal_says_what_was_looked_for_and_what_came_nearest() -> None:
    hits = tuple(hit(f"passage {number}", number) for number in range(5))
    page = Page(answer_html(made(abstained=True, text="I cannot say.", hits=hits), "en"))
    assert "No answer I cannot say." in page.text
    assert "Looked for: What is the rank?" in page.text
    assert [found["data-hit"] for found in page.of_class("rb-open")] == ["0", "1", "2"]
    assert page.of_class("rb-marker") == []
    nothing = Page(answer_html(made(abstained=True, hits=()), "zh")).text
    assert "没有任何接近的段落" in nothing and "把握" not in nothing
    assert "没有任何接近的段落" not in Page(answer_html(made(abstained=True, hits=()), "zh", kept=True)).text


def test_partial_answers() -> None:
    assert "Searching" in Page(partial_html("", "en")).text
    page = Page(partial_html("秩是 8 [1]", "zh"))
    assert "秩是 8 [1]" in page.text and page.having("aria-busy") and page.of_class("rb-marker") == []
    stopped = Page(partial_html("half a", "en", stopped=True))
    assert "half a" in stopped.text and "incomplete" in stopped.text and not stopped.having("aria-busy")
    assert "incomplete" in Page(partial_html("", "en", stopped=True)).text


def test_a_failure_is_an_alert() -> None:
    page = Page(failure_html("That did not work", "Ingest it again.\nThen ask."))
    assert page.having("role", "alert") and "Ingest it again." in page.text


def test_real_answers(bot: RagBot) -> None:
    for question, language in (("LoRA 冻结了什么？", "zh"), ("What lets vLLM serve many requests?", "en")):
        given = bot.ask(question)
        page = Page(answer_html(given, language))
        assert given.text in page.text
        quotes = [citation.quote for citation in given.citations]
        assert quotes and all(quote in page.text for quote in quotes)
