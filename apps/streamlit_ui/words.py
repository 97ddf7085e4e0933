"""The words of the Streamlit app, in Chinese and English; those of answers and the like are ragbot.showing's."""

from __future__ import annotations

import re
from pathlib import Path

from ragbot.showing.words import Words

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$:&])")


_WORDS = Words(Path(__file__).parent)
#: The words of this app alone.
texts, say = _WORDS.texts, _WORDS.say


def plain(text: str, limit: int = 0) -> str:
    """A text of anybody for Streamlit's labels, which are Markdown: every sign stands for itself, on one line.

    Args:
        limit: characters, after which it is cut; 0 for any number.
    """
    line = " ".join(text.encode("utf-8", "replace").decode().split())
    if limit and len(line) > limit:
        line = f"{line[: limit - 1].rstrip()}…"
    return _SPECIAL.sub(r"\\\1", line)
