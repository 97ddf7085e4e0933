"""What is drawn on a PDF page besides its text: ruling lines, pictures, and how many shapes.

One walk over PDFium's page objects answers two questions: is there a table to look for, and is the page a scan. A page
of plain text has few path objects, so that the walk costs about a millisecond.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium_c

MAX_OBJECTS = 50_000  # a map or a drawing has more; there is no table in it, and walking on would take seconds
MAX_SEGMENTS = 40_000  # straight pieces of all paths; 10,000 boxes of a form
_MAX_DEPTH = 4  # forms inside forms
_STRAIGHT = 0.7  # points that a line may lean, and two edges of one thin rectangle may lie apart
_WHITE = 250  # a background of the paper's colour draws no line
_SHORTEST = 4.0  # points; shorter pieces are dots, dashes and the corners of borders
_SNAP = 2.5  # points within which lines are one: the two edges of a border, or the gap between two filled cells
_JOIN = 3.0  # points between the pieces of one line, where another border crosses

_Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: _Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


class Rule(NamedTuple):
    """A ruling line: ``at`` is its y (or x, where it is upright), from ``start`` to ``end`` along the other axis."""

    at: float
    start: float
    end: float


@dataclass(slots=True)
class Survey:
    """The rules (as the page is looked at), the share of the page under pictures, their pixels, and the paths."""

    horizontal: list[Rule] = field(default_factory=list)
    upright: list[Rule] = field(default_factory=list)
    picture_share: float = 0.0
    pixels: int = 0
    paths: int = 0
    crowded: bool = False  # more than is looked at: no tables


def survey(page: pypdfium2.PdfPage) -> Survey:
    """Look over ``page``; what lies beyond ``MAX_OBJECTS`` or ``MAX_SEGMENTS`` is not seen, and ``crowded`` is set."""
    seen = Survey()
    rotation = page.get_rotation()
    width, height = page.get_size()
    area = max(1.0, width * height)
    segments = 0
    horizontal: list[Rule] = []
    upright: list[Rule] = []
    for number, (item, kind, matrix) in enumerate(_objects(page)):
        if number >= MAX_OBJECTS or segments > MAX_SEGMENTS:
            seen.crowded = True
            break
        if kind == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            seen.picture_share += _picture_area(item, matrix) / area
            seen.pixels += _pixels(item)
        elif kind == pdfium_c.FPDF_PAGEOBJ_PATH and _is_drawn(item):
            seen.paths += 1
            count = pdfium_c.FPDFPath_CountSegments(item)
            segments += max(0, count)
            if segments <= MAX_SEGMENTS:
                for first, second in _straight_pieces(item, count, matrix):
                    _add_rule(horizontal, upright, _turned(first, rotation), _turned(second, rotation))
    if not seen.crowded:
        seen.horizontal, seen.upright = _merged(horizontal), _merged(upright)
    return seen


def _objects(page: pypdfium2.PdfPage) -> Iterator[tuple[Any, int, _Matrix]]:
    stack = [(page.raw, pdfium_c.FPDFPage_CountObjects, pdfium_c.FPDFPage_GetObject, _IDENTITY)]
    counts: list[tuple[int, int]] = [(0, pdfium_c.FPDFPage_CountObjects(page))]
    while stack:
        holder, _, get, outer = stack[-1]
        index, count = counts[-1]
        if index >= count:
            stack.pop()
            counts.pop()
            continue
        counts[-1] = (index + 1, count)
        item = get(holder, index)
        if not item:
            continue
        kind = pdfium_c.FPDFPageObj_GetType(item)
        if kind in (pdfium_c.FPDF_PAGEOBJ_PATH, pdfium_c.FPDF_PAGEOBJ_IMAGE, pdfium_c.FPDF_PAGEOBJ_FORM):
            matrix = _product(_matrix(item), outer)
        else:
            matrix = _IDENTITY
        if kind == pdfium_c.FPDF_PAGEOBJ_FORM and len(stack) <= _MAX_DEPTH:
            stack.append((item, pdfium_c.FPDFFormObj_CountObjects, pdfium_c.FPDFFormObj_GetObject, matrix))
            counts.append((0, pdfium_c.FPDFFormObj_CountObjects(item)))
        yield item, kind, matrix


def _matrix(item: Any) -> _Matrix:
    matrix = pdfium_c.FS_MATRIX()
    if not pdfium_c.FPDFPageObj_GetMatrix(item, matrix):
        return _IDENTITY
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def _product(inner: _Matrix, outer: _Matrix) -> _Matrix:
    """First ``inner``, then ``outer``."""
    a, b, c, d, e, f = inner
    p, q, r, s, t, u = outer
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u


def _picture_area(item: Any, matrix: _Matrix) -> float:
    """A picture is the unit square under its matrix."""
    area = abs(matrix[0] * matrix[3] - matrix[1] * matrix[2])
    return area if math.isfinite(area) else 0.0


def _pixels(item: Any) -> int:
    width, height = ctypes.c_uint(), ctypes.c_uint()
    if not pdfium_c.FPDFImageObj_GetImagePixelSize(item, width, height):
        return 0
    return width.value * height.value


def _is_drawn(item: Any) -> bool:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    if not pdfium_c.FPDFPath_GetDrawMode(item, fill, stroke):
        return False
    if stroke.value:
        return True
    if not fill.value:
        return False
    colour = [ctypes.c_uint() for _ in range(4)]
    known = pdfium_c.FPDFPageObj_GetFillColor(item, *colour)
    return not (known and all(part.value >= _WHITE for part in colour[:3]))


_Point = tuple[float, float]


def _straight_pieces(item: Any, count: int, matrix: _Matrix) -> Iterator[tuple[_Point, _Point]]:
    a, b, c, d, e, f = matrix
    x, y = ctypes.c_float(), ctypes.c_float()
    start = current = (0.0, 0.0)
    get_segment: Callable[..., Any] = pdfium_c.FPDFPath_GetPathSegment
    for index in range(count):
        segment = get_segment(item, index)
        kind = pdfium_c.FPDFPathSegment_GetType(segment)
        if not pdfium_c.FPDFPathSegment_GetPoint(segment, x, y):
            continue
        point = (a * x.value + c * y.value + e, b * x.value + d * y.value + f)
        if kind == pdfium_c.FPDF_SEGMENT_MOVETO:
            start = point
        elif kind == pdfium_c.FPDF_SEGMENT_LINETO:
            yield current, point
        current = point
        if pdfium_c.FPDFPathSegment_GetClose(segment):
            yield current, start
            current = start


def _turned(point: _Point, rotation: int) -> _Point:
    """As the page is looked at; the same turn as that of the characters."""
    x, y = point
    return {90: (y, -x), 180: (-x, -y), 270: (-y, x)}.get(rotation, (x, y))


def _add_rule(horizontal: list[Rule], upright: list[Rule], first: _Point, second: _Point) -> None:
    (x, y), (u, v) = first, second
    if not all(map(math.isfinite, (x, y, u, v))):
        return
    if abs(y - v) <= _STRAIGHT and abs(x - u) > _STRAIGHT:
        horizontal.append(Rule((y + v) / 2, min(x, u), max(x, u)))
    elif abs(x - u) <= _STRAIGHT and abs(y - v) > _STRAIGHT:
        upright.append(Rule((x + u) / 2, min(y, v), max(y, v)))


def _merged(rules: list[Rule]) -> list[Rule]:
    """Pieces of one line as one line; what is still short then is no rule."""
    rules.sort()
    merged: list[Rule] = []
    group: list[Rule] = []
    for rule in rules:
        if group and rule.at - group[0].at > _SNAP:
            merged.extend(_joined(group))
            group = []
        group.append(rule)
    merged.extend(_joined(group))
    return [rule for rule in merged if rule.end - rule.start >= _SHORTEST]


def _joined(group: list[Rule]) -> Iterator[Rule]:
    if not group:
        return
    at = sum(rule.at for rule in group) / len(group)
    spans = sorted((rule.start, rule.end) for rule in group)
    start, end = spans[0]
    for left, right in spans[1:]:
        if left > end + _JOIN:
            yield Rule(at, start, end)
            start, end = left, right
        end = max(end, right)
    yield Rule(at, start, end)
