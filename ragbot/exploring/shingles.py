"""Texts as sets of shingles: hashes of every run of a few words, or of a few characters where words are not spaced.

Shingles, and the resemblance and containment that follow from them: Broder, "On the resemblance and containment of
documents" (1997).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

#: Words in a shingle, and characters in one of a text that is mostly Chinese, Japanese or Korean. Of articles about
#: other things, a pair shares hardly any of either.
WORDS = 3
CHARACTERS = 5
_WIDE = r"\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f"
_TOKEN = re.compile(rf"[{_WIDE}]|[^\W_{_WIDE}]+")
#: The finaliser of SplitMix64 (Steele, Lea & Flood 2014).
_GOLDEN, _FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_FACTOR = np.uint64(0x2545F4914F6CDD1D)


@dataclass(frozen=True)
class Shingled:
    """A text: the shingle that begins at each token (``hashes``), how many tokens one has, and how many there are."""

    hashes: Hashes
    width: int
    tokens: int

    @cached_property
    def distinct(self) -> Hashes:
        """The shingles, each once, ascending."""
        return np.unique(self.hashes)

    def covered(self, others: Hashes) -> float:
        """Share of the tokens that stand in a shingle of ``others`` (ascending), in [0, 1]."""
        if not len(others) or not self.tokens:
            return 0.0
        at = np.minimum(np.searchsorted(others, self.hashes), len(others) - 1)
        shared = np.append(others[at] == self.hashes, np.zeros(self.width - 1, bool))[: self.tokens]
        inside = shared.copy()
        for step in range(1, self.width):
            inside[step:] |= shared[:-step]
        return float(inside.mean())


class Shingler:
    """Makes :class:`Shingled` of texts; those of one shingler can be compared.

    Case, width of characters, white space, punctuation and Markdown's marks do not count.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __call__(self, text: str) -> Shingled:
        """The shingles of a text; one that is shorter than a shingle is one."""
        tokens = _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())
        wide = sum(len(token) == 1 and token >= "\u3041" for token in tokens)
        width = CHARACTERS if 2 * wide > len(tokens) else WORDS
        if not tokens:
            return Shingled(np.empty(0, np.uint64), width, 0)
        hashed = _mixed(np.array(self._numbered(tokens), np.uint64))
        size = min(width, len(tokens))
        rolled = np.zeros(len(tokens) - size + 1, np.uint64)
        for step in range(size):
            rolled = rolled * _FACTOR + hashed[step : step + len(rolled)]
        return Shingled(_mixed(rolled), size, len(tokens))

    def _numbered(self, tokens: Sequence[str]) -> list[int]:
        numbers = self._numbers
        return [numbers.setdefault(token, len(numbers)) for token in tokens]


def _mixed(values: Hashes) -> Hashes:
    with np.errstate(over="ignore"):
        x = values + _GOLDEN
        x = (x ^ (x >> np.uint64(30))) * _FIRST
        x = (x ^ (x >> np.uint64(27))) * _SECOND
        mixed: Hashes = x ^ (x >> np.uint64(31))
    return mixed
