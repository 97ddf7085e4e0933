"""Characters that differ and mean the same to a search, folded into one: scripts of Chinese, accents, widths, quotes."""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import chain

# OpenCC, because it is maintained (opencc-python-reimplemented: last release in 2023; zhconv: 2021) and Apache-2.0 (zhconv:
# GPL). It is 7 MB and is asked once, for a table that str.translate applies: a character alone decides, as in Unihan's.
_CONVERTER = "t2s"
_HAN_BLOCKS = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00))
#: Beside what OpenCC calls traditional: variants of Taiwan and Hong Kong, and a pair that context would decide.
_VARIANTS = {"著": "着", "妳": "你", "衞": "卫", "敍": "叙", "粧": "妆", "枱": "台", "糭": "粽", "○": "〇"}
_LATIN_BLOCKS = ((0x00C0, 0x0250), (0x1E00, 0x1F00))
#: Latin letters that Unicode does not take apart.
_STROKES = {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
_APOSTROPHES = "’‘ʼ＇"
_COMBINING = range(0x0300, 0x0370)


def fold(text: str) -> str:
    """``text`` in compatibility form (NFKC), with simplified characters, and Latin letters without their accents.

    Case stays. Traditional characters are replaced one by one: where one of them has two simplified readings by
    context (乾), both sides of a search get the same. Other scripts keep their marks, which tell letters apart.
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", text).translate(_table())


def simplified(text: str) -> str:
    """``text`` with simplified characters for traditional ones, each by itself: its length stays.

    What is Chinese is a matter of its caller: kanji are replaced as well.
    """
    return text if text.isascii() else text.translate(_simplified())


@cache
def _table() -> dict[int, str | None]:
    """What each character becomes; made in about 20 ms, for the first text that is not ASCII."""
    table: dict[int, str | None] = dict.fromkeys(_COMBINING)  # what NFKC could not join to its letter
    for letter, plain in _STROKES.items():
        table[ord(letter)] = plain
        if letter.upper() != "I":
            table[ord(letter.upper())] = plain.upper()
    for code in chain.from_iterable(range(*block) for block in _LATIN_BLOCKS):
        base = "".join(c for c in unicodedata.normalize("NFD", chr(code)) if not unicodedata.combining(c))
        if base != chr(code):
            table[code] = base.translate(table)
    table |= {ord(mark): "'" for mark in _APOSTROPHES}
    return table | _simplified() | {ord(variant): usual for variant, usual in _VARIANTS.items()}


@cache
def _simplified() -> dict[int, str | None]:
    import opencc

    characters = [chr(code) for block in _HAN_BLOCKS for code in range(*block)]
    # One a line: so no phrase of the dictionary spans two of them.
    simplified = opencc.OpenCC(_CONVERTER).convert("\n".join(characters)).split("\n")
    return {ord(old): new for old, new in zip(characters, simplified, strict=True) if old != new}
