"""Where a span of a page's text stands among the characters of the PDF's own page.

The text was made of these characters: furniture was dropped, columns and tables were put in order, hyphens and line ends
joined, radicals and ligatures spelled out. So both are compared without white space and what joining may have changed;
a span that does not stand there in one piece is covered by the longest pieces that do.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

#: What stands for the border of a cell, escapes one, or may have been dropped where a line was broken.
_LEFT_OUT = frozenset("|\\-\u00ad\u2010\u2011\ufffe\x02")
#: Characters on either side that tell equal passages apart.
_CONTEXT = 200
#: A piece must have so many characters to be found by itself; Chinese ones tell more.
_FEWEST, _FEWEST_HAN = 5, 3
#: Share of a span that has to be found.
_ENOUGH = 0.5
_Range = tuple[int, int]


def letters_of(characters: Sequence[str]) -> tuple[str, list[int]]:
    """The characters that count, as one text, and for each the index of the character that it comes from."""
    letters: list[str] = []
    origins: list[int] = []
    for index, character in enumerate(characters):
        for letter in unicodedata.normalize("NFKC", character):
            if letter.isspace() or letter in _LEFT_OUT or unicodedata.category(letter) in {"Cc", "Cs", "Cn"}:
                continue
            letters.append(letter)
            origins.append(index)
    return "".join(letters), origins


def locate(text: str, span: _Range, letters: str) -> list[_Range]:
    """The ranges of ``letters`` (see :func:`letters_of`) that are ``text[span]``; none where it is not found.

    Args:
        text: of the page, as ragbot read it.
        span: of it.
        letters: of the page in the file.
    """
    want, origins = letters_of(text)
    begin = sum(origin < span[0] for origin in origins)
    end = sum(origin < span[1] for origin in origins)
    if begin >= end:
        return []
    whole = _best(want, begin, end, letters)
    if whole is not None:
        return [(whole, whole + end - begin)]
    found = _pieces(want, begin, end, letters)
    return found if sum(stop - start for start, stop in found) >= _ENOUGH * (end - begin) else []


def _places(piece: str, letters: str) -> list[int]:
    found, at = [], letters.find(piece)
    while at >= 0:
        found.append(at)
        at = letters.find(piece, at + 1)
    return found


def _best(want: str, begin: int, end: int, letters: str) -> int | None:
    """Where the piece stands whose surroundings are most like those of ``want[begin:end]``."""
    piece = want[begin:end]
    places = _places(piece, letters)
    if len(places) < 2:
        return places[0] if places else None
    before, after = want[max(begin - _CONTEXT, 0) : begin][::-1], want[end : end + _CONTEXT]
    turn = len(_places(piece, want[: begin + len(piece) - 1]))  # so many stand before it

    def likeness(numbered: tuple[int, int]) -> tuple[int, int]:
        number, at = numbered
        left = letters[max(at - _CONTEXT, 0) : at][::-1]
        right = letters[at + len(piece) : at + len(piece) + _CONTEXT]
        return _common(before, left) + _common(after, right), -abs(number - turn)

    return max(enumerate(places), key=likeness)[1]


def _common(one: str, other: str) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _pieces(want: str, begin: int, end: int, letters: str) -> list[_Range]:
    """The longest pieces from left to right, each as near behind the one before as it stands."""
    found: list[_Range] = []
    at = begin
    while at < end:
        low, high = 0, end - at  # the longest beginning that stands there: shorter ones stand there, too
        while low < high:
            middle = (low + high + 1) // 2
            if want[at : at + middle] in letters:
                low = middle
            else:
                high = middle - 1
        piece = want[at : at + low]
        if low < (_FEWEST_HAN if any(letter >= "\u2e80" for letter in piece) else _FEWEST) and at + low < end:
            at += 1
            continue
        if not low:
            break
        place = _best(want, at, at + low, letters)
        if found:
            behind = letters.find(piece, found[-1][1])
            place = behind if 0 <= behind < found[-1][1] + _CONTEXT else place
        if place is not None:
            found.append((place, place + low))
        at += low
    return found
