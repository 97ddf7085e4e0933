"""Words from outside, made fit for one line of an observation."""

from __future__ import annotations

import html
import re
import unicodedata

_TAG = re.compile(r"<[^<>]{0,500}>")


def one_line(value: object, limit: int) -> str:
    """``value`` without tags, entities, control characters and line ends, cut to ``limit`` characters; not text: ``""``."""
    if not isinstance(value, str):
        return ""
    text = html.unescape(_TAG.sub("", value[: 20 * limit]))
    # Control and format characters (Cc, Cf: bidirectional overrides among them) would reorder or hide what is shown.
    text = "".join(" " if unicodedata.category(mark) in {"Cc", "Zl", "Zp"} else mark for mark in text)
    text = "".join(mark for mark in text if unicodedata.category(mark) not in {"Cf", "Cs", "Co"})
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"
