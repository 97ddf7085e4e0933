"""The sentence of an answer that is being written: where it ends, and the markers in it."""

from __future__ import annotations

import re

from ragbot.generation.markers import MARKER, numbers_of
from ragbot.text import sentence_spans

#: Stands for a marker while its number is not decided; no character (Unicode), so no text holds it.
SLOT = "\ufdd0"
_SLOTS = re.compile(rf"(?:\s*{SLOT})*")
_CLOSERS = "”’」』】》）)\\]\"'*_"
_STOP = re.compile(rf"[.!?。！？；…]+[{_CLOSERS}]*\s*\Z|\s*\Z")
#: An end that what comes next may turn into the end of the sentence: stops, markers, a new line and the item it begins.
_OPEN_END = re.compile(
    rf"(?:[.!?。！？；…\s{_CLOSERS}{SLOT}]+|\s*\n[ \t]*(?:\#{{1,6}}|[-*+•]|\d{{1,3}}[.)、]?|\||`{{1,3}})[ ]?)\Z"
)


def with_slots(text: str) -> tuple[str, list[list[int]]]:
    """``text`` with each marker replaced by a blank and a slot, and the numbers of each."""
    numbers = [numbers_of(match) for match in MARKER.finditer(text)]
    return MARKER.sub(f" {SLOT}", text), numbers


def first_sentence(text: str, final: bool) -> int | None:
    """Where the first sentence of ``text`` ends, its markers with it; None while more text may still belong to it."""
    span = next(sentence_spans(text), None)
    if span is None:
        return len(text) if final and text else None
    slots = _SLOTS.match(text, span[1])
    end = slots.end() if slots else span[1]
    if text[end:].strip():
        return end
    return len(text) if final else None


def settled(text: str) -> int:
    """How much of ``text`` is the same whatever follows."""
    match = _OPEN_END.search(text)
    return match.start() if match else len(text)


def before_stop(sentence: str) -> int:
    """Where a marker goes that the sentence lacks: before its full stop."""
    match = _STOP.search(sentence)
    return match.start() if match else len(sentence)
