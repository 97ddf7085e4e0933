"""The words of the report, in English and in Chinese."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Literal

from eval.metrics.table import METRICS

Language = Literal["en", "zh"]


@cache
def texts(language: Language) -> dict[str, str]:
    """All strings of one language, by key."""
    path = Path(__file__).with_name(f"report.{language}.json")
    loaded: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


class Words:
    """The strings of one language; calling it fills the ``{names}`` of one in. A result is plain text, not HTML."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.tag = "zh-CN" if language == "zh" else "en"

    def __call__(self, key: str, /, **values: object) -> str:
        """One string."""
        return texts(self.language)[key].format(**values)

    def metric(self, name: str) -> str:
        """What a metric measures; English is in the table of metrics itself, and stands in where Chinese is missing."""
        stem, _, depth = name.partition("@")
        key = f"metric.{stem}@" if depth else f"metric.{name}"
        return texts(self.language).get(key, METRICS[name].title).format(k=depth)

    def slice(self, name: str) -> str:
        """A slice as a reader sees it: ``language=zh`` becomes ``language: zh``."""
        key, _, value = name.partition("=")
        if not value:
            return texts(self.language).get(f"slice.{name}", name)
        return self("slice_name", key=self.key(key), value=self.value(key, value))

    def joined(self, sentences: Iterable[str]) -> str:
        """Sentences one after another: Chinese has no space between them."""
        return ("" if self.language == "zh" else " ").join(sentences)

    def key(self, name: str) -> str:
        """What a tag is called."""
        return texts(self.language).get(f"key.{name}", name)

    def value(self, key: str, value: str) -> str:
        """What a tag's value is called."""
        return texts(self.language).get(f"value.{key}.{value}", value)
