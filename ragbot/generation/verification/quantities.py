"""The numbers of a sentence, however they are written: 1,000, 一千 and one thousand are one number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isclose

from ragbot.generation.verification.numerals import (
    ENGLISH_NUMBER,
    ENGLISH_ORDINAL,
    HAN,
    LARGE,
    SCALES,
    chinese_value,
    english_rank,
    english_value,
)
from ragbot.generation.verification.units import UNITS, Unit

_ASCII_UNIT = "|".join(sorted((re.escape(name) for name in UNITS if name[0].isascii()), key=len, reverse=True))
_HAN_UNIT = "|".join(sorted((re.escape(name) for name in UNITS if not name[0].isascii()), key=len, reverse=True))
_UNIT = rf"(?:[ \t]?-?[ \t]?(?P<{{0}}>(?i:{_ASCII_UNIT})(?![A-Za-z])|{_HAN_UNIT}))?"
_NUMERAL = rf"[{HAN}]+(?:点[零一二三四五六七八九]+[万亿]?)?"
_MEASURE = (
    r"(?=[ \t]*(?:个|種|种|次|年|月|日|天|位|名|人|家|部|本|条|项|类|层|步|台|张|篇|章|节|段|句|字|倍|岁|届|路|组|批|份|"
    r"元|块|米|里|吨|克|斤|小时|分钟|秒|座|所|支|只|头|件|轮|代|级|维|行|列|周|处|套|道|站|点|方面|阶段|部分|大))"
)
_NUMBER = re.compile(
    # Most places are no beginning of a number: this says so at once.
    rf"(?=[\d$€£¥第{HAN}-]|(?<![A-Za-z0-9_])[zotfsenZOTFSEN])(?:"
    # 百分之十二, 千分之3, 三分之一
    rf"(?P<of>{_NUMERAL}|(?<!\d)\d+)分之(?P<part>{_NUMERAL}|\d+(?:\.\d+)?)"
    rf"|(?P<clock>(?<![\d:.])\d{{1,2}}:[0-5]\d(?![\d:]))"
    rf"|第[ \t]*(?P<rank>{_NUMERAL}|\d+)"
    rf"|(?P<sign>(?<![\w)\]])-[ \t]?)?(?P<money>[$€£¥][ \t]?)?(?<![A-Za-z0-9_.])(?<![A-Za-z]-)"
    r"(?P<digits>\d+(?:\.\d+)?[eE][-+]?\d+|\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!,?\d)|\d+(?:\.\d+)?)(?!\d|\.\d|:\d\d)"
    r"(?:(?P<nth>st|nd|rd|th)(?![A-Za-z])"
    r"|(?:(?P<letter>[kKMBT]|bn)(?![A-Za-z0-9])|(?P<scale>[ -]?(?:hundred|thousand|million|billion|trillion)(?![a-z])"
    r"|[ ]?[十百千万亿兆]+(?<!千(?=[米克瓦]))(?<!兆(?=[字瓦赫])))?)"
    rf"{_UNIT.format('unit')}(?![A-Za-z_]))"
    rf"|(?<![A-Za-z0-9_])(?P<words>(?i:{ENGLISH_NUMBER}))(?![A-Za-z]){_UNIT.format('words_unit')}(?![A-Za-z_])"
    rf"|(?<![A-Za-z0-9_])(?<!per )(?<!each )(?<!every )(?P<ordinal>(?i:{ENGLISH_ORDINAL}))(?![A-Za-z])"
    # One character is often a part of another word: only before what is counted.
    rf"|(?<![几数好])(?P<han>[{HAN}]{{2,}}(?:点[零一二三四五六七八九]+[万亿]?)?|[一二两三四五六七八九十]点[零一二三四五六七八九]+[万亿]?"
    rf"|[一二两三四五六七八九十]{_MEASURE})(?!几){_UNIT.format('han_unit')})"
)
_LETTERS = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "bn": 1e9}
_VAGUE = re.compile(r"[百千万亿兆]+|[一二两三四五六七八九]{2}|十(?=分)|万一")
#: A time of day, in minutes.
_CLOCK = Unit("clock", 1.0)
#: Words that count nothing as often as they do: they are no evidence by themselves.
_SOFT = frozenset({"zero", "one", "first", "second", "一"})


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a text at ``[start, end)``; ``soft`` where the word often is none (one of them, first of all)."""

    value: float
    unit: Unit | None
    start: int
    end: int
    ordinal: bool = False
    soft: bool = False


def quantities(text: str) -> list[Quantity]:
    """The numbers of a levelled text (see :mod:`.letters`), in order. Digits inside of a name (GPT-4) are none."""
    found = []
    for match in _NUMBER.finditer(text):
        quantity = _read(match)
        if quantity is not None:
            found.append(quantity)
    return found


def same_quantity(claimed: Quantity, given: Quantity) -> bool:
    """Whether the two agree: equal in value, with units converted where both have one of the same kind."""
    if (claimed.ordinal and given.unit) or (given.ordinal and claimed.unit):
        return False
    if claimed.unit is None or given.unit is None:
        return isclose(claimed.value, given.value, rel_tol=1e-9, abs_tol=1e-12)
    if claimed.unit.dimension != given.unit.dimension:
        return False
    return isclose(claimed.value * claimed.unit.factor, given.value * given.unit.factor, rel_tol=1e-9, abs_tol=1e-12)


def _read(match: re.Match[str]) -> Quantity | None:
    start, end = match.span()
    if match["of"]:
        return _fraction(match)
    if match["clock"]:
        hours, minutes = match["clock"].split(":")
        return Quantity(int(hours) * 60.0 + int(minutes), _CLOCK, start, end)
    if match["rank"]:
        rank = _value(match["rank"])
        return None if rank is None else Quantity(rank, None, start, end, ordinal=True)
    if match["digits"]:
        value = float(match["digits"].replace(",", "")) * _scale(match)
        unit = match["unit"] or (match["money"] or "").strip()
        return Quantity(
            -value if match["sign"] else value, UNITS.get(unit.lower()), start, end, ordinal=bool(match["nth"])
        )
    if match["words"]:
        words = match["words"]
        if words[1:] != words[1:].lower():  # ZeRO is a name
            return None
        unit = (match["words_unit"] or "").lower()
        return Quantity(english_value(words), UNITS.get(unit), start, end, soft=words.lower() in _SOFT)
    if match["ordinal"]:
        word = match["ordinal"]
        return Quantity(english_rank(word), None, start, end, ordinal=True, soft=word.lower() in _SOFT)
    numeral = match["han"]
    if _VAGUE.fullmatch(numeral) or match.string[start : start + 2] == "万一":
        return None
    han = chinese_value(numeral)
    return None if han is None else Quantity(han, UNITS.get(match["han_unit"] or ""), start, end, soft=numeral in _SOFT)


def _scale(match: re.Match[str]) -> float:
    if match["letter"]:
        return _LETTERS[match["letter"]]
    scale = (match["scale"] or "").strip(" -").lower()
    if not scale:
        return 1.0
    if scale in SCALES:
        return SCALES[scale]
    value = 1.0
    for character in scale:
        value *= {"十": 10.0, "百": 100.0, "千": 1000.0, **LARGE}[character]
    return value


def _fraction(match: re.Match[str]) -> Quantity | None:
    part = _value(match["part"])
    if part is None:
        return None
    if match["of"] in {"百", "千", "万"}:
        return Quantity(part * {"百": 1, "千": 0.1, "万": 0.01}[match["of"]], UNITS["%"], *match.span())
    whole = _value(match["of"])
    return Quantity(part / whole, None, *match.span()) if whole else None


def _value(numeral: str) -> float | None:
    return float(numeral) if numeral[0].isdecimal() else chinese_value(numeral)
