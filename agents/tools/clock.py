"""What time it is: here or elsewhere, now or at a given time, and how far two places are apart."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from langchain_core.tools import BaseTool

from agents.tools.arithmetic.formats import weekday_text
from agents.tools.base import Result, ToolInputError, Traits, tool
from agents.tools.clock_zones import UnknownPlaceError, Zone, zone_of
from agents.tools.wording import Texts, spoken_for

SUMMARIES = {
    "en": "tells the date and time, now or given, in any city or time zone, and the difference between two",
    "zh": "查询日期和时间：现在或指定时刻、任何城市或时区，以及两地时差",
}
_TEXTS = Texts(
    en={
        "here": "here",
        "unknown": "“{place}” is not a known place.{near} Give a large city, or a zone such as Asia/Shanghai or UTC+8.",
        "near": " Did you mean {names}?",
        "several": "{place} has several time zones. Ask for a city: {choices}.",
        "time": "“{time}” is not a time. Write 15:30, or 2026-03-01 15:30.",
        "gap": "Note: {time} does not exist in {place}: the clocks are put forward there; it counts as {instead}.",
        "twice": "Note: {time} happens twice in {place}, because the clocks are put back; the first is meant.",
        "ahead": "{first} is {hours} ahead of {second}.",
        "behind": "{first} is {hours} behind {second}.",
        "same": "{first} and {second} have the same time.",
        "hours": "{hours} h",
        "minutes": "{hours} h {minutes} min",
    },
    zh={
        "here": "本地",
        "unknown": "不认识“{place}”这个地方。{near}请给出大城市，或 Asia/Shanghai、UTC+8 这样的时区。",
        "near": "是不是 {names}？",
        "several": "{place}有几个时区。请指明城市：{choices}。",
        "time": "“{time}”不是时间。请写成 15:30，或 2026-03-01 15:30。",
        "gap": "注意：{place}没有 {time} 这个时刻（时钟拨快），按 {instead} 计算。",
        "twice": "注意：{place}的 {time} 会出现两次（时钟拨慢），这里指第一次。",
        "ahead": "{first}比{second}早 {hours}。",
        "behind": "{first}比{second}晚 {hours}。",
        "same": "{first}和{second}时间相同。",
        "hours": "{hours} 小时",
        "minutes": "{hours} 小时 {minutes} 分钟",
    },
)
_TIME = re.compile(
    r"(?:(?P<date>\d{4}-\d{1,2}-\d{1,2})|(?P<y>\d{4})年(?P<m>\d{1,2})月(?P<d>\d{1,2})[日号])?[\sT,]*"
    r"(?:(?P<part>凌晨|早上|上午|中午|下午|傍晚|晚上)?\s*(?P<hour>\d{1,2})(?:[:点时](?P<minute>\d{1,2})?(?::\d{2})?分?(?P<half>半)?)?\s*(?P<half_day>am|pm|a\.m\.|p\.m\.)?)?",
    re.IGNORECASE,
)

_AFTERNOON = ("下午", "傍晚", "晚上")
#: Up to this hour, 晚上 means what comes behind midnight, and 中午 what comes behind noon.
_SMALL_HOURS = 5


def clock(
    language: str = "en", now: Callable[[], datetime] = lambda: datetime.now(UTC), here: tzinfo | None = None
) -> BaseTool:
    """A tool that tells the time.

    Args:
        language: of its answers where the arguments are in none (``en`` or ``zh``).
        now: the time; any time zone.
        here: the zone of the person; None for that of this machine.
    """

    @tool("clock", Traits(timeout=5.0, trusted=True, summaries=SUMMARIES))
    def tell(place: str = "", time: str = "", other_place: str = "") -> Result:
        """Tell the date and time, or convert a time between places.

        Args:
            place: a city or time zone; empty for here.
            time: a time at place, such as 15:30 or 2026-03-01 15:30; empty for now.
            other_place: a second city or time zone to convert to.
        """
        spoken = spoken_for(place + time + other_place, language)
        instant = now()
        first = _zone(place, here or instant.astimezone().tzinfo or UTC, spoken)
        notes: list[str] = []
        if time.strip():
            instant, notes = _given(time, instant, first, spoken)
        lines = [_line(instant, first, spoken)]
        data = {"place": first.name, "time": instant.astimezone(first.tz).isoformat()}
        if other_place.strip():
            second = _zone(other_place, UTC, spoken)
            if not _told(instant, second):
                raise ToolInputError(_TEXTS(spoken, "time", time=time[:60]))
            lines += [_line(instant, second, spoken), _difference(instant, first, second, spoken)]
            data |= {"other_place": second.name, "other_time": instant.astimezone(second.tz).isoformat()}
        return Result("\n".join(lines + notes), data=data)

    return tell


def _zone(place: str, here: tzinfo, language: str) -> Zone:
    if place.strip().casefold() in ("", "here", "local", "now", "本地", "这里", "当地", "现在"):
        return Zone(_TEXTS(language, "here"), here)
    try:
        return zone_of(place)
    except UnknownPlaceError as error:
        if error.choices:
            choices = error.choices["zh" if language == "zh" else "en"]
            raise ToolInputError(_TEXTS(language, "several", place=error.place, choices=choices)) from None
        near = _TEXTS(language, "near", names=", ".join(error.near)) if error.near else ""
        raise ToolInputError(_TEXTS(language, "unknown", place=error.place[:60], near=near)) from None


def _given(time: str, now: datetime, zone: Zone, language: str) -> tuple[datetime, list[str]]:
    """The instant of a time as a person writes it, and what is odd about it."""
    text = unicodedata.normalize("NFKC", time).strip()
    match = _TIME.fullmatch(text) if len(text) <= 60 else None
    wrong = ToolInputError(_TEXTS(language, "time", time=time[:60]))
    if not match or not (match["hour"] or match["date"] or match["y"]):
        raise wrong
    today = now.astimezone(zone.tz)
    written = match["date"] or (f"{match['y']}-{match['m']}-{match['d']}" if match["y"] else "")
    year, month, day = map(int, written.split("-")) if written else (today.year, today.month, today.day)
    days, hour = _hour(int(match["hour"] or 0), match["part"] or "", (match["half_day"] or "").lower())
    minute = 30 if match["half"] else int(match["minute"] or 0)
    try:
        local = datetime(year, month, day, hour, minute, tzinfo=zone.tz) + timedelta(days=days)
        # Across a change of the clocks, a time is there and back again another one, or there are two of it.
        back = local.astimezone(UTC).astimezone(zone.tz)
    except (ValueError, OverflowError):
        raise wrong from None
    shown = f"{local:%Y-%m-%d %H:%M}"
    if back.replace(tzinfo=None) != local.replace(tzinfo=None):
        return local.astimezone(UTC), [_TEXTS(language, "gap", time=shown, place=zone.name, instead=f"{back:%H:%M}")]
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        return local.astimezone(UTC), [_TEXTS(language, "twice", time=shown, place=zone.name)]
    return local.astimezone(UTC), []


def _hour(hour: int, part: str, half_day: str) -> tuple[int, int]:
    """Days later, and the hour of 24, of an hour as it is said with a part of the day, or with am and pm."""
    if part == "晚上" and (hour < _SMALL_HOURS or hour == 12):  # the night goes on behind midnight
        return 1, hour % 12
    if part == "中午":
        return 0, hour + 12 if hour < _SMALL_HOURS else hour
    if (half_day.startswith("p") or part in _AFTERNOON) and hour < 12:
        return 0, hour + 12
    if (half_day.startswith("a") or part == "凌晨") and hour == 12:
        return 0, 0
    return 0, hour


def _told(instant: datetime, zone: Zone) -> bool:
    """Whether the calendar has the instant there: it begins with the year 1, and ends with 9999."""
    try:
        instant.astimezone(zone.tz)
    except OverflowError:
        return False
    return True


def _line(instant: datetime, zone: Zone, language: str) -> str:
    local = instant.astimezone(zone.tz)
    day = weekday_text(local.weekday(), language)
    offset = _utc(local.utcoffset() or timedelta())
    if language == "zh":
        return f"{zone.name}：{local:%Y-%m-%d}（{day}）{local:%H:%M}（{offset}）"
    return f"{zone.name}: {local:%Y-%m-%d} ({day}) {local:%H:%M} ({offset})"


def _utc(offset: timedelta) -> str:
    return "UTC" if not offset else str(timezone(offset))


def _difference(instant: datetime, first: Zone, second: Zone, language: str) -> str:
    ahead = (instant.astimezone(first.tz).utcoffset() or timedelta()) - (
        instant.astimezone(second.tz).utcoffset() or timedelta()
    )
    if not ahead:
        return _TEXTS(language, "same", first=first.name, second=second.name)
    hours, minutes = divmod(abs(ahead) // timedelta(minutes=1), 60)
    shown = _TEXTS(language, "minutes" if minutes else "hours", hours=hours, minutes=minutes)
    key = "ahead" if ahead > timedelta() else "behind"
    return _TEXTS(language, key, first=first.name, second=second.name, hours=shown)
