"""Tasks for an agent: what is asked, which calls it takes, what the answer has to say (data/eval/agent_tasks.jsonl)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.agents.world import TOOLS
from ragbot.errors import SourceError

TASKS = Path(__file__).parents[2] / "data" / "eval" / "agent_tasks.jsonl"
KINDS = ("one", "several", "none", "failing", "multi-hop")
PARTS = ("train", "unseen")
#: Numbers that a sum in floats may be off by.
EXACT = 1e-6


@dataclass(frozen=True, slots=True)
class ExpectedCall:
    """A call that the task takes.

    Attributes:
        tool, arguments: as a careful person would make it; :mod:`eval.agents.matching` says which others count as the same.
        finds: words that its result has to hold, where many queries do (searches).
        optional: the task can be done without it; it counts only where it is made.
    """

    tool: str
    arguments: Mapping[str, Any]
    finds: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class ExpectedAnswer:
    """What a right answer says.

    Attributes:
        numbers: each stands in it, within ``tolerance``.
        contains: one of each group stands in it, whatever the case.
        missing: it says that this cannot be known or done, and gives no number of its own making.
        cites: documents (file names without their ending) that its sources name.
        absent: what must not stand in it.
    """

    numbers: tuple[float, ...] = ()
    tolerance: float = EXACT
    contains: tuple[tuple[str, ...], ...] = ()
    missing: bool = False
    cites: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One task.

    Attributes:
        id, language (``zh``, ``en``), kind (:data:`KINDS`): what it is.
        part: ``train``: its template is one that training data may be made of; ``unseen``: neither its template nor its
            places, documents, tables and pages are.
        template: the wording and the combination of tools that it is an instance of.
        tools: those that the agent is given.
        faults: services that fail during it (:class:`eval.agents.services.Services`).
    """

    id: str
    language: str
    kind: str
    part: str
    template: str
    question: str
    calls: tuple[ExpectedCall, ...] = ()
    answer: ExpectedAnswer = field(default_factory=ExpectedAnswer)
    tools: tuple[str, ...] = TOOLS
    faults: Mapping[str, str] = field(default_factory=dict)


def read_tasks(path: Path = TASKS) -> list[Task]:
    """The tasks of a file, one a line.

    Raises:
        SourceError: it is missing, or a line is no task.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}; name a file of tasks") from error
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(_task(json.loads(line)))
        except (ValueError, TypeError, KeyError) as error:
            raise SourceError(f"{path}, line {number} is no task: {error}; compare it with {TASKS.name}") from error
    return found


def _task(raw: Mapping[str, Any]) -> Task:
    answer = dict(raw.get("answer", {}))
    if "contains" in answer:
        answer["contains"] = tuple(map(tuple, answer["contains"]))
    if "cites" in answer:
        answer["cites"] = tuple(name.rpartition(".")[0] or name for name in answer["cites"])
    for name in ("numbers", "absent"):
        if name in answer:
            answer[name] = tuple(answer[name])
    task = Task(
        **{
            **raw,
            "calls": tuple(ExpectedCall(**call) for call in raw.get("calls", ())),
            "answer": ExpectedAnswer(**answer),
            "tools": tuple(raw.get("tools", TOOLS)),
        }
    )
    for value, allowed in ((task.kind, KINDS), (task.part, PARTS), (task.language, ("zh", "en"))):
        if value not in allowed:
            raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
    return task
