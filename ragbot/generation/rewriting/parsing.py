"""What a chat model said, read with patience: reasoning, fences, JSON, numbers, labels and quotes are taken off."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ragbot.models.hf import encodable
from ragbot.text import sentence_spans

_DECODER = json.JSONDecoder(strict=False)
_REASONING = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[\w-]*[ \t]*$", re.MULTILINE)
#: The mark of a list item: "1.", "(2)", "3、", "- ", "Q4:", "问题 5：".
_MARK = re.compile(
    r"\s*(?:[-*•·–][ \t]+|[(（]?\d{1,2}\s?[.．)）、:：](?!\d)\s*|(?:q|question|query|问题|查询|子问题)\s*\d{1,2}\s*[.．:：、]\s*)",
    re.IGNORECASE,
)
#: What stands in front of a text to say what it is.
_LABEL = re.compile(
    r"\s*(?:(?:stand-?alone|rewritten|rephrased|search|sub-?)?\s*(?:question|query|passage|answer)s?|"
    r"(?:独立的?|完整的?|改写后的?)?(?:问题|提问|查询|段落|回答))\s*[:：]\s*",
    re.IGNORECASE,
)
_QUOTES = "\"'“”‘’「」『』`* \t"
_SPACE = re.compile(r"\s+")
#: Where a text may stand in an object that a model made up; other fields are not searched for.
_FIELDS = ("question", "query", "text", "questions", "queries", "passage", "问题", "查询", "段落")
_DEEPEST = 4


def spoken(reply: str) -> str:
    """The reply without its reasoning (``<think>``), as far as it has come."""
    return _REASONING.sub("", reply)


def texts_of(reply: str, count: int, longest: int) -> list[str]:
    """The texts of a list: a JSON value, numbered or marked lines, or plain lines; different ones, in their order.

    A line of introduction is left out: one that ends with a colon, or stands beside lines that are marked.

    Args:
        reply: what the model said.
        count: how many are taken.
        longest: characters; a longer one is left out.
    """
    text = _FENCE.sub("", spoken(encodable(reply)))
    found: dict[str, str] = {}
    for item in _json_texts(text) or _line_texts(text):
        clean = _cleaned(item)
        if 1 < len(clean) <= longest:
            found.setdefault(key(clean), clean)
    found.pop("", None)  # signs alone
    return list(found.values())[:count]


def passage_of(reply: str, longest: int) -> str:
    """The reply as one passage, cut at the end of a sentence where it is longer than ``longest`` characters."""
    text = _FENCE.sub("", spoken(encodable(reply)))
    clean = _cleaned(" ".join(_json_texts(text) or [text]))
    if len(clean) <= longest:
        return clean
    ends = [end for _, end in sentence_spans(clean[:longest])]
    return clean[: ends[-2] if len(ends) > 1 else longest]


def key(text: str) -> str:
    """What two texts have in common that differ in case and signs alone."""
    return "".join(character for character in text.casefold() if character.isalnum())


def _cleaned(text: str) -> str:
    text = _SPACE.sub(" ", text).strip(_QUOTES)
    while match := _MARK.match(text) or _LABEL.match(text):
        text = text[match.end() :].lstrip(_QUOTES)
    return text.strip(_QUOTES)


def _line_texts(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.strip() and not line.rstrip(_QUOTES).endswith((":", "："))]
    return [line for line in lines if _MARK.match(line)] or lines


def _json_texts(text: str) -> list[str]:
    """The texts of the first JSON list or object in ``text`` that has some."""
    for start in re.finditer(r"[\[{]", text):
        try:
            value, _ = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):  # no JSON, a number too long to read, or brackets beyond all measure
            continue
        if found := list(_strings(value)):
            return found
    return []


def _strings(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < _DEEPEST and isinstance(value, list):
        for item in value:
            yield from _strings(item, depth + 1)
    elif depth < _DEEPEST and isinstance(value, dict):
        for name in _FIELDS:
            yield from _strings(value.get(name), depth + 1)
