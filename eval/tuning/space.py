"""What can be tuned: settings with the values that are worth trying."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ragbot.documents import ParsedDocument
from ragbot.errors import UserError
from ragbot.generation.strategies import STRATEGIES
from ragbot.models.registry import is_chat_model
from ragbot.settings import Settings, value_of

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

#: Languages whose documents are cut by ``chunking.chunk_tokens_zh``.
_EAST_ASIAN = {"zh", "ja", "ko"}

Stage = Literal["chunking", "search", "answer"]
Value = str | int | float


@dataclass(frozen=True, slots=True)
class Knob:
    """A setting that is tuned: ``choices``, or numbers from ``low`` to ``high`` by ``step``.

    ``stage`` tells what a change costs: chunking cuts and embeds everything again, search asks every question again,
    answer matters only where whole answers are measured.
    """

    key: str
    stage: Stage
    low: float = 0
    high: float = 0
    step: float = 1
    choices: tuple[Value, ...] = ()

    def distribution(self) -> BaseDistribution:
        """The same for Optuna."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if self.choices:
            return CategoricalDistribution(self.choices)
        if isinstance(self.step, int):
            return IntDistribution(int(self.low), int(self.high), step=self.step)
        return FloatDistribution(self.low, self.high, step=self.step)

    def holds(self, value: Value) -> bool:
        """Whether a value (such as the default) is one of those that are tried."""
        if self.choices:
            return value in self.choices
        steps = (float(value) - self.low) / self.step
        return self.low <= float(value) <= self.high and abs(steps - round(steps)) < 1e-9


_KNOBS = (
    # Sizes lie on a coarse grid: each one costs a whole ingestion, which is then kept.
    Knob("chunking.chunk_tokens", "chunking", 64, 256, 32),
    Knob("chunking.chunk_tokens_zh", "chunking", 64, 320, 32),
    # The others are for one kind of document, or embed every sentence once more.
    Knob("chunking.chunker", "chunking", choices=("recursive", "headings", "sentences")),
    Knob("retrieval.dense_weight", "search", 0.0, 1.0, 0.05),
    Knob("retrieval.candidates", "search", choices=(50, 100, 200)),
    Knob("retrieval.top_k", "answer", 4, 20, 2),
    Knob("generation.context_tokens", "answer", 600, 2400, 300),
    Knob("generation.strategy", "answer", choices=tuple(STRATEGIES)),
)


def knobs(
    documents: Mapping[str, ParsedDocument], settings: Settings, answers: bool, only: Sequence[str] = ()
) -> list[Knob]:
    """What is worth tuning here: sizes of the languages that there are, prompts where a chat model answers.

    Args:
        answers: whether whole answers are measured, and not searches alone.
        only: keys, or their sections (``retrieval``); empty for all.

    Raises:
        UserError: a key that cannot be tuned, or none that can be.
    """
    languages = {document.language for document in documents.values()}
    left_out = set()
    if languages <= _EAST_ASIAN:
        left_out.add("chunking.chunk_tokens")
    if not languages & _EAST_ASIAN:
        left_out.add("chunking.chunk_tokens_zh")
    if not is_chat_model(settings.llm):
        left_out |= {"generation.context_tokens", "generation.strategy"}
    for name in only:
        if not any(name in {knob.key, knob.key.partition(".")[0]} for knob in _KNOBS):
            raise UserError(f"{name!r} cannot be tuned; there are: {', '.join(knob.key for knob in _KNOBS)}")
    chosen = [
        knob
        for knob in _KNOBS
        if knob.key not in left_out
        and (answers or knob.stage != "answer")
        and (not only or knob.key in only or knob.key.partition(".")[0] in only)
    ]
    if not chosen:
        raise UserError(
            f"nothing of {', '.join(only)} matters here: prompts need a chat model (--llm) and a metric of answers"
        )
    return chosen


def current(chosen: Sequence[Knob], settings: Settings) -> dict[str, Value]:
    """The values that the knobs have now."""
    return {knob.key: value_of(settings, knob.key) for knob in chosen}


def changed(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """Settings with other values. Raises SettingsError through validation."""
    tree = settings.model_dump()
    for key, value in values.items():
        *parents, leaf = key.split(".")
        branch = tree
        for parent in parents:
            branch = branch[parent]
        branch[leaf] = value
    return Settings(**tree)
