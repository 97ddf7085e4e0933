"""``ragbot eval review``: look through a question set, one question at a time; each decision is stored at once."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from apps import gradio_review_html as html
from apps.gradio_review_file import Decision, ReviewFile
from apps.gradio_ui import serving
from apps.gradio_ui.errors import shown
from apps.gradio_ui.page import PageMiddleware
from apps.gradio_ui.text import LANGUAGES, say, translations
from ragbot.documents import ParsedDocument
from ragbot.errors import UserError
from ragbot.showing.html import safe

#: Keys that press the buttons, wherever the reader is not typing.
_KEYS = """() => {
  if (window.rbReviewKeys) return;
  window.rbReviewKeys = true;
  const keys = {k: "keep", d: "drop", s: "skip", b: "back"};
  document.addEventListener("keydown", event => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const name = keys[event.key.toLowerCase()];
    if (name) document.querySelector(`#rb-review-${name}`)?.click();
  });
}"""


def build_review(
    path: Path, documents: Mapping[str, ParsedDocument], language: str, folder: Path | None = None
) -> gr.Blocks:
    """The page over one question set.

    Args:
        path: the set, as JSONL; decisions are written into it.
        documents: by source, for showing the passage that an answer stands in.
        language: of the page, ``en`` or ``zh``; any other is English.
        folder: of the documents, named in the command that the finished page recommends.
    """
    language = language if language in LANGUAGES else "en"
    file = ReviewFile(path)
    command = shlex.join(["ragbot", "eval", "run", str(path), *(["--documents", str(folder)] if folder else [])])
    with gr.Blocks(title=say(language, "review_title"), analytics_enabled=False, fill_width=True) as blocks:
        title = safe(say(language, "review_title"))
        gr.HTML(f"<h1>ragbot</h1><p>{title} · {safe(path.name, ' ')}</p>", elem_id="rb-header")
        at = gr.State(value=-1)
        with gr.Column(visible=False, elem_id="rb-review") as form:
            count = gr.HTML(label=say(language, "review_decided"), elem_id="rb-review-progress")
            question = gr.Textbox(label=say(language, "review_question"), lines=2, elem_id="rb-review-question")
            answers = gr.Textbox(label=say(language, "review_answers"), lines=2, elem_id="rb-review-answers")
            with gr.Row(elem_id="rb-review-buttons"):
                back = _button(language, "back")
                save = _button(language, "save")
                skip = _button(language, "skip")
                drop = _button(language, "drop", "stop")
                keep = _button(language, "keep", "primary")
            gr.HTML(f'<p class="rb-note">{safe(say(language, "review_keys"))}</p>', elem_id="rb-review-keys")
            place = gr.HTML(label=say(language, "review_passage"), elem_id="rb-review-passage")
        end = gr.HTML(visible=False, elem_id="rb-review-end")
        with gr.Row(visible=False, elem_id="rb-review-again") as again:
            first = gr.Button(say(language, "review_again"), elem_id="rb-review-first", scale=0)

        def view(index: int | None) -> dict[Any, Any]:
            records, progress = file.records(), file.progress()
            if index is None or not records:
                last = html.finished(progress, command, language) if records else html.empty(path.name, language)
                return {
                    at: len(records),
                    form: gr.update(visible=False),
                    end: gr.update(value=last, visible=True),
                    again: gr.update(visible=bool(records)),
                }
            index = min(max(index, 0), len(records) - 1)
            record = records[index]
            silent = record.get("answerable") is False
            return {
                at: index,
                form: gr.update(visible=True),
                end: gr.update(visible=False),
                again: gr.update(visible=False),
                count: html.progress(index, progress, language),
                question: record["question"],
                answers: gr.update(value="\n".join(map(str, record.get("answers", []))), visible=not silent),
                place: html.passage(record, documents, language),
                back: gr.update(interactive=index > 0),
            }

        def store(index: int, asked: str, answered: str) -> None:
            """Write the fields where they were changed. Raises UserError where one that is needed is empty."""
            record = file.records()[index]
            wordings = [line.strip() for line in answered.splitlines() if line.strip()]
            if not asked.strip() or (record.get("answerable") is not False and not wordings):
                raise UserError(say(language, "review_incomplete"))
            old = [str(answer).strip() for answer in record.get("answers", [])]
            # An answer over several lines of its document is shown as several: unchanged, it stays one.
            if asked.strip() == record["question"] and "\n".join(wordings) == _lines("\n".join(old)):
                return
            file.edit(index, asked.strip(), wordings)

        def decide(decision: Decision) -> Any:
            def run(index: int, asked: str, answered: str) -> dict[Any, Any]:
                with shown(language):
                    if decision == "kept":
                        store(index, asked, answered)
                    file.decide(index, decision)
                    return view(file.next_open(index))

            return run

        def change(index: int, asked: str, answered: str) -> dict[Any, Any]:
            with shown(language):
                store(index, asked, answered)
                gr.Info(say(language, "review_saved"), title="", duration=2)
                return view(index)

        def begin() -> dict[Any, Any]:
            with shown(language):
                return view(file.next_open(-1))

        def later(index: int) -> dict[Any, Any]:
            with shown(language):
                return view(file.next_open(index))

        def earlier(index: int) -> dict[Any, Any]:
            with shown(language):
                return view(index - 1)

        shows = [at, form, end, again, count, question, answers, place, back]
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        fields = [at, question, answers]
        # One after another: a key pressed twice must not decide about a question that was not seen yet.
        once: dict[str, Any] = {**quiet, "trigger_mode": "once", "concurrency_limit": 1, "concurrency_id": "review"}
        keep.click(decide("kept"), fields, shows, **once)
        drop.click(decide("dropped"), fields, shows, **once)
        save.click(change, fields, shows, **once)
        skip.click(later, [at], shows, **once)
        back.click(earlier, [at], shows, **once)
        first.click(lambda: view(0), None, shows, **once)
        blocks.load(begin, None, shows, **quiet)
        blocks.load(None, None, None, js=_KEYS)
    return blocks


def launch_review(
    path: Path,
    documents: Mapping[str, ParsedDocument],
    host: str,
    port: int,
    language: str,
    open_browser: bool = False,
    block: bool = True,
    folder: Path | None = None,
) -> gr.Blocks:
    """Serve the page on ``host:port`` (0 takes a free port); returns when it is stopped, or at once without ``block``.

    Raises:
        SourceError: the question set cannot be read.
        UserError: the port is taken, or the address is not this machine's.
    """
    ReviewFile(path).records()
    serving.no_proxy(host)
    blocks = build_review(path, documents, language, folder).queue(default_concurrency_limit=4, api_open=False)
    try:
        blocks.launch(
            server_name=host,
            server_port=port or serving.free_port(host),
            inbrowser=open_browser,
            prevent_thread_lock=not block,
            blocked_paths=[str(path.parent.absolute())],
            i18n=translations(),
            theme=serving.theme(),
            css_paths=[*serving.style("style.css"), Path(__file__).with_name("gradio_review.css")],
            app_kwargs={"middleware": [Middleware(PageMiddleware)], "lifespan": serving.guarded(host)},
            **serving.plain_gradio(),
        )
    except OSError as error:
        raise UserError(f"cannot listen on {host}:{port}; it is in use, or not ours. Choose another port.") from error
    return blocks


def _button(language: str, name: str, variant: str = "secondary") -> gr.Button:
    return gr.Button(say(language, f"review_{name}"), variant=variant, elem_id=f"rb-review-{name}", min_width=80)


def _lines(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())
