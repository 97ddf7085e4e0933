"""From recognised lines to the lines that paragraphs are made of: straightened, in rows, columns one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ingest.loaders.ocr.engine import RecognisedLine
from ingest.loaders.pdf.columns import in_columns
from ingest.loaders.pdf.lines import Line, first_word

_INK = 0.85  # of the height of a box is the type's size; the engine draws boxes somewhat larger
_DESCENDER = 0.2  # of the height of a box lies below the baseline
_ALIKE = (0.75, 1.35)  # heights in units of the page's usual one that are the same type: a box of "ace" is low
_SAME_ROW = 0.5  # of the type's size
_RAGGED = 1.0  # of the type's size by which edges of lines of one paragraph miss each other
_TYPE_SIZE = 10.0  # points, that of running text


@dataclass(slots=True)
class _Row:
    y: float
    lines: list[Line]


def reading_lines(found: Sequence[RecognisedLine], scale: float | None = None) -> list[Line]:
    """The lines in the order of reading.

    Args:
        found: the lines of one page.
        scale: points for a pixel; None where nobody knows, and running text is taken to be of 10 points.
    """
    if not found:
        return []
    usual = median(line.bottom - line.top for line in found)
    if usual <= 0:
        return []
    scale = scale or _TYPE_SIZE / (_INK * usual)
    lines = [_line(line, usual, scale) for line in found if line.right > line.left and line.bottom > line.top]
    rows: list[_Row] = []
    for line in sorted(lines, key=lambda line: -line.y):
        if rows and rows[-1].y - line.y <= _SAME_ROW * line.size:
            rows[-1].lines.append(line)
        else:
            rows.append(_Row(line.y, [line]))
    for row in rows:
        row.lines.sort(key=lambda line: line.left)
    ordered = in_columns([line for row in rows for line in row.lines])
    _straighten(ordered)
    return ordered


def _line(found: RecognisedLine, usual: float, scale: float) -> Line:
    height = found.bottom - found.top
    low, high = _ALIKE
    size = _INK * scale * (usual if low <= height / usual <= high else height)
    left, right = found.left * scale, found.right * scale
    head = (right - left) * len(first_word(found.text)) / len(found.text)
    return Line(found.text, left, right, -scale * (found.bottom - _DESCENDER * height), size, head)


def _straighten(lines: list[Line]) -> None:
    """Give lines whose edges nearly agree the same edge: a slanted scan must not look like indentation."""
    for above, line in pairwise(lines):
        if line.y >= above.y or abs(line.size - above.size) > 0.1 * line.size:
            continue
        if abs(line.left - above.left) < _RAGGED * line.size:
            line.left = above.left
        if abs(line.right - above.right) < _RAGGED * line.size:
            line.right = above.right = max(line.right, above.right)
