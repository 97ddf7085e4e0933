"""A turn of a conversation that the agent answers."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from agents.runs import load
from apps.streamlit_ui.agent_work import start
from apps.streamlit_ui.asking import Wishes, work_name
from apps.streamlit_ui.visitor import Visitor
from apps.streamlit_ui.working import Work
from ragbot.composing.agent_sessions import SessionView
from ragbot.composing.turns import AGENT, answer_of
from ragbot.documents import Message
from ragbot.workspace.agent_runs import AgentRuns
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.records import Turn, clean, turn_of
from ragbot.workspace.transfer import branch_to

_LOOK = 0.2


def ask_agent(
    who: Visitor, kb: str, conversation: str, question: str, wishes: Wishes, instead_of: int | None = None
) -> Work[Any]:
    """As :func:`apps.streamlit_ui.asking.ask`, by the agent, which may ask for consent on the page.

    The items are no text; ``about`` has the ``session``.

    Raises:
        UserError: too many runs are at work.
    """
    with who.site.bots.using(kb) as bot:
        history = _said(who.conversations(bot), conversation, instead_of)
    session = start(who, kb, clean(question), history=history, where=wishes.where, purpose=conversation)

    def answer(work: Work[Any]) -> Generator[Turn]:
        work.on_stop.append(session.cancel)
        view = session.view()
        while not view.finished:
            if work.stopping.is_set():
                session.cancel()
            view = session.wait(_LOOK, len(view.steps))
        turn = _turn(view, AgentRuns(who.workspace))
        yield Conversations(who.workspace).append(conversation, turn, instead_of=instead_of)

    about = {"question": question, "instead_of": instead_of, "session": session}
    return who.site.works.begin(work_name(who, conversation), answer, None, about)


def _turn(view: SessionView, runs: AgentRuns) -> Turn:
    """A run that has ended, as a turn."""
    question = clean(view.question)
    if view.state == "failed":
        return Turn(question, state="failed", error=view.error, model=AGENT)
    run = load(runs, view.run)
    if run.answer is None:
        return Turn(question, state="interrupted", model=AGENT)
    return turn_of(replace(answer_of(run), timings={"total": view.seconds}), AGENT)


def _said(conversations: Conversations, conversation: str, instead_of: int | None) -> list[Message]:
    """What was said before, as far as it was said to its end."""
    turns = conversations.turns(conversation)
    if instead_of is not None:
        every = conversations.all_turns(conversation)
        turns = next((branch_to(turn, every)[:-1] for turn in every if turn.id == instead_of), turns)
    return [
        message
        for turn in turns
        if turn.state == "complete"
        for message in (Message("user", turn.question), Message("assistant", turn.text))
    ]
