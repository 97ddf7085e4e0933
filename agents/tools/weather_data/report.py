"""The weather in words."""

from __future__ import annotations

from agents.tools.weather_data.codes import sky, wind
from agents.tools.weather_data.forecast import Day, Now, Weather
from agents.tools.weather_data.places import Found, Place
from agents.tools.wording import Texts

#: Hours between the lines of a day.
STEP = 3
_WEEKDAYS = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "zh": ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"),
}
_TEXTS = Texts(
    en={
        "place": "Weather in {place}",
        "others": "(taken from several places of this name; others: {others}. Name the region or country to choose.)",
        "now": "Now ({time}, local time): {parts}",
        "feels": "feels like {value}",
        "humidity": "humidity {value}%",
        "rain": "precipitation {value}",
        "wind": "wind {value}",
        "wind_from": "wind {value} from the {direction}",
        "hours": "Next hours:",
        "days": "Days:",
        "temperatures": "{low} to {high}",
        "chance": "{value}% chance of precipitation",
        "gusts": "wind up to {value}",
        "today": "today",
        "source": "Source: Open-Meteo.com",
        "join": ", ",
    },
    zh={
        "place": "{place}的天气",
        "others": "（有多个同名地点，此处取第一个；其他：{others}。可写明地区或国家来选择。）",
        "now": "现在（当地时间 {time}）：{parts}",
        "feels": "体感温度 {value}",
        "humidity": "湿度 {value}%",
        "rain": "降水量 {value}",
        "wind": "风速 {value}",
        "wind_from": "{direction} {value}",
        "hours": "未来几小时：",
        "days": "逐日预报：",
        "temperatures": "{low} 至 {high}",
        "chance": "降水概率 {value}%",
        "gusts": "最大风速 {value}",
        "today": "今天",
        "source": "数据来源：Open-Meteo.com",
        "join": "，",
    },
)


def report(found: Found, place: Place, weather: Weather, language: str) -> str:
    """What the model reads: the place taken and others of its name, now, and the hours or days to come."""
    lines = [_TEXTS(language, "place", place=place.shown)]
    if found.others:
        separator = "；" if language == "zh" else "; "
        lines.append(_TEXTS(language, "others", others=separator.join(other.shown for other in found.others)))
    lines.append(_now(weather.now, weather.imperial, language))
    if len(weather.days) == 1:
        hours = [hour for hour in weather.hours if hour.time > weather.now.time][::STEP]
        if hours:
            lines.append(_TEXTS(language, "hours"))
        for hour in hours:
            parts = [_temperature(hour.temperature, weather.imperial), sky(hour.code, language)]
            if hour.chance is not None:
                parts.append(_TEXTS(language, "chance", value=f"{hour.chance:.0f}"))
            lines.append(f"{hour.time:%m-%d %H:%M} {_joined(parts, language)}")
    lines.append(_TEXTS(language, "days"))
    lines += [_day(day, weather, language) for day in weather.days]
    lines.append(_TEXTS(language, "source"))
    return "\n".join(lines)


def _now(now: Now, imperial: bool, language: str) -> str:
    parts = [_temperature(now.temperature, imperial), sky(now.code, language)]
    if now.feels_like is not None:
        parts.append(_TEXTS(language, "feels", value=_temperature(now.feels_like, imperial)))
    if now.humidity is not None:
        parts.append(_TEXTS(language, "humidity", value=f"{now.humidity:.0f}"))
    if now.wind is not None and now.wind_from is not None:
        direction = wind(now.wind_from, language)
        parts.append(_TEXTS(language, "wind_from", value=_speed(now.wind, imperial), direction=direction))
    elif now.wind is not None:
        parts.append(_TEXTS(language, "wind", value=_speed(now.wind, imperial)))
    if now.precipitation:
        parts.append(_TEXTS(language, "rain", value=_amount(now.precipitation, imperial)))
    return _TEXTS(language, "now", time=f"{now.time:%Y-%m-%d %H:%M}", parts=_joined(parts, language))


def _day(day: Day, weather: Weather, language: str) -> str:
    is_today = day.date == weather.now.time.date()
    name = _TEXTS(language, "today") if is_today else _WEEKDAYS["zh" if language == "zh" else "en"][day.date.weekday()]
    low, high = _temperature(day.low, weather.imperial), _temperature(day.high, weather.imperial)
    parts = [sky(day.code, language), _TEXTS(language, "temperatures", low=low, high=high)]
    if day.precipitation:
        parts.append(_TEXTS(language, "rain", value=_amount(day.precipitation, weather.imperial)))
    if day.chance is not None:
        parts.append(_TEXTS(language, "chance", value=f"{day.chance:.0f}"))
    if day.wind is not None:
        parts.append(_TEXTS(language, "gusts", value=_speed(day.wind, weather.imperial)))
    return f"{day.date.isoformat()} ({name}): {_joined(parts, language)}"


def _joined(parts: list[str], language: str) -> str:
    return _TEXTS(language, "join").join(parts)


def _temperature(value: float | None, imperial: bool) -> str:
    return "?" if value is None else f"{value:g} {'°F' if imperial else '°C'}"


def _speed(value: float, imperial: bool) -> str:
    return f"{value:g} {'mph' if imperial else 'km/h'}"


def _amount(value: float, imperial: bool) -> str:
    return f"{value:g} {'in' if imperial else 'mm'}"
