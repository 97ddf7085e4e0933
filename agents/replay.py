"""A run that is kept, once more, without a model and without a tool."""

from __future__ import annotations

from collections.abc import Iterator

from agents.runs import AgentRun, RunStore, load
from agents.steps import Step


def replay(store: RunStore, name: str) -> Iterator[Step]:
    """The steps of a run as they happened. Raises as :func:`agents.runs.load`."""
    yield from recorded(store, name).steps


def recorded(store: RunStore, name: str) -> AgentRun:
    """The whole run. Raises as :func:`agents.runs.load`."""
    return load(store, name)
