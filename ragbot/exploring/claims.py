"""What a chat model says, sentence by sentence, with the numbers that it gives as evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragbot.generation.markers import MARKER, numbers_of

_BEFORE = re.compile(r"^(?:[\s.。;；,，、:：*_]|[-•+]\s|\d{1,2}[.)、]\s)+")
_AFTER = re.compile(r"[\s,，;；*_]+$")
_END = re.compile(r"[.!?。！？…][”’」』】》）)\]\"']*$")
_ENDS = "。．.！!？?"


def claims(reply: str, language: str) -> Iterator[tuple[str, list[int]]]:
    """Yield ``(claim, numbers)``: each claim that is followed by markers, as a whole sentence, with what they name.

    Lines that no marker follows (an introduction, a claim without evidence) are left out.
    """
    held: tuple[str, list[int]] | None = None
    begin = 0
    for match in MARKER.finditer(reply):
        between = reply[begin : match.start()]
        begin = match.end()
        claim = _AFTER.sub("", _BEFORE.sub("", between.rstrip().rpartition("\n")[2]))
        if not claim:
            if held:
                held[1].extend(numbers_of(match))
            continue
        if held:
            yield _whole(held, language)
        held = (claim, numbers_of(match))
    if held:
        yield _whole(held, language)


def _whole(held: tuple[str, list[int]], language: str) -> tuple[str, list[int]]:
    claim, numbers = held
    stop = "" if _END.search(claim) else "。" if language == "zh" else "."
    return claim + stop, list(dict.fromkeys(numbers))
