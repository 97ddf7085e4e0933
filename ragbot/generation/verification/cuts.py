"""The sentences of passages, read once: the next question about the same pages finds them as they were left.

What is kept depends on the text alone. It is bounded, lies in memory only, and goes with the process.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from ragbot.generation.verification.reading import Reading
from ragbot.generation.verification.wraps import unwrapped
from ragbot.text import sentence_spans

#: Characters of passages that are kept. What was read of a character takes about 50 bytes.
KEPT = 400_000
_RULE = re.compile(r"[\s|:\-=_*#]*")

Cut = tuple[int, int, Reading]
Read = TypeVar("Read")


class Kept(Generic[Read]):
    """What ``read`` makes of texts; that of the texts that were asked for last is kept.

    Args:
        read: depends on the text alone.
        kept: characters of these texts, together.
    """

    def __init__(self, read: Callable[[str], Read], kept: int = KEPT) -> None:
        self._read = read
        self._kept = kept
        self._size = 0
        self._texts: OrderedDict[str, Read] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, text: str) -> Read:
        """What was made of the text, now or before."""
        with self._lock:
            if text in self._texts:
                self._texts.move_to_end(text)
                return self._texts[text]
        made = self._read(text)
        with self._lock:
            if text not in self._texts and len(text) <= self._kept:
                self._texts[text] = made
                self._size += len(text)
            while self._size > self._kept:
                oldest, _ = self._texts.popitem(last=False)
                self._size -= len(oldest)
        return made

    def forget(self) -> None:
        """Keep nothing of what was read so far."""
        with self._lock:
            self._texts.clear()
            self._size = 0


def cut(text: str) -> tuple[Cut, ...]:
    """The sentences as ``(start, end, reading)``, read as :mod:`.wraps` has them; headings only where nothing else is."""
    spans = list(sentence_spans(text)) or [(0, len(text))]
    kept = [span for span in spans if not (text[span[0]] == "#" or _RULE.fullmatch(text, *span))] if text else []
    return tuple((start, end, Reading(unwrapped(text[start:end]))) for start, end in kept or spans)


#: Of this process: the sentences of passages, and passages with their headings as a whole.
CUTS = Kept(cut)
CONTEXTS = Kept(Reading)
