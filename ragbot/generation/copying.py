"""Answers that are copied: the reader may go on only with what stands in the passage it answers from.

A small model knows where the answer stands better than how it is spelled, and a word that it makes up cannot be cited.
So each token is chosen among those that continue a stretch of the passage (as in the pointer networks of Vinyals,
Fortunato and Jaitly 2015, https://arxiv.org/abs/1506.03134, but over an ordinary vocabulary). Stretches are compared
byte by byte, since a token may hold a part of a character, and white space counts as one space.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragbot.models.llms.gemma.tokenizer import GemmaTokenizer
    from ragbot.models.llms.pieces import SpokenTokenizer

#: The longest piece of a vocabulary that is looked for, in bytes: Gemma's longest words have 32 to 48.
LONGEST_PIECE = 48


def flattened(text: str) -> bytes:
    """A passage as answers are copied from it: white space counts as one space."""
    return " ".join(text.split()).encode()


def characters(text: str) -> list[int]:
    """For each byte of :func:`flattened` the character of ``text`` that it comes from; for a space the one before it."""
    found: list[int] = []
    for word in re.finditer(r"\S+", text):
        if found:
            found.append(found[-1])
        for at, character in enumerate(word.group(), word.start()):
            found += [at] * len(character.encode())
    return found


class Copying:
    """What may follow in an answer that stands in ``text``; see :class:`ragbot.models.llms.constraints.Constraint`.

    Args:
        text: the passage.
        tokenizer: the model's.
    """

    def __init__(self, text: str, tokenizer: GemmaTokenizer | SpokenTokenizer) -> None:
        self._text = flattened(text)
        self._tokenizer = tokenizer
        self._begun = False
        #: Places in the text where the answer so far may have ended. A stretch begins where a word does.
        self._places = [at for at, byte in enumerate(self._text) if byte != ord(" ") and self._is_border(at)]

    @property
    def places(self) -> Sequence[int]:
        """Bytes of :func:`flattened` after which the answer may have ended so far; before its first token, may begin."""
        return self._places

    @property
    def next_border(self) -> int:
        """The first byte from there on at which an answer may end."""
        at = self._places[0]
        while not self._is_border(at):
            at += 1
        return at

    def branch(self) -> Copying:
        """The same answer, which may go on otherwise."""
        other = copy(self)
        other._places = list(self._places)
        return other

    def allowed(self) -> list[int]:
        """Ids of the tokens that may come next; never none."""
        pieces = self._tokenizer.pieces
        found: set[int] = set()
        for at in self._places:
            for piece in self._following(at):
                found.update(pieces.get(piece, ()))
                if not self._begun:  # the first word of an answer stands behind a space, whatever stood before it
                    found.update(pieces.get(b" " + piece, ()))
        if not found or (self._begun and any(map(self._is_border, self._places))):
            found.add(self._tokenizer.eos)
        return sorted(found)

    def push(self, token: int) -> None:
        """The answer goes on with ``token``, one of those that were allowed."""
        piece = self._tokenizer.bytes_of[token]
        if not self._begun:
            piece = piece.removeprefix(b" ")
            self._begun = bool(piece)
        self._places = [at + len(piece) for at in self._places if self._text.startswith(piece, at)]

    def _following(self, at: int) -> list[bytes]:
        end = min(at + LONGEST_PIECE, len(self._text))
        return [self._text[at:stop] for stop in range(at + 1, end + 1)]

    def _is_border(self, at: int) -> bool:
        return is_border(self._text, at)


def is_border(text: bytes, at: int) -> bool:
    """Whether a stretch of ``text`` may begin or end at the byte ``at``: not inside a character, a Latin word or a number."""
    if at == 0 or at == len(text):
        return True
    if text[at] & 0xC0 == 0x80:
        return False
    before, after = text[at - 1 : at], text[at : at + 1]
    return not (before.isalnum() and after.isalnum())
