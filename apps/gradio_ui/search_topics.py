"""What the documents are about, as a map and a table; found when it is asked for, because it takes a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from apps.gradio_ui.frame import QUIET, Frame
from apps.gradio_ui.text import label, say
from apps.gradio_ui.visiting import at_work
from ragbot.exploring import map_html
from ragbot.exploring.collection import Count
from ragbot.exploring.mapping import map_steps
from ragbot.showing.html import file_name, note_html, safe, shortened

if TYPE_CHECKING:
    from ragbot.exploring.layout import TopicMap
    from ragbot.exploring.topics import Topic

#: Documents of a topic that the table names.
_NAMED = 4
#: What Gradio's component would take for a template, in the map's script or in a document.
_TEMPLATE = {ord(sign): f"&#{ord(sign)};" for sign in "${}`"}


@dataclass(frozen=True, slots=True)
class TopicView:
    """The component; ``outputs`` of a handler that takes the map away."""

    html: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        """What :meth:`shut` updates."""
        return [self.html]

    def shut(self) -> dict[Any, Any]:
        """Updates that take the map away: the documents have changed."""
        return {self.html: ""}


def build(frame: Frame) -> TopicView:
    """Lay the part out."""
    with gr.Accordion(label=label("topics"), open=False, elem_id="rb-topics"):
        with gr.Row(elem_classes="rb-row"):
            find = gr.Button(label("topics_find"), elem_id="rb-topics-find", scale=0, min_width=160)
            stop = gr.Button(
                label("stop"), variant="stop", visible=False, elem_id="rb-topics-stop", scale=0, min_width=80
            )
        html = gr.HTML(value="", label=label("topics"), elem_id="rb-topic-map", apply_default_css=False)

    def busy(now: bool, shown: str) -> dict[Any, Any]:
        return {html: shown, find: gr.update(visible=not now), stop: gr.update(visible=now)}

    def draw(kb: str, request: gr.Request) -> Iterator[dict[Any, Any]]:
        with at_work(frame, request, kb) as (visitor, bot), closing(map_steps(bot, visitor.where())) as steps:
            for step in steps:
                if isinstance(step, Count):
                    yield busy(True, count_html(step, visitor.language))
                else:
                    yield busy(False, topics_html(step, visitor.language))

    outputs = [html, find, stop]
    drawing = find.click(draw, [frame.kb], outputs, trigger_mode="once", **QUIET)
    halted = stop.click(None, None, None, cancels=[drawing], queue=False, api_visibility="private")
    halted.then(lambda: busy(False, ""), None, outputs, queue=False, **QUIET)
    return TopicView(html)


def count_html(count: Count, language: str) -> str:
    """How far the work has come."""
    words = safe(say(language, "topics_finding"), " ")
    amount = f' value="{count.done}" max="{count.total}"' if count.total else ""
    return f'<div class="rb" role="status"><progress class="rb-progress" aria-label="{words}"{amount}></progress><p class="rb-note">{words}</p></div>'


def topics_html(drawn: TopicMap, language: str) -> str:
    """The map, which looks at nothing but itself, in a frame of its own, and the topics as a table."""
    topics = drawn.topics.topics
    if not topics:
        return note_html(say(language, "topics_none"))
    title = safe(say(language, "topics"), " ")
    page = escape(map_html.html(drawn, "zh" if language == "zh" else "en"), quote=True).translate(_TEMPLATE)
    frame = f'<iframe class="rb-map" title="{title}" sandbox="allow-scripts" srcdoc="{page}"></iframe>'
    columns = ("number", "title", "keywords", "share", "documents")
    head = "".join(f'<th scope="col">{safe(say(language, f"topics_{key}"))}</th>' for key in columns)
    rows = "".join(f"<tr>{_row(topic, language)}</tr>" for topic in topics)
    return (
        f'{frame}<div class="rb rb-scroll" tabindex="0" role="region" aria-label="{title}"><table class="rb-table">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(topic: Topic, language: str) -> str:
    comma = say(language, "comma")
    names = [shortened(one.document.title or file_name(one.document.source), 80) for one in topic.documents[:_NAMED]]
    more = f" +{len(topic.documents) - _NAMED}" if len(topic.documents) > _NAMED else ""
    share = f"{topic.share:.0%} ({topic.chunks:,})"
    values = (
        str(topic.number),
        shortened(topic.title, 120),
        comma.join(topic.keywords),
        share,
        comma.join(names) + more,
    )
    return "".join(f"<td>{safe(value, ' ')}</td>" for value in values)
