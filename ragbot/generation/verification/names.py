"""The names in a sentence: of people and things, identifiers, titles of works, foreign words in Chinese text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ragbot.generation.verification.words import FUNCTION, Word

_TITLE = re.compile(r"[《〈]([^《》〈〉]{1,60})[》〉]")
_IDENTIFIER = re.compile(
    r"(?=[^\s]*[A-Za-z])(?:[^\s]*\d[^\s]*|[^\s]*[a-z][A-Z][^\s]*|[^\s]*[_@][^\s]*|[A-Z]{2,}[^\s]*)"
)
#: Addresses, versions, numbers of sections: what has three parts or more is no number.
_DOTTED = re.compile(r"\d+(?:\.\d+){2,}(?:[/:]\d+)?")
_CAPITAL = re.compile(r"[A-Z]")
_INITIAL = re.compile(r"[A-Z]\.?")
#: Weekdays and the like are capitalised and name nobody; months are dates.
_NO_NAMES = frozenset("i i'm i'd ok".split())
#: Words that begin a sentence more often than they name anything.
_OPENERS = frozenset(
    "after since although though because when while if unless until before during without within by despite unlike like once "
    "given here there then thus hence however moreover finally first second third next last together overall every several "
    "few many most some other others another such instead even still yet today later now often sometimes usually between "
    "among against across along around under over above below through toward towards upon via per not no nothing nobody "
    "none neither never only also people researchers scientists authors users studies".split()
)
_PLACES = ("省", "市", "县", "区", "镇", "国", "州", "大学", "公司")


@dataclass(frozen=True, slots=True)
class Name:
    """A name at ``[start, end)``; ``soft`` where it may well be none: the first word, a guess of the segmenter."""

    key: str
    start: int
    end: int
    soft: bool = False


def names(text: str, words: Sequence[Word]) -> list[Name]:
    """The names in a levelled text with these words, one word each, in order; the title of a work is one name."""
    found = [Name(_bare(match[1]), match.start(1), match.end(1)) for match in _TITLE.finditer(text)]
    titles = [(name.start, name.end) for name in found]
    chinese = sum(word.end - word.start for word in words if word.tag in {"han", "name"})
    latin = sum(1 for word in words if word.tag == "latin")
    in_chinese = chinese > latin
    first = True
    for word in words:
        if word.tag == "break":
            first = first or word.written in "!?。！？\n."
            continue
        opening, first = first, False
        if any(start <= word.start < end for start, end in titles):
            continue
        if word.tag == "name":
            found.append(Name(word.written, word.start, word.end, soft=True))
        elif word.tag == "latin" and (name := _latin(word, opening, in_chinese)):
            found.append(name)
    return sorted(found, key=lambda name: name.start)


def has_name(name: Name, words: Sequence[Word], text: str) -> bool:
    """Whether the text with these words names it: in any case, shortened, or by the initials of its words."""
    if not name.key.isascii():
        if name.key in text.casefold():
            return True
        short = next((name.key.removesuffix(end) for end in _PLACES if name.key.endswith(end)), "")
        return len(short) > 1 and short in text
    if _DOTTED.fullmatch(name.key):  # v3.11.2 has it, 3.11.21 has not
        return bool(re.search(rf"(?<![\d.]){re.escape(name.key)}(?!\d|\.\d)", text))
    if " " in name.key and re.search(rf"(?<!\w){re.escape(name.key)}(?!\w)", text.casefold()):
        return True
    keys = [word.written.casefold() for word in words if word.tag == "latin"]
    if any(_same(name.key, key) for key in keys):
        return True
    parts = [part for key in keys for part in re.split(r"[-_./]", key) if part and part not in FUNCTION]
    if any(_same(name.key, part) for part in parts):
        return True
    letters = name.key.replace(".", "")
    return len(letters) > 2 and letters in "".join(part[0] for part in parts)


def _same(one: str, other: str) -> bool:
    """German and Germany, GPUs and GPU, J. and James are the same; Paris and Parma are not."""
    if one == other:
        return True
    short, long = sorted((one.rstrip("."), other.rstrip(".")), key=len)
    if len(short) == 1:
        return short.isalpha() and long.startswith(short) and one.rstrip(".") == short
    if not long.startswith(short):
        return False
    rest = long[len(short) :]
    return rest in {"s", "es", "'s", "."} or (short.isalpha() and rest.isalpha() and len(short) >= 4 and len(rest) <= 3)


def _latin(word: Word, opening: bool, in_chinese: bool) -> Name | None:
    written = word.written
    lowered = written.casefold()
    if _DOTTED.fullmatch(written):
        return Name(lowered, word.start, word.end)
    if not any(character.isalpha() for character in written) or lowered in _NO_NAMES:
        return None
    if in_chinese:
        if len(written) < 2 and not written.isupper():
            return None
        return Name(lowered, word.start, word.end, soft=written.islower() and not _IDENTIFIER.fullmatch(written))
    if _IDENTIFIER.fullmatch(written):
        return Name(lowered, word.start, word.end)
    if not _CAPITAL.match(written) or lowered in FUNCTION:
        return None
    if opening and (lowered in _OPENERS or lowered.endswith(("ing", "ed", "ly"))):
        return None
    return Name(lowered, word.start, word.end, soft=opening or bool(_INITIAL.fullmatch(written)))


def _bare(title: str) -> str:
    return title.strip().casefold()
