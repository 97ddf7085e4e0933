"""The settings of the next question, folded away until somebody wants them."""

from __future__ import annotations

import streamlit as st

from apps.streamlit_ui.asking import Wishes
from apps.streamlit_ui.facets import filters
from apps.streamlit_ui.visitor import Visitor
from ragbot.bot import RagBot
from ragbot.composing.turns import TurnOptions
from ragbot.models.registry import EXTRACTIVE, READER

_STRICTNESS = ("mark", "strict", "off")
_MOST = 50


def wishes(who: Visitor, bot: RagBot) -> Wishes:
    """Widgets in a popover, and what they say."""
    with st.popover(who.say("settings"), icon=":material/tune:", help=who.say("settings_hint"), key="settings"):
        named = {EXTRACTIVE: who.say("model_extractive"), READER: who.say("model_reader")}
        chosen = st.selectbox(
            who.say("model"),
            bot.models,
            key="wish_llm",
            persist_state="session",
            format_func=lambda name: named.get(name, name),
        )
        agent = st.toggle(
            who.say("with_agent"), key="wish_agent", persist_state="session", help=who.say("with_agent_hint")
        )
        default = bot.settings.retrieval.top_k
        top_k = st.number_input(
            who.say("top_k"), 1, max(_MOST, default), default, key="wish_top_k", persist_state="session", disabled=agent
        )
        own = bot.settings.generation.strictness
        strictness = st.segmented_control(
            who.say("strictness"),
            _STRICTNESS,
            default=own,
            key="wish_strictness",
            persist_state="session",
            format_func=lambda name: who.say(f"strictness_{name}"),
            help=who.say("strictness_hint"),
            disabled=agent,
        )
        where = filters(who, bot, "wish")
    return Wishes(TurnOptions(chosen or "", int(top_k), strictness or own, bool(agent)), where)
