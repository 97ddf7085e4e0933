"""What somebody thinks of an answer, and what would have been right: a small form below the conversation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import gradio as gr

from apps.gradio_ui import clicks
from apps.gradio_ui.frame import QUIET, Frame
from apps.gradio_ui.site import Visitor
from apps.gradio_ui.text import label
from apps.gradio_ui.visiting import at_work
from ragbot.bot import RagBot
from ragbot.workspace.feedback import FeedbackStore
from ragbot.workspace.records import Feedback

Update = dict[Any, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """The components; ``about`` is the turn and the rating that the form is about."""

    group: gr.Group
    comment: gr.Textbox
    expected: gr.Textbox
    save: gr.Button
    later: gr.Button
    about: gr.State

    @property
    def outputs(self) -> list[Any]:
        """What the handlers update beside the conversation."""
        return [self.group, self.comment, self.expected, self.about]

    def shut(self) -> Update:
        """Updates that put the form away."""
        return {self.group: gr.update(visible=False), self.about: None}


def lay_out() -> Form:
    """Lay the form out; :func:`wire` gives it life."""
    with gr.Group(visible=False, elem_id="rb-feedback") as group, gr.Row(elem_classes="rb-row"):
        comment = gr.Textbox(label=label("comment"), max_length=10_000, min_width=160, elem_id="rb-comment")
        expected = gr.Textbox(label=label("expected"), max_length=10_000, min_width=160, elem_id="rb-expected")
        save = gr.Button(label("save"), variant="primary", scale=0, min_width=80, elem_id="rb-feedback-save")
        later = gr.Button(label("close"), scale=0, min_width=80, elem_id="rb-feedback-close")
    return Form(group, comment, expected, save, later, gr.State(None))


def wire(
    form: Form,
    frame: Frame,
    turns: gr.HTML,
    conversation: gr.Textbox,
    show: Callable[[Visitor, RagBot, str, str], Update],
    outputs: list[Any],
) -> None:
    """Let the buttons of the answers and the form work; ``show`` draws the conversation anew (``outputs``)."""

    def rate(kb: str, identity: str, event: gr.EventData, request: gr.Request) -> Update:
        turn = clicks.number(event, "turn")
        rating: Literal["up", "down"] = "down" if clicks.text(event, "rating") == "down" else "up"
        with at_work(frame, request, kb) as (visitor, bot):
            talk = visitor.conversation(bot, identity)
            given = _given(talk.turns, turn, visitor)
            if given is not None and given.rating == rating:
                talk.take_back(turn)
                return {**show(visitor, bot, kb, identity), **form.shut()}
            kept = given or Feedback(turn, rating)
            talk.rate(rating, kept.comment, kept.expected, turn)
            return {
                **show(visitor, bot, kb, identity),
                form.group: gr.update(visible=True),
                form.comment: kept.comment,
                form.expected: kept.expected,
                form.about: (turn, rating),
            }

    def save(
        kb: str, identity: str, about: tuple[int, Any] | None, comment: str, expected: str, request: gr.Request
    ) -> Update:
        with at_work(frame, request, kb) as (visitor, bot):
            if about is not None:
                visitor.conversation(bot, identity).rate(about[1], comment, expected, about[0])
            return {**show(visitor, bot, kb, identity), **form.shut()}

    turns.rate(rate, [frame.kb, conversation], [*outputs, *form.outputs], **QUIET)
    fields = [frame.kb, conversation, form.about, form.comment, form.expected]
    gr.on(
        [form.save.click, form.comment.submit, form.expected.submit],
        save,
        fields,
        [*outputs, *form.outputs],
        **QUIET,
    )
    form.later.click(form.shut, None, [form.group, form.about], queue=False, **QUIET)


def _given(turns: Any, turn: int, visitor: Visitor) -> Feedback | None:
    return FeedbackStore(visitor.workspace).of([one for one in turns if one.id == turn]).get(turn)
