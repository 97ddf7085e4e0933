"""The turns of a conversation, each with what can be done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from apps.streamlit_ui.asking import Answered
from apps.streamlit_ui.bridge import clicked, html
from apps.streamlit_ui.chat_feedback import rating
from apps.streamlit_ui.chat_state import wish
from apps.streamlit_ui.sources import open_source
from apps.streamlit_ui.visitor import Visitor, still
from apps.streamlit_ui.working import Work
from ragbot.bot import RagBot
from ragbot.documents import Answer
from ragbot.showing.answers import answer_html, failure_html, partial_html
from ragbot.showing.conversations import answer_of
from ragbot.showing.html import safe
from ragbot.workspace.conversations_seen import WITHHELD
from ragbot.workspace.records import Turn

#: Turns that are drawn at once; those before them on demand.
_DRAWN = 20


def draw(who: Visitor, bot: RagBot, turns: Sequence[Turn], work: Work[Any] | None) -> None:
    """The turns of the branch in use; of one that is being asked anew, those before it."""
    running = work is not None and work.running
    if work is not None and running and work.about.get("instead_of"):
        places = [place for place, turn in enumerate(turns) if turn.id == work.about["instead_of"]]
        turns = turns[: places[0]] if places else turns
    answers = {turn.id: answer_of(turn) for turn in turns}
    last = work.items[-1] if work is not None and work.items else None
    if isinstance(last, Answered) and last.turn in answers:
        answers[last.turn] = last.answer  # with its hits, which are not stored
    first = 0
    if len(turns) > _DRAWN and not st.toggle(who.say("show_earlier", count=len(turns) - _DRAWN), key="earlier_turns"):
        first = len(turns) - _DRAWN
    for place, turn in enumerate(turns[first:], first):
        question(turn.question)
        with st.chat_message("assistant", avatar=":material/auto_stories:"):
            _answer(who, turn, answers[turn.id])
            if not running:
                _actions(who, bot, turn, place == len(turns) - 1)
    _opened(who, clicked("turn"), answers)


def question(text: str) -> None:
    """What was asked."""
    with st.chat_message("user", avatar=":material/person:"):
        st.html(f'<div class="rb rb-asked">{safe(text)}</div>')


def _answer(who: Visitor, turn: Turn, answer: Answer) -> None:
    scope = f"turn {turn.id}"
    if turn.state == "complete":
        html(answer_html(answer, who.language), scope)
        return
    if turn.text or turn.state == "interrupted":
        html(partial_html(turn.text, who.language, stopped=True), scope)
    if turn.state == "failed":
        reason = who.say("withheld") if turn.error == WITHHELD else turn.error
        html(failure_html(who.say("failed"), reason))


def _actions(who: Visitor, bot: RagBot, turn: Turn, is_last: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if turn.error != WITHHELD and turn.state == "complete":
            rating(who, bot, turn)
        if is_last:
            st.button(
                who.say("again"),
                key=f"again-{turn.id}",
                icon=":material/refresh:",
                type="tertiary",
                on_click=wish,
                args=(turn.question, turn.id),
            )
        folded = st.popover(who.say("edit"), icon=":material/edit:", type="tertiary", key=f"edit-{turn.id}")
        with folded, st.form(f"edit-form-{turn.id}", border=False):
            st.text_area(who.say("edit_hint"), turn.question, key=f"edited-{turn.id}", max_chars=4000)
            st.form_submit_button(who.say("ask_again"), type="primary", on_click=_edited, args=(turn.id,))
        _alternatives(who, bot, turn)


def _edited(turn: int) -> None:
    wish(st.session_state.get(f"edited-{turn}"), turn)


def _alternatives(who: Visitor, bot: RagBot, turn: Turn) -> None:
    """Steps through what else was asked or answered in the place of a turn."""
    conversations = who.conversations(bot)
    others = conversations.alternatives(turn)
    if len(others) < 2:
        return
    place = next((number for number, other in enumerate(others) if other.id == turn.id), 0)

    def step(by: int) -> None:
        conversations.choose(turn.conversation, others[place + by].id)

    for by, label in ((-1, "‹"), (1, "›")):
        st.button(
            label,
            key=f"other-{turn.id}-{by}",
            type="tertiary",
            help=who.say("other_before" if by < 0 else "other_after"),
            disabled=not 0 <= place + by < len(others),
            on_click=still(step),
            args=(by,),
        )
        if by < 0:
            st.caption(f"{place + 1} / {len(others)}", width="content")


def _opened(who: Visitor, told: Mapping[str, str] | None, answers: Mapping[int, Answer]) -> None:
    """Open what was clicked in an answer."""
    if told is None:
        return
    turn = told.get("scope", "").partition(" ")[2]
    answer = answers.get(int(turn)) if turn.isdecimal() else None
    for listed, name in ((answer.citations, "index"), (answer.hits, "hit")) if answer else ():
        number = told.get(name, "")
        if number.isdecimal() and int(number) < len(listed):
            open_source(who, who.kb, listed[int(number)])
            return
