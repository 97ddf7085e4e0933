"""Times of the day and days of the week: 17:00, 5 pm and 下午5点 are one time, 星期三 and Wednesday one day."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragbot.generation.verification.numerals import HAN, chinese_value
from ragbot.generation.verification.units import UNITS, Unit

#: Minutes of half a day and of a whole one.
HALF_DAY, DAY = 720.0, 1440.0
#: A time as a clock shows it, one of which the half of the day is said, and one of which it is not: 9点, or the 3 of 3-5 pm.
CLOCK = Unit("clock", 1.0)
DAYTIME = Unit("daytime", 1.0)
POINT = UNITS["点"]
WEEKDAY = Unit("weekday", 1.0)
_TIMES = frozenset({CLOCK, DAYTIME, POINT})

_EARLY = "凌晨|清晨|早上|早晨|上午|(?<![最较更])早"
_LATE = "下午|午后|傍晚|晚上|(?<![最较更不])晚"
_NIGHT = "夜里|夜间|深夜|半夜"
_PART = rf"(?P<part{{0}}>{_EARLY}|{_LATE}|{_NIGHT}|中午)[ ]?"
_HALF = r"[ap](?:\.m\.|m)(?![A-Za-z])"
_TO = r"[ ]?(?:-|~|to|and|until|till|至|到)[ ]?"
_HOUR = rf"(?:(?<![\d:.])\d{{1,2}}|(?<![{HAN}几数])[{HAN}]{{1,3}})"
_TIME = re.compile(
    rf"(?:{_PART.format(1)})?(?<![\d:.])(?P<hour1>\d{{1,2}}):(?P<minute1>[0-5]\d)(?![\d:])(?:[ ]?(?P<half1>(?i:{_HALF})))?"
    rf"|(?<![\w:.,$€£¥-])(?P<hour2>\d{{1,2}})[ ]?(?P<half2>(?i:{_HALF}))"
    # The first one of 3-5 pm, and the second.
    rf"|(?<![\w:.,$€£¥-])(?P<hour3>\d{{1,2}})(?={_TO}\d{{1,2}}(?::\d\d)?[ ]?(?i:{_HALF}))"
    rf"|(?<=\d[-~])(?P<hour4>\d{{1,2}})[ ]?(?P<half4>(?i:{_HALF}))"
    rf"|(?:{_PART.format(5)})?(?P<hour5>{_HOUR})(?:点|时(?![间段代期候]))"
    rf"(?P<minute5>半|整|钟|[一三]刻|[0-5]\d(?!\d)分?|[零二三四五]?十?[一二三四五六七八九]?分(?!之))?"
)
_MAYBE_TIME = re.compile(r"\d:|[点时]|\d[ ]?[apAP]\.?[mM]")
_BETWEEN = re.compile(_TO)

_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_WEEKDAY = re.compile(
    rf"(?<![{HAN}几数\d])(?:星期|礼拜)(?P<long>[一二三四五六日天])(?![次个])"
    # 一周三次, 每周五天 and 本周日程 name no day.
    rf"|(?<![{HAN}几数\d四圆])周(?P<short>[一二三四五六]|日(?![程期志前均报刊]))"
    r"(?![次个天名人家本件节篇回遍趟种条]|小时)"
    rf"|(?<![A-Za-z])(?P<english>{'|'.join(_DAYS)})s?(?![A-Za-z])"
)
_MAYBE_WEEKDAY = re.compile(r"星期|礼拜|周|day")

#: Value, unit, start and end.
Time = tuple[float, Unit, int, int]


def times(text: str) -> list[Time]:
    """The times of the day, in minutes, and the days of the week, from 1, of a levelled text."""
    found = list(_times(text)) if _MAYBE_TIME.search(text) else []
    for number, (value, unit, start, end) in enumerate(found):
        # In 下午3:00-5:00 both are in the afternoon, and in 9:00-11:00 am in the morning; in 11:00-1:00 pm they are not.
        beside = [found[i] for i in (number - 1, number + 1) if 0 <= i < len(found)]
        if unit == CLOCK and any(item[1] == DAYTIME and _joined(text, (start, end), item[2:]) for item in beside):
            found[number] = value / POINT.factor, POINT, start, end
    if _MAYBE_WEEKDAY.search(text):
        found += [_weekday(match) for match in _WEEKDAY.finditer(text)]
    return found


def same_time(claimed: float, unit: Unit | None, given: float, other: Unit | None) -> bool | None:
    """Whether two numbers of which one is a time, or a day, agree; None where neither is."""
    if WEEKDAY in {unit, other}:
        return unit == other and claimed == given
    if not {CLOCK, DAYTIME} & {unit, other} and not (unit == other == POINT):
        return None
    if CLOCK in {unit, other} and None in {unit, other}:
        return False
    if not {unit, other} <= {*_TIMES, None}:
        return False
    mine, theirs = (value * (item or POINT).factor for value, item in ((claimed, unit), (given, other)))
    if mine == theirs:
        return True
    # What does not say which half of the day it means may be in either: 3点 is 15:00; 17:00 is no 5:00.
    open_ended = {unit, other} & {POINT, None} or (unit == CLOCK and other == DAYTIME and mine < HALF_DAY + 60)
    return unit != other and bool(open_ended) and (mine - theirs) % HALF_DAY == 0


def _joined(text: str, one: tuple[int, int], other: tuple[int, int]) -> bool:
    first, second = sorted((one, other))
    return bool(_BETWEEN.fullmatch(text, first[1], second[0]))


def _times(text: str) -> Iterator[Time]:
    for match in _TIME.finditer(text):
        kind = next(number for number in "12345" if match[f"hour{number}"])
        said = match.groupdict()
        hour, half, part = match[f"hour{kind}"], said.get(f"half{kind}"), said.get(f"part{kind}")
        minutes = _minutes(said.get(f"minute{kind}"))
        value = float(hour) if hour.isdecimal() else chinese_value(hour)
        if value is None or minutes is None or value > 24 or (kind == "5" and not part and not match["minute5"]):
            continue  # 9点 may be points as well: that is left to its unit
        if kind == "3":
            yield value, POINT, *match.span()
        elif half or part:
            yield (_of_day(value, half, part) * 60 + minutes) % DAY, DAYTIME, *match.span()
        elif kind == "5":
            yield value + minutes / 60, POINT, *match.span()
        else:
            yield value * 60 + minutes, CLOCK, *match.span()


def _of_day(hour: float, half: str | None, part: str | None) -> float:
    """The hour of 24."""
    if hour > 12:
        return hour
    if half:
        return hour % 12 + (12 if half[0] in "pP" else 0)
    if not part or re.fullmatch(_EARLY, part[-2:]) or part == "早":
        return 0 if hour == 12 and part == "凌晨" else hour
    if part == "中午":
        return hour + 12 if hour < 4 else hour
    if part in _NIGHT.split("|") and (hour < 6 or hour == 12):
        return hour % 12
    if hour == 12:  # 晚上12点 ends the day, 下午12点 begins its second half
        return 24 if "晚" in part else 12
    return hour + 12


def _minutes(written: str | None) -> float | None:
    if not written or written in {"整", "钟"}:
        return 0.0
    fixed = {"半": 30.0, "一刻": 15.0, "三刻": 45.0}
    if written in fixed:
        return fixed[written]
    digits = written.removesuffix("分")
    return float(digits) if digits.isdecimal() else chinese_value(digits)


def _weekday(match: re.Match[str]) -> Time:
    if match["english"]:
        return _DAYS.index(match["english"]) + 1.0, WEEKDAY, *match.span()
    day = (match["long"] or match["short"]).replace("天", "日")
    return "一二三四五六日".index(day) + 1.0, WEEKDAY, *match.span()
