"""Sentences of the documents as an answer shows them: without the marks of Markdown, each with its marker."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ragbot.documents import Passage
from ragbot.generation.verification.wraps import unwrapped
from ragbot.text import answer_language, sentence_spans

_MARKUP = re.compile(r"^[ \t]*(?:[-*+•]|\d{1,3}[.)、])[ \t]+|\*\*|`|^[ \t]*>[ \t]?")
#: Bold of several words; __init__ is a name.
_BOLD = re.compile(r"(?<!\w)__(\S[^_]*\s[^_]*\S)__(?!\w)")
_RULE = re.compile(r"^[\s|:\-=_*#]*$")
#: The source's own references. Not those of code (``a[1]``), nor what holds a zero: [0, 1] is an interval.
_REFERENCE = re.compile(
    r"(?:[ \t]+|(?<![A-Za-z0-9_]))[\[【［]\s*[1-9]\d{0,2}(?:\s*[-–,，、]\s*[1-9]\d{0,2})*\s*[\]】］]"
)
#: A bracket that is left before a number gets this invisible character, so that it is not read as one of our markers.
_JOINER = "\u2060"
_BRACKET = re.compile(r"([\[【［])(?=\s*\d)")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")


def plain(sentence: str) -> str:
    """A sentence without the marks of Markdown, for showing; table rows become their cells."""
    text = _MARKUP.sub("", _LINK.sub(r"\1", unwrapped(sentence)))
    text = _BRACKET.sub(rf"\1{_JOINER}", _REFERENCE.sub("", _BOLD.sub(r"\1", text)))
    if text.startswith("|") and text.endswith("|"):
        text = " · ".join(cell.strip() for cell in text.strip("|").split("|"))
    return text.strip()


def says_something(sentence: str, passage: Passage) -> bool:
    """Whether a sentence of ``passage`` is more than a heading, or a line that is drawn."""
    return not (sentence.startswith("#") or _RULE.match(sentence) or sentence in passage.headings)


def quoted(sentences: Iterable[tuple[str, int]]) -> Iterator[str]:
    """The pieces of an answer that consists of sentences, each with the number of its passage behind it."""
    spaced = False  # between Chinese sentences stands nothing
    for count, (sentence, number) in enumerate(sentences):
        text = plain(sentence)
        before, spaced = spaced, answer_language(text) != "zh"
        separator = " " if count and (before or spaced) else ""
        yield f"{separator}{text} [{number}]"


def around(passage: Passage, start: int, end: int) -> list[str]:
    """The sentences that the characters ``[start, end)`` of ``passage.text`` stand in, headings left out."""
    text = passage.text
    spans = [(begin, stop) for begin, stop in sentence_spans(text) if begin < end and start < stop]
    return [text[begin:stop] for begin, stop in spans if says_something(text[begin:stop], passage)]
