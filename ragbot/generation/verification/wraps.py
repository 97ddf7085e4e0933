"""Lines that were wrapped inside of a sentence: a new line there is a blank, and between Chinese characters nothing."""

from __future__ import annotations

import re

_HAN = r"\u2e80-\u9fff\uf900-\ufaff\uff00-\uff60\U00020000-\U0003134f"
#: Chinese is written without blanks, so that a wrap between two of its characters, or marks, leaves none.
_SEAM = re.compile(rf"(?<=[{_HAN}])[ \t\r]*\n[ \t\r]*(?=[{_HAN}])")
_BREAKS = str.maketrans("\n\r", "  ")


def unwrapped(sentence: str) -> str:
    """The sentence on one line."""
    return _SEAM.sub("", sentence).translate(_BREAKS) if "\n" in sentence else sentence


def place(sentence: str, offset: int, end: bool = False) -> int:
    """Where a place in the unwrapped sentence lies in the sentence; ``end``: the place is behind a character."""
    for seam in _SEAM.finditer(sentence) if "\n" in sentence else ():
        if offset < seam.start() + (1 if end else 0):
            break
        offset += seam.end() - seam.start()
    return offset
