"""The weather against a server that speaks Open-Meteo's interfaces."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.tools import BaseTool

from agents.tools.base import Effect, Result, ToolInputError, ToolOutageError, traits_of
from agents.tools.weather import weather
from agents.tools.weather_data.codes import _CODES, sky, wind
from tests.agents.tools.net.providers import PLACES, Providers


@pytest.fixture
def tool(providers: Providers) -> BaseTool:
    return weather(providers.url, providers.url, 5.0)


def call(tool: BaseTool, **arguments: Any) -> Result:
    artifact = tool.invoke({"name": tool.name, "args": arguments, "id": "1", "type": "tool_call"}).artifact
    assert isinstance(artifact, Result)
    return artifact


def test_today_in_english(tool: BaseTool, providers: Providers) -> None:
    found = call(tool, place="Paris")
    assert found.text.splitlines() == [
        "Weather in Paris, Île-de-France, France",
        "(taken from several places of this name; others: Paris, Texas, United States. Name the region or country to choose.)",
        "Now (2026-03-01 13:15, local time): 12 °C, light rain, feels like 10 °C, humidity 61%, wind 8 km/h from the "
        "south-west, precipitation 0.3 mm",
        "Next hours:",
        *(f"03-0{1 + (hour > 23)} {hour % 24:02d}:00 {12 - (hour - 13) / 10:g} °C, overcast, {(hour - 13) * 4}% chance of precipitation" for hour in range(14, 37, 3)),
        "Days:",
        "2026-03-01 (today): rain, 5 °C to 14 °C, precipitation 4.2 mm, 80% chance of precipitation, wind up to 16 km/h",
        "Source: Open-Meteo.com",
    ]  # fmt: skip
    assert providers.asked[-1].query["latitude"] == "48.85341"
    assert found.data is not None and found.data["place"]["country"] == "France" and json.dumps(found.data)
    assert len(found.text) < traits_of(tool).output_limit


def test_days_in_chinese(tool: BaseTool, providers: Providers) -> None:
    lines = call(tool, place="北京", days=3).text.splitlines()
    assert lines[0] == "北京, 北京市, 中国的天气"
    assert lines[1].startswith(
        "现在（当地时间 2026-03-01 13:15）：12 °C，小雨，体感温度 10 °C，湿度 61%，西南风 8 km/h，降水量 0.3 mm"
    )
    assert lines[2] == "逐日预报："
    assert lines[4].startswith(
        "2026-03-02 (星期一): 中雨，5 °C 至 14 °C，降水量 4.2 mm，降水概率 80%，最大风速 16 km/h"
    )
    assert lines[-1] == "数据来源：Open-Meteo.com" and len(lines) == 7
    assert providers.asked[0].query["language"] == "zh"


def test_imperial_units(tool: BaseTool) -> None:
    text = call(tool, place="Paris, Texas", units="imperial").text
    assert text.startswith("Weather in Paris, Texas, United States\nNow")
    assert "53.6 °F" in text and "5 mph" in text and "0.3 in" in text and "°C" not in text


@pytest.mark.parametrize(
    ("place", "region", "country"),
    [
        ("Paris", "Île-de-France", "France"),
        ("paris, us", "Texas", "United States"),
        ("Paris, USA", "Texas", "United States"),
        ("Paris,Texas,United States", "Texas", "United States"),
        ("巴黎，美国", "得克萨斯州", "美国"),
        ("巴黎, 法国", "法兰西岛", "法国"),
        ("浙江省杭州市", "浙江省", "中国"),
        ("杭州市", "浙江省", "中国"),
        ("朝阳，辽宁", "辽宁省", "中国"),
        ("北京市朝阳区", "北京市", "中国"),
        ("辽宁省朝阳市", "辽宁省", "中国"),
    ],
)
def test_places(tool: BaseTool, place: str, region: str, country: str) -> None:
    data = call(tool, place=place).data
    assert data is not None and (data["place"]["region"], data["place"]["country"]) == (region, country)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("Pariz", "There is no place named Pariz. Did you mean: Paris, Île-de-France, France"),
        ("Paris, Japan", "There is no place named Paris, Japan. Did you mean: Paris"),
        ("北津", "没有名为“北津”的地方。请检查写法"),
        ("北京城", "没有名为“北京城”的地方。是不是：北京, 北京市, 中国？"),
        ("Xyzzy", "There is no place named Xyzzy. Check the spelling"),
        ("", "place is empty"),
        (" , ", "place is empty"),
        ("x" * 101, "place is too long"),
    ],
)
def test_unknown_places(tool: BaseTool, place: str, said: str) -> None:
    with pytest.raises(ToolInputError) as caught:
        tool.invoke({"place": place})
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("days", [0, 17, -3])
def test_days_out_of_range(tool: BaseTool, days: int) -> None:
    with pytest.raises(ToolInputError, match="between 1 and 16"):
        tool.invoke({"place": "Paris", "days": days})


@pytest.mark.parametrize("fault", ["429 3600", "500", "closed", "broken", "html", "shape", "rows", "huge"])
def test_outages(tool: BaseTool, providers: Providers, fault: str) -> None:
    providers.fault = fault
    with pytest.raises(ToolOutageError, match=r"Open-Meteo.*Say that the weather cannot be had"):
        tool.invoke({"place": "Paris"})
    with pytest.raises(ToolOutageError, match=r"Open-Meteo.*请说明现在无法获得天气信息"):
        tool.invoke({"place": "北京"})


@pytest.mark.parametrize("fault", ["broken", "shape", "rows"])
def test_a_forecast_that_cannot_be_read(providers: Providers, fault: str) -> None:
    from tests.agents.tools.net.providers import Providers as Other

    other = Other(fault=fault)
    try:
        with pytest.raises(ToolOutageError, match="cannot be read"):
            weather(providers.url, other.url, 5.0).invoke({"place": "Paris"})
    finally:
        other.close()


def test_what_is_not_known_is_left_out(tool: BaseTool, providers: Providers) -> None:
    providers.fault = "empty"
    with pytest.raises(ToolInputError, match="no place"):
        tool.invoke({"place": "Paris"})
    providers.faults = 0
    providers.places = [{**PLACES[0], "admin1": None, "name": "Pa\nris <b>Ignore</b>\u202e", "population": None}]
    assert "Weather in Pa ris Ignore, France\n" in call(tool, place="Pa").text


def test_words_for_all_codes() -> None:
    assert all(len({sky(code, language) for code in _CODES}) == len(_CODES) for language in ("en", "zh"))
    assert (sky(95, "en"), sky(95, "zh"), sky(None, "en"), sky(12, "zh")) == ("thunderstorm", "雷暴", "unknown", "未知")
    assert [wind(degrees, "en") for degrees in (0, 44, 90, 359, 337)] == [
        "north",
        "north-east",
        "east",
        "north",
        "north-west",
    ]
    assert wind(180, "zh") == "南风"


def test_traits_and_schema(tool: BaseTool) -> None:
    assert traits_of(tool).effects == {Effect.NETWORK} and not traits_of(tool).trusted
    assert set(tool.args) == {"place", "days", "units"} and tool.args["units"]["enum"] == ["metric", "imperial"]
