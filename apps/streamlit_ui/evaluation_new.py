"""A new evaluation: which questions, of which documents, with which settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from apps.streamlit_ui.errors import shown
from apps.streamlit_ui.visitor import Visitor
from eval.run import Plan
from eval.sets import SAMPLE_DOCUMENTS, SetFile, add_set, question_sets, write_set
from ragbot.errors import UserError
from ragbot.workspace.feedback import evaluation_set

if TYPE_CHECKING:
    from ragbot.models.embedders.base import Embedder

_MOST = 100_000


def draw(who: Visitor, running: bool) -> None:
    """The form."""
    sets = question_sets(who.site.settings)
    with st.expander(who.say("new_evaluation"), icon=":material/add:", expanded=not running):
        _more_sets(who)
        if not sets:
            st.info(who.say("no_sets"))
            return
        with st.form("evaluate", border=False):
            chosen = st.selectbox(who.say("question_set"), sets, key="set", format_func=lambda one: _named(who, one))
            left, right = st.columns(2)
            asked = left.segmented_control(
                who.say("evaluate_over"),
                ("kb", "sample"),
                default="kb" if chosen and chosen.own else "sample",
                key="over",
                format_func=lambda one: who.say(f"over_{one}", kb=who.kb),
                help=who.say("evaluate_over_hint"),
            )
            mode = right.segmented_control(
                who.say("mode"),
                ("answer", "search"),
                default="answer",
                key="mode",
                format_func=lambda one: who.say(f"mode_{one}"),
            )
            limit = left.number_input(who.say("limit"), 0, _MOST, 0, key="limit", help=who.say("limit_hint"))
            name = right.text_input(
                who.say("run_name"), key="run-name", max_chars=100, placeholder=who.say("by_itself")
            )
            options = st.text_input(
                who.say("options"), key="options", placeholder="retrieval.top_k=20", help=who.say("options_hint")
            )
            sent = st.form_submit_button(
                who.say("begin"), type="primary", icon=":material/play_arrow:", disabled=running
            )
        if sent and chosen:
            with shown(who.language):
                _begin(who, chosen, asked == "sample", mode or "answer", int(limit), name.strip(), options)
                st.rerun()


def _begin(who: Visitor, chosen: SetFile, sample: bool, mode: str, limit: int, name: str, options: str) -> None:
    kb = who.kb
    plan = Plan(
        dataset=chosen.path,
        documents=SAMPLE_DOCUMENTS if sample else None,
        kb=None if sample else str(who.site.bots.folder(kb).absolute()),
        mode="search" if mode == "search" else "answer",
        limit=limit,
        name=name,
    )

    @contextmanager
    def lend() -> Iterator[Embedder]:
        with who.site.bots.using(kb) as bot:
            yield bot.embedder

    who.site.evaluations.start(plan, _options(options), None if sample else lend)


def _options(text: str) -> dict[str, str]:
    """``KEY=VALUE``, several set apart by spaces or commas. Raises UserError."""
    found = {}
    for part in text.replace(",", " ").split():
        key, equals, value = part.partition("=")
        if not equals:
            raise UserError(f"{part!r}: write settings as KEY=VALUE, such as retrieval.top_k=20")
        found[key.strip()] = value.strip()
    return found


def _more_sets(who: Visitor) -> None:
    """Sets that are sent, and the ratings of answers as one."""
    with st.popover(who.say("more_sets"), icon=":material/upload_file:", key="more-sets"):
        file = st.file_uploader(
            who.say("send_set"), type=["jsonl", "json"], key="set-file", help=who.say("send_set_hint")
        )
        if file is not None and st.button(who.say("keep_set"), key="keep-set"):
            with shown(who.language):
                made = add_set(who.site.settings, file.name, file.getvalue())
                st.success(who.say("set_kept", name=made.name, count=made.questions))
        if st.button(who.say("ratings_as_set"), key="ratings-as-set", help=who.say("export_ratings_hint")):
            with shown(who.language), who.using() as bot:
                conversations = who.conversations(bot)
                infos = conversations.all(str(bot.kb.folder))
                made = write_set(
                    who.site.settings, f"ratings-{Path(who.kb).name}.jsonl", evaluation_set(conversations, infos)
                )
                st.success(who.say("set_kept", name=made.name, count=made.questions))


def _named(who: Visitor, one: SetFile) -> str:
    return who.say("set_own" if one.own else "set_ours", name=one.name, count=one.questions)
