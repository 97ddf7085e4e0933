"""Texts compared by what they say, word for word: case, script, spacing, punctuation and markup do not count.

A difference inside a sentence may be a difference in what it says (another number, another name, a "not"), so only
whole sentences are ever overlooked, and few of them: two clauses that differ in one figure stay two.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache, cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from ragbot.index.analysis_fold import fold

Relation = Literal["same", "contained", "near"]

#: Share of a text that may be sentences which the other one does not have.
ADDED = 0.2
#: Bytes of UTF-8 (30 Chinese characters, some 18 English words) below which a text means nothing without its headings.
SHORT = 90

#: Superscripts and subscripts, which NFKC would make digits like others: 10² is not 102.
_SCRIPTS = re.compile("[²³¹⁰-⁹₀-₉]")
_DASHES = re.compile("[‐‑‒–—―−]")
_BOUNDARY = re.compile(
    r"[。！？；…]+|[.!?;]+(?=[\s\"'”’)\]*_]|$)|\n[ \t]*(?=\n)|\|[ \t]*(?=\n)|\n[=-]{3,}(?=\n|$)"
    r"|\n(?=[ \t]*(?:[#>*+•|-]|\d{1,3}[.)、]))"
)
#: Marks of quotes, headings and lists at the beginning of a line.
_LEADING = re.compile(r"^[ \t]*(?:[>#*+•-]+[ \t]+)+", re.MULTILINE)
#: What is no letter, digit or sign of a value; marks of numbers and formulas count only inside these.
_NOISE = re.compile(
    r"(?:[^\w<>=≠≤≥≈±+%‰°$€£¥₹^¬∧∨×÷√|.,:\-*/&(]|(?<!\w)_|_(?!\w)|(?<!\d)[.,:]|[.,:](?!\d)|-(?!\d)"
    r"|(?!(?<=[\w)])[*/&][\w(]|(?<=[\w)] )[*/&] [\w(])[*/&]|\((?![\d$€£¥₹]))+"
)
_LOOSE = re.compile(r"(?<!\d) | (?!\d)")
#: What makes a sentence too weighty to be overlooked: numbers, and words that turn or narrow what is said.
_WEIGHTY = re.compile(
    r"[\d〇零二三四五六七八九十百千万亿两萬億兩不没沒無无未非勿莫否禁别別除仅僅只但]"
    r"|\b(?:no|not|never|none|nor|neither|without|cannot|\w+n t|except|unless|only|but|however)\b"
)

_SHINGLE = 4
_FEWEST, _MOST = 1024, 8192
#: Shingles are counted in buckets, and some of them share one: this is below what :data:`ADDED` leaves.
_LIKELY = 0.7
_FACTORS = np.array([0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F], np.uint32)


@dataclass(frozen=True)
class Wording:
    """A text to be compared, under the headings that it stands under."""

    text: str
    headings: str = ""

    @cached_property
    def sentences(self) -> list[str]:
        """The sentences without what does not count, words apart; empty ones left out."""
        text = _SCRIPTS.sub(r"^\g<0>", self.text)
        spoken = (_spoken(part) for part in _BOUNDARY.split(_LEADING.sub("", text)))
        return [part for part in spoken if any(map(str.isalnum, part))]

    @cached_property
    def tight(self) -> list[str]:
        """The same without the spaces, but for those between two numbers."""
        return [_LOOSE.sub("", sentence) for sentence in self.sentences]

    @cached_property
    def whole(self) -> str:
        """All of it, however it is cut into sentences."""
        return _LOOSE.sub("", " ".join(self.sentences))

    def repeats(self, other: Wording) -> Relation | None:
        """How this says what ``other`` says: the ``same``, a part of it (``contained``), or hardly more (``near``).

        None where it says anything else. Near means the same sentences, none of them changed, with others added that
        hold no number and no negation and are at most a fifth of it. A short text repeats another only under the
        same headings.
        """
        if not self.whole or (len(self.whole.encode()) < SHORT and _spoken(self.headings) != _spoken(other.headings)):
            return None
        if self.whole == other.whole:
            return "same"
        if _lines(self.tight) in _lines(other.tight):
            return "contained"
        added = 0
        for kind, _, _, begin, end in SequenceMatcher(None, other.tight, self.tight, False).get_opcodes():
            if kind == "replace" or (kind == "insert" and any(map(_WEIGHTY.search, self.sentences[begin:end]))):
                return None
            added += sum(map(len, self.tight[begin:end])) if kind == "insert" else 0
        return "near" if added <= ADDED * len(self.whole) else None


def _lines(sentences: Sequence[str]) -> str:
    return "\n".join(["", *sentences, ""])


def _spoken(text: str) -> str:
    """Folded, each run of what does not count as one space."""
    return _NOISE.sub(" ", _DASHES.sub("-", fold(text).casefold())).strip()


def likely(texts: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which pairs share so many runs of letters that one may repeat the other; ``(n, n)``, symmetric.

    The containment of Broder, "On the resemblance and containment of documents" (1997), over hashed runs of four
    letters: it costs microseconds a text, and lets hardly a pair through that has nothing in common.
    """
    lengths = [len(text) for text in texts]
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    letters = _folded().take(codes, mode="clip")
    kept = letters > 0
    owners = np.repeat(np.arange(len(texts)), lengths)[kept]
    letters = letters[kept]
    count = max(len(letters) - _SHINGLE + 1, 0)
    hashes = np.zeros(count, np.uint32)
    for step, factor in enumerate(_FACTORS):
        hashes = (hashes ^ letters[step : step + count]) * factor
    own = owners[:count] == owners[_SHINGLE - 1 :]
    bits = int(np.clip(4 * max(lengths, default=0), _FEWEST, _MOST) - 1).bit_length()
    marks = np.zeros(len(texts) << bits, np.float32)
    marks[((owners[:count] << bits) | (hashes >> np.uint32(32 - bits)))[own]] = 1
    rows = marks.reshape(len(texts), 1 << bits)
    shared = rows @ rows.T
    sizes = shared.diagonal()
    pairs: npt.NDArray[np.bool_] = shared >= _LIKELY * np.minimum(sizes[:, None], sizes)
    return pairs


@cache
def _folded() -> npt.NDArray[np.uint32]:
    """By code point: small letters and digits of normal width, simplified characters, and 0 for most of the rest."""
    table = np.arange(0x10000, dtype=np.uint32)
    for first, last in ((0, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0xBF), (0x2000, 0x206F), (0x3000, 0x3004)):
        table[first : last + 1] = 0
    table[0x3008:0x3020] = 0
    table[ord("A") : ord("Z") + 1] += 0x20
    table[0xFF01:0xFF5F] = table[0x21:0x7F]
    for character in map(chr, range(0x3400, 0xA000)):  # some 30 ms, once
        table[ord(character)] = ord(fold(character)[:1] or "\0")
    return table
