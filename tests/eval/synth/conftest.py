"""Small documents in both languages, with what must not be asked about among them."""

from __future__ import annotations

import pytest

from ragbot.documents import Heading, ParsedDocument

EN = """# The Ravna Line

The Ravna Line is a narrow-gauge railway that joins the harbour of Ravna to the quarries of Tolm. It carries slate and visitors.

## Building

The stone bridge was built by Halvard Brekke in 1883. The viaduct has 14 arches of grey granite. The summit tunnel was closed in 1941 because of the war.

RQ-7 (Lindqvist and Moe, 1996) is the standard locomotive. RQ-7 pulls twelve loaded wagons up the steepest part of the line without a helper.

| year | wagons |
| --- | --- |
| 1890 | 40 |
| 1910 | 95 |

## Timetable

Trains are slower in autumn because wet leaves make the rails slippery. The ticket office opens at eight in the morning, and the last train leaves at six.

This is why it was done. He said that they liked it very much indeed.

## References

[1] Moe, A. A history of narrow-gauge railways. Tolm Press, 1999.
"""
ZH = """# 青塘茶场

青塘茶场位于浙江南部的山区，主要种植绿茶和白茶。茶园是一种依山开垦的梯田。

## 历史

茶场由林守正在 1956 年创办，最初只有三十亩地。1984 年的大雪冻死了茶场百分之四十的茶树。

Maruta 等人（2011）在茶场测量了土壤的酸度。茶场目前共有 27 名制茶师傅，全部在本地长大。

## 工艺

青塘绿茶的杀青温度控制在 210 度左右，时间不超过 5 分钟。因为山里湿气重，所以干燥要做两次。

由于山里湿气重，干燥工序要比平原茶场多做一遍。它的味道很好，这是大家都知道的。

## 目录

历史……………………3
工艺……………………7
"""


def parsed(text: str, language: str) -> ParsedDocument:
    headings, offset = [], 0
    for line in text.splitlines(keepends=True):
        if line.startswith("#"):
            marks, _, title = line.strip().partition(" ")
            headings.append(Heading(offset, len(marks), title))
        offset += len(line)
    return ParsedDocument(text, headings[0].text if headings else "", "md", language, headings=tuple(headings))


@pytest.fixture
def railway() -> ParsedDocument:
    return parsed(EN, "en")


@pytest.fixture
def tea() -> ParsedDocument:
    return parsed(ZH, "zh")


@pytest.fixture
def both(railway: ParsedDocument, tea: ParsedDocument) -> dict[str, ParsedDocument]:
    return {"en/railway.md": railway, "zh/茶场.md": tea}
