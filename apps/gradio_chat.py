"""The chat tab: a conversation of one browser session with the knowledge base.

The conversation lives in a :class:`gradio.State` as turns; what the page shows is rendered from them, so that the
model's history is the plain text of the answers and never the page's HTML.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from apps import gradio_html as html
from apps.gradio_errors import words
from apps.gradio_examples import examples
from apps.gradio_text import label, language_of, say
from ragbot.bot import RagBot
from ragbot.documents import Answer, Message

#: Questions that are answered at the same time; a local model has only so many cores.
AT_ONCE = 4
#: A new question moves to the top of the conversation, so that its answer is read from its beginning; Gradio itself
#: would follow the end, which is the last citation. Once when it is asked and once when it is answered.
_SCROLL = """() => setTimeout(() => {
  const chat = document.getElementById("rb-chat"), asked = [...chat.querySelectorAll(".rb-question")].pop();
  const count = String(chat.querySelectorAll(".rb-question").length);
  if (!asked || (chat.dataset.asked === count && chat.querySelector(".rb-running"))) return;
  chat.dataset.asked = count;
  const page = asked.closest(".bubble-wrap");
  page.scrollTop += asked.getBoundingClientRect().top - page.getBoundingClientRect().top - 24;
}, 150)"""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and how far its answer has come; ``answer`` is there once it is whole."""

    question: str
    text: str = ""
    answer: Answer | None = None
    running: bool = True
    error: tuple[str, str] | None = None


Turns = tuple[Turn, ...]
Update = dict[Any, Any]


def build(bot: RagBot, blocks: gr.Blocks, open_documents: Callable[[gr.Button], None]) -> Callable[..., Any]:
    """Lay the tab out; returns the function that fills its empty state, and attaches it to the page's load.

    Args:
        open_documents: wires the button of the empty state to the tab where documents are added.
    """
    turns = gr.State(())
    chat = gr.Chatbot(
        label=label("conversation"),
        show_label=False,
        elem_id="rb-chat",
        buttons=[],
        layout="bubble",
        latex_delimiters=[],
        feedback_options=None,
        group_consecutive_messages=False,
        autoscroll=False,
    )
    add = gr.Button(label("add_documents"), variant="primary", visible=False, elem_id="rb-add")
    with gr.Row(elem_id="rb-ask"):
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
        send = gr.Button(label("send"), variant="primary", scale=0, elem_id="rb-send")
        stop = gr.Button(label("stop"), variant="stop", scale=0, visible=False, elem_id="rb-stop")

    def show(now: Turns, language: str, **more: Any) -> Update:
        busy = bool(now) and now[-1].running
        return {
            turns: now,
            chat: _messages(now, language),
            send: gr.update(visible=not busy),
            stop: gr.update(visible=busy),
            **{names[key]: value for key, value in more.items()},
        }

    def answer(question: str, before: Turns, request: gr.Request) -> Iterator[Update]:
        language = language_of(request)
        if not question.strip():
            yield show(before, language)
            return
        first = True
        for turn in answering(bot, question.strip(), before, language):
            yield show((*before, turn), language, **({"box": ""} if first else {}))
            first = False

    def again(before: Turns, request: gr.Request) -> Iterator[Update]:
        yield from answer(before[-1].question if before else "", before[:-1], request)

    def example(before: Turns, request: gr.Request, event: gr.SelectData) -> Iterator[Update]:
        yield from answer(event.value["text"], before, request)

    def halt(now: Turns, request: gr.Request) -> Update:
        return show((*now[:-1], replace(now[-1], running=False)) if now else now, language_of(request))

    def undo(now: Turns, request: gr.Request) -> Update:
        return show(now[:-1], language_of(request), box=now[-1].question if now else "")

    def clear(request: gr.Request) -> Update:
        return show((), language_of(request))

    def greet(now: Turns, request: gr.Request) -> Update:
        language = language_of(request)
        empty = not bot.kb.catalog.counts()["documents"]
        kind = "empty" if empty else "welcome"
        return {
            chat: gr.update(
                placeholder=html.welcome(say(language, kind), say(language, f"{kind}_hint")),
                examples=[{"text": text} for text in examples(bot, language)],
            ),
            add: gr.update(visible=empty and not now),
        }

    names: dict[str, Any] = {"box": box}
    outputs = [turns, chat, send, stop, box]
    common: dict[str, Any] = {"outputs": outputs, "show_progress": "hidden", "api_visibility": "private"}
    streaming = {**common, "concurrency_limit": AT_ONCE, "concurrency_id": "answers"}
    streams = [
        gr.on([box.submit, send.click], answer, [box, turns], **streaming),
        chat.retry(again, [turns], **streaming),
        chat.example_select(example, [turns], **streaming),
    ]
    # Cancelling closes the generator, and that closes the stream: the model stops working, too. What follows waits
    # until that is done, or a piece that was under way would come after it and show the answer as running still.
    for trigger, react, inputs in ((stop.click, halt, [turns]), (chat.undo, undo, [turns]), (chat.clear, clear, None)):
        cancelled = trigger(None, None, None, cancels=streams, queue=False, api_visibility="private")
        cancelled.then(react, inputs, queue=False, **common)
    chat.change(None, None, None, js=_SCROLL, api_visibility="private")
    open_documents(add)

    def refresh(trigger: Callable[..., Any]) -> Any:
        return trigger(greet, [turns], [chat, add], show_progress="hidden", api_visibility="private")

    refresh(blocks.load)
    return refresh


def answering(bot: RagBot, question: str, before: Turns, language: str) -> Iterator[Turn]:
    """The turn as it grows; an error becomes its end, in words. Closing the iterator stops the generation."""
    turn = Turn(question)
    yield turn
    try:
        stream = bot.stream(question, _history(before))
        try:
            for piece in stream:
                turn = replace(turn, text=turn.text + piece)
                yield turn
            yield replace(turn, answer=stream.answer, running=False)
        finally:
            stream.close()
    except Exception as error:  # noqa: BLE001  # whatever it is, the person is told, and the log keeps it
        yield replace(turn, running=False, error=words(error, language))


def _history(turns: Turns) -> list[Message]:
    history = []
    for turn in turns:
        if turn.answer:
            history += [Message("user", turn.question), Message("assistant", turn.answer.text)]
    return history


def _messages(turns: Turns, language: str) -> list[dict[str, str]]:
    messages = []
    for turn in turns:
        messages.append({"role": "user", "content": html.question(turn.question)})
        messages.append({"role": "assistant", "content": _reply(turn, language)})
    return messages


def _reply(turn: Turn, language: str) -> str:
    if turn.error:
        return html.failure(*turn.error)
    if turn.answer:
        return html.answer(turn.answer, language)
    return html.partial(turn.text, language) if turn.running else html.stopped(turn.text, language)
