"""The dates of a sentence, Chinese and English, whole or in part: a day, a month, a year, a decade, a century."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ragbot.generation.verification.numerals import HAN, chinese_value

_MONTHS = "january february march april may june july august september october november december".split()
_MONTH = r"(?:" + "|".join(f"{name[:3].title()}(?:{name[3:]})?" for name in _MONTHS) + r"|Sept)\.?"
_DAY = r"(?:[0-2]?\d|3[01])(?:st|nd|rd|th)?(?!\d)"
_YEAR = r"\d{4}(?!\d)"
_BEFORE_MONTH = (
    *"in of since until till by during from before after through last next this every each early late".split(),
    *(f"{month}{link}" for month in ("February", "March", "April") for link in (",", " and", " or", " to")),
)
#: What tells the month from the verb, and from most people of that name: (in) May, (since last) March.
_BEHIND = "|".join(
    rf"(?<=(?<![A-Za-z]){said} {month})"
    for word in _BEFORE_MONTH
    for said in (word, word.capitalize())
    for month in ("March", "May")
)
_AHEAD = (
    rf"(?=(?:,|[ ](?:and|or|to|through|until|till))[ ]{_MONTH}(?![a-z]))"
    # At the beginning of a sentence; elsewhere it may be somebody's name.
    r"|(?<=(?<!\S[ ])(?<!\w)May)(?=[ ](?:is|was)[ ])"
)
_HAN_NUMBER = rf"(?:\d+|[{HAN}]+)"
_DATE = re.compile(
    rf"(?=[\d公{HAN}]|(?<![\w.])[JFMASOND])(?:"  # most places are no beginning of a date
    rf"(?<![\d.-])(?P<y1>{_YEAR})(?P<dash>[-/.])(?P<m1>0?[1-9]|1[0-2])(?P=dash)(?P<d1>0?[1-9]|[12]\d|3[01])(?![\d-])"
    rf"|(?<![\d.-])(?P<d0>0?[1-9]|[12]\d|3[01])\.(?P<m0>0?[1-9]|1[0-2])\.(?P<y0>{_YEAR})(?!\.\d)"
    rf"|(?:(?P<era>公元前|公元)[ ]?)?(?P<y2>(?<!\d)\d{{1,4}}|[{HAN}]{{1,5}})[ ]?年代?"
    rf"(?:[ ]?(?P<m2>{_HAN_NUMBER})[ ]?月(?:份|[ ]?(?P<d2>{_HAN_NUMBER})[ ]?[日号])?)?"
    rf"|(?P<m3>(?<!\d){_HAN_NUMBER})[ ]?月(?:份|[ ]?(?P<d3>{_HAN_NUMBER})[ ]?[日号])?"
    rf"|(?P<hc>{_HAN_NUMBER})[ ]?世纪(?:[ ]?(?P<hd>\d0|[二三四五六七八九]十)[ ]?年代)?"
    rf"|(?<![\w.-])(?P<d4>{_DAY})[ ](?:of[ ])?(?P<m4>{_MONTH})(?![a-z])(?:,?[ ](?P<y4>{_YEAR}))?"
    rf"|(?<![\w.])(?P<m5>{_MONTH})(?![a-z])[ ](?:(?P<d5>{_DAY})(?:,?[ ](?P<y5>{_YEAR}))?|(?:of[ ])?(?P<y6>{_YEAR}))"
    r"|(?<![\w.])(?P<m6>January|February|April|June|July|August|September|October|November|December)(?![a-z])"
    rf"|(?<![\w.])(?P<m7>March|May)(?![a-z])(?:{_BEHIND}|{_AHEAD})"
    r"|(?<![\w.])(?P<decade>\d{3}0)'?s(?![a-z])"
    r"|(?<![\w.])(?P<century>\d{1,2})(?:st|nd|rd|th)[ -](?i:century|centuries)"
    r"|(?<![\w.])(?P<bc>\d{1,4})[ ](?:BCE?|B\.C\.))",
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A date in a text at ``[start, end)``; what it does not say is None. Years before Christ are negative."""

    year: int | None
    month: int | None
    day: int | None
    start: int
    end: int
    decade: int | None = None
    century: int | None = None


def dates(text: str) -> list[Moment]:
    """The dates of a levelled text (see :mod:`.letters`), in order. A bare year (in 1998) is a number, not a date."""
    return [moment for match in _DATE.finditer(text) if (moment := _read(match)) is not None]


def same_date(claimed: Moment, given: Moment) -> bool:
    """Whether all that is claimed is given: 2024年1月 is in 2024-01-03, and not the other way round."""
    if claimed.century is not None:
        century = given.century or (None if given.year is None else (given.year - 1) // 100 + 1)
        return claimed.century == century and claimed.decade in {None, given.decade}
    if claimed.decade is not None:
        decade = given.decade if given.year is None else given.year // 10 * 10
        return decade is not None and (claimed.decade == decade or claimed.decade == decade % 100)
    if claimed.year is None and claimed.month is None:
        return False
    pairs = ((claimed.year, given.year), (claimed.month, given.month), (claimed.day, given.day))
    return all(mine is None or mine == theirs for mine, theirs in pairs)


def _read(match: re.Match[str]) -> Moment | None:
    span = match.span()
    if match["y1"]:
        return Moment(int(match["y1"]), int(match["m1"]), int(match["d1"]), *span)
    if match["y0"]:
        return Moment(int(match["y0"]), int(match["m0"]), int(match["d0"]), *span)
    if match["y2"]:
        return _chinese(match)
    if match["m3"]:
        month, day = _number(match["m3"]), _number(match["d3"])
        # 三个月 is a duration and does not match; 三月 is a month.
        return Moment(None, month, day, *span) if month and month <= 12 else None
    if match["hc"]:
        century, tens = _number(match["hc"]), _number(match["hd"])
        if century is None:
            return None
        decade = None if tens is None else (century - 1) * 100 + tens
        return Moment(None, None, None, *span, decade=decade, century=None if tens is not None else century)
    if match["decade"]:
        return Moment(None, None, None, *span, decade=int(match["decade"]))
    if match["century"]:
        return Moment(None, None, None, *span, century=int(match["century"]))
    if match["bc"]:
        return Moment(-int(match["bc"]), None, None, *span)
    month = _MONTHS.index(next(name for name in _MONTHS if name.startswith(_month_of(match)))) + 1
    day = _number(re.sub(r"\D", "", match["d4"] or match["d5"] or ""))
    return Moment(_number(match["y4"] or match["y5"] or match["y6"]), month, day, *span)


def _month_of(match: re.Match[str]) -> str:
    return (match["m4"] or match["m5"] or match["m6"] or match["m7"]).lower()[:3]


def _chinese(match: re.Match[str]) -> Moment | None:
    """二零二四年, 1998 年 3 月; a small number before 年 is a duration unless a month follows or an era stands before."""
    year = _number(match["y2"])
    if year is None:
        return None
    if match.group().endswith("年代"):
        return Moment(None, None, None, *match.span(), decade=year)
    written = match["y2"]
    is_year = match["era"] or match["m2"] or (written.isdecimal() and len(written) == 4)
    if not (is_year or (len(written) == 4 and 1000 <= year <= 2999)):
        return None
    return Moment(
        -year if match["era"] == "公元前" else year, _number(match["m2"]), _number(match["d2"]), *match.span()
    )


def _number(text: str | None) -> int | None:
    if not text:
        return None
    value = float(text) if text.isdecimal() else chinese_value(text)
    return None if value is None else int(value)
