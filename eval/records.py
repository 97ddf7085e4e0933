"""A run and its rows, in memory and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from eval.datasets.base import Question, Span, ToolCall
from eval.responses import Hit, Quote, Response
from ragbot.errors import EvaluationError

FORMAT, VERSION = "ragbot-eval", 1


@dataclass(frozen=True, slots=True)
class Row:
    """One question, what the system said (None where it failed: ``error``), and the metrics that apply to it."""

    question: Question
    response: Response | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Run:
    """A run as it was stored.

    ``manifest`` has: ``name``, ``created``, ``finished`` (ISO 8601, empty while it runs), ``mode`` (answer or search),
    ``dataset`` (name, sha256, questions, documents, part, leave_out), ``settings`` (dotted keys), ``seed``,
    ``workers``, ``models`` (embedder, llm), ``versions``, ``machine``.
    """

    manifest: Mapping[str, Any]
    rows: tuple[Row, ...]
    folder: Path | None = None

    @property
    def name(self) -> str:
        """The name that it is found under."""
        return str(self.manifest["name"])

    @property
    def errors(self) -> int:
        """Questions that the system failed at."""
        return sum(bool(row.error) for row in self.rows)


def encode_question(question: Question) -> dict[str, Any]:
    """A question as JSON; what is empty is left out."""
    kept = {key: value for key, value in asdict(question).items() if value not in ("", (), {}, None)}
    kept |= {"id": question.id, "text": question.text}  # a set of strangers may hold an empty question
    # No call expected is something else than a question that is not for agents.
    calls = {} if question.calls is None else {"calls": [asdict(call) for call in question.calls]}
    return kept | calls | {"answerable": question.answerable}


def encode_row(row: Row) -> dict[str, Any]:
    """A row as JSON."""
    return {
        "question": encode_question(row.question),
        "response": asdict(row.response) if row.response else None,
        "metrics": dict(row.metrics),
        "error": row.error,
    }


def decode_row(data: Mapping[str, Any]) -> Row:
    """The reverse of :func:`encode_row`."""
    question = dict(data["question"])
    question["answers"] = tuple(question.get("answers", ()))
    question["gold"] = tuple(tuple(Span(**span) for span in item) for item in question.get("gold", ()))
    calls = question.get("calls")
    question["calls"] = None if calls is None else tuple(ToolCall(**call) for call in calls)
    response = data.get("response")
    if response is not None:
        response = dict(response)
        response["hits"] = tuple(Hit(**hit) for hit in response.get("hits", ()))
        for key, kind in (("quotes", Quote), ("calls", ToolCall)):
            if response.get(key) is not None:
                response[key] = tuple(kind(**item) for item in response[key])
        response = Response(**response)
    return Row(Question(**question), response, data["metrics"], data.get("error", ""))


def checked(manifest: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """The manifest, if it is one of ours. Raises EvaluationError otherwise."""
    if manifest["format"] != FORMAT:
        raise EvaluationError(f"{path} is no run of ours: its format is {manifest['format']!r}")
    if manifest["version"] > VERSION:
        raise EvaluationError(f"{path} was written by a newer ragbot: upgrade to read it")
    return manifest
