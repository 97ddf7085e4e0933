"""The chat tab: conversations with the knowledge base, which are stored; what is shown is read from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import gradio as gr

from apps.gradio_ui import chat_feedback, chat_side, clicks, options_row, source_panel
from apps.gradio_ui import chat_view as view
from apps.gradio_ui.chat_asking import Question, Running, moments
from apps.gradio_ui.errors import words
from apps.gradio_ui.frame import QUIET, Frame, Refresh
from apps.gradio_ui.site import Visitor
from apps.gradio_ui.text import label, say
from apps.gradio_ui.visiting import at_work
from ragbot.bot import RagBot
from ragbot.documents import Answer
from ragbot.errors import UserError
from ragbot.showing.answers import failure_html
from ragbot.showing.examples import LOOKED_AT, examples
from ragbot.showing.html import note_html

#: Questions that are answered at the same time; a local model has only so many cores.
AT_ONCE = 4
#: Seconds that an answer may take to end whose page was left.
LEAVING = 3.0
Update = dict[Any, Any]
Fresh = tuple[int, Answer] | None
#: An answer is read from its beginning: the last question comes to the top, once when it is asked, once when it is answered.
_TO_THE_LAST = """
let seen = "";
watch("value", () => {
  const last = [...element.querySelectorAll(".rb-asked")].pop(), now = last?.querySelector(".rb-question")?.innerText || "";
  const page = element.closest("#rb-talk");
  if (last && now !== seen) page.scrollTop += last.getBoundingClientRect().top - page.getBoundingClientRect().top - 12;
  seen = now;
});
"""
#: The address names the conversation, so that loading the page again, or a bookmark, leads back to it.
_TO_ADDRESS = """(conversation, kb) => {
  const address = new URL(location.href);
  for (const [name, value] of [["conversation", conversation], ["kb", kb]])
    value ? address.searchParams.set(name, value) : address.searchParams.delete(name);
  history.replaceState(history.state, "", address);
}"""
_FOCUS = "() => document.querySelector('#rb-question textarea')?.focus()"
_FROM_ADDRESS = "(kb, now) => [kb, now || new URLSearchParams(location.search).get('conversation') || '']"


def build(frame: Frame, tab: gr.Tab) -> Refresh:
    """Lay the tab out; returns what fills it."""
    conversation = gr.Textbox(value="", label=label("conversation"), visible="hidden", elem_id="rb-conversation")
    fresh, revising, running = gr.State(None), gr.State(0), Running()
    with gr.Row(elem_id="rb-chat-page", elem_classes="rb-columns"):
        with gr.Column(elem_classes="rb-side", min_width=0):
            side = chat_side.lay_out()
        with gr.Column(elem_classes="rb-main", min_width=0):
            menu = gr.Button(label("conversations"), size="sm", elem_id="rb-open-side")
            with gr.Column(elem_id="rb-talk", min_width=0):
                turns = clicks.clickable("open", _TO_THE_LAST, value="", label=label("tab_chat"), elem_id="rb-turns")
                live = clicks.clickable("open", _TO_THE_LAST, value="", label=label("answer"), elem_id="rb-live")
            form = chat_feedback.lay_out()
            with gr.Row(visible=False, elem_id="rb-revising") as banner:
                reminder = gr.HTML(value="", label=label("revising"), elem_id="rb-revising-note")
                keep = gr.Button(label("revise_stop"), size="sm", scale=0, min_width=120, elem_id="rb-revise-stop")
            with gr.Row(elem_id="rb-ask", elem_classes="rb-row"):
                box = gr.Textbox(
                    value="",
                    label=label("question"),
                    placeholder=label("question_hint"),
                    show_label=False,
                    container=False,
                    lines=1,
                    max_lines=6,
                    max_length=4000,
                    autofocus=True,
                    scale=1,
                    elem_id="rb-question",
                )
                send = gr.Button(label("send"), variant="primary", scale=0, min_width=80, elem_id="rb-send")
                stop = gr.Button(label("stop"), variant="stop", scale=0, min_width=80, visible=False, elem_id="rb-stop")
            options = options_row.build()
        with gr.Column(elem_classes="rb-beside", min_width=0):
            panel = source_panel.build(frame, "chat")

    def busy(now: bool) -> Update:
        return {send: gr.update(visible=not now), stop: gr.update(visible=now)}

    def show(visitor: Visitor, bot: RagBot, kb: str, identity: str, new: Fresh = None) -> Update:
        info = visitor.found(bot, identity)
        identity = info.id if info else ""
        if info:
            html = view.turns_html(talk_of(visitor, bot, identity, new), visitor.language)
        else:
            html = _welcome(visitor, bot)
        still = {
            turns: html,
            live: "",
            conversation: identity,
            fresh: new,
            revising: 0,
            banner: gr.update(visible=False),
        }
        return {**still, **busy(False), **side.view(visitor, bot, kb, identity)}

    def rated(visitor: Visitor, bot: RagBot, kb: str, identity: str) -> Update:
        # No more than this: a title may be half written.
        shown = show(visitor, bot, kb, identity)
        return {turns: shown[turns], side.files: shown[side.files]}

    page = [turns, live, conversation, fresh, revising, banner, send, stop, *side.outputs]

    def answer(
        request: gr.Request, kb: str, identity: str, text: str, instead_of: int, values: tuple[Any, ...]
    ) -> Iterator[Update]:
        with at_work(frame, request, kb) as (visitor, bot):
            wishes, where = options.read(values)
            if not text.strip():
                yield show(visitor, bot, kb, identity)
                return
            steps: list[Any] = []
            talk = visitor.conversation(bot, identity, wishes, steps.append)
            question = Question(talk, text.strip(), visitor.where(where), instead_of or None, steps)
            # What is asked anew takes its old place away; a first question, the welcome.
            said = talk_of(visitor, bot, talk.id).before(instead_of)
            update: Update = {turns: view.turns_html(said, visitor.language), box: "", conversation: talk.id}
            update |= {banner: gr.update(visible=False), **busy(True)}
            done: Fresh = None
            error: Exception | None = None
            with (
                running.begun(visitor.principal.owner, talk.id) as stopped,
                closing(moments(question, stopped)) as seen,
            ):
                for moment in seen:
                    done, error = moment.answered, moment.error
                    pending = view.pending_html(question.text, moment.text, moment.steps, visitor.language)
                    yield {**update, live: pending}
                    update = {}
            last = show(visitor, bot, kb, talk.id, done)
            if error:  # nothing is stored then: the question is given back
                last |= {live: failure_html(*words(error, visitor.language)), box: question.text}
            yield last

    def ask(request: gr.Request, kb: str, identity: str, text: str, instead_of: int, *values: Any) -> Iterator[Update]:
        yield from answer(request, kb, identity, text, instead_of, values)

    def again(request: gr.Request, event: gr.EventData, kb: str, identity: str, *values: Any) -> Iterator[Update]:
        with at_work(frame, request, kb) as (visitor, bot):
            turn = talk_of(visitor, bot, identity).turn(clicks.number(event, "turn"))
        yield from answer(request, kb, identity, turn.question, turn.id, values)

    def example(request: gr.Request, event: gr.EventData, kb: str, identity: str, *values: Any) -> Iterator[Update]:
        yield from answer(request, kb, identity, clicks.text(event, "text"), 0, values)

    def halt(kb: str, identity: str, request: gr.Request) -> None:
        with at_work(frame, request, kb) as (visitor, _):
            running.stop(visitor.principal.owner, identity)

    def greet(kb: str, identity: str, request: gr.Request) -> Update:
        with at_work(frame, request, kb) as (visitor, bot):
            running.wait(visitor.principal.owner, identity, LEAVING)  # the page was loaded again while it was answered
            choices = options.choices(bot, visitor.where(), visitor.language)
            return {**show(visitor, bot, visitor.chosen(kb), identity), **choices}

    def swap(kb: str, identity: str, event: gr.EventData, request: gr.Request) -> Update:
        with at_work(frame, request, kb) as (visitor, bot):
            visitor.conversation(bot, identity).choose(clicks.number(event, "other"))
            return show(visitor, bot, kb, identity)

    def revise(kb: str, identity: str, event: gr.EventData, request: gr.Request) -> Update:
        with at_work(frame, request, kb) as (visitor, bot):
            turn = talk_of(visitor, bot, identity).turn(clicks.number(event, "turn"))
            hint = note_html(say(visitor.language, "revise_hint"))
            return {box: turn.question, revising: turn.id, banner: gr.update(visible=True), reminder: hint}

    def open_source(kb: str, identity: str, new: Fresh, event: gr.EventData, request: gr.Request) -> Update:
        with at_work(frame, request, kb) as (visitor, bot):
            turn = talk_of(visitor, bot, identity).turn(clicks.number(event, "turn"))
            return panel.at(visitor, bot, _place(turn.citations, new, turn.id, event))

    def forget() -> Update:
        return {box: "", revising: 0, banner: gr.update(visible=False)}

    common: dict[str, Any] = {"outputs": [*page, box], **QUIET}
    streaming = {**common, "concurrency_limit": AT_ONCE, "concurrency_id": "answers"}
    here = [frame.kb, conversation]
    gr.on([box.submit, send.click], ask, [*here, box, revising, *options.inputs], **streaming)
    turns.again(again, [*here, *options.inputs], **streaming)
    turns.ask(example, [*here, *options.inputs], **streaming)
    # Whoever answers ends then, and shows what there is. A page that is left closes the generator, with the same effect.
    stop.click(halt, here, None, queue=False, **QUIET)
    turns.swap(swap, here, page, **QUIET)
    turns.revise(revise, here, [box, revising, banner, reminder], **QUIET).then(None, None, None, js=_FOCUS)
    turns.open(open_source, [*here, fresh], panel.outputs, **QUIET)
    keep.click(forget, None, [box, revising, banner], queue=False, **QUIET)
    frame.opens(turns.bring, "knowledge")
    menu.click(None, None, None, js=chat_side.TOGGLE)
    conversation.change(None, [conversation, frame.kb], None, js=_TO_ADDRESS)
    chat_side.wire(side, frame, conversation, show, page)
    chat_feedback.wire(form, frame, turns, conversation, rated, [turns, side.files])

    def refresh(trigger: Callable[..., Any]) -> Any:
        return trigger(greet, here, [*page, *options.inputs], js=_FROM_ADDRESS, **QUIET)

    return refresh


def talk_of(visitor: Visitor, bot: RagBot, identity: str, fresh: Fresh = None) -> view.Talk:
    """A conversation of the visitor with this knowledge base, without turns where it is none."""
    if not visitor.found(bot, identity):
        return view.Talk(())
    return view.Talk.of(visitor.conversations(bot), identity, fresh)


def _place(citations: Any, new: Fresh, turn: int, event: gr.EventData) -> source_panel.Place:
    """What a button of an answer opens: a citation, or one of the passages near a refusal."""
    index, hit = clicks.number(event, "index"), clicks.number(event, "hit")
    if 0 <= index < len(citations):
        place: source_panel.Place = citations[index]
        return place
    if new and new[0] == turn and 0 <= hit < len(new[1].hits):
        return new[1].hits[hit]
    document = clicks.number(event, "document")
    if document < 0:
        raise UserError("this source is not part of the answer any more: load the page anew")
    return document


def _welcome(visitor: Visitor, bot: RagBot) -> str:
    language = visitor.language
    _, documents = bot.documents_page(visitor.where(), limit=LOOKED_AT)
    kind = "welcome" if documents else "empty"
    add = say(language, "add_documents") if not documents and visitor.may("write") else ""
    return view.welcome_html(say(language, kind), say(language, f"{kind}_hint"), examples(documents, language), add)
