"""How much two answers say the same: overlap of their words, or of their characters where words are not set apart."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

#: Han characters and kana stand alone, anything else goes by words.
_ALONE = r"\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_UNIT = re.compile(rf"[{_ALONE}]|[^\W_{_ALONE}]+")


def overlap(one: str, other: str) -> float:
    """F1 in [0, 1] over the words (of Chinese and Japanese: characters) of both, repetitions counted.

    Case, width and punctuation do not count. The definition is SQuAD's (Rajpurkar et al. 2016, section 6.1), its
    dropping of English articles left out. Two texts without any word agree wholly.
    """
    first, second = _units(one), _units(other)
    if not first or not second:
        return float(first == second)
    return 2 * (first & second).total() / (first.total() + second.total())


def _units(text: str) -> Counter[str]:
    return Counter(_UNIT.findall(unicodedata.normalize("NFKC", text).casefold()))
