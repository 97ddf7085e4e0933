"""Texts that a model reads, in the language of what it asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import SequenceMatcher
from types import MappingProxyType

_HAN = re.compile(r"[\u3400-\u9fff]")
#: Names less alike than this are no suggestion.
_ALIKE = 0.6
#: One of two Chinese characters is half a name, and often the whole mistake.
_ALIKE_HAN = 0.5
#: No name is compared beyond this; what a model sends may be of any length.
_LONGEST = 80
#: The language of the run that calls; empty outside of runs.
_RUN: ContextVar[str] = ContextVar("language of the run", default="")


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Let the tools that are called inside say what they say in the language of the run."""
    token = _RUN.set(language)
    try:
        yield
    finally:
        _RUN.reset(token)


def spoken_for(text: str, default: str) -> str:
    """The language to answer arguments in: the run's, whatever a place or a column is called; else :func:`language_of`."""
    return _RUN.get() or language_of(text, default)


def language_of(text: str, default: str) -> str:
    """``zh`` where ``text`` holds a Chinese character, else ``default``: ``"2 + 2"`` is in no language."""
    return "zh" if _HAN.search(text) else default


class Texts:
    """A table of messages in English and Chinese, with ``{names}`` to fill in.

    Args:
        en, zh: the messages by key.

    Raises:
        ValueError: a key stands in one language alone.
    """

    def __init__(self, en: Mapping[str, str], zh: Mapping[str, str]) -> None:
        if en.keys() != zh.keys():
            raise ValueError(f"texts that lack a language: {sorted(en.keys() ^ zh.keys())}")
        self._tables = MappingProxyType({"en": en, "zh": zh})

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the messages."""
        return frozenset(self._tables["en"])

    def __call__(self, language: str, key: str, **values: object) -> str:
        """The message ``key``; any language but Chinese is answered in English."""
        return self._tables["zh" if language == "zh" else "en"][key].format(**values)


def nearest(wanted: str, names: Iterable[str], count: int = 3) -> list[str]:
    """The ``count`` names most like ``wanted``, best first, without regard to case; a part of a name counts as alike."""
    folded = wanted[:_LONGEST].casefold().strip()
    least = _ALIKE_HAN if _HAN.search(folded) else _ALIKE
    matcher = SequenceMatcher(None, "", folded, autojunk=False)
    scored = []
    for name in dict.fromkeys(names):
        other = name[:_LONGEST].casefold()
        matcher.set_seq1(other)
        part = len(folded) > 1 and len(other) > 1 and (folded in other or other in folded)
        # The first two are quick bounds of the third.
        if not part and (matcher.real_quick_ratio() < least or matcher.quick_ratio() < least):
            continue
        scored.append((max(matcher.ratio(), least if part else 0.0), name))
    # The order of the names decides between equals.
    best = sorted(scored, key=lambda pair: -pair[0])[:count]
    return [name for score, name in best if score >= least]
