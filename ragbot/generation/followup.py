"""A follow-up question, made to stand alone for the search."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragbot.documents import Message

#: How a question begins or ends that goes on from the one before.
_GOING_ON = re.compile(
    r"^\s*(?:and|but|or|so|what about|how about)\b|^\s*还有|呢\s*[?？]?\s*$|又(?:是|有|怎|为)",
    re.IGNORECASE,
)
#: A question that begins with 那 as a word: 那, 那么, 那年, 那篇; places are called 那不勒斯 and 那曲.
_THEN = re.compile(r"\s*那")
_PLACES = frozenset(["那曲", "那坡"])
#: Words that point back at what was said; not IT, nor 这样 and 那么, which point at nothing; nor "that" behind a noun,
#: where it begins a clause.
_POINTING = re.compile(
    r"\b(?!(?-i:IT)\b)(?:it|its|they|them|their|he|she|him|his|her|this|these|those|the same|the former|the latter)\b|"
    r"\b(?:do|does|did|is|was|can|could|would|will|has|of|for|to|from|with|by|about|like|than)\s+that\b|"
    r"\bthe (?:two|other|others|first|second|third|last)(?: ones?)?\s*[?.!]*\s*$|\bthe (?:other|first|second|third|last) ones?\b|"
    r"它|她|这(?!样)|上述|前者|后者|同样的|原论文|原文|第[一二两三四五][种个项条点类步](?=是|有|呢|怎|为|[?？])|该(?:方法|模型|论文|算法|系统)",
    re.IGNORECASE,
)
#: He, and no part of another word: not 其他, 吉他, 马耳他, which are words, nor 排他锁 and names of medicines, which are not known to be.
_HE = re.compile(r"(?<![其吉排利纳伐])他(?!汀|莫昔|克莫|达拉)")
_HE_WORDS = frozenset(["他", "他们", "他俩"])
#: A question that asks what something is stands alone, however short.
_DEFINING = re.compile(r"^\s*(?:what|who) (?:is|are|was|were)\b|^\s*什么是|(?:是什么|是谁)\s*[?？]?\s*$", re.IGNORECASE)
#: A name, an identifier, or a number: behind the first letter of the question, capital letters begin names.
_NAME = re.compile(r"(?<!^)[A-Z]|[0-9]|[A-Z]{2}|[\"“《]")
#: What a question can consist of without naming anything: "Why?", "How much is that?", "为什么呢？", "多少钱？".
_EMPTY_ENGLISH = (
    "why how what when where who which whose whom is are was were do does did can could will would should much many "
    "so then that not no yes really more else again exactly come a an the of for to in on at by with"
)
_EMPTY_WORD = re.compile(rf"(?<![^\W\d_])(?:{'|'.join(_EMPTY_ENGLISH.split())})(?![^\W\d_])", re.IGNORECASE)
_EMPTY_CHINESE = re.compile(
    r"为什么|为何|怎么样?|怎样|如何|什么时候|什么|哪里|哪儿|哪个|哪些|谁|几|多少|多久|多大|具体|吗|呢|吧|的|了|是|有|在|还|都|也|钱"
)
#: A question of no more words of its own hardly says what it is about ("How many layers?", "能省多少？").
_NEXT_TO_NOTHING = 1.5
_WORD = re.compile(r"[^\W\d_]+")
_HAN = re.compile(r"[\u3400-\u9fff]")


def standalone(question: str, history: Sequence[Message]) -> str:
    """``question`` with the user's last one in front of it, if it goes on from that one; else as it is.

    A question goes on if it begins or ends so, points back, or has next to no word of its own ("How many layers?").
    """
    together = with_last(question, history)
    return together if _goes_on(question) or points_back(question) or _sparse(question) else question


def with_last(question: str, history: Sequence[Message]) -> str:
    """``question`` with the user's last one in front of it; as it is where there is none."""
    asked = [message.content for message in history if message.role == "user"]
    return f"{asked[-1]} {question}" if asked else question


def points_back(question: str) -> bool:
    """Whether a word of it stands for something that was said before: ``it``, ``the former``, 它, 前者."""
    if _POINTING.search(question):
        return True
    return bool(_HE.search(question)) and not _HE_WORDS.isdisjoint(_words(question))


def _goes_on(question: str) -> bool:
    if _GOING_ON.search(question):
        return True
    if not _THEN.match(question):
        return False
    first = _words(question.strip())[0]
    return len(first) <= 2 and first not in _PLACES


def _words(text: str) -> list[str]:
    import rjieba

    words: list[str] = rjieba.cut(text)
    return words


def length(question: str) -> float:
    """How many words of its own a question has; of Chinese characters two make one."""
    own = content(question)
    return len(_HAN.findall(own)) / 2 + len(_WORD.findall(_HAN.sub(" ", own)))


def _sparse(question: str) -> bool:
    if not names_something(question):
        return True
    if _DEFINING.search(question) or _NAME.search(question.strip()):
        return False
    return length(question) <= _NEXT_TO_NOTHING


def names_something(question: str) -> bool:
    """Whether it has a word of its own beside those that every question is made of."""
    return any(True for _ in _WORD.finditer(content(question)))


def content(text: str) -> str:
    """The text without the words that every question is made of, in small letters."""
    return _EMPTY_WORD.sub(" ", _EMPTY_CHINESE.sub(" ", text)).lower()
