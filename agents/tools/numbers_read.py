"""Which numbers a small model may write into a call: those that it has read, and a few that everybody knows.

A model of this size knows that a day belongs into an expression and still writes another one than it was asked about.
Constrained decoding leaves it only the numbers and dates of the question and of what tools have said, in the forms in
which they may be written there. Inside of these it is free.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from agents.tools.arithmetic.formats import exact_text
from ragbot.generation.verification.dates import Moment
from ragbot.generation.verification.reading import Reading
from ragbot.text import sentence_spans

#: Numbers that stand for something by themselves: units of time, dozens, percentages, powers of ten.
COMMON = (*range(13), 24, 30, 31, 52, 60, 100, 365, 366, 1000, 1024, 10000)
#: Most numbers that are told apart; of longer texts the first ones count.
_MOST = 400
#: Longer and larger ones are keys and noise, and no number that anybody computes with.
_LONGEST, _LARGEST = 20, 1e15
_DIGITS_WRITTEN = re.compile(r"\d[\d,]*(?:\.\d+)?")
_DIGITS = "一二三四五六七八九"
#: A discount: 七五折 is 75% of the price.
_TENTHS = re.compile(rf"([1-9{_DIGITS}]{{1,2}})折")
_CLOCK = re.compile(r"\d{1,2}:\d{2}")
#: What a number may stand beside: anything but a digit, and no second half of one.
_BETWEEN = '[^0-9"\\\\]'


def literals(texts: Iterable[str]) -> list[str]:
    """The numbers and dates of ``texts`` as they may be written in an expression, longest first."""
    found = dict.fromkeys([*map(str, COMMON), *_written(texts)])
    return sorted(found, key=lambda written: (-len(written), written))


def expression_pattern(texts: Sequence[str]) -> str:
    """A regular expression for strings whose numbers are :func:`literals` of ``texts``."""
    number = "(?:" + "|".join(re.escape(written) for written in literals(texts)) + ")"
    # Two of them never stand side by side, or they would be a third one.
    return f"^{_BETWEEN}*(?:{number}{_BETWEEN}+)*(?:{number})?$"


def answer_pattern(texts: Sequence[str], sources: int) -> str:
    """A regular expression for answers whose numbers stand in ``texts``, or are those of ``sources`` that are cited."""
    found = dict.fromkeys(_written(texts))
    # A day may be said in any form, and a time of the day without its minutes.
    parts = [part for one in found for part in one.replace(":", "-").split("-") if part != one]
    found |= dict.fromkeys(part.lstrip("0") or "0" for part in parts)
    found |= dict.fromkeys(map(str, range(1, sources + 1)))
    number = "(?:" + "|".join(re.escape(written) for written in sorted(found, key=lambda one: (-len(one), one))) + ")"
    beside = "[^0-9]"
    return f"^(?:{number}(?:{beside}+{number})*{beside}*|{beside}+(?:{number}{beside}+)*{number}?)$"


def amounts(texts: Sequence[str]) -> list[int | float]:
    """The numbers of ``texts``, and those that everybody knows, with either sign (-40 °F)."""
    values: dict[int | float, None] = {}
    for written in literals(texts):
        try:
            value = Decimal(written)
        except InvalidOperation:  # a date, a time
            continue
        number = int(value) if value == int(value) else float(value)
        values |= {number: None, -number: None}
    return list(values)


def _written(texts: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}
    sentences = (text[start:end] for text in texts for start, end in sentence_spans(text))
    for written in (written for sentence in sentences for written in _literals(sentence)):
        found.setdefault(written)
        if len(found) >= _MOST:
            break
    return list(found)


def _literals(sentence: str) -> Iterable[str]:
    reading = Reading(sentence)
    for moment in reading.moments:
        yield from _days(moment)
    yield from _CLOCK.findall(sentence)
    for match in _DIGITS_WRITTEN.finditer(sentence):
        written = match[0].rstrip(",")
        if len(written) <= _LONGEST:
            yield written
            yield written.replace(",", "")
    for match in _TENTHS.finditer(sentence):
        tenths = "".join(str(_DIGITS.index(digit) + 1) if digit in _DIGITS else digit for digit in match[1])
        yield from (tenths, f"0.{tenths}", exact_text(Fraction(int(tenths), 10)) or "")
    for quantity in reading.quantities:
        if not abs(quantity.value) < _LARGEST:  # what is infinite, too
            continue
        value = Fraction(str(abs(quantity.value)))
        # 15% may be written as 0.15; what is 15% off costs 0.85, and with a tax of 15% 1.15.
        shares = (value / 100, 1 - value / 100, 1 + value / 100) if value <= 100 else ()
        for other in (value, *shares):
            if other >= 0 and (decimal := exact_text(other)) and "/" not in decimal:
                yield decimal


def _days(moment: Moment) -> Iterable[str]:
    year, month, day = moment.year, moment.month, moment.day
    if year is not None:
        yield str(year)
    if month is not None and day is not None:
        yield f"{month:02}-{day:02}"
        yield f"{month}-{day}"
        if year is not None:
            yield f"{year:04}-{month:02}-{day:02}"
    elif year is not None and month is not None:
        yield f"{year:04}-{month:02}"
