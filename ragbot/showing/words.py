"""The words of the pages, in Chinese and English, and which of the two a visitor reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


class Words:
    """Strings by language and key, out of ``text.en.json`` and ``text.zh.json``.

    Args:
        folder: where these are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Language, dict[str, str]] = {}

    def texts(self, language: str) -> dict[str, str]:
        """All strings of one language, by key."""
        known = _known(language)
        if known not in self._read:
            self._read[known] = json.loads((self._folder / f"text.{known}.json").read_text(encoding="utf-8"))
        return self._read[known]

    def say(self, language: str, key: str, **values: object) -> str:
        """A string with its ``{names}`` filled in: plain text, to be escaped where it is shown.

        Where ``count`` is 1 and there is a string ``KEY_one``, that one. Raises KeyError for no such key.
        """
        strings = self.texts(language)
        chosen = f"{key}_one" if values.get("count") == 1 and f"{key}_one" in strings else key
        return strings[chosen].format(**values)


_WORDS = Words(Path(__file__).parent)
#: The words of all pages.
texts, say = _WORDS.texts, _WORDS.say


def language_of(accept_language: str | None, setting: str = "auto") -> Language:
    """``zh`` or ``en``: as the setting ``language`` says, with ``auto`` which of the two the browser prefers.

    Args:
        accept_language: the header (RFC 9110, section 12.5.4), such as ``zh-CN,zh;q=0.9,en;q=0.8``; None where there is
            none.
        setting: ``zh``, ``en`` or ``auto``.
    """
    if setting != "auto":
        return _known(setting)
    best: tuple[float, Language] = (0.0, "en")
    for item in (accept_language or "").split(","):
        tag, _, parameter = item.partition(";")
        primary = tag.strip().lower().replace("_", "-").partition("-")[0]
        weight = _weight(parameter)
        if primary in LANGUAGES and weight > best[0]:  # the first of those that are wanted equally
            best = weight, _known(primary)
    return best[1]


def _known(language: str) -> Language:
    return "zh" if language.lower().startswith("zh") else "en"


def _weight(parameter: str) -> float:
    """The value of ``q=0.8``; 1 where there is none, 0 where it cannot be read."""
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
