"""A document in sections: by its headings where it has some, else in equal parts; no more of them than asked for."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from ragbot.documents import Heading

#: A section of more characters is cut, if there is room for more sections.
LONGEST = 6_000


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a document, half open; ``heading`` is what it begins with, or empty."""

    heading: str
    start: int
    end: int


def sections(text: str, headings: Sequence[Heading], most: int, longest: int = LONGEST) -> list[Section]:
    """At most ``most`` sections that cover the text, in order.

    The headings of the deepest level that gives no more than ``most`` sections begin one each. Where even the top level
    gives more, neighbours are joined; those of more than ``longest`` characters are cut while there is room for more.
    """
    levels = sorted({heading.level for heading in headings})
    chosen: list[Heading] = []
    for level in levels:
        down_to = [heading for heading in headings if heading.level <= level]
        if len(down_to) > most and chosen:
            break
        chosen = down_to
    starts = [(heading.start, heading.text) for heading in chosen]
    if not starts or text[: starts[0][0]].strip():
        starts.insert(0, (0, ""))
    ends = [*(start for start, _ in starts[1:]), len(text)]
    found = [
        Section(name, start, end) for (start, name), end in zip(starts, ends, strict=True) if text[start:end].strip()
    ]
    return _cut(_joined(found, most), text, most, longest)


def _joined(found: Sequence[Section], most: int) -> list[Section]:
    """``most`` sections at the most: the two neighbours that are shortest together become one, again and again."""
    left: dict[int, Section] = dict(enumerate(found))
    follower = {at: at + 1 for at in range(len(found) - 1)}
    before = {after: at for at, after in follower.items()}
    # Pairs by their length and place; one whose sections have changed since is passed over when its turn comes.
    pairs = [(found[at + 1].end - found[at].start, at, found[at + 1].end) for at in range(len(found) - 1)]
    heapq.heapify(pairs)
    while len(left) > most:
        length, at, end = heapq.heappop(pairs)
        if at not in follower or left[follower[at]].end != end or end - left[at].start != length:
            continue
        gone = follower.pop(at)
        first, second = left[at], left.pop(gone)
        left[at] = Section(first.heading or second.heading, first.start, second.end)
        if (after := follower.pop(gone, None)) is not None:
            follower[at], before[after] = after, at
            heapq.heappush(pairs, (left[after].end - first.start, at, left[after].end))
        if at in before:
            earlier = before[at]
            heapq.heappush(pairs, (second.end - left[earlier].start, earlier, second.end))
    return [left[at] for at in sorted(left)]


def _cut(found: Sequence[Section], text: str, most: int, size: int) -> list[Section]:
    """Long sections in parts, longest parts first, until there are ``most`` or none is long."""
    parts = dict.fromkeys(found, 1)
    while sum(parts.values()) < most:
        longest = max(parts, key=lambda section: ((section.end - section.start) / parts[section], -section.start))
        if (longest.end - longest.start) / parts[longest] <= size:
            break
        parts[longest] += 1
    return [piece for section in found for piece in _split(section, text, parts[section])]


def _split(section: Section, text: str, count: int) -> list[Section]:
    """A section in ``count`` parts of about one length, cut at the end of a line where one is near."""
    size = (section.end - section.start) / count
    cuts = [section.start]
    for number in range(1, count):
        wished = section.start + round(number * size)
        line = text.find("\n", wished, wished + int(size / 4))
        cuts.append(line + 1 if line >= 0 else wished)
    return [
        Section(section.heading, a, b) for a, b in zip(cuts, [*cuts[1:], section.end], strict=True) if text[a:b].strip()
    ]
