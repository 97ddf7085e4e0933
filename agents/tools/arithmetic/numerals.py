"""Numbers written in Chinese characters, exactly: 一百二十三, 三点一四, 两千三, 壹拾贰, 3.5万.

``ragbot.generation.verification.numerals`` reads the same for the comparison of texts, as floats, and forgives more; here a
numeral that is not well formed is none.
"""

from __future__ import annotations

import re
from fractions import Fraction

_DIGITS = {digit: number for number, digit in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_SMALL = {"十": 10, "百": 100, "千": 1000}
#: 兆 is a million in physics and 10^12 in finance: it is left out.
LARGE = {"万": 10**4, "亿": 10**8}
_FINANCIAL = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟", "一二三四五六七八九十百千")
_CHARACTERS = "零〇一二三四五六七八九十百千万亿壹贰叁肆伍陆柒捌玖拾佰仟"
#: A run of characters that can be a numeral. 两 is a digit at its beginning and before a unit of ten; else it is a weight.
PATTERN = rf"(?:半|[{_CHARACTERS}两](?:[{_CHARACTERS}]|两(?=[百千万亿])|点(?=[零〇一二三四五六七八九]))*半?)"
#: 10,000 × 10,000 × … is bounded by this many characters.
_LONGEST = 40


def numeral_value(numeral: str) -> Fraction | None:
    """The value of a match of :data:`PATTERN`; None where it is not a well-formed numeral."""
    text = numeral.translate(_FINANCIAL)
    if not text or len(text) > _LONGEST:
        return None
    if text.endswith("半"):
        before = numeral_value(text[:-1]) if text != "半" else Fraction(0)
        return None if before is None else before + Fraction(1, 2)
    if "点" in text:
        return _with_point(text)
    if all(character in _DIGITS for character in text):
        return Fraction(int("".join(str(_DIGITS[character]) for character in text)))
    found = _whole(text)
    return None if found is None else Fraction(found)


def _with_point(text: str) -> Fraction | None:
    whole, _, decimals = text.partition("点")
    scale = 1
    while decimals and decimals[-1] in LARGE:
        scale *= LARGE[decimals[-1]]
        decimals = decimals[:-1]
    before = numeral_value(whole)
    if before is None or not decimals or any(digit not in _DIGITS for digit in decimals):
        return None
    digits = "".join(str(_DIGITS[digit]) for digit in decimals)
    return (before + Fraction(int(digits), 10 ** len(digits))) * scale


def _whole(text: str) -> int | None:
    """A numeral with units of ten; each unit is smaller than the one before it in the same section."""
    for large in ("亿", "万"):
        head, found, rest = text.rpartition(large)
        if found:
            if large == "万" and "万" in head:
                return None
            above = numeral_value(head)
            if above is None or above.denominator != 1:
                return None
            below = _rest(rest, LARGE[large])
            return None if below is None else int(above) * LARGE[large] + below
    return _section(text)


def _rest(text: str, scale: int) -> int | None:
    """What stands after a unit of ten: 三万五 is 35000, 三万零五 is 30005."""
    if not text:
        return 0
    if len(text) == 1 and text in _DIGITS:
        return _DIGITS[text] * scale // 10
    found = _whole(text) if not re.fullmatch("[零〇][一二三四五六七八九]", text) else _DIGITS[text[1]]
    return found if found is not None and found < scale else None


def _section(text: str) -> int | None:
    """A numeral below 10,000."""
    total, last, digit, gap = 0, 10_000, None, False
    for character in text:
        if character in _SMALL:
            unit = _SMALL[character]
            if unit >= last or (digit is None and unit != 10) or digit == 0:
                return None
            total, last, digit, gap = total + (1 if digit is None else digit) * unit, unit, None, False
        elif character in "零〇":
            if digit is not None or gap:
                return None
            gap = True
        elif digit is not None:
            return None
        else:
            digit = _DIGITS[character]
    if digit is None:
        return None if gap else total
    if gap or last in (10, 10_000):
        return total + digit
    return total + digit * last // 10  # 两千三 is 2300
