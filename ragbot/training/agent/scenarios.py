"""What a generated run is: a question, the tools, and a script that says what a model that knows how would do."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from agents.steps import Observation


@dataclass(frozen=True, slots=True)
class Ask:
    """A call that the script makes. ``learned``: whether it is what a model is to learn; a mistake is not."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    learned: bool = True


#: Yields calls, is sent what comes of each, and returns the final answer.
Script = Generator[Ask, Observation, str]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run to be played.

    Attributes:
        template: its name in the files of templates.
        language, question: what is asked.
        needs: the tools that the script calls; others are given beside them.
        script: makes the script.
        faults: services that fail meanwhile (:class:`eval.agents.services.Services`).
    """

    template: str
    language: str
    question: str
    needs: tuple[str, ...]
    script: Callable[[], Script]
    faults: Mapping[str, str] = field(default_factory=dict)


class UnusableError(Exception):
    """What the tools found does not hold what the script needs; the scenario is left out."""


@cache
def templates(language: str) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Wordings of questions and answers by template; ``{}`` are the places for values."""
    text = files(__package__).joinpath("templates", f"{language}.json").read_text(encoding="utf-8")
    found: Mapping[str, Mapping[str, Sequence[str]]] = json.loads(text)
    return found


def question(draw: random.Random, language: str, template: str, **values: object) -> str:
    """One of the wordings of a question."""
    return draw.choice(templates(language)[template]["questions"]).format(**values)


def answer(draw: random.Random, language: str, template: str, **values: object) -> str:
    """One of the wordings of an answer."""
    return draw.choice(templates(language)[template]["answers"]).format(**values)


def data(observation: Observation) -> Mapping[str, Any]:
    """The result of a call for programs. Raises UnusableError where the call has none."""
    if observation.status != "ok" or observation.data is None:
        raise UnusableError(observation.text)
    return observation.data
