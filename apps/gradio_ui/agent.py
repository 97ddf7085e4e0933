"""The agent tab: a task, the tools for it, the steps as they happen, and the person's consent where it takes some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from apps.gradio_ui import clicks, source_panel
from apps.gradio_ui.agent_begin import beginning, runs_of, tools_for
from apps.gradio_ui.agent_watch import EVERY, Looking, Watch
from apps.gradio_ui.frame import QUIET, Frame, Refresh
from apps.gradio_ui.text import label, say
from apps.gradio_ui.visiting import visit
from ragbot.composing.agent_sessions import AgentSessions, Decision
from ragbot.showing.html import note_html


def build(frame: Frame, tab: gr.Tab) -> Refresh:
    """Lay the tab out; returns what fills it."""
    sessions = AgentSessions()
    frame.site.at_end.append(sessions.close)
    with gr.Row(elem_id="rb-agent"):
        with gr.Column(scale=3, min_width=320):
            task = gr.Textbox(
                value="",
                label=label("agent_task"), placeholder=label("agent_task_hint"), lines=2, max_lines=8,
                max_length=4000, elem_id="rb-task",
            )  # fmt: skip
            with gr.Accordion(label("agent_tools"), open=False, elem_id="rb-tools-box"):
                tools = gr.CheckboxGroup(
                    label=label("agent_tools"), show_label=False, choices=[], value=[], elem_id="rb-tools"
                )
            with gr.Row(elem_classes="rb-fields"):
                go = gr.Button(label("agent_go"), variant="primary", scale=0, min_width=140, elem_id="rb-agent-go")
                stop = gr.Button(
                    label("stop"), variant="stop", scale=0, min_width=120, visible=False, elem_id="rb-agent-stop"
                )
            with gr.Column(visible=False, elem_id="rb-consent", elem_classes="rb-asking") as consent:
                question = gr.HTML(padding=True, label=label("agent_consent"), elem_id="rb-consent-question")
                with gr.Row():
                    deny = gr.Button(label("agent_deny"), elem_id="rb-consent-deny")
                    once = gr.Button(label("agent_once"), variant="primary", elem_id="rb-consent-once")
                    always = gr.Button(label("agent_always"), elem_id="rb-consent-run")
            steps = clicks.clickable("open", elem_id="rb-steps", label=label("agent_steps_label"), value="")
            with gr.Row(visible=False, elem_classes="rb-fields", elem_id="rb-run-again") as again:
                resume = gr.Button(label("agent_resume"), size="sm", scale=0, min_width=140, elem_id="rb-run-resume")
                delete = gr.Button(
                    label("agent_delete"), size="sm", variant="stop", scale=0, min_width=140, elem_id="rb-run-delete"
                )
            with gr.Column(visible=False, elem_id="rb-run-asking", elem_classes="rb-asking") as asking:
                about = gr.HTML(label=label("agent_delete"), padding=True, elem_id="rb-run-question", value="")
                with gr.Row():
                    no = gr.Button(label("cancel"), elem_id="rb-run-no")
                    yes = gr.Button(label("agent_delete_yes"), variant="stop", elem_id="rb-run-yes")
            with gr.Accordion(label("agent_past"), open=True, elem_id="rb-past-box"):
                past = clicks.clickable("pick", elem_id="rb-past", label=label("agent_past"), value="")
        with gr.Column(scale=2, min_width=320, elem_id="rb-agent-side"):
            panel = source_panel.build(frame, "agent")
    timer = gr.Timer(EVERY, active=False)
    looking, offered = gr.State(Looking()), gr.State(False)
    watch = Watch(sessions, panel, consent, question, steps, stop, go, again, resume, past, timer, looking)

    def fill(now: Looking, known: bool, request: gr.Request) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            shown = watch.attached(visitor, now)
            if not known:  # once: what the person has chosen since stays
                choices = tools_for(visitor)
                shown[tools] = gr.update(choices=choices, value=[name for _, name in choices])
            return {**shown, offered: True}

    def start(text: str, chosen: list[str], kb: str, request: gr.Request) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            begin = beginning(visitor, visitor.chosen(kb), chosen, text)
            session = sessions.start(begin, text, visitor.language, visitor.principal.owner)
            return {task: "", asking: _hidden(), **panel.shut(), **watch.standing(visitor, Looking(session.id))}

    def go_on(now: Looking, chosen: list[str], kb: str, request: gr.Request) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            text = str(runs_of(visitor).head(now.run)["question"])
            begin = beginning(visitor, visitor.chosen(kb), chosen, run=now.run)
            session = sessions.start(begin, text, visitor.language, visitor.principal.owner)
            return {asking: _hidden(), **panel.shut(), **watch.standing(visitor, Looking(session.id))}

    def look(now: Looking, request: gr.Request) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            return watch.standing(visitor, now)

    def halt(now: Looking, request: gr.Request) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            session = watch.session(visitor, now)
            if session is not None:
                session.cancel()
                session.wait(2.0, steps=10**9)
            return watch.standing(visitor, now)

    def decide(decision: Decision) -> Callable[..., dict[Any, Any]]:
        def decided(now: Looking, request: gr.Request) -> dict[Any, Any]:
            with visit(frame, request) as visitor:
                session = watch.session(visitor, now)
                if session is not None:
                    session.decide(now.asked, decision)
                return {consent: _hidden()}

        return decided

    def show(request: gr.Request, event: gr.EventData) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            return {asking: _hidden(), **watch.opened(visitor, clicks.text(event, "run"))}

    def cite(now: Looking, kb: str, request: gr.Request, event: gr.EventData) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            cited = watch.citation(visitor, now, clicks.number(event, "index"))
            if cited is None:
                return panel.shut()
            with visitor.using(kb) as bot:
                return panel.at(visitor, bot, cited)

    def ask(request: gr.Request) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            return {about: note_html(say(visitor.language, "agent_delete_question")), asking: gr.update(visible=True)}

    def remove(now: Looking, request: gr.Request) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            runs_of(visitor).delete([now.run])
            gr.Info(say(visitor.language, "agent_deleted"), title="", duration=3)
            return {asking: _hidden(), **watch.nothing(visitor)}

    shows = [*watch.shows, asking]
    gr.on([go.click, task.submit], start, [task, tools, frame.kb], [task, *shows], **QUIET)
    timer.tick(look, [looking], watch.shows, trigger_mode="once", **QUIET)
    stop.click(halt, [looking], watch.shows, **QUIET)
    for button, decision in ((deny, "deny"), (once, "once"), (always, "run")):
        button.click(decide(decision), [looking], [consent], **QUIET)  # type: ignore[arg-type]
    past.pick(show, None, shows, **QUIET)
    steps.open(cite, [looking, frame.kb], panel.outputs, **QUIET)
    resume.click(go_on, [looking, tools, frame.kb], shows, **QUIET)
    delete.click(ask, None, [about, asking], **QUIET)
    no.click(_hidden, None, [asking], queue=False, **QUIET)
    yes.click(remove, [looking], shows, **QUIET)

    def refresh(trigger: Callable[..., Any]) -> Any:
        return trigger(fill, [looking, offered], [*watch.shows, tools, offered], **QUIET)

    return refresh


def _hidden() -> Any:
    return gr.update(visible=False)
