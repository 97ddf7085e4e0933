"""Codes of the weather in words (WMO code table 4677, those that Open-Meteo uses)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_CODES: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        0: ("clear sky", "晴"),
        1: ("mainly clear", "晴间少云"),
        2: ("partly cloudy", "多云"),
        3: ("overcast", "阴"),
        45: ("fog", "雾"),
        48: ("rime fog", "雾凇"),
        51: ("light drizzle", "小毛毛雨"),
        53: ("drizzle", "毛毛雨"),
        55: ("dense drizzle", "大毛毛雨"),
        56: ("light freezing drizzle", "小冻毛毛雨"),
        57: ("freezing drizzle", "冻毛毛雨"),
        61: ("light rain", "小雨"),
        63: ("rain", "中雨"),
        65: ("heavy rain", "大雨"),
        66: ("light freezing rain", "小冻雨"),
        67: ("freezing rain", "冻雨"),
        71: ("light snow", "小雪"),
        73: ("snow", "中雪"),
        75: ("heavy snow", "大雪"),
        77: ("snow grains", "米雪"),
        80: ("light rain showers", "小阵雨"),
        81: ("rain showers", "阵雨"),
        82: ("violent rain showers", "强阵雨"),
        85: ("light snow showers", "小阵雪"),
        86: ("heavy snow showers", "大阵雪"),
        95: ("thunderstorm", "雷暴"),
        96: ("thunderstorm with light hail", "雷暴伴小冰雹"),
        99: ("thunderstorm with heavy hail", "雷暴伴大冰雹"),
    }
)
_UNKNOWN = ("unknown", "未知")
_WINDS = (
    ("north", "北风"),
    ("north-east", "东北风"),
    ("east", "东风"),
    ("south-east", "东南风"),
    ("south", "南风"),
    ("south-west", "西南风"),
    ("west", "西风"),
    ("north-west", "西北风"),
)


def sky(code: float | None, language: str) -> str:
    """The weather of a code; one that is in no table is ``unknown``."""
    return _CODES.get(-1 if code is None else int(code), _UNKNOWN)[language == "zh"]


def wind(degrees: float, language: str) -> str:
    """Where a wind comes from, of eight directions; ``degrees`` clockwise from north."""
    return _WINDS[round(degrees / 45) % 8][language == "zh"]
