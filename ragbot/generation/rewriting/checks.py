"""Whether what a chat model made of a question is still about it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragbot.documents import Message
from ragbot.generation.followup import content
from ragbot.index.analysis import terms
from ragbot.text import answer_language

#: A text of the same language must have at least this share of its terms from what was asked and said.
_SHARE = 0.5
#: Numbers, and names with a number in them: ``2023``, ``GPT-4``, ``v1.2.3``.
_NUMBERED = re.compile(r"[a-z0-9.,:_-]*\d[a-z0-9.,:_-]*", re.IGNORECASE | re.ASCII)


def lost(text: str, question: str, history: Sequence[Message]) -> str:
    """Why ``text`` cannot stand for the follow-up ``question``; empty where it can.

    It has to keep the numbers, to be in a language that was used, and to be made mostly of words that were said.
    """
    said = " ".join([question, *(message.content for message in history)])
    if missing := numbers_of(question) - numbers_of(text):
        return f"it leaves out {', '.join(sorted(missing))}"
    if invented := numbers_of(text) - numbers_of(said):
        return f"it brings in {', '.join(sorted(invented))}"
    asked = [message.content for message in history if message.role == "user"]
    if answer_language(text) not in {answer_language(earlier) for earlier in [question, *asked]}:
        return "it is in another language"
    if shared(text, said) < _SHARE:
        return "it is about something else"
    return ""


def related(text: str, question: str) -> bool:
    """Whether the two share a term, or are in different languages, where they need not."""
    return answer_language(text) != answer_language(question) or shared(text, question) > 0


def part_of(text: str, question: str) -> bool:
    """Whether ``text`` can be a part of ``question``: mostly made of its terms, and with no number of its own."""
    return shared(text, question) >= _SHARE and numbers_of(text) <= numbers_of(question)


def shared(text: str, other: str) -> float:
    """The share of the terms of ``text`` that stand in ``other``, too, those of every question aside; 0 without any."""
    own = set(terms(content(text)))
    return len(own & set(terms(other))) / len(own) if own else 0.0


def numbers_of(text: str) -> set[str]:
    """The numbers of a text, and the names that hold one, in small letters."""
    return {match.strip(".,:_-").casefold() for match in _NUMBERED.findall(text)}
