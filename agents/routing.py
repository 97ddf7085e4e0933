"""Which way a question goes: answered at once, from the documents, or by the agent with its tools.

The rules look for what only a tool can know or compute (sums, times, weather, addresses) and for what is no question at all; everything
else goes to the documents, and on to the agent where these are silent. They cost nothing, and are right about the plain cases;
a model that follows prompts can be asked instead.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import StrEnum
from typing import Any

from agents.prompts import render


class Route(StrEnum):
    """A way for a question."""

    DIRECT = "direct"
    DOCUMENTS = "documents"
    TOOLS = "tools"


_GREETING = re.compile(
    r"\W*(?:hi|hello|hey|thanks?|thank you(?: very much| so much)?|good (?:morning|afternoon|evening|night)|bye|goodbye|ok(?:ay)?"
    r"|who are you|what can you do|how are you|你好|您好|早上好|晚上好|谢谢(?:你|您)?|多谢|再见|好的|你是谁|你能做什么|你会什么)"
    r"(?:\s*(?:there|ragbot|all|啊|呀|吗))?\W*",
    re.IGNORECASE,
)
#: By the tool that it takes: without that tool the question goes to the documents.
_SIGNS: dict[str, re.Pattern[str]] = {
    "calculator": re.compile(
        r"\d\s*(?:[+*/×÷^%]|\s-\s)\s*[\d(]|\d\s*%\s*(?:of|的)|\b(?:sqrt|square root|factorial|plus|minus|times|divided by)\b"
        r"|[加减乘除]以?[\d一二三四五六七八九十百千万]|平方根|阶乘|打[\d一二三四五六七八九]折|how many days|多少天|几天",
        re.IGNORECASE,
    ),
    "clock": re.compile(
        r"\b(?:what time|what day|what is the date|today's date|time zone|right now)\b|几点|现在.{0,6}时间|今天.{0,4}(?:几号|星期|日期)|时区",
        re.IGNORECASE,
    ),
    "weather": re.compile(
        r"\b(?:weather|forecast|rain(?:ing|y)?|snow(?:ing)?|temperature in|degrees (?:in|warmer|colder)|hotter|colder)\b"
        r"|天气|气温|下雨|下雪|多少度|[热冷]多少",
        re.IGNORECASE,
    ),
    "units": re.compile(
        r"\b(?:convert|how many (?:miles|kilomet|met(?:er|re)s|feet|inches|pounds|kilograms|ounces|litres|liters|gallons))"
        r"|换算|等于多少(?:公里|千米|米|英里|斤|公斤|磅|亩|尺|升)|合多少",
        re.IGNORECASE,
    ),
    "fetch_page": re.compile(r"https?://|\bwww\.", re.IGNORECASE),
    "web_search": re.compile(
        r"\b(?:latest news|search the web|on the internet|online)\b|最新(?:新闻|消息)|上网|网上", re.IGNORECASE
    ),
}


def by_rules(question: str, tools: Collection[str], documents: bool) -> Route:
    """The way that the signs in a question point.

    Args:
        question: as the person wrote it.
        tools: names of those that there are.
        documents: whether there are documents to ask.
    """
    if _GREETING.fullmatch(question.strip()):
        return Route.DIRECT
    if any(name in tools and sign.search(question) for name, sign in _SIGNS.items()):
        return Route.TOOLS
    if documents:
        return Route.DOCUMENTS
    return Route.TOOLS if tools else Route.DIRECT


def prompt(question: str, language: str) -> str:
    """What a model is asked with."""
    return render("route", language, question=" ".join(question.split()))


def schema() -> dict[str, Any]:
    """The JSON schema of its reply."""
    return {
        "type": "object",
        "properties": {"way": {"enum": [str(way) for way in Route]}},
        "required": ["way"],
        "additionalProperties": False,
    }


def read(reply: str) -> Route | None:
    """The way that a reply names, if it names one."""
    named = {way for way in Route if re.search(rf"\b{way}\b", reply.casefold())}
    return named.pop() if len(named) == 1 else None
