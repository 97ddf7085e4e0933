"""The words of a text that say what it is about: whole words of Chinese and English, without those that all texts have."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_RUN = re.compile(rf"(?P<han>[{_HAN}]+)|[^\W\d_{_HAN}][^\W_{_HAN}]*(?:[-.'’+#][^\W_{_HAN}]+)*[+#]*")
#: A letter alone, or a Han character alone, is hardly ever a subject.
_SHORTEST = 2


def content_words(text: str) -> Iterator[tuple[str, str]]:
    """Yield each word as ``(key, form)``: what it counts as, and how it is written there.

    Numbers, single characters and stop words are left out. An English plural counts as its singular.
    """
    import rjieba

    stop = _stop_words()
    for match in _RUN.finditer(unicodedata.normalize("NFKC", text)):
        if match.lastgroup == "han":
            words: list[str] = rjieba.cut(match.group())
            yield from ((word, word) for word in words if len(word) >= _SHORTEST and word not in stop)
            continue
        form = match.group().replace("’", "'").removesuffix("'s")
        key = form.casefold()
        if len(key) >= _SHORTEST and key not in stop:
            yield _singular(key), form


def best_form(forms: Counter[str]) -> str:
    """How a word is written most often. A capital that only begins it does not count, where it is written without one."""
    merged: Counter[str] = Counter()
    for form, count in forms.items():
        begun = form[:1].isupper() and form[1:] == form[1:].casefold() and form.casefold() in forms
        merged[form.casefold() if begun else form] += count
    return min(merged, key=lambda form: (-merged[form], form))


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-3] + "y" if word.endswith("ies") and len(word) > 5 else word[:-1]
    return word


@cache
def _stop_words() -> frozenset[str]:
    folder = files("ragbot.exploring").joinpath("stopwords")
    return frozenset(
        word for name in ("en", "zh") for word in folder.joinpath(f"{name}.txt").read_text(encoding="utf-8").split()
    )
