"""Refuses HTML nested so deeply that the standard's parsing algorithm would take minutes: for each tag it may
look at every open element, so its work is at most the sum of the depths of all tags. That sum is what is bounded."""

from __future__ import annotations

import re
from pathlib import Path

from ragbot.errors import LoaderError

# Browsers flatten what lies deeper than 512; old pages that never close <font> do get deeper.
MAX_DEPTH = 4096
MAX_TAGS = 20_000_000
MAX_WORK = 1_000_000_000  # about six seconds of Lexbor; 20 million tags at a depth of 50

_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|textarea|title)\b[^>]{0,2000}>.*?(?:</\1|\Z)|<(/?)([a-z][^\s/>]*)",
    re.IGNORECASE | re.DOTALL,
)
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
# An open one of these ends where the next of the same kind begins, though nobody closed it.
_IMPLIED = {
    **dict.fromkeys(("td", "th"), frozenset(("td", "th"))),
    "tr": frozenset(("td", "th", "tr")),
    "li": frozenset(("li",)),
    "a": frozenset(("a",)),
    **dict.fromkeys(("dt", "dd"), frozenset(("dt", "dd"))),
    **dict.fromkeys(("option", "optgroup"), frozenset(("option", "optgroup"))),
    **dict.fromkeys(("thead", "tbody", "tfoot"), frozenset(("td", "th", "tr", "thead", "tbody", "tfoot"))),
}
_INLINE = frozenset(
    "a abbr b bdi bdo big cite code del em font i ins kbd label mark q s samp small span strike strong sub sup tt u "
    "var".split()
)
# An end tag does not reach beyond these (the standard's "scope"), unless it is a table's own.
_BARRIERS = frozenset("td th caption table template button marquee object applet".split())
_TABLE_TAGS = frozenset("table caption thead tbody tfoot tr td th template".split())
# How far down an end tag is looked for: bounds the work on hostile input, and errs to the side of counting too deep.
_REACH = 64


def check_depth(html: str, path: Path) -> None:
    """Raise where the tree would be deeper than ``MAX_DEPTH``, or cost more than ``MAX_TAGS`` and ``MAX_WORK`` allow.

    The open elements are counted as the parser would keep them, or more: never fewer.

    Raises:
        LoaderError: it is nested too deeply, or too large.
    """
    stack: list[str] = []
    work = 0
    for count, match in enumerate(_TOKEN.finditer(html)):
        name = match[3]
        if name is None:
            continue
        if count > MAX_TAGS:
            raise LoaderError(f"{path.name} holds more than {MAX_TAGS:,} tags: split it into several files")
        name = name.lower()
        if match[2]:
            _close(stack, name)
        elif name not in _VOID:
            _imply(stack, name)
            stack.append(name)
            work += len(stack)
            if len(stack) > MAX_DEPTH or work > MAX_WORK:
                raise LoaderError(
                    f"{path.name} is nested too deeply ({len(stack):,} elements at tag {count + 1:,}), which no real "
                    "page is: it is damaged or hostile; save the page again, or save its text"
                )


def _close(stack: list[str], name: str) -> None:
    crosses = name in _TABLE_TAGS
    for index in range(len(stack) - 1, max(-1, len(stack) - 1 - _REACH), -1):
        if stack[index] == name:
            del stack[index:]
            return
        if stack[index] in _BARRIERS and not crosses:
            return


def _imply(stack: list[str], name: str) -> None:
    ends = _IMPLIED.get(name)
    if ends is not None:
        # Only what stands on top, or below inline elements left open: a list inside an item is deeper, not a sibling.
        for index in range(len(stack) - 1, max(-1, len(stack) - 1 - _REACH), -1):
            if stack[index] in ends:
                del stack[index:]
            elif stack[index] not in _INLINE and stack[index] != "p":
                return
    elif name not in _INLINE:
        for index in range(len(stack) - 1, max(-1, len(stack) - 1 - _REACH), -1):
            if stack[index] == "p":
                del stack[index:]
                return
            if stack[index] not in _INLINE:
                return
