"""Several knowledge bases: a new one made, one deleted with all that is in it."""

from __future__ import annotations

import streamlit as st

from apps.api.bots import checked_name
from apps.streamlit_ui.errors import shown
from apps.streamlit_ui.visitor import KB, NEXT_KB, Visitor
from apps.streamlit_ui.words import plain
from ragbot.bot import store_options
from ragbot.errors import UserError
from ragbot.index.deletion import delete_knowledge_base


def make(who: Visitor, name: str) -> None:
    """Make an empty knowledge base. Raises UserError: it cannot be called so, there is one, or the key does not allow it."""
    mine = who.principal.knowledge_bases
    if not who.may("admin") or (mine is not None and checked_name(name) not in mine):
        raise UserError(who.say("may_not", scope="admin"))
    who.site.bots.create(name)


def delete(who: Visitor, name: str) -> None:
    """Delete one with its documents, uploaded files and jobs, for good.

    Raises:
        UserError: the key does not allow it, it lies outside of the data folder, or documents are being brought in.
        LockedError: another process is writing.
    """
    bots, jobs = who.site.bots, who.site.jobs
    if not who.may("admin") or who.principal.groups is not None or name not in who.knowledge_bases():
        raise UserError(who.say("may_not", scope="admin"))
    folder = bots.folder(name)
    if folder.parent != bots.home:
        raise UserError(who.say("kb_outside"))
    if any(job.state == "running" for job in jobs.all(folder)):
        raise UserError(who.say("kb_busy"))
    bots.forget(name)
    delete_knowledge_base(bots.home, folder.name, store_options(who.site.settings))
    bots.forget(name)  # another visitor may have opened it meanwhile
    jobs.delete_all(folder)


def draw(who: Visitor) -> None:
    """A menu, for those who may."""
    if not who.may("admin"):
        return
    with st.popover(who.say("menu"), icon=":material/more_horiz:", help=who.say("kb_menu"), key="kb-menu"):
        with st.form("kb-new", border=False, clear_on_submit=True):
            name = st.text_input(who.say("kb_new"), key="kb-name", max_chars=64, help=who.say("kb_new_hint"))
            made = st.form_submit_button(who.say("kb_make"), icon=":material/add:")
        if made:
            with shown(who.language):
                make(who, name.strip())
                st.session_state[NEXT_KB] = name.strip()
                st.rerun()
        if who.principal.groups is None:
            _delete(who)


def _delete(who: Visitor) -> None:
    kb = who.kb
    with st.form("kb-delete", border=False, clear_on_submit=True):
        st.markdown(who.say("kb_delete_sure", name=plain(kb)))
        typed = st.text_input(who.say("kb_type_name"), key="kb-typed", max_chars=64)
        sent = st.form_submit_button(who.say("kb_delete"), icon=":material/delete_forever:")
    if sent:
        if typed.strip() != kb:
            st.warning(who.say("kb_name_wrong"))
            return
        with shown(who.language):
            delete(who, kb)
            st.session_state.pop(KB, None)
            st.rerun()
