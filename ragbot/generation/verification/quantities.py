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
    mixed_value,
)
from ragbot.generation.verification.times import same_time, times
from ragbot.generation.verification.units import MEANINGS, UNITS, Unit

_ASCII_UNIT = "|".join(sorted((re.escape(name) for name in UNITS if name[0].isascii()), key=len, reverse=True))
_HAN_UNIT = "|".join(sorted((re.escape(name) for name in UNITS if not name[0].isascii()), key=len, reverse=True))
_UNIT = rf"(?:[ \t]?-?[ \t]?(?P<{{0}}>(?i:{_ASCII_UNIT})(?![A-Za-z])|{_HAN_UNIT}))?"
_NUMERAL = rf"[{HAN}]+(?:点[零一二三四五六七八九]+[万亿]?)?"
#: 两年半; not 一年半载, nor the half of a word that follows.
_AND_HALF = r"(?<=[年天周月时])半(?![月天夜路载])"
#: What is counted, where one character is a number.
_COUNTED = (
    "个|種|种|次|年|月|日|天|位|名|人|家|部|本|条|项|类|层|步|台|张|篇|章|节|段|句|字|倍|岁|届|路|组|批|份|"
    "元|块|米|里|吨|克|斤|小时|分钟|秒|座|所|支|只|头|件|轮|代|级|维|行|列|周|处|套|道|站|点|方面|阶段|部分|大|"
    "辆|场|间|架|栋|幢|楼|艘|棵|匹|首|幅|户|期|集|卷|册|股|颗|粒|片|瓶|杯|盒|箱|袋|包|亩|公顷|度|摄氏度|华氏度|℃|"
    "星(?=级|酒店|宾馆|饭店|好评)|号|门(?!峡|齿)|双|寸|封|顿|单元|季度|学期|学年|车道|口"
)
_MEASURE = rf"(?=[ \t]*(?:{_COUNTED}))"
_POWER = r"(?:(?P<mantissa>\d+(?:\.\d+)?)[ ]?[×x][ ]?)?10(?:(?P<raised>⁻?[⁰¹²³⁴-⁹]+)|\^(?P<caret>-?\d+))"
_DIGITS = (
    r"\d+(?:\.\d+)?[eE][-+]?\d+|\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!,?\d)|\d{1,2}(?:,\d{2})+,\d{3}(?!,?\d)|"
    r"(?<!\d[ ])\d{1,3}(?:[ ]000)+(?![,.]?\d)|\d+(?:\.\d+)?"
)
_NUMBER = re.compile(
    # Most places are no beginning of a number: this says so at once.
    rf"(?=[\d$€£¥₹第半负{HAN}-]|(?<![A-Za-z0-9_])[zotfsenmahZOTFSENMAH])(?:"
    # 百分之十二, 千分之3, 三分之一
    rf"(?P<of>{_NUMERAL}|(?<!\d)\d+)分之(?P<part>{_NUMERAL}|\d+(?:\.\d+)?)"
    # 三成, 3成5
    rf"|(?<![{HAN}几数\d.])(?P<tenths>[一二三四五六七八九]|\d(?:\.\d)?)成(?P<more>[一二三四五六七八九半](?![{HAN}点]))?"
    rf"(?![{HAN}不为本功立员果就分长品都吨套型熟语效人])"
    # 半年, half an hour, a year and a half; 上半年 is none.
    rf"|(?<![上下前后大小多{HAN}\d年月个])半(?P<half_han>年|个?小时|个月|个世纪)(?![度报刊])"
    rf"|(?<![A-Za-z0-9_])(?i:half[ ]an?[ ])(?P<half_unit>(?i:{_ASCII_UNIT}))(?![A-Za-z])"
    rf"|(?<![A-Za-z0-9_])(?i:an?[ ])(?P<one_unit>(?i:{_ASCII_UNIT}))[ ]and[ ]a[ ]half(?![A-Za-z])"
    rf"|(?<![{HAN}几数\d.])(?P<whole>[一两二三四五六七八九十]|\d+)[ ]?个半[ ]?(?P<whole_unit>小时|月|世纪)"
    rf"|第[ \t]*(?P<rank>{_NUMERAL}|\d+)"
    rf"|(?<![A-Za-z0-9_.])(?<![A-Za-z]-){_POWER}(?![\d.]\d|\d){_UNIT.format('power_unit')}(?![A-Za-z_])"
    # 1亿2000万, 3万5千
    r"|(?<![A-Za-z0-9_.])(?P<mixed>\d+(?:\.\d+)?[百千万亿兆]+(?:\d+(?:\.\d+)?[百千万亿]+)*"
    rf"(?:\d+(?:\.\d+)?[百千万亿]+(?<!千(?=[米克瓦]))|\d{{3,4}}(?![\d年.])))(?!\d){_UNIT.format('mixed_unit')}"
    r"|(?P<sign>(?<![A-Za-z0-9_)\]℃℉%‰])-[ \t]?|零下[ \t]?|[Mm]inus[ ]|(?<![胜抱背肩担])负(?=\d))?"
    r"(?P<money>[$€£¥₹][ \t]?)?(?<![A-Za-z0-9_.])(?<![A-Za-z]-)"
    rf"(?P<digits>{_DIGITS})(?!\d|\.\d|:\d\d)"
    r"(?:(?P<nth>st|nd|rd|th)(?![A-Za-z])"
    r"|(?:(?P<letter>[kKMBT]|bn)(?![A-Za-z0-9])|(?P<scale>[ -]?(?:hundred|thousand|million|billion|trillion)(?![a-z])"
    r"|[ ]?[十百千万亿兆]+(?<!千(?=[米克瓦]))(?<!兆(?=[字瓦赫])))?)"
    rf"{_UNIT.format('unit')}(?P<digits_half>{_AND_HALF})?(?![A-Za-z_]))"
    rf"|(?<![A-Za-z0-9_])(?P<words>(?i:{ENGLISH_NUMBER}))(?![A-Za-z])(?P<words_half>[ ]and[ ]a[ ]half(?![A-Za-z])"
    rf"(?:[ ](?P<half_scale>hundred|thousand|million|billion|trillion)(?![a-z]))?)?{_UNIT.format('words_unit')}(?![A-Za-z_])"
    rf"|(?<![A-Za-z0-9_])(?<!per )(?<!each )(?<!every )(?P<ordinal>(?i:{ENGLISH_ORDINAL}))(?![A-Za-z])"
    # One character is often a part of another word: only before what is counted.
    rf"|(?<![几数好])(?P<below>零下|(?<![胜抱背肩担])负)?"
    rf"(?P<han>[{HAN}]{{2,}}(?:点[零一二三四五六七八九]+[万亿]?)?|[一二两三四五六七八九十]点[零一二三四五六七八九]+[万亿]?"
    rf"|[一二两三四五六七八九十]{_MEASURE})(?!几){_UNIT.format('han_unit')}(?P<han_half>{_AND_HALF})?)"
)
#: A dash behind a number, or what it counts, is that of a range: 10℃ - 20℃, 3年-5年.
_RANGE = re.compile(rf"[\d{HAN}][ ]?(?:{_COUNTED}|(?i:{_ASCII_UNIT})|{_HAN_UNIT})?[ \t]*\Z")
#: Characters before a number that are looked at for that.
_NEAR = 12
#: Powers of ten beyond this are no numbers of a text.
_LARGEST_POWER = 300
_RAISED = {character: str(number) for number, character in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")} | {"⁻": "-"}
_LETTERS = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "bn": 1e9}
_VAGUE = re.compile(r"[百千万亿兆]+|[一二两三四五六七八九]{2}|十(?=分)|万一")
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
    found = [Quantity(*time) for time in times(text)]
    taken = [(item.start, item.end) for item in found]
    for match in _NUMBER.finditer(text):
        quantity = _read(match)
        if quantity and not any(start < quantity.end and quantity.start < end for start, end in taken):
            found.append(quantity)
    return sorted(found, key=lambda item: item.start)


def same_quantity(claimed: Quantity, given: Quantity) -> bool:
    """Whether the two agree: equal in value, with units converted where both have one of the same kind."""
    if (claimed.ordinal and given.unit) or (given.ordinal and claimed.unit):
        return False
    as_times = same_time(claimed.value, claimed.unit, given.value, given.unit)
    if as_times is not None:
        return as_times
    if claimed.unit is None or given.unit is None:
        return isclose(claimed.value, given.value, rel_tol=1e-9, abs_tol=1e-12)
    return any(
        isclose(claimed.value * mine.factor, given.value * theirs.factor, rel_tol=1e-9, abs_tol=1e-12)
        for mine in (claimed.unit, *MEANINGS.get(claimed.unit, ()))
        for theirs in (given.unit, *MEANINGS.get(given.unit, ()))
        if mine.dimension == theirs.dimension
    )


def _read(match: re.Match[str]) -> Quantity | None:
    start, end = match.span()
    if match["of"]:
        return _fraction(match)
    if match["rank"]:
        rank = _value(match["rank"])
        return None if rank is None else Quantity(rank, None, start, end, ordinal=True)
    if match["digits"]:
        return _digits(match)
    if match["words"]:
        return _words(match)
    if match["ordinal"]:
        word = match["ordinal"]
        return Quantity(english_rank(word), None, start, end, ordinal=True, soft=word.lower() in _SOFT)
    return _han(match) if match["han"] else _composed(match)


def _digits(match: re.Match[str]) -> Quantity:
    start, end = match.span()
    value = float(re.sub("[, ]", "", match["digits"])) * _scale(match) + (0.5 if match["digits_half"] else 0.0)
    unit = match["unit"] or (match["money"] or "").strip()
    sign = match["sign"]
    if sign and sign[0] == "-" and _RANGE.search(match.string[max(0, start - _NEAR) : start]):
        start, sign = match.end("sign"), None
    return Quantity(-value if sign else value, UNITS.get(unit.lower()), start, end, ordinal=bool(match["nth"]))


def _words(match: re.Match[str]) -> Quantity | None:
    words = match["words"]
    if words[1:] != words[1:].lower():  # ZeRO is a name
        return None
    value = english_value(words) + (0.5 if match["words_half"] else 0.0)
    value *= SCALES.get(match["half_scale"] or "", 1.0)
    soft = words.lower() in _SOFT and not match["words_half"]
    return Quantity(value, UNITS.get((match["words_unit"] or "").lower()), *match.span(), soft=soft)


def _han(match: re.Match[str]) -> Quantity | None:
    numeral = match["han"]
    if _VAGUE.fullmatch(numeral) or match.string[match.start() : match.start() + 2] == "万一":
        return None
    value = chinese_value(numeral)
    if value is None:
        return None
    value = (value + (0.5 if match["han_half"] else 0.0)) * (-1.0 if match["below"] else 1.0)
    soft = numeral in _SOFT and not match["han_half"]
    return Quantity(value, UNITS.get(match["han_unit"] or ""), *match.span(), soft=soft)


def _composed(match: re.Match[str]) -> Quantity | None:
    """Tenths, halves, powers of ten, and digits and characters in turn."""
    if match["tenths"]:
        more = 0.5 if match["more"] == "半" else (_value(match["more"] or "零") or 0.0) / 10
        return Quantity(((_value(match["tenths"]) or 0.0) + more) * 10, UNITS["%"], *match.span())
    if match["mixed"]:
        return Quantity(mixed_value(match["mixed"]), UNITS.get((match["mixed_unit"] or "").lower()), *match.span())
    if match["raised"] or match["caret"]:
        power = int(match["caret"] or "".join(_RAISED[character] for character in match["raised"]))
        if abs(power) > _LARGEST_POWER:
            return None
        value = float(match["mantissa"] or 1.0) * 10.0**power
        return Quantity(value, UNITS.get((match["power_unit"] or "").lower()), *match.span())
    if match["whole"]:
        unit = match["whole_unit"] if match["whole_unit"] == "小时" else f"个{match['whole_unit']}"
        return Quantity((_value(match["whole"]) or 0.0) + 0.5, UNITS[unit], *match.span())
    unit = match["half_han"] or match["half_unit"] or match["one_unit"]
    return Quantity(1.5 if match["one_unit"] else 0.5, UNITS[unit.lower()], *match.span())


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
