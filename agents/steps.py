"""The steps of a run, as frozen values that render themselves: for the terminal, a web page, and the log (JSON).

How a step stands in the prompt depends on how the model is spoken to: :mod:`agents.protocol`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, ClassVar, Literal

from agents.rendering import compact, fenced, harmless, shortened
from agents.texts import WORDS
from ragbot.documents import Citation, Claim, Finding

Status = Literal[
    "ok", "input_error", "outage", "timeout", "denied", "unknown_tool", "malformed", "loop", "limit", "unknown"
]
#: How an answer came about: by the model; what there was when a limit was reached; or not at all.
Outcome = Literal["answered", "best", "refused"]


@dataclass(frozen=True, slots=True)
class Step:
    """Base of the steps. ``turn`` counts the model's replies from 1; ``tokens`` are those that the reply cost."""

    kind: ClassVar[str] = ""

    turn: int = 0
    tokens: int = 0

    def as_json(self) -> dict[str, Any]:
        """The step in JSON's types; :func:`step_of` makes a step of it again."""
        return {"kind": self.kind, **_plain(self)}

    def line(self, language: str = "en") -> str:
        """One line for people, without marks of any kind; longer texts are cut."""
        raise NotImplementedError

    def markdown(self, language: str = "en") -> str:
        """The step for a web page, in Markdown; whatever others wrote stands in a code block."""
        return self.line(language)


@dataclass(frozen=True, slots=True)
class Thought(Step):
    """Why the model does what comes next."""

    kind: ClassVar[str] = "thought"

    text: str = ""

    def line(self, language: str = "en") -> str:
        """See :meth:`Step.line`."""
        return f"{WORDS[language]['thought']}: {shortened(self.text)}"

    def markdown(self, language: str = "en") -> str:
        """See :meth:`Step.markdown`."""
        return f"**{WORDS[language]['thought']}**\n\n{fenced(self.text)}"


@dataclass(frozen=True, slots=True)
class Action(Step):
    """A call that is about to be made, or was asked for in vain; ``id`` is its name in the run."""

    kind: ClassVar[str] = "action"

    id: str = ""
    tool: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def line(self, language: str = "en") -> str:
        """See :meth:`Step.line`."""
        listed = ", ".join(f"{name}={compact(value)}" for name, value in self.arguments.items())
        return shortened(f"{self.tool}({listed})")

    def markdown(self, language: str = "en") -> str:
        """See :meth:`Step.markdown`."""
        return fenced(f"{self.tool}({json.dumps(self.arguments, ensure_ascii=False, default=str)})")


@dataclass(frozen=True, slots=True)
class Consent(Step):
    """What came of asking for consent to a call; ``by`` is who decided."""

    kind: ClassVar[str] = "consent"

    action: str = ""
    granted: bool = False
    by: Literal["person", "nobody"] = "nobody"
    reasons: tuple[str, ...] = ()

    def line(self, language: str = "en") -> str:
        """See :meth:`Step.line`."""
        words = WORDS[language]
        reasons = f" ({'; '.join(self.reasons)})" if self.reasons else ""
        return f"{words['consent']}: {words['granted' if self.granted else 'refused']}{reasons}"


@dataclass(frozen=True, slots=True)
class Observation(Step):
    """What came back: a result, or what was wrong.

    Attributes:
        action: the id of its call.
        tool: the tool that was called.
        text: what the model reads.
        status: ``ok``, or why there is no result.
        trusted: ragbot computed the text, and no outside party wrote any of it.
        source: the number that the first source in it has within the run; 0 where there is nothing to cite.
        citations: passages that stand in the text, numbered on from ``source``; a result without any is a source itself.
        seconds: how long the call took.
        data: the result for programs.
    """

    kind: ClassVar[str] = "observation"

    action: str = ""
    tool: str = ""
    text: str = ""
    status: Status = "ok"
    trusted: bool = False
    source: int = 0
    citations: tuple[Citation, ...] = ()
    seconds: float = 0.0
    data: Mapping[str, Any] | None = None

    def line(self, language: str = "en") -> str:
        """See :meth:`Step.line`."""
        word = "" if self.status == "ok" else f"{WORDS[language].get(self.status, self.status)}: "
        return f"→ {word}{shortened(self.text)}"

    def markdown(self, language: str = "en") -> str:
        """See :meth:`Step.markdown`."""
        return fenced(self.text)

    @property
    def sources(self) -> int:
        """How many numbers it takes."""
        return max(len(self.citations), 1) if self.source else 0


@dataclass(frozen=True, slots=True)
class Malformed(Step):
    """A reply that is neither a call nor an answer; ``problem`` says why."""

    kind: ClassVar[str] = "malformed"

    text: str = ""
    problem: str = ""

    def line(self, language: str = "en") -> str:
        """See :meth:`Step.line`."""
        return f"{WORDS[language]['malformed']} ({self.problem}): {shortened(self.text)}"

    def markdown(self, language: str = "en") -> str:
        """See :meth:`Step.markdown`."""
        return f"**{WORDS[language]['malformed']}** ({self.problem})\n\n{fenced(self.text)}"


@dataclass(frozen=True, slots=True)
class Source:
    """What a marker of an answer stands for: an observation, and the passage in it where there is one.

    ``quote`` is the text that carries the sentence; ``tool`` is what gave it.
    """

    marker: int
    tool: str
    action: str
    quote: str
    citation: Citation | None = None


@dataclass(frozen=True, slots=True)
class FinalAnswer(Step):
    """The end of a run.

    Attributes:
        text: the answer, with markers such as ``[1]``.
        outcome: see :data:`Outcome`; ``reason`` says why it is not ``answered``.
        sources: what the markers stand for.
        claims: the sentences that were checked against passages, or whose numbers were against results.
    """

    kind: ClassVar[str] = "answer"

    text: str = ""
    outcome: Outcome = "answered"
    reason: str = ""
    sources: tuple[Source, ...] = ()
    claims: tuple[Claim, ...] = ()

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The passages of the knowledge base among the sources."""
        return tuple(source.citation for source in self.sources if source.citation)

    def line(self, language: str = "en") -> str:
        """See :meth:`Step.line`."""
        return f"{WORDS[language]['answer']}: {shortened(self.text)}"

    def markdown(self, language: str = "en") -> str:
        """See :meth:`Step.markdown`: no picture is loaded, no link leads away, and tags are text."""
        return harmless(self.text)


_KINDS: Mapping[str, type[Step]] = {
    kind.kind: kind for kind in (Thought, Action, Consent, Observation, Malformed, FinalAnswer)
}


def step_of(kept: Mapping[str, Any]) -> Step:
    """A step from its JSON object; keys that another version wrote are left out.

    Raises:
        ValueError: it is none.
    """
    kind = _KINDS.get(str(kept.get("kind")))
    if kind is None:
        raise ValueError(f"{kept.get('kind')!r} is no kind of step; there are {', '.join(_KINDS)}")
    values = {item.name: kept[item.name] for item in fields(kind) if item.name in kept}
    try:
        for name, make in _PARTS.items():
            if name in values:
                values[name] = make(values[name])
        return kind(**values)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"the step cannot be read: {error}") from error


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _citation(kept: Mapping[str, Any]) -> Citation:
    known: dict[str, Any] = {item.name: kept[item.name] for item in fields(Citation) if item.name in kept}
    if known.get("focus") is not None:
        known["focus"] = tuple(known["focus"])
    return Citation(**known)


def _claim(kept: Mapping[str, Any]) -> Claim:
    findings = tuple(Finding(**found) for found in kept.get("findings", ()))
    return Claim(**{**kept, "citations": tuple(kept.get("citations", ())), "findings": findings})


def _source(kept: Mapping[str, Any]) -> Source:
    citation = kept.get("citation")
    return Source(**{**kept, "citation": _citation(citation) if citation else None})


_PARTS: Mapping[str, Any] = {
    "citations": lambda kept: tuple(map(_citation, kept)),
    "claims": lambda kept: tuple(map(_claim, kept)),
    "sources": lambda kept: tuple(map(_source, kept)),
    "reasons": lambda kept: tuple(map(str, kept)),
    "arguments": dict,
}
