"""What the workspace keeps, as values, and how they are written as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from ragbot.documents import Answer, Citation

State = Literal["complete", "interrupted", "failed"]
STATES = frozenset(get_args(State))


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what was answered.

    ``parent`` is the id of the turn before it, None for the first; turns with the same parent are alternatives of one
    another. ``asked`` is an ISO 8601 time in UTC. An ``interrupted`` turn has as much text as there was, a ``failed``
    one its ``error``. ``citations``, ``claims``, ``confidence``, ``timings`` and ``usage`` are those of
    :class:`ragbot.documents.Answer`, and so is ``short``, claims as plain objects; ``id``, ``conversation`` and ``asked`` are given by the
    workspace.
    """

    question: str
    text: str = ""
    state: State = "complete"
    language: str = ""
    abstained: bool = False
    confidence: float | None = None
    citations: tuple[Citation, ...] = ()
    claims: tuple[Mapping[str, Any], ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    usage: Mapping[str, int] = field(default_factory=dict)
    short: str = ""
    model: str = ""
    error: str = ""
    id: int = 0
    conversation: str = ""
    parent: int | None = None
    asked: str = ""


@dataclass(frozen=True, slots=True)
class ConversationInfo:
    """A conversation without its turns.

    ``kb`` is the folder of the knowledge base that was asked, ``turns`` the length of the branch in use, ``head`` the
    last turn of it. ``created`` and ``updated`` are ISO 8601 times in UTC.
    """

    id: str
    title: str
    kb: str
    created: str
    updated: str
    head: int | None = None
    turns: int = 0


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person thought of a turn: ``rating`` is ``up`` or ``down``, ``expected`` what would have been right."""

    turn: int
    rating: Literal["up", "down"]
    comment: str = ""
    expected: str = ""
    given: str = ""


def now() -> str:
    """This moment, ISO 8601 in UTC, to the microsecond: such times sort as texts, and no two commits share one."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def clean(text: str) -> str:
    """``text`` as it can be stored: halves of surrogate pairs are no characters."""
    return text.encode("utf-8", "replace").decode()


def turn_of(answer: Answer, model: str = "") -> Turn:
    """A whole answer as a turn; the hits that it was found among are not kept."""
    return Turn(
        question=clean(answer.question),
        text=clean(answer.text),
        language=answer.language,
        abstained=answer.abstained,
        confidence=answer.confidence,
        citations=answer.citations,
        claims=tuple(plain(claim) for claim in answer.claims),
        timings=dict(answer.timings),
        usage=dict(answer.usage),
        short=clean(answer.short),
        model=model,
    )


#: The fields of a turn that are kept together, as one JSON object.
_DETAILS = ("language", "abstained", "confidence", "citations", "claims", "timings", "usage", "short", "model", "error")


def details_json(turn: Turn) -> str:
    """What is kept of a turn beside its question and text."""
    kept = {name: plain(getattr(turn, name)) for name in _DETAILS}
    return clean(json.dumps(kept, ensure_ascii=False, sort_keys=True))


def details_of(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a :class:`Turn` again; what another version wrote and this one does not know is left out.

    Raises:
        TypeError, ValueError, KeyError: it is not of this form.
    """
    values = {name: kept[name] for name in _DETAILS if name in kept}
    for name, kinds in _KINDS.items():
        if name in values and (
            not isinstance(values[name], kinds) or isinstance(values[name], bool) != (kinds is bool)
        ):
            raise TypeError(f"{name} is {values[name]!r}")
    values["citations"] = tuple(citation_of(item) for item in values.get("citations", ()))
    values["claims"] = tuple(dict(item) for item in values.get("claims", ()))
    return values


_KINDS: Mapping[str, Any] = {
    "language": str,
    "abstained": bool,
    "confidence": (int, float, type(None)),
    "citations": list,
    "claims": list,
    "timings": dict,
    "usage": dict,
    "short": str,
    "model": str,
    "error": str,
}
_TEXTS = ("source", "title", "heading", "quote")
_NUMBERS = ("marker", "start", "end", "document_id")


def citation_of(kept: Mapping[str, Any]) -> Citation:
    """A citation from its JSON object. Raises TypeError or KeyError where it is none."""
    known = {item.name: kept[item.name] for item in fields(Citation) if item.name in kept}
    for names, kind in ((_TEXTS, str), (_NUMBERS, int)):
        for name in names:
            if not isinstance(known[name], kind):
                raise TypeError(f"a citation's {name} is {known[name]!r}")
    lists = {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
    return Citation(**{**known, **lists})


def plain(value: Any) -> Any:
    """``value`` in dicts, lists, texts, numbers and None."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    return value
