"""What the documents are about: topics, computed on demand, and their map."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import streamlit as st

from apps.streamlit_ui.drawing import again_and_again
from apps.streamlit_ui.errors import tell
from apps.streamlit_ui.visitor import Visitor, still
from apps.streamlit_ui.words import plain
from apps.streamlit_ui.working import Work
from ragbot.bot import RagBot
from ragbot.errors import MissingExtraError
from ragbot.exploring.collection import Count
from ragbot.exploring.layout import TopicMap
from ragbot.exploring.map_html import html as map_html
from ragbot.exploring.map_png import png

#: Seconds between two looks, topics at most, and the height of the map with its list, in pixels.
_EVERY, _MOST, _HEIGHT = 0.5, 50, 900
_DOCUMENTS = 3


def draw(who: Visitor, bot: RagBot) -> None:
    """A button that computes the map, and the map."""
    name = f"topics {who.principal.owner} {who.kb}"
    work = who.site.works.get(name)
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    count = left.number_input(
        who.say("topic_count"), 1, _MOST, None, key="topic_count", placeholder=who.say("by_itself")
    )
    running = work is not None and work.running
    right.button(
        who.say("make_map"),
        key="make-map",
        icon=":material/bubble_chart:",
        disabled=running,
        on_click=still(_begin),
        args=(who, who.kb, name, None if count is None else int(count)),
    )
    if work is None:
        st.caption(who.say("topics_hint"))
    elif running:
        again_and_again(_computing, _EVERY, who, work)
    elif work.error:
        tell(work.error, who.language)
    elif work.items and isinstance(work.items[-1], TopicMap):
        _map(who, work.items[-1])


def _begin(who: Visitor, kb: str, name: str, count: int | None) -> None:
    def compute(work: Work[Any]) -> Generator[Any]:
        def tick(count: Count) -> None:
            work.about = {"done": count.done / max(count.total, 1)}
            if work.stopping.is_set():
                raise KeyboardInterrupt

        with who.site.bots.using(kb) as bot:
            yield bot.topic_map(bot.topics(count, who.where(), tick))

    who.site.works.begin(name, compute, who.site.slots)


def _computing(who: Visitor, work: Work[Any]) -> None:
    if not work.running:
        st.rerun()
    st.progress(min(work.about.get("done", 0.0), 1.0), who.say("computing"))
    st.button(who.say("stop"), key="stop-map", icon=":material/stop_circle:", on_click=still(work.stop))


def _map(who: Visitor, drawn: TopicMap) -> None:
    if not drawn.topics.topics:
        st.info(who.say("too_few"))
        return
    page = map_html(drawn, who.language)
    st.iframe(page, height=_HEIGHT, alt=who.say("tab_topics"))
    with st.container(horizontal=True):
        st.download_button("HTML", page, "topics.html", "text/html", icon=":material/download:", on_click="ignore")
        try:
            st.download_button(
                "PNG", lambda: png(drawn)[0], "topics.png", "image/png", icon=":material/download:", on_click="ignore"
            )
        except MissingExtraError as error:
            tell(error, who.language)
    st.table(
        [
            {
                who.say("topic"): f"{topic.number} {plain(topic.title, 80)}",
                who.say("topic_words"): plain(", ".join(topic.keywords), 120),
                who.say("topic_share"): f"{topic.share:.0%}",
                who.say("documents"): plain(
                    ", ".join(one.document.title or one.document.source for one in topic.documents[:_DOCUMENTS]), 160
                ),
            }
            for topic in drawn.topics.topics
        ]
    )
