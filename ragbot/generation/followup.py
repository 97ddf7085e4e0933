"""A follow-up question, made to stand alone for the search."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragbot.documents import Message

#: Words that point back at what was said before.
_POINTING = re.compile(
    r"\b(it|its|they|them|their|this|that|these|those|he|she|his|her|the same|what about|how about|and)\b|"
    r"它|他|她|这|那|上述|前者|后者|该|其|呢",
    re.IGNORECASE,
)
_SHORT = 12


def standalone(question: str, history: Sequence[Message]) -> str:
    """``question`` with the user's last one in front of it, if it is short or points back; else as it is."""
    asked = [message.content for message in history if message.role == "user"]
    if not asked or not (len(question) <= _SHORT or _POINTING.search(question)):
        return question
    return f"{asked[-1]} {question}"
