"""The clock: places in both languages, conversions, and the two nights a year that are not like others."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest

from agents.tools.base import ToolInputError, traits_of
from agents.tools.clock import clock
from agents.tools.clock_zones import zone_of


def now() -> datetime:
    return datetime(2026, 11, 22, 4, 30, tzinfo=UTC)


def tell(language: str = "en", **arguments: str) -> str:
    return str(clock(language, now, ZoneInfo("Asia/Shanghai")).invoke(arguments))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "here: 2026-11-22 (Sunday) 12:30 (UTC+08:00)"),
        ({"place": "Tokyo"}, "Tokyo: 2026-11-22 (Sunday) 13:30 (UTC+09:00)"),
        ({"place": "new york"}, "new york: 2026-11-21 (Saturday) 23:30 (UTC-05:00)"),
        ({"place": "Europe/Berlin"}, "Europe/Berlin: 2026-11-22 (Sunday) 05:30 (UTC+01:00)"),
        ({"place": "Paris, France"}, "Paris, France: 2026-11-22 (Sunday) 05:30 (UTC+01:00)"),
        ({"place": "UTC-3"}, "UTC-3: 2026-11-22 (Sunday) 01:30 (UTC-03:00)"),
        ({"place": "UTC"}, "UTC: 2026-11-22 (Sunday) 04:30 (UTC)"),
        ({"place": "北京"}, "北京：2026-11-22（星期日）12:30（UTC+08:00）"),
        ({"place": "纽约时间"}, "纽约时间：2026-11-21（星期六）23:30（UTC-05:00）"),
        ({"place": "东八区"}, "东八区：2026-11-22（星期日）12:30（UTC+08:00）"),
        ({"place": "Reykjavik", "time": "2026-07-01"}, "Reykjavik: 2026-07-01 (Wednesday) 00:00 (UTC)"),
    ],
)
def test_time_at_a_place(arguments: dict[str, str], text: str) -> None:
    assert tell(**arguments) == text


def test_conversion_and_difference() -> None:
    lines = tell(place="Beijing", time="2026-07-01 15:30", other_place="London").splitlines()
    assert lines == [
        "Beijing: 2026-07-01 (Wednesday) 15:30 (UTC+08:00)",
        "London: 2026-07-01 (Wednesday) 08:30 (UTC+01:00)",
        "Beijing is 7 h ahead of London.",
    ]
    assert tell(place="北京", other_place="新德里").endswith("北京比新德里早 2 小时 30 分钟。")
    assert tell(place="洛杉矶", other_place="北京").endswith("洛杉矶比北京晚 16 小时。")
    assert tell(place="北京", other_place="上海").endswith("北京和上海时间相同。")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("9", "09:00"),
        ("3:30 pm", "15:30"),
        ("12 am", "00:00"),
        ("12:00 pm", "12:00"),
        ("下午3点半", "15:30"),
        ("晚上8点", "20:00"),
        ("15：30", "15:30"),
        ("2026年3月1日 9点", "2026-03-01（星期日）09:00"),
        ("2026-03-01T15:30:00", "15:30"),
        ("晚上12点", "2026-11-23（星期一）00:00"),
        ("晚上0点", "2026-11-23（星期一）00:00"),
        ("晚上12点半", "2026-11-23（星期一）00:30"),
        ("2026年12月31日晚上12点", "2027-01-01（星期五）00:00"),
        ("晚上1点", "2026-11-23（星期一）01:00"),
        ("晚上11点", "2026-11-22（星期日）23:00"),
        ("晚上6点", "2026-11-22（星期日）18:00"),
        ("晚上20点", "2026-11-22（星期日）20:00"),
        ("凌晨1点", "2026-11-22（星期日）01:00"),
        ("凌晨12点", "2026-11-22（星期日）00:00"),
        ("中午1点", "2026-11-22（星期日）13:00"),
        ("中午12点", "2026-11-22（星期日）12:00"),
        ("中午11点半", "2026-11-22（星期日）11:30"),
        ("下午12点", "2026-11-22（星期日）12:00"),
    ],
)
def test_times_as_people_write_them(written: str, read: str) -> None:
    assert read in tell(time=written)


def test_nights_when_the_clocks_change() -> None:
    assert "does not exist in Berlin" in tell(place="Berlin", time="2026-03-29 02:30")
    assert "it counts as 03:30" in tell(place="Berlin", time="2026-03-29 02:30")
    assert "会出现两次" in tell(place="柏林", time="2026-10-25 02:30")
    assert "Note" not in tell(place="Berlin", time="2026-10-26 02:30")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"place": "Bejing"}, "Did you mean Beijing"),
        ({"place": "USA"}, "New York, Chicago"),
        ({"place": "美国"}, "纽约, 芝加哥"),
        ({"place": "某某某"}, "请给出大城市"),
        ({"place": "UTC+99"}, "not a known place"),
        ({"place": "../../etc/passwd"}, "not a known place"),
        ({"place": "x" * 5000}, "not a known place"),
        ({"time": "25:00"}, "not a time"),
        ({"time": "2026-02-30 10:00"}, "not a time"),
        ({"time": "soon"}, "Write 15:30"),
        ({"time": "0001-01-01 00:00"}, "not a time"),
        ({"place": "UTC", "time": "0001-01-01 00:00", "other_place": "New York"}, "“0001-01-01 00:00” is not a time"),
        ({"place": "北京", "time": "0001-01-01 09:00", "other_place": "纽约"}, "“0001-01-01 09:00”不是时间"),
        ({"place": "UTC", "time": "9999-12-31 23:00", "other_place": "Tokyo"}, "not a time"),
        ({"place": "纽约", "time": "9999年12月31日晚上12点"}, "不是时间"),
        ({"place": "北京", "time": "不久"}, "不是时间"),
    ],
)
def test_what_cannot_be_told(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(ToolInputError, match=message.replace("+", r"\+")):
        tell(**arguments)


def test_every_iana_zone_and_every_listed_place_is_found() -> None:
    for name in available_timezones():
        assert zone_of(name).tz
    assert zone_of("圣地亚哥").tz == ZoneInfo("America/Santiago")
    assert zone_of("Samoa").tz  # a city of IANA's that the list does not have


def test_without_arguments_it_is_the_time_of_this_machine() -> None:
    made = clock(now=now)
    assert now().astimezone().strftime("%Y-%m-%d") in made.invoke({})
    assert traits_of(made).trusted and not traits_of(made).effects
