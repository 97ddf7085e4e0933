"""Answers that are kept for programs: who got one rates it, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragbot.documents import Answer
from ragbot.errors import UserError
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.feedback import FeedbackStore
from ragbot.workspace.store import Workspace
from ragbot.workspace.tickets import Tickets

ANSWER = Answer("长江有多长？", "六千三百公里 [1]。", (), False, 0.9, "zh")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = Workspace(tmp_path / "workspace.sqlite3")
    yield opened
    opened.close()


def test_an_answer_is_a_conversation_of_one_turn(workspace: Workspace) -> None:
    Tickets(workspace).keep(ANSWER, "/kb", "extractive", "me")
    conversations = Conversations(workspace)
    (info,) = conversations.all()
    (turn,) = conversations.turns(info.id)
    assert (info.kb, turn.question, turn.text, turn.model) == ("/kb", ANSWER.question, ANSWER.text, "extractive")


def test_a_rating_is_stored_replaced_and_taken_back(workspace: Workspace) -> None:
    tickets = Tickets(workspace)
    ticket = tickets.keep(ANSWER, "/kb", "extractive", "me")
    conversations = Conversations(workspace)
    turns = conversations.turns(conversations.all()[0].id)
    tickets.rate(ticket, "me", "up")
    tickets.rate(ticket, "me", "down", "不对", "6300")
    (given,) = FeedbackStore(workspace).of(turns).values()
    assert (given.rating, given.comment, given.expected) == ("down", "不对", "6300")
    assert tickets.take_back(ticket, "me") is True
    assert tickets.take_back(ticket, "me") is False


def test_a_ticket_belongs_to_its_owner_in_every_process(workspace: Workspace) -> None:
    ticket = Tickets(workspace).keep(ANSWER, "/kb", "extractive", "me")
    other = Workspace(workspace.path)
    try:
        Tickets(other).rate(ticket, "me", "up")
        for stranger in ("you", "", "me "):
            with pytest.raises(UserError, match="no such answer"):
                Tickets(other).rate(ticket, stranger, "down")
    finally:
        other.close()


@pytest.mark.parametrize("change", ["number", "code", "short", "none", "zero", "long"])
def test_a_ticket_cannot_be_made_up(workspace: Workspace, change: str) -> None:
    tickets = Tickets(workspace)
    number, code = tickets.keep(ANSWER, "/kb", "extractive").split("-")
    tickets.keep(ANSWER, "/kb", "extractive")
    forged = {
        "number": f"{int(number) + 1}-{code}",
        "code": f"{number}-{'0' * 32}",
        "short": f"{number}-{code[:-1]}",
        "none": "",
        "zero": f"0{number}-{code}",
        "long": f"{'9' * 30}-{code}",
    }
    with pytest.raises(UserError, match="no such answer"):
        tickets.rate(forged[change], "", "up")


def test_an_answer_that_was_deleted_is_not_rated(workspace: Workspace) -> None:
    tickets = Tickets(workspace)
    ticket = tickets.keep(ANSWER, "/kb", "extractive")
    conversations = Conversations(workspace)
    conversations.delete([conversations.all()[0].id])
    with pytest.raises(UserError, match="deleted"):
        tickets.rate(ticket, "", "up")
