"""The run that a page looks at: one under way, which goes on when the page is left, or one that is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from agents.replay import recorded
from agents.steps import FinalAnswer, Step
from apps.gradio_ui.agent_begin import runs_of
from apps.gradio_ui.agent_html import past_html, run_html, session_html
from apps.gradio_ui.site import Visitor
from apps.gradio_ui.source_panel import SourcePanel
from ragbot.composing.agent_sessions import AgentSession, AgentSessions, SessionView
from ragbot.documents import Citation
from ragbot.showing.html import note_html
from ragbot.showing.steps import consent_html

#: Seconds between two looks, while a run is under way.
EVERY = 0.7
#: Runs that are listed.
LISTED = 50


@dataclass(frozen=True, slots=True)
class Looking:
    """What a page shows.

    Attributes:
        session: id of a run of this process; ``run`` is that of one that is kept, where there is no session.
        seen: what was shown of it last, so that nothing is sent twice.
        asked: the number of the question that the person is asked; 0 for none.
    """

    session: str = ""
    run: str = ""
    seen: tuple[str, int, int] = ("", -1, 0)
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Watch:
    """The lower part of the agent tab."""

    sessions: AgentSessions
    panel: SourcePanel
    consent: gr.Column
    question: gr.HTML
    steps: gr.HTML
    stop: gr.Button
    go: gr.Button
    again: gr.Row
    resume: gr.Button
    past: gr.HTML
    timer: gr.Timer
    looking: gr.State

    @property
    def shows(self) -> list[Any]:
        """What the other methods fill."""
        return [
            self.consent, self.question, self.steps, self.stop, self.go, self.again, self.resume, self.past,
            self.timer, self.looking, *self.panel.outputs,
        ]  # fmt: skip

    def standing(self, visitor: Visitor, looking: Looking) -> dict[Any, Any]:
        """How the run stands that the page looks at; only what is new."""
        session = self.session(visitor, looking)
        if session is None:
            return self.kept(visitor, looking.run) if looking.run else self.nothing(visitor)
        view = session.view()
        asked = view.asked.number if view.asked else 0
        seen = (view.state, len(view.steps), asked)
        if seen == looking.seen:
            return {self.looking: gr.skip()}
        shown = {
            **self._consent(view, visitor.language),
            self.steps: session_html(view, visitor.language),
            self.stop: gr.update(visible=not view.finished),
            self.go: gr.update(interactive=view.finished),
            self.timer: gr.Timer(EVERY, active=not view.finished),
            self.looking: replace(looking, seen=seen, asked=asked, run=view.run),
            self.again: gr.update(visible=view.finished and bool(view.run)),
            self.resume: gr.update(visible=view.state in {"interrupted", "failed"} and bool(view.run)),
        }
        return {**shown, self.past: self.listed(visitor)} if view.finished else shown

    def attached(self, visitor: Visitor, looking: Looking) -> dict[Any, Any]:
        """What a page shows that was just loaded or opened: the run under way, if there is one."""
        if self.session(visitor, looking) is None and not looking.run:
            owned = self.sessions.of(visitor.principal.owner)
            looking = Looking(next((one.id for one in owned if not one.view().finished), ""))
        return {**self.standing(visitor, replace(looking, seen=Looking().seen)), self.past: self.listed(visitor)}

    def kept(self, visitor: Visitor, run: str) -> dict[Any, Any]:
        """A run that is kept, from its first step to its last. Raises UserError, CorruptError."""
        found = recorded(runs_of(visitor), run)
        return {
            **self._quiet(),
            self.steps: run_html(found, visitor.language),
            self.again: gr.update(visible=True),
            self.resume: gr.update(visible=found.answer is None),
            self.looking: Looking(run=found.id),
        }

    def nothing(self, visitor: Visitor) -> dict[Any, Any]:
        """There is no run to look at."""
        return {
            **self._quiet(),
            self.steps: "",
            self.again: gr.update(visible=False),
            self.looking: Looking(),
            self.past: self.listed(visitor),
        }

    def listed(self, visitor: Visitor) -> str:
        """The runs that are kept; one under way leads back to it."""
        return past_html(runs_of(visitor).all(LISTED), visitor.language, {view.run for view in self._working(visitor)})

    def opened(self, visitor: Visitor, run: str) -> dict[Any, Any]:
        """What the page shows of a run that was chosen from the list. Raises as :meth:`kept`."""
        working = next((view for view in self._working(visitor) if view.run == run), None)
        if working is not None:
            return {**self.panel.shut(), **self.standing(visitor, Looking(working.id))}
        return self.kept(visitor, run)

    def session(self, visitor: Visitor, looking: Looking) -> AgentSession | None:
        """The session that the page looks at, if it is this visitor's and known."""
        return self.sessions.get(looking.session, visitor.principal.owner) if looking.session else None

    def citation(self, visitor: Visitor, looking: Looking, index: int) -> Citation | None:
        """A passage that the answer cites; None where there is none of this number."""
        session = self.session(visitor, looking)
        steps = session.view().steps if session else recorded(runs_of(visitor), looking.run).steps
        cited = _cited(steps)
        return cited[index] if 0 <= index < len(cited) else None

    def _consent(self, view: SessionView, language: str) -> dict[Any, Any]:
        if view.asked is None:
            return {self.consent: gr.update(visible=False), self.question: ""}
        return {self.consent: gr.update(visible=True), self.question: consent_html(view.asked.request, language)}

    def _quiet(self) -> dict[Any, Any]:
        """Nothing is under way."""
        return {
            self.consent: gr.update(visible=False),
            self.question: note_html(""),
            self.stop: gr.update(visible=False),
            self.go: gr.update(interactive=True),
            self.timer: gr.Timer(EVERY, active=False),
            self.resume: gr.update(visible=False),
            **self.panel.shut(),
        }

    def _working(self, visitor: Visitor) -> list[SessionView]:
        views = [session.view() for session in self.sessions.of(visitor.principal.owner)]
        return [view for view in views if not view.finished]


def _cited(steps: tuple[Step, ...]) -> tuple[Citation, ...]:
    answer = next((step for step in reversed(steps) if isinstance(step, FinalAnswer)), None)
    return answer.citations if answer else ()
