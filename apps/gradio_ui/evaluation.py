"""The evaluation tab: a question set put to the documents, watched, stored, and compared with other runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from apps.gradio_ui import evaluation_runs, uploads
from apps.gradio_ui.evaluation_html import review_link, view_html
from apps.gradio_ui.evaluation_plan import About, about_of, choices, chosen_set, lending, options_of, plan_of, value_of
from apps.gradio_ui.evaluation_review import Reviews, may_review
from apps.gradio_ui.evaluation_rights import may_evaluate
from apps.gradio_ui.frame import QUIET, Frame, Refresh
from apps.gradio_ui.site import Visitor
from apps.gradio_ui.text import label, say
from apps.gradio_ui.visiting import at_work, visit
from eval.background import REQUEST, Evaluations, View
from eval.figures import figures_so_far
from eval.files import read_json
from eval.sets import SetFile, add_set, write_set
from ragbot.errors import UserError
from ragbot.showing.evaluations import figures_html
from ragbot.showing.html import note_html
from ragbot.workspace.feedback import evaluation_set

#: Seconds between two looks at a run.
_EVERY = 2.0
_NOTHING = ("", -1, False)
_RATED = "rated-answers.jsonl"


def build(frame: Frame, tab: gr.Tab) -> Refresh:
    """Lay the tab out; returns what fills it."""
    evaluations, reviews = Evaluations(frame.site.settings), Reviews()
    frame.site.at_end.extend((evaluations.close, reviews.close))
    refused = gr.HTML(elem_id="rb-eval-refused", label=label("tab_evaluation"))
    with gr.Column(elem_id="rb-eval") as everything:
        with gr.Row(elem_classes="rb-fields"):
            dataset = gr.Dropdown(
                label=label("evaluation_set"), choices=[], value=None, scale=2, min_width=240, elem_id="rb-eval-set"
            )
            upload = gr.UploadButton(
                label("evaluation_upload"), file_types=[".jsonl", ".json"], scale=0, min_width=160,
                elem_id="rb-eval-upload",
            )  # fmt: skip
            review = gr.Button(
                label("evaluation_review"), scale=0, min_width=180, visible=False, elem_id="rb-eval-review"
            )
            rated = gr.Button(label("evaluation_rated"), scale=0, min_width=180, elem_id="rb-eval-rated")
        link = gr.HTML(label=label("evaluation_review"), elem_id="rb-eval-link")
        with gr.Row(elem_classes="rb-fields"):
            about = gr.Radio(
                label=label("evaluation_about"),
                choices=["kb", "sample"],
                value="kb",
                scale=2,
                min_width=240,
                elem_id="rb-eval-about",
            )
            mode = gr.Radio(
                label=label("evaluation_mode"), choices=["answer", "search"], value="answer", scale=2, min_width=200,
                elem_id="rb-eval-mode",
            )  # fmt: skip
            limit = gr.Number(
                label=label("evaluation_limit"), value=0, minimum=0, maximum=1_000_000, precision=0, scale=1,
                min_width=140, elem_id="rb-eval-limit",
            )  # fmt: skip
        with gr.Accordion(label("evaluation_settings"), open=False, elem_id="rb-eval-settings"):
            options = gr.Textbox(
                value="",
                label=label("evaluation_settings_hint"), placeholder="retrieval.top_k = 5\nretrieval.reranker = none",
                lines=3, max_lines=10, max_length=10_000, elem_id="rb-eval-options",
            )  # fmt: skip
        with gr.Row(elem_classes="rb-fields"):
            go = gr.Button(label("evaluation_go"), variant="primary", scale=0, min_width=160, elem_id="rb-eval-go")
            stop = gr.Button(
                label("stop"), variant="stop", scale=0, min_width=120, visible=False, elem_id="rb-eval-stop"
            )
        progress = gr.HTML(label=label("evaluation_progress"), elem_id="rb-eval-progress")
        live = gr.HTML(label=label("evaluation_figures"), elem_id="rb-eval-live")
        runs = evaluation_runs.lay_out(frame)
    timer = gr.Timer(_EVERY, active=False)
    seen = gr.State(_NOTHING)

    def allowed(visitor: Visitor) -> None:
        if not may_evaluate(visitor.principal):
            raise UserError(say(visitor.language, "evaluation_not_yours"))

    def standing(visitor: Visitor, before: tuple[str, int, bool] = _NOTHING) -> dict[Any, Any]:
        view = evaluations.view()
        working = view is not None and not view.finished
        now = (view.run, view.done, working) if view else _NOTHING
        shown = {
            progress: view_html(view, visitor.language),
            timer: gr.Timer(_EVERY, active=working),
            go: gr.update(interactive=not working),
            stop: gr.update(visible=working, interactive=not (view and view.stopping)),
            seen: now,
        }
        if now != before:
            shown[live] = _figures(evaluations, view, visitor.language)
        if not working and (before[2] or before == _NOTHING):  # it has just ended, or the page was just opened
            shown |= runs.standing(visitor)
        return shown

    def reviewing(visitor: Visitor, value: str | None) -> dict[Any, Any]:
        return {review: gr.update(visible=may_review(visitor, value)), link: ""}

    def open_review(value: str | None, kb: str, request: gr.Request) -> dict[Any, Any]:
        with at_work(frame, request, kb) as (visitor, bot):
            allowed(visitor)
            if not may_review(visitor, value):
                return reviewing(visitor, value)
            address = reviews.address(chosen_set(visitor, value), bot, visitor.language)
            return {link: review_link(address, visitor.language)}

    def fill(value: str | None, request: gr.Request) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            if not may_evaluate(visitor.principal):
                return {
                    everything: gr.update(visible=False),
                    refused: note_html(say(visitor.language, "evaluation_not_yours")),
                }
            language, listed = visitor.language, choices(visitor)
            values = [one for _, one in listed]
            chosen = value if value in values else next(iter(values), None)
            return {
                refused: "",
                everything: gr.update(visible=True),
                dataset: gr.update(choices=listed, value=chosen),
                about: gr.update(
                    choices=[(say(language, f"evaluation_about_{one}"), one) for one in ("kb", "sample")],
                    **({"value": about_of(chosen)} if chosen != value else {}),
                ),
                mode: gr.update(
                    choices=[(say(language, f"evaluation_mode_{one}"), one) for one in ("answer", "search")]
                ),
                **reviewing(visitor, chosen),
                **standing(visitor),
                **runs.standing(visitor),
            }

    def start(
        value: str | None, which: About, how: str, most: float | None, changed: str, kb: str, request: gr.Request
    ) -> dict[Any, Any]:
        with at_work(frame, request, kb) as (visitor, _):
            allowed(visitor)
            plan = plan_of(visitor, kb, value, which, how, most)
            evaluations.start(plan, options_of(changed, visitor.language), lending(visitor, plan.kb))
            return standing(visitor)

    def resume(name: str, request: gr.Request) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            allowed(visitor)
            run = evaluation_runs.found(visitor, name)
            path = (run.folder or Path()) / REQUEST
            folder = read_json(path)["plan"]["kb"] if path.is_file() else None
            evaluations.resume(name, lending(visitor, folder))
            return standing(visitor)

    def halt(request: gr.Request) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            allowed(visitor)
            evaluations.stop()
            return standing(visitor)

    def look(before: tuple[str, int, bool], request: gr.Request) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            allowed(visitor)
            return standing(visitor, before)

    def added(visitor: Visitor, made: SetFile) -> dict[Any, Any]:
        gr.Info(say(visitor.language, "evaluation_added", name=made.name, count=made.questions), title="", duration=5)
        value = value_of(made)
        shown = {dataset: gr.update(choices=choices(visitor), value=value), about: about_of(value)}
        return {**shown, **reviewing(visitor, value)}

    def receive(sent: str | None, request: gr.Request) -> dict[Any, Any]:
        with uploads.received(sent) as paths, visit(frame, request) as visitor:
            allowed(visitor)
            for path in paths:
                return added(visitor, add_set(frame.site.settings, path.name, path.read_bytes()))
            return {dataset: gr.skip()}

    def collect(kb: str, request: gr.Request) -> dict[Any, Any]:
        with at_work(frame, request, kb) as (visitor, bot):
            allowed(visitor)
            records = evaluation_set(visitor.conversations(bot), visitor.listed(bot))
            return added(visitor, write_set(frame.site.settings, _RATED, records))

    def chosen(value: str | None, request: gr.Request) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            allowed(visitor)
            return {about: about_of(value), **reviewing(visitor, value)}

    shows = [progress, live, timer, go, stop, seen, *runs.shows]
    go.click(start, [dataset, about, mode, limit, options, frame.kb], shows, **QUIET)
    runs.resume.click(resume, [runs.run], shows, **QUIET)
    stop.click(halt, None, shows, **QUIET)
    timer.tick(look, [seen], shows, trigger_mode="once", **QUIET)
    upload.upload(receive, [upload], [dataset, about, review, link], **QUIET)
    rated.click(collect, [frame.kb], [dataset, about, review, link], **QUIET)
    dataset.input(chosen, [dataset], [about, review, link], **QUIET)
    review.click(open_review, [dataset, frame.kb], [review, link], **QUIET)
    evaluation_runs.connect(runs, allowed)

    def refresh(trigger: Callable[..., Any]) -> Any:
        return trigger(fill, [dataset], [refused, everything, dataset, about, mode, review, link, *shows], **QUIET)

    return refresh


def _figures(evaluations: Evaluations, view: View | None, language: str) -> str:
    """The figures of the run that is under way, or has just ended; nothing before there is any."""
    if view is None or not view.run or not view.done:
        return ""
    run = evaluations.store.load(str(evaluations.store.root / view.run))
    return figures_html(run, figures_so_far(run), language)
