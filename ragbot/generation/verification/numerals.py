"""Numbers written in words, Chinese and English."""

from __future__ import annotations

import re

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
ENGLISH = {word: number for number, word in enumerate(_ONES)} | {word: 20 + 10 * i for i, word in enumerate(_TENS)}
SCALES = {
    "hundred": 1e2,
    "thousand": 1e3,
    "million": 1e6,
    "billion": 1e9,
    "trillion": 1e12,
    "dozen": 12.0,
}
ORDINALS = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
    "eleventh": 11,
    "twelfth": 12,
    "thirteenth": 13,
    "fourteenth": 14,
    "fifteenth": 15,
    "sixteenth": 16,
    "seventeenth": 17,
    "eighteenth": 18,
    "nineteenth": 19,
    "twentieth": 20,
    "thirtieth": 30,
}
_DIGITS = {digit: number for number, digit in enumerate("零一二三四五六七八九")} | {"两": 2}
_SMALL = {"十": 10, "百": 100, "千": 1000}
#: Also after Arabic digits: 3.5万.
LARGE = {"万": 1e4, "亿": 1e8, "兆": 1e12}
HAN = "零一二两三四五六七八九十百千万亿兆"

_WORD = "|".join(sorted(ENGLISH, key=len, reverse=True))
_SCALE = "|".join(SCALES)
_BELOW_HUNDRED = rf"(?:(?:{'|'.join(_TENS)})(?:[ -](?:{'|'.join(_ONES[1:10])})(?![a-z]))?|{_WORD})"
#: A number in English words: "one hundred and twenty-three", "twenty-five million". Only behind a hundred or a thousand
#: does "and" go on with the same number: "five and six" are two.
ENGLISH_NUMBER = rf"{_BELOW_HUNDRED}(?:(?:[ -](?:{_SCALE}))+(?:[ -](?:and[ ])?{_BELOW_HUNDRED})?)*"
ENGLISH_ORDINAL = rf"(?:(?:{'|'.join(_TENS)})-)?(?:{'|'.join(sorted(ORDINALS, key=len, reverse=True))})"


def english_value(words: str) -> float:
    """The value of a match of :data:`ENGLISH_NUMBER`, in any case."""
    total = current = 0.0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word in ENGLISH:
            current += ENGLISH[word]
        elif word == "hundred" or word == "dozen":
            current = (current or 1) * SCALES[word]
        elif word in SCALES:
            total, current = total + (current or 1) * SCALES[word], 0.0
    return total + current


def english_rank(words: str) -> float:
    """The value of a match of :data:`ENGLISH_ORDINAL`: "twenty-first" is 21."""
    *tens, last = words.lower().split("-")
    return float(sum(ENGLISH[word] for word in tens) + ORDINALS[last])


def mixed_value(numeral: str) -> float:
    """The value of digits and characters in turn: 1亿2000万, 3万5千."""
    total = section = digit = 0.0
    for token in re.findall(r"\d+(?:\.\d+)?|\D", numeral):
        if token[0].isdecimal():
            digit = float(token)
        elif token in _SMALL:
            section, digit = section + digit * _SMALL[token], 0.0
        else:
            large, section = LARGE[token], section + digit
            total = (total + section) * large if 0 < total < large else total + section * large
            section = digit = 0.0
    return total + section + digit


def chinese_value(numeral: str) -> float | None:
    """The value of a numeral in simplified characters: 一百二十三, 二零二四, 三点五万; None where it is none."""
    whole, dot, decimals = numeral.partition("点")
    if dot:
        large = 1.0
        while decimals and decimals[-1] in LARGE:
            large *= LARGE[decimals[-1]]
            decimals = decimals[:-1]
        base = chinese_value(whole)
        if base is None or not decimals or any(digit not in _DIGITS for digit in decimals):
            return None
        return (base + float("0." + "".join(str(_DIGITS[digit]) for digit in decimals))) * large
    if not numeral or any(character not in HAN for character in numeral):
        return None
    if all(character in _DIGITS for character in numeral):
        return float("".join(str(_DIGITS[digit]) for digit in numeral))
    total = section = 0.0
    digit: float | None = None
    last = 1.0
    for character in numeral:
        if character in _DIGITS:
            digit, last = float(_DIGITS[character]), 1.0 if character == "零" else last
        elif character in _SMALL:
            section += (1.0 if digit is None else digit) * _SMALL[character]
            digit, last = None, float(_SMALL[character])
        else:
            section += digit or 0.0
            large = LARGE[character]
            total = (total + section) * large if total and total < large else total + (section or 1.0) * large
            section, digit, last = 0.0, None, large
    # 两千三 is 2300: a digit at the end counts tenths of what stands before, unless 零 is between.
    return total + section + (digit or 0.0) * (last / 10 if last >= 100 else 1.0)
