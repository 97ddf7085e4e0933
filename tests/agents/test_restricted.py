"""An agent's tools for somebody who may not see every document."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.restricted import restricted, restricted_tools
from agents.toolbox import Parts
from ragbot.bot import RagBot
from ragbot.documents import Answer
from ragbot.errors import UserError
from ragbot.index.filters import Filter

STAFF = Filter(principals=("staff",))
BOARD = Filter(principals=("board",))


@pytest.fixture
def guarded(bot: RagBot, corpus: Path) -> RagBot:
    """``plain.txt`` is for the board alone."""
    bot.ingest(corpus / "notes" / "plain.txt", acl=["board"])
    return bot


def parts_of(bot: RagBot, where: Filter) -> Parts:
    def ask(question: str, seen: Filter) -> Answer:
        return bot.ask(question, where=seen)

    return restricted(Parts(bot.settings, "en", bot.kb, bot.retriever), where, ask)


@pytest.mark.parametrize("name", ["kb", "search_knowledge", "ask_documents"])
def test_what_is_hidden_is_not_found(guarded: RagBot, name: str) -> None:
    said = {}
    for who, where in (("staff", STAFF), ("board", BOARD)):
        tool = restricted_tools([name], parts_of(guarded, where), where)[0]
        question = "What colour is the lighthouse of the harbour of Aalto?"
        said[who] = tool.invoke({"question": question} if name == "ask_documents" else {"query": question})
    assert "Aalto" in said["board"]
    assert "Aalto" not in said["staff"]


def test_what_is_hidden_is_not_read(guarded: RagBot) -> None:
    (staff,) = restricted_tools(["read_document"], parts_of(guarded, STAFF), STAFF)
    (board,) = restricted_tools(["read_document"], parts_of(guarded, BOARD), BOARD)
    assert "green" in board.invoke({"document": "plain.txt"})
    with pytest.raises(Exception, match="no document"):
        staff.invoke({"document": "plain.txt"})


def test_other_tools_are_as_ever_and_each_once(guarded: RagBot) -> None:
    names = ["calculator", "kb", "search_knowledge", "clock"]
    tools = restricted_tools(names, parts_of(guarded, STAFF), STAFF)
    assert [tool.name for tool in tools] == ["calculator", "search_knowledge", "read_document", "clock"]
    with pytest.raises(UserError, match="no tool 'rm'"):
        restricted_tools(["rm"], parts_of(guarded, STAFF), STAFF)
