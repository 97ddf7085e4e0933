"""A plan before the loop: a question that needs several facts is taken apart, and each part is asked in its turn.

A later part may need what an earlier one found (``#1``), as in least-to-most prompting (Zhou et al. 2023) and self-ask (Press et
al. 2023). The parts are ordinary calls of :mod:`agents.tools.ask_documents`; the loop then goes on from what they found, and can ask
for more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.prompts import render
from agents.steps import Observation
from ragbot.generation.markers import MARKER
from ragbot.generation.rewriting.parsing import texts_of
from ragbot.text import sentence_spans

#: Parts of a plan at most, and characters of one.
PARTS, PART = 4, 300
#: Characters of an earlier answer that stand in a later question.
_FILLED = 80
_REFERENCE = re.compile(r"[#＃]\s?(\d)")


@dataclass(frozen=True, slots=True)
class Plan:
    """The questions to ask, in this order; ``#1`` is what the first one found."""

    parts: tuple[str, ...] = ()


def prompt(question: str, language: str) -> str:
    """What the model is asked for a plan with."""
    return render("plan", language, question=" ".join(question.split()), count=str(PARTS))


def schema() -> dict[str, Any]:
    """The JSON schema of a plan."""
    part = {"type": "string", "minLength": 1, "maxLength": PART}
    parts = {"type": "array", "items": part, "minItems": 1, "maxItems": PARTS}
    return {
        "type": "object",
        "properties": {"questions": parts},
        "required": ["questions"],
        "additionalProperties": False,
    }


def read(reply: str) -> Plan:
    """The plan in a reply, JSON or a list of lines; references to what comes later are no plan."""
    texts = texts_of(reply, PARTS, PART)
    for place, text in enumerate(texts, 1):
        if any(not 1 <= int(number) < place for number in _REFERENCE.findall(text)):
            return Plan()
    return Plan(tuple(texts))


def filled(part: str, found: Sequence[Observation]) -> str | None:
    """A part with what the earlier ones found; None where that was nothing."""
    for number in map(int, _REFERENCE.findall(part)):
        if not _short(found[number - 1]):
            return None
    return _REFERENCE.sub(lambda match: _short(found[int(match[1]) - 1]), part)


def _short(observation: Observation) -> str:
    """The first sentence of an answer, without its markers; empty where the documents were silent."""
    data = observation.data or {}
    if observation.status != "ok" or data.get("abstained"):
        return ""
    bare = MARKER.sub("", observation.text)
    first = next((bare[start:end] for start, end in sentence_spans(bare)), "").strip().rstrip("。.!！")
    return first if len(first) <= _FILLED else ""
