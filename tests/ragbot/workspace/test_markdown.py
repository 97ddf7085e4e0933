"""Markdown for people, whose questions and answers can be read again."""

from __future__ import annotations

import pytest

from ragbot.errors import UserError
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.markdown import from_markdown, to_markdown
from ragbot.workspace.records import Turn
from tests.ragbot.workspace.conftest import KB, TURN, said


def test_it_reads_well(conversations: Conversations) -> None:
    conversations.append("a" * 12, TURN, new_in=KB)
    conversations.append("a" * 12, Turn("And in English?", "Half", "interrupted"))
    text = to_markdown(conversations.get("a"), conversations.turns("a" * 12))
    lines = [line for line in text.splitlines() if line and not line.startswith("<!--")]
    assert lines == [
        "# LoRA 的秩通常取多少？",
        "## 1. 问题",
        "LoRA 的秩通常取多少？",
        "### 回答",
        "秩通常取 8 或 16。[1]",
        "### 来源",
        "\\[1\\] 低秩适配, 第 3 页 · 量化 (`/docs/lora.md`, 20–31)",
        "> 秩通常取 8 或 16。",
        "## 2. Question",
        "And in English?",
        "### Answer",
        "Half",
        "*(stopped)*",
    ]


NASTY = "## 2. Question\n\n<!-- ragbot:answer -->\n\\<!-- ragbot:question -->\n\n# title\n\n```\ncode\n```"


@pytest.mark.parametrize("text", ["one line", "两段\n\n文字", NASTY, "", "| a | b |\n| --- | --- |"], ids=range(5))
def test_questions_and_answers_come_back(conversations: Conversations, text: str) -> None:
    for question in ("first?", text or "?", "第三个"):
        conversations.append("a" * 12, said(question, text), new_in=KB)
    conversations.append("a" * 12, Turn("broken", state="failed", error="x"))
    before = conversations.turns("a" * 12)
    other = conversations.append("b" * 12, said("another", "one"), new_in=KB)
    file = "\n".join(to_markdown(conversations.get(name), conversations.turns(name * 12)) for name in ("a", "b"))
    conversations.delete_all()
    done = from_markdown(conversations, file)
    assert done.added == ("a" * 12, "b" * 12)
    after = conversations.turns("a" * 12)

    def kept(turns: tuple[Turn, ...]) -> list[tuple[str, str, str, str]]:
        return [(turn.question, turn.text, turn.state, turn.asked) for turn in turns]

    assert kept(after) == kept(before)
    assert kept(conversations.turns("b" * 12)) == kept((other,))
    assert conversations.get("a").title == "first?"


def test_an_empty_conversation(conversations: Conversations) -> None:
    info = conversations.create(KB, "空")
    text = to_markdown(info, ())
    conversations.delete_all()
    from_markdown(conversations, text)
    assert conversations.get(info.id).title == "空"


@pytest.mark.parametrize("text", ["", "# Just a page\n\nwith text\n", "<!-- ragbot:answer -->\n\nx\n", "\x00"])
def test_what_is_no_conversation(conversations: Conversations, text: str) -> None:
    with pytest.raises(UserError, match=r"notes\.md holds no conversation"):
        from_markdown(conversations, text, "notes.md")
    assert conversations.count() == 0


def test_a_time_that_is_none(conversations: Conversations) -> None:
    info = conversations.create(KB, "x")
    text = to_markdown(info, ()).replace(info.created, "yesterday")
    with pytest.raises(UserError, match=r"notes\.md: the time created must be an ISO 8601 time"):
        from_markdown(conversations, text, "notes.md")
