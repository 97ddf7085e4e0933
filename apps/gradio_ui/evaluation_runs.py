"""The runs that are stored: listed, looked into, compared, their reports opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from apps.gradio_ui import clicks
from apps.gradio_ui.evaluation_files import runs_of
from apps.gradio_ui.evaluation_html import report_link
from apps.gradio_ui.frame import QUIET, Frame
from apps.gradio_ui.site import Visitor
from apps.gradio_ui.text import label, say
from apps.gradio_ui.visiting import visit
from eval.contrast import contrast
from eval.figures import figures_of
from eval.records import Run
from ragbot.errors import UserError
from ragbot.showing.evaluations import comparison_html, figures_html, runs_html

#: Runs that are listed.
_LISTED = 100


@dataclass(frozen=True, slots=True)
class Runs:
    """The components."""

    frame: Frame
    table: gr.HTML
    opened: gr.Column
    figures: gr.HTML
    every: gr.Checkbox
    resume: gr.Button
    link: gr.HTML
    compare: gr.Column
    before: gr.Dropdown
    after: gr.Dropdown
    go: gr.Button
    comparison: gr.HTML
    run: gr.State

    @property
    def shows(self) -> list[Any]:
        """What :meth:`standing` fills."""
        return [self.table, self.compare, self.before, self.after]

    @property
    def details(self) -> list[Any]:
        """What :meth:`one` fills."""
        return [self.opened, self.figures, self.resume, self.link, self.run]

    def standing(self, visitor: Visitor) -> dict[Any, Any]:
        """The runs that there are."""
        manifests = runs_of(visitor.site.settings).manifests()[:_LISTED]
        names = [str(manifest["name"]) for manifest in manifests]
        return {
            self.table: runs_html(manifests, visitor.language),
            self.compare: gr.update(visible=len(names) > 1),
            self.before: gr.update(choices=names),
            self.after: gr.update(choices=names),
        }

    def one(self, visitor: Visitor, name: str, every: bool) -> dict[Any, Any]:
        """A run with its figures. Raises EvaluationError: it is gone."""
        run = found(visitor, name)
        unfinished = not run.manifest["finished"] or bool(run.errors)
        return {
            self.opened: gr.update(visible=True),
            self.figures: figures_html(run, figures_of(run), visitor.language, every=every),
            self.resume: gr.update(visible=unfinished),
            self.link: report_link(run.name, "", visitor.language),
            self.run: run.name,
        }


def lay_out(frame: Frame) -> Runs:
    """The components."""
    table = clicks.clickable("pick", elem_id="rb-runs", label=label("evaluation_runs"), value="")
    with gr.Column(visible=False, elem_id="rb-run-opened") as opened:
        figures = gr.HTML(label=label("evaluation_figures"), elem_id="rb-run-figures")
        with gr.Row(elem_classes="rb-strip"):
            link = gr.HTML(label=label("evaluation_report_label"), elem_id="rb-run-report")
            every = gr.Checkbox(
                value=False, label=label("evaluation_every"), container=False, scale=0, min_width=180,
                elem_id="rb-run-every",
            )  # fmt: skip
            resume = gr.Button(
                label("evaluation_resume"), visible=False, scale=0, min_width=140, elem_id="rb-eval-resume"
            )
    with gr.Column(visible=False, elem_id="rb-compare") as compare:
        with gr.Row(elem_classes="rb-fields"):
            before, after = (
                gr.Dropdown(
                    label=label(f"evaluation_{name}"),
                    choices=[],
                    value=None,
                    scale=1,
                    min_width=200,
                    elem_id=f"rb-compare-{name}",
                )
                for name in ("before", "after")
            )
            go = gr.Button(label("evaluation_compare"), scale=0, min_width=120, elem_id="rb-compare-go")
        comparison = gr.HTML(label=label("evaluation_compare"), elem_id="rb-comparison")
    return Runs(
        frame, table, opened, figures, every, resume, link, compare, before, after, go, comparison, gr.State("")
    )


def connect(runs: Runs, allowed: Callable[[Visitor], None]) -> None:
    """Let the components act; ``allowed`` raises UserError for whom they are not."""
    frame = runs.frame

    def show(every: bool, request: gr.Request, event: gr.EventData) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            allowed(visitor)
            return runs.one(visitor, clicks.text(event, "run"), every)

    def redraw(every: bool, name: str, request: gr.Request) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            allowed(visitor)
            return runs.one(visitor, name, every)

    def against(before: str | None, after: str | None, request: gr.Request) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            allowed(visitor)
            if not before or not after or before == after:
                raise UserError(say(visitor.language, "evaluation_choose_two"))
            difference = contrast(found(visitor, before), found(visitor, after))
            link = report_link(after, before, visitor.language)
            return {runs.comparison: comparison_html(difference, visitor.language) + link}

    runs.table.pick(show, [runs.every], runs.details, **QUIET)
    runs.every.input(redraw, [runs.every, runs.run], runs.details, **QUIET)
    runs.go.click(against, [runs.before, runs.after], [runs.comparison], **QUIET)


def found(visitor: Visitor, name: str) -> Run:
    """A stored run by its name. Raises EvaluationError."""
    store = runs_of(visitor.site.settings)
    known = {str(manifest["name"]) for manifest in store.manifests()}
    return store.load(str(store.root / name) if name in known else name.replace("/", "_"))
