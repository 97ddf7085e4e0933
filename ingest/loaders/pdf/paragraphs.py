"""From lines to paragraphs, so that a sentence is whole: by indentation, spacing, type size, and full lines.

A line is full where the next line's first word would not have fitted on it; only then does the paragraph go on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.loaders.pdf.lines import CELL_GAP, Line

_HAN = (
    "\u2e80-\u2fdf\u3001-\u303f\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003134f"
)
_ENDS_HAN = re.compile(rf"[{_HAN}“”‘’…—]$")
_STARTS_HAN = re.compile(rf"[{_HAN}“”‘’…—]")
_WIDE_PUNCTUATION = frozenset("、。，；：？！（）《》「」『』【】“”‘’…—")
_BULLET = re.compile(r"[•●○◦▪■□◆◇‣⁃∙·–—*-]\s")
_NUMBER = re.compile(
    r"\(?\d{1,3}[.)、．]|[(（][\d一二三四五六七八九十]{1,3}[)）]|[一二三四五六七八九十]{1,3}、"
    r"|第[\d一二三四五六七八九十百]+[章节条]"
)
_SENTENCE_END = re.compile(r"[。！？；：.!?;:]['\"”’)）」』]*$")
_SPACED = re.compile(r"[\u4e00-\u9fff] [A-Za-z0-9]|[A-Za-z0-9] [\u4e00-\u9fff]")
_UNSPACED = re.compile(r"[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]")
_WORD = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)+|[A-Za-z]+")
_TAIL = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*$")
_HEAD = re.compile(r"[A-Za-z]+")
_LEADER = re.compile(r"\.\s?\.\s?\.\s*[0-9ivxlc]+$")  # a line of a table of contents: complete, however long
_NEAR = 6  # lines before and after which confirm that a wide gap lies between cells
_MIN_COLUMN = 12  # the width of a column of running text, in units of the type's size
_MAX_CELL_LINES = 8
_MAX_CELL_JUMP = 15  # lines; a jump up that is longer leads into the next column of the page


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, list item or table row; ``separator`` goes before it, ``level`` is a heading's (else 0)."""

    text: str
    separator: str
    level: int


class Joiner:
    """Joins two lines of a paragraph as this document writes: hyphens, and spaces between Chinese and Latin."""

    def __init__(self, lines: Iterable[str]) -> None:
        spaced = unspaced = 0
        self._words: set[str] = set()
        for line in lines:
            spaced += len(_SPACED.findall(line))
            unspaced += len(_UNSPACED.findall(line))
            self._words.update(word.lower() for word in _WORD.findall(line))
        self._mixed = " " if spaced > unspaced else ""

    def join(self, first: str, second: str, hyphen: bool) -> str:
        """``first`` and ``second`` as one; ``hyphen`` says that a hyphen was taken off the end of ``first``."""
        if hyphen:
            return first + self._hyphen(first, second) + second
        if first.endswith("-") and len(first) > 1 and first[-2].isalnum():
            return first + second
        ends, starts = bool(_ENDS_HAN.search(first)), bool(_STARTS_HAN.match(second))
        if (ends and starts) or first[-1] in _WIDE_PUNCTUATION or (starts and second[0] in _WIDE_PUNCTUATION):
            return first + second
        if (ends or starts) and first[-1].isalnum() and second[0].isalnum():
            return first + self._mixed + second
        return first + ("" if ends or starts else " ") + second

    def join_lines(self, lines: Sequence[Line]) -> str:
        """The lines of a cell as one."""
        text = ""
        for number, line in enumerate(lines):
            text = self.join(text, line.text, lines[number - 1].hyphen) if number else line.text
        return text + "-" * lines[-1].hyphen if lines else ""

    def _hyphen(self, first: str, second: str) -> str:
        tail, head = _TAIL.search(first), _HEAD.match(second)
        if not tail or not head:
            return "-"
        left, right = tail[0].lower(), head[0].lower()
        if f"{left}-{right}" in self._words:
            return "-"
        if f"{left}{right}" in self._words:
            return ""
        # A compound that has a hyphen already (state-of-the-art), a name or a number keeps this one too.
        return "-" if "-" in left or head[0][0].isupper() else ""


def page_blocks(lines: list[Line], joiner: Joiner, levels: Mapping[int, tuple[int, int]]) -> Iterator[Block]:
    """The blocks of a page. ``levels`` maps a heading's first line to ``(last line, level)``."""
    page = _Page(lines)
    text = ""
    previous = -1
    separator = ""
    heading_end = level = 0
    for index in range(len(lines)):
        table = lines[index].table
        content = table.markdown(joiner.join_lines) if table is not None else page.content(index)
        if previous < 0:
            relation = "start"
        elif level and index <= heading_end:
            relation = "join"
        elif level or index in levels:
            relation = "block"
        else:
            relation = page.relation(index)
        if relation == "join":
            text = joiner.join(text, content, lines[previous].hyphen)
        elif relation == "cell":
            text = f"{text} | {content}"
        else:
            if relation != "start":
                yield Block(text + "-" * lines[previous].hyphen, separator, level)
                separator = "\n\n" if relation == "block" else "\n"
            text = content
            heading_end, level = levels.get(index, (0, 0))
        previous = index
        page.follow(index, relation)
    if previous >= 0:
        yield Block(text + "-" * lines[previous].hyphen, separator, level)


class _Page:
    """The lines of a page, and where in a row of a table we are."""

    def __init__(self, lines: list[Line]) -> None:
        self._lines = lines
        self._margins = _right_margins(lines)
        self._leading = self._usual_leading()
        self._cell_left: float | None = None  # of the cell we are in, where a row has been broken over lines
        self._row_left = 0.0
        self._row_top = self._row_bottom = 0.0
        self._cell_right = 0.0
        self._item = False  # inside a list item

    def content(self, index: int) -> str:
        """A line's text; wide gaps become cell borders where a line nearby has them too."""
        line = self._lines[index]
        neighbours = self._lines[max(0, index - _NEAR) : index] + self._lines[index + 1 : index + 1 + _NEAR]
        beside = any(b.left > a.right and b.y > a.y - 0.3 * a.size for a, b in pairwise(neighbours))
        if not line.cells or not (beside or any(other.cells for other in neighbours)):
            return " ".join(line.text.split())
        bounds = [0, *line.cells, len(line.text)]
        return " | ".join(" ".join(line.text[a:b].split()) for a, b in pairwise(bounds))

    def relation(self, index: int) -> str:
        """How a line follows the one before: ``join``, ``cell``, ``line`` (next item or row) or ``block``."""
        above, line = self._lines[index - 1], self._lines[index]
        if above.table is not None or line.table is not None:
            return "block"
        size = max(above.size, line.size)
        drop = above.y - line.y
        if abs(drop) < 0.6 * size and -0.3 * size < line.left - above.right < CELL_GAP * size:
            return "join"  # a piece of the same line, set apart by its font or its height
        if self._is_next_cell(above, line, drop, size):
            return "cell"
        if self._cell_left is not None and abs(line.left - self._cell_left) < 0.5 * size and 0 < drop < 2.2 * size:
            return "join"
        if self._is_inside_first_cell(index, drop, size):
            return "join"
        if self._cell_left is not None:
            drop = min(above.y, self._row_bottom) - line.y
        if drop <= 0 or drop > 3.5 * size or abs(above.size - line.size) > 0.1 * size:
            # In another column the paragraph may go on.
            goes_on = drop < 0 and abs(above.size - line.size) <= 0.1 * size and self._continues(index)
            return "join" if goes_on else "block"
        close = drop <= self._leading * size * 1.2
        if above.hyphen and close:
            return "join"
        if above.cells or line.cells:
            return "line" if drop < 3 * size else "block"
        if close and self._continues(index):
            return "join"
        return "line" if close else "block"

    def follow(self, index: int, relation: str) -> None:
        """Take note of where the line has led."""
        line = self._lines[index]
        self._row_bottom = min(self._row_bottom, line.y)
        if relation == "cell":
            self._cell_left, self._cell_right = line.left, line.right
        elif relation == "join":
            self._cell_right = max(self._cell_right, line.right)
        else:
            self._cell_left = line.last_cell if line.cells else None
            self._cell_right, self._row_left, self._row_top = line.right, line.left, line.y
            self._row_bottom = line.y
            self._item = bool(_BULLET.match(line.text) or _NUMBER.match(line.text))

    def _is_next_cell(self, above: Line, line: Line, drop: float, size: float) -> bool:
        beside = line.left > self._cell_right + 0.3 * size and line.left > self._row_left and not line.column
        return beside and -_MAX_CELL_JUMP * size < drop < 0.6 * size

    def _is_inside_first_cell(self, index: int, drop: float, size: float) -> bool:
        """Whether the line goes on in a row's first cell: after it, the next cell begins beside it and higher up."""
        line = self._lines[index]
        if self._cell_left is not None or not 0 < drop < 2.2 * size or abs(line.left - self._row_left) > 0.5 * size:
            return False
        right = max(self._cell_right, line.right)
        for below, other in zip(
            self._lines[index:], self._lines[index + 1 : index + 1 + _MAX_CELL_LINES], strict=False
        ):
            if other.left > right + 0.3 * size:
                return not other.column and below.y + 0.3 * size < other.y <= self._row_top + 0.6 * size
            if abs(other.left - line.left) > 0.5 * size or not 0 < below.y - other.y < 2.2 * size:
                return False
            right = max(right, other.right)
        return False

    def _continues(self, index: int) -> bool:
        above, line = self._lines[index - 1], self._lines[index]
        size = max(above.size, line.size)
        if above.hyphen:
            return True
        if _LEADER.search(above.text):
            return False
        if _BULLET.match(line.text) or (_NUMBER.match(line.text) and (self._item or _SENTENCE_END.search(above.text))):
            return False
        if line.y < above.y:
            indent = line.left - above.left
            if indent > (4 if self._item else 0.5) * size or indent < -6 * size:
                return False
        return self._is_full(above, line, size)

    def _is_full(self, line: Line, following: Line, size: float) -> bool:
        margin = self._margins.get(_slot(line), line.right)
        if margin - line.left < _MIN_COLUMN * size:
            return False  # a slide, a form, a poem: its longest line shows no margin
        return line.right + 0.2 * size + following.head > margin - 0.1 * size

    def _usual_leading(self) -> float:
        """The distance of lines inside a paragraph, in units of the type's size."""
        counts: Counter[float] = Counter()
        for above, line in pairwise(self._lines):
            size = max(above.size, line.size)
            drop = (above.y - line.y) / size
            if 0.8 < drop < 3 and abs(above.size - line.size) < 0.1 * size and self._is_full(above, line, size):
                counts[round(drop, 1)] += 1
        return min(2.2, counts.most_common(1)[0][0]) if counts else 1.7


def _slot(line: Line) -> tuple[int, int]:
    """Lines of one column and one type size share a slot; its width allows for indentation."""
    return round(line.size), int(line.left // 120)


def _right_margins(lines: list[Line]) -> dict[tuple[int, int], float]:
    """The right edge of each column: where its lines often end, or else its longest line.

    An edge that four lines share is a margin of justified text, and a longer line beside it (a title or an abstract
    over two columns) does not count.
    """
    edges: dict[tuple[int, int], list[float]] = {}
    for line in lines:
        if line.table is not None:
            continue
        edges.setdefault(_slot(line), []).append(line.right)
    margins: dict[tuple[int, int], float] = {}
    for slot, rights in edges.items():
        shared = Counter(round(right / 2) for right in rights)
        often = [edge for edge, count in shared.items() if count >= 4 and count > 0.4 * len(rights)]
        margins[slot] = 2.0 * max(often) - 1 if often else max(rights)
    return margins
