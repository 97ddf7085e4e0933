"""What the agent tab shows beside the steps, as HTML."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from agents.runs import AgentRun
from apps.gradio_ui.text import say, texts
from ragbot.composing.agent_sessions import SessionView
from ragbot.showing.answers import failure_html
from ragbot.showing.conversations import when
from ragbot.showing.html import block, chip, note, safe, shortened
from ragbot.showing.progress import duration
from ragbot.showing.steps import steps_html


def session_html(view: SessionView, language: str) -> str:
    """A run of this process, under way or ended."""
    state = chip(say(language, f"agent_state_{view.state}"), f"rb-{view.state}")
    took = f' <span class="rb-cost">{safe(duration(view.seconds, language))}</span>' if view.finished else ""
    head = _head(view.question, f"{state}{took}")
    steps = steps_html(view.steps, language, running=view.state in {"starting", "running"})
    return block(f"{head}{steps if view.steps or not view.finished else ''}{_end(view.state, view.error, language)}")


def run_html(run: AgentRun, language: str) -> str:
    """A run that is kept, shown again."""
    state = "interrupted" if run.state == "running" else run.state
    head = _head(run.question, chip(say(language, f"agent_state_{state}"), f"rb-{state}"))
    return block(f"{head}{steps_html(run.steps, language)}{_end(state, run.error, language)}")


def past_html(rows: Sequence[Mapping[str, Any]], language: str, working: Collection[str] = ()) -> str:
    """The runs that are kept, the last used first; questions are buttons with ``data-run``.

    Args:
        working: ids of those under way; another one that is said to run was cut off.
    """
    if not rows:
        return block(note(say(language, "agent_none")))
    items = []
    for row in rows:
        state = "interrupted" if row["state"] == "running" and row["id"] not in working else row["state"]
        known = state if f"agent_state_{state}" in texts("en") else "failed"
        steps = say(language, "agent_steps", count=row["steps"])
        about = f"{when(str(row['updated']), language)} · {steps}"
        items.append(
            f'<li class="rb-card"><button type="button" class="rb-link" data-run="{safe(str(row["id"]), " ")}">'
            f"{safe(shortened(str(row['question']), 200), ' ')}</button><br>"
            f'{chip(say(language, f"agent_state_{known}"), f"rb-{known}")} <span class="rb-where">{safe(about)}</span></li>'
        )
    label = safe(say(language, "agent_past"), " ")
    return block(f'<ul class="rb-hits" aria-label="{label}">{"".join(items)}</ul>')


def _head(question: str, state: str) -> str:
    return f'<div class="rb-task"><p class="rb-title">{safe(shortened(question, 2_000))}</p><p>{state}</p></div>'


def _end(state: str, error: str, language: str) -> str:
    if error or state == "failed":
        return failure_html(say(language, "agent_failed"), error or say(language, "failed_hint"))
    return note(say(language, "agent_interrupted")) if state == "interrupted" else ""
