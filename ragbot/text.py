"""Language and sentence boundaries, for Chinese and English alike; imports nothing of ragbot."""

from __future__ import annotations

import re
from collections.abc import Iterator

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_KANA = re.compile(r"[\u3041-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7af]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_ENGLISH_WORDS = frozenset(
    "the of and to in is that it for was on are as with be by this at from or an have not which but they what how who "
    "when where why does do did can will if there their its has had were been one all we you your i my our".split()
)
#: Characters that hardly stand in a Chinese term, but in nearly every Chinese sentence or question.
_CHINESE_GRAMMAR = re.compile(
    r"[吗嗎呢吧么麼哪谁誰几幾怎]|[什甚][么麼]|如何|为何|為何|多少|为什|的|是|了|请|請|有没有|介绍|解释|说明"
)
_SAMPLE = 20_000

# Words whose full stop does not end a sentence.
_ABBREVIATIONS = frozenset(
    "dr mr mrs ms prof st no vs etc fig figs eq eqs sec vol pp p e.g i.e cf al approx dept inc ltd co corp jr sr rev gen "
    "col capt lt sgt ca resp ed eds u.s u.k a.m p.m jan feb mar apr jun jul aug sep sept oct nov dec".split()
)
_CLOSERS = "”’」』】》）)\\]\"'*_"
_BOUNDARY = re.compile(
    rf"(?P<zh>[。！？；…]+[{_CLOSERS}]*)"
    # A run of terminators is tried once, from its beginning: leader dots must not cost the square of their number.
    rf"|(?P<en>(?<![.!?])[.!?]++[{_CLOSERS}]*+)(?=\s)"
    r"|(?P<gap>\n[ \t]*\n\s*)"
    # A line that is a heading, a list item or a table row stands alone: break before it and after headings and rows.
    r"|(?P<line>\n)(?=[ \t]*(?:#{1,6}[ ]|[-*+•][ ]|\d{1,3}[.)、][ ]?|\||```))"
    r"|(?<=\|)(?P<row>[ \t]*\n)"
)
_LONGEST_WORD = 40
_HEADING_LINE = re.compile(r"[ \t]*#{1,6}[ ][^\n]*")


def detect_language(text: str) -> str:
    """Return the BCP 47 primary tag of the language that most of ``text`` is in, or ``""`` where that is not clear.

    Chinese, Japanese and Korean are told by script; English by its commonest words, so that text in another
    language of the Latin script is not called English.
    """
    text = text[:_SAMPLE]
    han, kana, hangul = len(_HAN.findall(text)), len(_KANA.findall(text)), len(_HANGUL.findall(text))
    words = _LATIN_WORD.findall(text)
    if hangul > han + kana and hangul * 2 > len(words):
        return "ko"
    if han + kana and (han + kana) > len(words):
        return "ja" if kana * 5 > han else "zh"
    if not words:
        return "zh" if han else ""
    common = sum(word.lower() in _ENGLISH_WORDS for word in words)
    return "en" if common * 10 > len(words) or (len(words) < 6 and common) else ""


def answer_language(question: str) -> str:
    """The language to answer in: ``zh`` for a Chinese question, ``en`` for any other."""
    # The words that build the sentence decide, not the terms in it: both languages quote terms of the other.
    if _CHINESE_GRAMMAR.search(question):
        return "zh"
    words = [word.lower() for word in _LATIN_WORD.findall(question)]
    if _ENGLISH_WORDS.intersection(words):
        return "en"
    return "zh" if len(_HAN.findall(question)) > len(words) else "en"


def sentence_spans(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield ``(start, end)`` of each sentence in ``text[start:end]``, white space at both ends left out.

    Sentences end at Chinese and Western terminators (with the quotes and brackets that close after them), at blank
    lines, and around headings, list items and table rows. Decimal points and common abbreviations do not end one.
    """
    end = len(text) if end is None else end
    begin = start
    for match in _BOUNDARY.finditer(text, start, end):
        if match.lastgroup == "en" and _is_abbreviation(text, begin, match.start(), match.end()):
            continue
        yield from _trimmed(text, begin, match.end())
        begin = match.end()
    yield from _trimmed(text, begin, end)


def _is_abbreviation(text: str, begin: int, dot: int, after: int) -> bool:
    if text[dot] != ".":
        return False
    near = max(begin, dot - _LONGEST_WORD)
    word_start = max(text.rfind(" ", near, dot), text.rfind("\n", near, dot), near - 1) + 1
    word = text[word_start:dot].lstrip("([\"'“").lower()
    if word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha() and word != "i"):
        return True
    if word.isdigit() and len(word) <= 3 and text[begin:word_start].strip() == "":
        return True  # the number of a list item: "1. First"
    following = text[after : after + 40].lstrip()
    return bool(following) and following[0].islower()


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start >= end:
        return
    heading = _HEADING_LINE.match(text, start, end)
    if heading and heading.end() < end:  # a heading directly above its text
        yield start, heading.end()
        yield from _trimmed(text, heading.end(), end)
    else:
        yield start, end
