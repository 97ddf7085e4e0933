"""What a system under evaluation says to a question. Any framework can be scored: it only has to fill this in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from eval.datasets.base import Question, ToolCall


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved passage, best first. Without offsets (-1) the text decides whether it holds what was asked for."""

    source: str
    text: str
    start: int = -1
    end: int = -1
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Quote:
    """A citation: marker ``[n]`` of the answer, and the stretch of the source that it stands for."""

    marker: int
    source: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, a search, or both.

    Attributes:
        text: the answer as shown, with its ``[n]`` markers; None where only a search was asked for.
        abstained: whether it is a refusal; None where the system cannot say.
        confidence: estimated probability in [0, 1] that the documents answer the question; None without one.
        language: BCP 47 primary tag of the answer; empty where unknown.
        hits: what was retrieved, best first.
        quotes: the citations; None where the system has none to give (it is then not scored on them).
        calls: an agent's tool calls, in order; None where no agent ran.
        timings: seconds by stage: ``search``, ``first_token``, ``total``.
        usage: tokens: ``input_tokens``, ``output_tokens``.
        short: the answer in a few words, where the system gives it beside its sentences: exact match, F1 and
            ROUGE-L compare these.
    """

    text: str | None = None
    abstained: bool | None = None
    confidence: float | None = None
    language: str = ""
    hits: tuple[Hit, ...] = ()
    quotes: tuple[Quote, ...] | None = None
    calls: tuple[ToolCall, ...] | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    usage: Mapping[str, int] = field(default_factory=dict)
    short: str = ""

    def __post_init__(self) -> None:
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise ValueError(f"a confidence is {self.confidence}: it is a probability, from 0 to 1")


#: A system under evaluation. It may raise: the question then becomes a row with its error.
System = Callable[[Question], Response]
