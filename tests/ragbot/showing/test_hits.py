"""Hits, and why they were found."""

from __future__ import annotations

from ragbot.bot import RagBot
from ragbot.showing.answers import hits_html
from tests.ragbot.showing.markup import Page
from tests.ragbot.showing.pages_of import explanation, hit


def test_hits_can_be_opened_where_they_begin(bot: RagBot) -> None:
    found = bot.search("低秩矩阵", 3)
    page = Page(hits_html(found, None, "zh"))
    buttons = page.of_class("rb-open")
    assert [(int(b["data-document"]), int(b["data-at"])) for b in buttons] == [
        (h.chunk.document.id, h.chunk.start) for h in found
    ]
    assert [b["data-hit"] for b in buttons] == ["0", "1", "2"]
    assert "3 个段落，最相关的在前" in page.text and "LoRA 冻结原有权重" in page.text
    assert Page(hits_html(found, None, "zh", None)).of_class("rb-open") == []


def test_reasons_are_a_table_with_bars(bot: RagBot) -> None:
    found = bot.explain("低秩矩阵 vLLM 龘", 2)
    hits = [item.hit for item in found.hits]
    page = Page(hits_html(hits, found, "zh"))
    assert "为什么是它" in page.text and "语义" in page.text and "BM25" in page.text
    assert page.text.count("名次") >= len(hits)
    bars = page.of_class("rb-bar")
    assert bars and all(0 <= float(bar["value"]) <= 1 for bar in bars)
    assert "任何段落都没有" in page.text


def test_english_reasons() -> None:
    page = Page(hits_html([hit("low rank")], explanation("low rank"), "en"))
    figures = page.text.replace(" ", "")
    assert "meaning0.800+2.501+1.25" in figures and "reranker3.0002" in figures and "Holds: low rank" in page.text
    assert "Searched: 12 of 1,000 passages" in page.text
    assert "The filter keeps out 3 of the best." in page.text and "The reranker moved 2 of these hits." in page.text
    assert "and 2 more" in page.text, "of seven copies"


def test_nothing_found() -> None:
    assert "Nothing was found." in Page(hits_html([], None, "en")).text
    assert "没有找到。" in Page(hits_html([], explanation("x"), "zh")).text


def test_a_hit_without_a_reason_is_shown_all_the_same() -> None:
    page = Page(hits_html([hit("a", 1), hit("b", 2)], explanation("a"), "en"))
    assert len(page.of_class("rb-card")) == 2 and len(page.of_class("rb-why")) == 1


def test_a_long_passage_is_cut() -> None:
    assert "…" in Page(hits_html([hit("字" * 3000)], None, "zh")).text
