"""A follow-up question, made to stand alone for the search."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragbot.documents import Message

#: How a question begins or ends that goes on from the one before.
_GOING_ON = re.compile(
    r"^\s*(?:and|but|or|so|what about|how about)\b|^\s*(?:那|还有|那么)|呢\s*[?？]?\s*$", re.IGNORECASE
)
#: Words that point back at what was said; not 其他, 他 in it, nor 这样 and 那么, which point at nothing.
_POINTING = re.compile(
    r"\b(?:it|its|they|them|their|he|she|him|his|her|this|these|those|the same|the former|the latter)\b|"
    r"它|她|(?<![其吉])他|这(?!样)|上述|前者|后者|同样的",
    re.IGNORECASE,
)
#: What a question can consist of without naming anything: "Why?", "How much is that?", "为什么呢？", "多少钱？".
_EMPTY_ENGLISH = frozenset(
    "why how what when where who which whose whom is are was were do does did can could will would should much many "
    "so then that not no yes really more else again exactly come a an the of for to in on at by with".split()
)
_EMPTY_CHINESE = re.compile(
    r"为什么|为何|怎么样?|怎样|如何|什么时候|什么|哪里|哪儿|哪个|哪些|谁|几|多少|多久|多大|具体|吗|呢|吧|的|了|是|有|在|还|都|也|钱"
)
_WORD = re.compile(r"[^\W\d_]+")


def standalone(question: str, history: Sequence[Message]) -> str:
    """``question`` with the user's last one in front of it, if it goes on from that one; else as it is.

    A question goes on if it begins or ends so, points back, or names nothing of its own.
    """
    asked = [message.content for message in history if message.role == "user"]
    if asked and (_GOING_ON.search(question) or points_back(question) or not names_something(question)):
        return f"{asked[-1]} {question}"
    return question


def points_back(question: str) -> bool:
    """Whether a word of it stands for something that was said before: ``it``, ``the former``, 它, 前者."""
    return bool(_POINTING.search(question))


def names_something(question: str) -> bool:
    """Whether it has a word of its own beside those that every question is made of."""
    words = _WORD.findall(_EMPTY_CHINESE.sub(" ", question).lower())
    return any(word not in _EMPTY_ENGLISH for word in words)
