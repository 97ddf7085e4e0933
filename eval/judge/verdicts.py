"""From a judge's reply to its verdict, whatever stands around the JSON; None where there is none to be read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

#: The highest step of the relevance scale.
TOP = 4
#: A verdict stands at the end of a reply; of one that does not end, this much is looked at, in characters.
_TAIL = 20_000
#: Chinese models translate the two words at times.
_VERDICTS = {"supported": True, "支持": True, "unsupported": False, "not supported": False, "不支持": False}
_DECODER = json.JSONDecoder(strict=False)


def read_support(reply: str, sentences: int) -> float | None:
    """The share of the sentences that are supported, in [0, 1].

    Of a list that breaks off or leaves sentences out, the sentences judged count, where they are at least half.

    Args:
        reply: what the judge said; its last list of verdicts counts, since a reply may begin by repeating the data.
        sentences: how many sentences it was asked about.
    """
    text = _spoken(reply)
    found: dict[int, bool] = {}
    for value in _values(text, "["):
        found = _numbered(value, sentences) or found
    # A list that was cut off is no JSON, but the entries before the cut are.
    found = found or _numbered(list(_values(text, "{")), sentences)
    return sum(found.values()) / len(found) if found and len(found) * 2 >= sentences else None


def read_score(reply: str) -> float | None:
    """The relevance in [0, 1]: the last score that is given, a whole number from 0 to 4, divided by 4."""
    scores = [value["score"] for value in _values(_spoken(reply), "{") if isinstance(value, dict) and "score" in value]
    step = _whole(scores[-1]) if scores else None
    return step / TOP if step is not None and 0 <= step <= TOP else None


def _numbered(value: Any, sentences: int) -> dict[int, bool]:
    """Verdicts by the number of their sentence; words without numbers count only if there is one for each sentence."""
    if not isinstance(value, list):
        return {}
    if len(value) == sentences and all(isinstance(item, str) for item in value):
        value = [{"sentence": number, "verdict": word} for number, word in enumerate(value, start=1)]
    found = {}
    for item in value:
        if not isinstance(item, Mapping):
            continue
        number, word = _whole(item.get("sentence")), item.get("verdict")
        verdict = _VERDICTS.get(word.strip().lower()) if isinstance(word, str) else None
        if number is not None and 1 <= number <= sentences and verdict is not None:
            found[number] = verdict
    return found


def _whole(value: Any) -> int | None:
    """A whole number, also one that is written as ``"3"`` or ``3.0``."""
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,6}\s*", value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:  # NaN and infinity, too
        return None
    return int(value)


def _spoken(reply: str) -> str:
    """The reply without its thoughts, which hold drafts; thoughts that break off leave nothing."""
    return reply.rpartition("</think>")[2].partition("<think>")[0][-_TAIL:]


def _values(text: str, opening: str) -> Iterator[Any]:
    """The JSON values in ``text`` that begin with this bracket, one after another; those inside of others left out."""
    at = text.find(opening)
    while at >= 0:
        try:
            value, after = _DECODER.raw_decode(text, at)
        except RecursionError:  # brackets beyond all measure: to try each of them would take very long
            return
        except ValueError:  # no JSON, or a number too long to read
            after = at + 1
        else:
            yield value
        at = text.find(opening, after)
