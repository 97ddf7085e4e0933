"""The clause that an answer stands in.

Who asks in Chinese is often answered with a whole clause (1985年投入服务 rather than 1985年): 57% of the answers of CMRC
2018's train articles are clauses, of DRCD's 7%. Sets of short answers would teach a reader to answer everybody shortly.
"""

from __future__ import annotations

_BORDERS = "，。；！？：\n"
#: Characters of a clause; a longer one is no answer to a question for a few words.
LONGEST = 60


def clause(text: str, start: int, end: int) -> str:
    """``text[start:end]`` with what stands beside it up to the next punctuation; itself where that is too long."""
    first, last = start, end
    while first > 0 and text[first - 1] not in _BORDERS:
        first -= 1
    while last < len(text) and text[last] not in _BORDERS and text[last - 1] not in _BORDERS:
        last += 1
    whole = text[first:last].strip()
    return whole if len(whole) <= LONGEST else text[start:end]
