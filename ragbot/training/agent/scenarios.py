"""What a generated run is: a question, the tools, and a script that says what a model that knows how would do."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from agents.steps import Observation
from eval.agents.services import Spot, WebPage
from eval.datasets.base import QuestionSet

if TYPE_CHECKING:
    from ragbot.training.agent.table_files import Table


@dataclass(frozen=True, slots=True)
class Ask:
    """A call that the script makes. ``learned``: whether it is what a model is to learn; a mistake is not."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    learned: bool = True


#: Yields calls, is sent what comes of each, and returns the final answer.
Script = Generator[Ask, Observation, str]


@dataclass(frozen=True, slots=True)
class Stage:
    """What one scenario is drawn from.

    Attributes:
        draw, language: of the scenario.
        today: in the world.
        places: that questions name.
        pages: of the web; a scenario puts its own in.
        questions: sets of questions about documents that can be searched.
        tables: those that can be queried.
    """

    draw: random.Random
    language: str
    today: date = date(2026, 11, 20)
    places: Sequence[Spot] = ()
    pages: list[WebPage] = field(default_factory=list)
    questions: Sequence[QuestionSet] = ()
    tables: Sequence[Table] = ()

    def place(self) -> str:
        """A place as it is called in the language."""
        return self.shown(self.draw.choice(self.places))

    def two_places(self) -> tuple[str, str]:
        """Two different ones."""
        first, second = self.draw.sample(self.places, 2)
        return self.shown(first), self.shown(second)

    def shown(self, place: Spot) -> str:
        """The name of a place in the language."""
        return place.zh if self.language == "zh" else place.name


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


def data(observation: Observation) -> Mapping[str, Any]:
    """The result of a call for programs. Raises UnusableError where the call has none."""
    if observation.status != "ok" or observation.data is None:
        raise UnusableError(observation.text)
    return observation.data


def plain(text: str) -> int | float:
    """A number as it is written in a call: whole where it is whole."""
    value = float(text.replace(",", ""))
    return int(value) if value.is_integer() else value


def failed(observation: Observation, sign: str = "") -> None:
    """Raises UnusableError unless a call failed, and said ``sign``."""
    if observation.status == "ok" or sign not in observation.text:
        raise UnusableError(observation.text)
