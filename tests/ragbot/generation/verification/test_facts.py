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
        # Composed.
        ("1.2 亿人", "1亿2000万人"),
        ("35000元", "3万5千元"),
        ("35000 元", "3万5000元"),
        ("1.2 万亿", "1万亿2000亿"),
        ("30%", "三成"),
        ("七成五", "75%"),
        ("2.5年", "两年半"),
        ("三个半小时", "3.5 hours"),
        ("半年", "6个月"),
        ("half a year", "6 months"),
        ("18 months", "a year and a half"),
        ("2.5 million", "two and a half million"),
        ("between 5 and 6 days", "between five and six days"),
        ("chapters 3 and 4", "chapters three and four"),
        ("250,000", "two hundred and fifty thousand"),
        ("1000000 euros", "1 000 000 euros"),
        ("100,000 dollars", "1,00,000 dollars"),
        ("one million cells", "10⁶ cells"),
        ("3 × 10⁶", "3,000,000"),
        ("10⁻³", "0.001"),
        # Below zero, and from one to another.
        ("-20℃", "零下20摄氏度"),
        ("零下五摄氏度", "气温为-5℃"),
        ("minus 5 °C", "-5 °C"),
        ("10℃ to 20℃", "10℃-20℃"),
        ("3年到5年", "3年-5年"),
        ("5 to 10 euros", "5 - 10 euros"),
        # Units of the same kind.
        ("5 lb", "5 pounds"),
        ("£5", "5 pounds"),
        ("60 mph", "60 miles per hour"),
        ("120 km/h", "每小时120公里"),
        ("40 m²", "40平方米"),
        ("3 公顷", "45亩"),
        # Times of the day and days.
        ("9 am", "9:00"),
        ("上午9点", "9:00"),
        ("5 pm", "17:00"),
        ("下午5点", "5 p.m."),
        ("15:30", "下午3点半"),
        ("上午10:30", "上午十点半"),
        ("3点", "15:00"),
        ("10:30", "10:30 pm"),
        ("from 3 pm to 5 pm", "3-5 pm"),
        ("下午3点到下午5点", "下午3点至5点"),
        ("opens at 9", "opens at 9 am"),
        ("中午12点", "12:00"),
        ("12 am", "0:00"),
        ("周三", "星期三"),
        ("Wednesdays", "礼拜三"),
        ("in May", "March, April and May"),
        ("in May", "on 5 May 2020"),
        ("in May", "May is the month of the fair."),
        ("25.12.2023", "2023-12-25"),
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
        ("11 days", "five and six days", "number"),
        ("106 cells", "10⁶ cells", "number"),
        ("1.3 亿", "1亿2000万", "number"),
        ("30%", "三成五", "number"),
        ("3年", "两年半", "number"),
        ("5℃", "气温为-5℃", "number"),
        ("气温为-5℃", "气温为5℃", "number"),
        ("20摄氏度", "零下20摄氏度", "number"),
        ("5 kilograms", "5 pounds", "number"),
        ("$5", "5 pounds", "number"),
        ("40 hectares", "40 acres", "number"),
        ("40公顷", "40亩", "number"),
        ("120 km/h", "120 mph", "number"),
        ("300 dollars", "300 rupees", "number"),
        ("9 pm", "9:00", "number"),
        ("17:00", "5:00", "number"),
        ("下午4点", "15:00", "number"),
        ("15:00", "5 pm in room 15", "number"),
        ("周五", "周三", "number"),
        ("星期五", "星期三", "number"),
        ("on Friday", "星期三", "number"),
        ("周三", "3 天", "number"),
        ("in May", "in March", "date"),
        ("26.12.2023", "25.12.2023", "date"),
        ("五辆卡车", "三辆卡车", "number"),
        ("五场比赛", "三场比赛", "number"),
        ("七间会议室", "四间会议室", "number"),
        ("九架飞机", "四架飞机", "number"),
        ("五星级", "四星级", "number"),
        ("七号楼", "五号楼", "number"),
        ("三楼", "二楼", "number"),
    ],
)
def test_not_the_same(claim: str, source: str, kind: str) -> None:
    assert kind in disagree(claim, source)


def test_the_year_may_stand_above() -> None:
    assert disagree("on 3 January 2024", "It was signed on 3 January.", "# 2024\n\nIt was signed on 3 January.") == []
    assert disagree("on 3 January 2024", "It was signed on 3 January.", "# 2023") == ["date"]


@pytest.mark.parametrize(
    "text",
    [
        "GPT-4 and A100 in v1.2.3",
        "十分重要，千万别忘，万一如此",
        "数百万人，三四个",
        "一成不变，分成三成员",
        "上半年和下半年，大半年",
        "本周日程，星期几，圆周三等分",
        "提示时间，重点时段",
        "三星手机，三门峡",
        "192.168.1.10 and 3.11.2",
        "half the people, a year and a day, minus sign",
    ],
)
def test_what_is_no_number(text: str) -> None:
    assert quantities(level(text)) == []


def test_durations_are_no_dates() -> None:
    assert dates("三个月，五年，300 年") == []


@pytest.mark.parametrize(
    "text", ["May I ask?", "Theresa May is here", "You may march on", "March on!", "Theresa May spoke"]
)
def test_words_that_are_no_months(text: str) -> None:
    assert Reading(text).moments == []


def test_a_power_and_a_colon_stay_what_they_are() -> None:
    assert level("10⁶ m² CO₂ ９：００ CPU：Intel") == "10⁶ m2 CO2 9:00 CPU：Intel"


@pytest.mark.parametrize("text", ["１，０００ 個", "約３．５萬—ﬁ½…", "“《紅樓夢》”", "10⁻³ CPU：Intel"])
def test_levelling_keeps_every_place(text: str) -> None:
    assert len(level(text)) == len(text)
