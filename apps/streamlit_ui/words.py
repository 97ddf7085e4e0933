"""The words of the Streamlit app, in Chinese and English; those of answers and the like are ragbot.showing's."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$:&])")


@cache
def texts(language: str) -> dict[str, str]:
    """All strings of one language, by key."""
    path = Path(__file__).with_name(f"text.{language}.json")
    loaded: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def say(language: str, key: str, **values: object) -> str:
    """A string with its ``{names}`` filled in. Raises KeyError for no such key."""
    return texts(language)[key].format(**values)


def plain(text: str, limit: int = 0) -> str:
    """A text of anybody for Streamlit's labels, which are Markdown: every sign stands for itself, on one line.

    Args:
        limit: characters, after which it is cut; 0 for any number.
    """
    line = " ".join(text.encode("utf-8", "replace").decode().split())
    if limit and len(line) > limit:
        line = f"{line[: limit - 1].rstrip()}…"
    return _SPECIAL.sub(r"\\\1", line)
