"""Conversations in lists, their turns, and what a search finds in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from ragbot.bot import RagBot
from ragbot.showing.conversations import answer_of, groups, matches_html, title_of, turn_html, when
from ragbot.workspace.records import turn_of
from ragbot.workspace.searching import Found, search
from tests.ragbot.showing.markup import Page
from tests.ragbot.showing.pages_of import info, turn

NOW = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "en", "zh"),
    [
        ("2026-03-10T14:29:40+00:00", "just now", "刚刚"),
        ("2026-03-10T14:30:20+00:00", "just now", "刚刚"),
        ("2026-03-10T14:28:00", "2 minutes ago", "2 分钟前"),
        ("2026-03-10T14:29:00Z", "1 minute ago", "1 分钟前"),
        ("2026-03-10T08:05:00+00:00", "today at 08:05", "今天 08:05"),
        ("2026-03-09T23:59:00+00:00", "yesterday at 23:59", "昨天 23:59"),
        ("2026-03-01T10:00:00+00:00", "1 March", "3月1日"),
        ("2024-12-31T10:00:00+00:00", "31 December 2024", "2024年12月31日"),
        ("no time", "no time", "no time"),
        ("", "", ""),
    ],
)
def test_times_in_words(moment: str, en: str, zh: str) -> None:
    assert when(moment, "en", NOW, UTC) == en
    assert when(moment, "zh", NOW, UTC) == zh


def test_the_day_is_that_of_the_reader() -> None:
    east = timezone(timedelta(hours=8))
    assert when("2026-03-10T14:00:00+00:00", "en", NOW, east) == "30 minutes ago"
    assert when("2026-03-09T18:00:00+00:00", "en", NOW, east) == "today at 02:00"
    assert when("2026-03-09T18:00:00+00:00", "en", NOW, UTC) == "yesterday at 18:00"


def test_a_few_minutes_ago_may_be_yesterday() -> None:
    midnight = datetime(2026, 3, 10, 0, 5, tzinfo=UTC)
    assert when("2026-03-09T23:50:00+00:00", "en", midnight, UTC) == "yesterday at 23:50"


def test_groups_by_day_keep_their_order() -> None:
    times = [
        "2026-03-10T14:00",
        "2026-03-10T01:00",
        "2026-03-09T10:00",
        "2026-03-05T10:00",
        "2026-01-01T10:00",
        "2027-01-01T00:00",
        "?",
    ]
    found = groups([info(str(number), moment) for number, moment in enumerate(times)], "en", NOW, UTC)
    assert [(group.name, [item.id for item in group.conversations]) for group in found] == [
        ("Today", ["0", "1", "5"]),
        ("Yesterday", ["2"]),
        ("Last 7 days", ["3"]),
        ("Earlier", ["4", "6"]),
    ]
    assert groups([], "zh") == []


def test_titles() -> None:
    assert title_of(info("  a\nb "), "en") == "a b"
    assert title_of(info(""), "zh") == "新对话"
    assert len(title_of(info("字" * 500), "zh")) == 60


def test_matches_mark_the_words_whatever_their_case_and_script() -> None:
    shown = matches_html([Found(info("训练"), None, "…Low-Rank ﬁ 低秩矩阵…")], "rank 矩陣", "zh")
    assert "<mark>Rank</mark>" in shown and "<mark>矩阵</mark>" in shown
    page = Page(shown)
    assert page.of_class("rb-link")[0]["data-conversation"] == "训练" and "在标题中" in page.text
    assert "没有对话" in Page(matches_html([], "x", "zh")).text
    assert Page(matches_html([Found(info("a"), turn("b"), "c")], "c", "en")).of_class("rb-link")[0]["data-turn"] == "4"


def test_stored_turns_look_like_fresh_answers(bot: RagBot) -> None:
    given = replace(bot.ask("LoRA 冻结了什么？"), short="冻结")
    stored = turn_of(given)
    again = answer_of(stored)
    assert (again.text, again.citations, again.claims, again.short) == (
        given.text,
        given.citations,
        given.claims,
        given.short,
    )
    assert given.text in Page(turn_html(stored, "zh")).text


def test_turns_that_failed_or_were_stopped() -> None:
    assert "disk is full" in Page(turn_html(turn("x", state="failed", error="the disk is full"), "en")).text
    assert "incomplete" in Page(turn_html(turn("half", state="interrupted"), "en")).text
    refused = Page(turn_html(turn("x", abstained=True), "en")).text
    assert "No answer" in refused and "No passage comes near" not in refused


def test_a_real_search(bot: RagBot) -> None:
    conversation = bot.conversation()
    conversation.ask("LoRA 冻结了什么？")
    found = search(bot.conversations, "冻结 LORA")
    assert found and "<mark>" in matches_html(found, "冻结 LORA", "zh")
