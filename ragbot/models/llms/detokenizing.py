"""Token ids to text, one by one, such that the pieces joined are the text of all ids at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

#: What an unfinished character decodes to.
UNFINISHED = "\ufffd"


class Detokenizer:
    """Decodes a growing list of ids.

    A token can be half a character, or a word whose leading space depends on its left neighbour. So each piece is the
    difference of two decodings that begin at the same earlier token; a character is held back until it is whole.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []
        self._start = 0  # where the two decodings begin
        self._shown = 0  # ids before this one have been shown

    def push(self, token: int) -> str:
        """The text that ``token`` adds; empty while a character is unfinished."""
        self._ids.append(token)
        before, after = self._texts()
        if after.endswith(UNFINISHED) or len(after) <= len(before):
            return ""
        self._start, self._shown = self._shown, len(self._ids)
        return after[len(before) :]

    def flush(self) -> str:
        """What was held back, at the end."""
        before, after = self._texts()
        self._shown = len(self._ids)
        return after[len(before) :]

    def _texts(self) -> tuple[str, str]:
        return self._decode(self._ids[self._start : self._shown]), self._decode(self._ids[self._start :])
