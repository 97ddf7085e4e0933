"""Numbers and dates: equal however they are written, in both languages, and different where they are."""

from __future__ import annotations

import pytest

from ragbot.generation.verification.dates import dates
from ragbot.generation.verification.facts import fact_findings
from ragbot.generation.verification.letters import level
from ragbot.generation.verification.quantities import quantities
from ragbot.generation.verification.reading import Reading


def disagree(claim: str, source: str, around: str = "") -> list[str]:
    return [item.kind for item in fact_findings(Reading(claim), [Reading(source)], [Reading(around)])]


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("1,000 prompts", "1000 prompts"),
        ("一千条提示", "1,000 条提示"),
        ("one thousand prompts", "1000 prompts"),
        ("two hundred and fifty prompts", "250 prompts"),
        ("3.5万人", "35,000 people"),
        ("３．５萬人", "35000 人"),
        ("三万五千人", "3.5 万人"),
        ("1.2 亿元", "120000000 元"),
        ("两千三百人", "2300 人"),
        ("a 7B model", "7 billion parameters"),
        ("a 65-billion-parameter model", "65B"),
        ("12%", "百分之十二"),
        ("12 per cent", "12%"),
        ("千分之三", "0.3%"),
        ("the third chapter", "第三章"),
        ("the 3rd chapter", "chapter 3"),
        ("1 km", "1000 metres"),
        ("24 hours", "one day"),
        ("at 10:30", "10:30"),
        ("2 小时", "120 分钟"),
        ("16-bit weights", "16 bits"),
        ("about 40", "39.6"),
        ("约 40 个", "39.6 个"),
        ("3 January 2024", "2024-01-03"),
        ("January 3rd, 2024", "2024年1月3日"),
        ("二〇二四年一月三日", "Jan. 3, 2024"),
        ("2024年1月", "on 3 January 2024"),
        ("in 2024", "2024年1月3日"),
        ("the 1990s", "二十世纪九十年代"),
        ("in the 1990s", "in 1994"),
        ("the 20th century", "二十世纪"),
        ("221 BC", "公元前221年"),
        ("1998 年", "一九九八年"),
    ],
)
def test_the_same(claim: str, source: str) -> None:
    assert disagree(claim, source) == []


@pytest.mark.parametrize(
    ("claim", "source", "kind"),
    [
        ("2,000 prompts", "1,000 prompts", "number"),
        ("三千条", "一千条", "number"),
        ("7 million", "7 billion", "number"),
        ("3.5亿", "3.5万", "number"),
        ("350 MB", "350 GB", "number"),
        ("2 GB per second", "2 TB per second", "number"),
        ("5 分钟", "5 小时", "number"),
        ("5 hours", "5 minutes", "number"),
        ("12%", "百分之二十", "number"),
        ("the fourth chapter", "第三章", "number"),
        ("40", "39.6", "number"),
        ("at 11:30", "10:30", "number"),
        ("about 20%", "25%", "number"),
        ("four to four times", "four to five times", "number"),
        ("4 January 2024", "2024-01-03", "date"),
        ("2024年2月3日", "3 January 2024", "date"),
        ("3 January 2023", "2024年1月3日", "date"),
        # A claim may say less than its source, and never more.
        ("3 January 2024", "January 2024", "date"),
        ("2024年1月", "2024 年", "date"),
        ("in the 1980s", "in 1994", "date"),
    ],
)
def test_not_the_same(claim: str, source: str, kind: str) -> None:
    assert kind in disagree(claim, source)


def test_the_year_may_stand_above() -> None:
    assert disagree("on 3 January 2024", "It was signed on 3 January.", "# 2024\n\nIt was signed on 3 January.") == []
    assert disagree("on 3 January 2024", "It was signed on 3 January.", "# 2023") == ["date"]


@pytest.mark.parametrize("text", ["GPT-4 and A100 in v1.2.3", "十分重要，千万别忘，万一如此", "数百万人，三四个"])
def test_what_is_no_number(text: str) -> None:
    assert quantities(level(text)) == []


def test_durations_are_no_dates() -> None:
    assert dates("三个月，五年，300 年") == []


@pytest.mark.parametrize("text", ["１，０００ 個", "約３．５萬—ﬁ½…", "“《紅樓夢》”"])
def test_levelling_keeps_every_place(text: str) -> None:
    assert len(level(text)) == len(text)
