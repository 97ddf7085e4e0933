"""When a local model stops: at a stop sequence, or in a loop.

Small models fall into loops under greedy decoding. A repetition penalty would cure that at the price of the very thing
that a grounded answer does, copying from its context, so a loop is cut off and nothing else is touched.
"""

from __future__ import annotations

from collections.abc import Sequence

#: A tail of the answer that repeats with a period of up to this many tokens is a loop ...
LONGEST_PERIOD = 64
#: ... once it is this long, and holds the period three times.
SHORTEST_LOOP = 32
REPEATS = 3


class StopText:
    """Cuts streamed text at the first stop sequence; what may begin one is held back until that is clear."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.hit = False

    def push(self, text: str) -> str:
        """Take the next piece; return what can be shown (nothing after a stop sequence was met)."""
        if self.hit:
            return ""
        text = self._held + text
        found = [at for at in (text.find(stop) for stop in self._stops) if at >= 0]
        if found:
            self.hit, self._held = True, ""
            return text[: min(found)]
        keep = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def flush(self) -> str:
        """What was held back, at the end of the text."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """The length of the longest end of ``text`` that ``stop`` begins with."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)


def in_loop(ids: Sequence[int]) -> bool:
    """Whether the end of ``ids`` says the same thing over and over."""
    for period in range(1, LONGEST_PERIOD + 1):
        length = max(REPEATS * period, SHORTEST_LOOP)
        if length > len(ids):
            return False
        tail = ids[-length:]
        if tail[period:] == tail[:-period]:
            return True
    return False
