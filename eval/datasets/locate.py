"""Where a quoted passage stands in a document: white space and the marks of Markdown do not count.

A PDF breaks lines where the quote has none, and a person quotes without the asterisks and backticks around a term.
"""

from __future__ import annotations

from bisect import bisect_left

_MARKS = "*`"
_IDEOGRAPHS = ("\u2e80", "\ua000")  # from the CJK radicals to the end of Yi: scripts written without spaces
_COMPATIBLE = ("\uf900", "\ufb00")


class Locator:
    """Finds many needles in one text, which is squeezed once.

    Args:
        text: the document.
        fold_case: whether upper and lower case are the same.
    """

    def __init__(self, text: str, fold_case: bool = False) -> None:
        self._text = text
        self._fold_case = fold_case
        #: Where each character of the squeezed text stands in the document.
        self._index = [i for i, character in enumerate(text) if _counts(character)]
        self._squeezed = self._fold("".join([text[i] for i in self._index]))

    def find(self, needle: str, start: int = 0, end: int | None = None) -> tuple[int, int] | None:
        """``(start, end)`` of the first occurrence inside ``text[start:end]``, in code points; None if there is none.

        An occurrence that cuts no word or number goes before one that does: "16" is not found in "2016" while it also
        stands alone. A needle of nothing but white space and marks is never found.
        """
        wanted = self._fold(squeezed(needle))
        if not wanted:
            return None
        first, last = bisect_left(self._index, start), len(self._index)
        if end is not None:
            last = bisect_left(self._index, end)
        fallback = None
        position = self._squeezed.find(wanted, first, last)
        while position >= 0:
            found = self._index[position], self._index[position + len(wanted) - 1] + 1
            if not self._cuts_a_word(*found):
                return found
            fallback = fallback or found
            position = self._squeezed.find(wanted, position + 1, last)
        return fallback

    def _fold(self, text: str) -> str:
        if not self._fold_case:
            return text
        # Character by character: a few grow when lowered (İ), and offsets must stay.
        return text.lower() if text.isascii() else "".join([_lowered(character) for character in text])

    def _cuts_a_word(self, start: int, end: int) -> bool:
        text = self._text
        return (start > 0 and _in_word(text[start - 1]) and _in_word(text[start])) or (
            end < len(text) and _in_word(text[end - 1]) and _in_word(text[end])
        )


def locate(text: str, needle: str, start: int = 0, end: int | None = None) -> tuple[int, int] | None:
    """:meth:`Locator.find` for a single needle."""
    return Locator(text).find(needle, start, end)


def squeezed(text: str) -> str:
    """``text`` without white space, asterisks and backticks."""
    return "".join([character for character in text if _counts(character)])


def _counts(character: str) -> bool:
    return not character.isspace() and character not in _MARKS


def _lowered(character: str) -> str:
    lowered = character.lower()
    return lowered if len(lowered) == 1 else character


def _in_word(character: str) -> bool:
    """Whether a character builds words that spaces divide; Han characters and kana do not."""
    if not character.isalnum():
        return False
    return not (
        _IDEOGRAPHS[0] <= character < _IDEOGRAPHS[1]
        or _COMPATIBLE[0] <= character < _COMPATIBLE[1]
        or character >= "\U00020000"
    )
