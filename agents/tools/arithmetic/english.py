"""Numbers written in English words: twenty-one, one hundred and five, three million."""

from __future__ import annotations

import re
from fractions import Fraction

from ragbot.generation.verification.numerals import ENGLISH as _VALUES

_TENS = "|".join(word for word, value in _VALUES.items() if value >= 20)
_SMALL = "|".join(sorted((word for word, value in _VALUES.items() if value < 20), key=len, reverse=True))
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_HUNDRED = 100
_BELOW_100 = rf"(?:(?:{_TENS})(?:[ -](?:{_SMALL}))?|{_SMALL})"
_BELOW_1000 = rf"(?:(?:{_SMALL}|an?)[ ]hundred(?:(?:[ ]and)?[ ]{_BELOW_100})?|{_BELOW_100})"
_SCALED = rf"(?:(?:{_BELOW_1000}|an?)[ ](?:{'|'.join(_SCALES)}))"

#: A number in words. "two three" is two of them.
ENGLISH = re.compile(
    rf"(?:{_SCALED}(?:(?:,|[ ]and)?[ ]{_SCALED})*(?:(?:[ ]and)?[ ]{_BELOW_1000})?|{_BELOW_1000})\b", re.I
)
#: A scale behind digits: 3.5 million.
SCALE = re.compile(rf"\s*(hundred|{'|'.join(_SCALES)})\b", re.I)


def english_value(match: re.Match[str]) -> Fraction:
    """The value of a match of :data:`ENGLISH`."""
    total = current = 0
    for word in re.findall(r"[a-z]+", match[0].lower()):
        if word in _VALUES:
            current += _VALUES[word]
        elif word == "hundred":
            current = (current or 1) * _HUNDRED
        elif word in _SCALES:
            total, current = total + (current or 1) * _SCALES[word], 0
    return Fraction(total + current)


def scale_value(match: re.Match[str]) -> int:
    """The factor of a match of :data:`SCALE`."""
    return _SCALES.get(match[1].lower(), _HUNDRED)
