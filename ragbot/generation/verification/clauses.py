"""The parts of a sentence that two sources may carry between them."""

from __future__ import annotations

import re

#: Content words that a clause needs to be checked alone; a shorter one belongs to its neighbour.
SHORTEST = 3
_SEAM = re.compile(r"[,;:，；：]\s*|\s+(?:and|but|while|whereas|although)\s+|(?:而且|并且|但是|同时|而|但|且)(?=[^且])")


def clauses(text: str) -> list[str]:
    """``text`` cut at commas and conjunctions, into pieces of :data:`SHORTEST` content words or more."""
    from ragbot.generation.verification.reading import Reading

    pieces: list[str] = []
    begin = 0
    for match in _SEAM.finditer(text):
        before = Reading(text[begin : match.start()])
        if before.weight >= SHORTEST and Reading(text[match.end() :]).weight >= SHORTEST:
            pieces.append(text[begin : match.end()])
            begin = match.end()
    return [*pieces, text[begin:]]
