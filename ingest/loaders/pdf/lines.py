"""The lines of a PDF page with their geometry, from PDFium's characters.

A line knows where it starts and ends and how large its type is: what is needed to tell the end of a paragraph from
the end of a line.
"""

from __future__ import annotations

import ctypes
import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pypdfium2
import pypdfium2.raw as pdfium_c

from ingest.loaders.cleaning import clean
from ingest.loaders.pdf.tables import Cell, Table

MAX_PAGE_CHARACTERS = 2_000_000
# What PDFium gives for a hyphen at the end of a line.
_HYPHENS = frozenset((0x2, 0xFFFE))
_LINE_ENDS = frozenset((0xA, 0xD))
# A gap inside a line that is wider than this, in units of the type's size, lies between two cells of a table.
CELL_GAP = 1.2
_NEVER_FIRST = frozenset("、。，．：；？！）》」』】〕〉”’…—·,.:;?!)]}%")
_NEVER_LAST = frozenset("（《「『【〔〈“‘([{")
# Some fonts map a character to its radical or ligature; the text means the character.
_COMPATIBLE = {
    code: unicodedata.normalize("NFKC", chr(code))
    for code in (*range(0x2E80, 0x2FD6), *range(0xFB00, 0xFB07))
    if unicodedata.is_normalized("NFKC", chr(code)) is False
} | {0xA0: " ", 0xAD: ""}


class TooMuchTextError(ValueError):
    """A page holds more characters than any real one."""


@dataclass(slots=True)
class Line:
    """A line of text, in points from the page's lower left corner.

    ``y`` is the baseline, ``head`` the width of the first word (which decides whether it would have fitted on the line
    before), ``cells`` the offsets in ``text`` where a wide gap lies, ``gaps`` the edges of these gaps, ``hyphen``
    whether the line ends in one. ``table`` is set on what stands for a whole table, at its place among the lines;
    ``column`` on the first line of a column of running text, which is no cell beside the line before it.
    """

    text: str
    left: float
    right: float
    y: float
    size: float
    head: float
    hyphen: bool = False
    cells: list[int] = field(default_factory=list)
    gaps: list[tuple[float, float]] = field(default_factory=list)
    table: Table[Line] | None = None
    column: bool = False

    @property
    def last_cell(self) -> float:
        """The left edge of what follows the last wide gap."""
        return self.gaps[-1][1] if self.gaps else self.left


def page_lines(page: pypdfium2.PdfPage, tables: Sequence[Table[Line]] = ()) -> list[Line]:
    """The lines of ``page`` in the order of its content; the text in ``tables`` goes into their cells.

    Raises:
        TooMuchTextError: it holds more than ``MAX_PAGE_CHARACTERS``.
        pypdfium2.PdfiumError: its text cannot be read.
    """
    textpage = page.get_textpage()
    try:
        count = textpage.count_chars()
        if count > MAX_PAGE_CHARACTERS:
            raise TooMuchTextError(f"a page of {count:,} characters")
        get_unicode = pdfium_c.FPDFText_GetUnicode
        codes = [get_unicode(textpage, index) for index in range(count)]
        geometry = _Geometry(textpage, page.get_rotation())
        owners = _owners(tables, geometry, codes) if tables else None
        lines: list[Line] = []
        placed: dict[int, Line] = {}
        for begin, end, hyphen in _stretches(codes, owners):
            owner = owners[begin] if owners and begin < end else None
            if owner is None:
                _add(lines, geometry, codes, begin, end, hyphen)
                continue
            table, cell = tables[owner[0]], owner[1]
            if owner[0] not in placed:
                placed[owner[0]] = Line("", table.xs[0], table.xs[-1], table.ys[-1], 1.0, 0.0, table=table)
                lines.append(placed[owner[0]])
            _add(table.cells.setdefault(cell, []), geometry, codes, begin, end, hyphen)
        for number, line in placed.items():
            inner = [piece for pieces in tables[number].cells.values() for piece in pieces]
            line.text = " ".join(piece.text for piece in inner)
            line.size = max((piece.size for piece in inner), default=1.0)
        return [line for line in lines if line.text.strip()]
    finally:
        textpage.close()


_Owner = tuple[int, Cell]


def _owners(tables: Sequence[Table[Line]], geometry: _Geometry, codes: list[int]) -> list[_Owner | None]:
    """For each character the table and the cell that it stands in; a grid that is no table of data owns none."""
    owners: list[_Owner | None] = []
    for index, code in enumerate(codes):
        owner = owners[-1] if owners else None
        if code > 0x20:  # what PDFium puts between words and lines has no place of its own
            left, right, y = geometry.span(index)
            owner = None
            for number, table in enumerate(tables):
                cell = table.cell_at((left + right) / 2, y + 1)  # a little above the baseline
                if cell is not None:
                    owner = number, cell
                    break
        owners.append(owner)
    for number, table in enumerate(tables):
        visible = (
            owner[1]
            for owner, code in zip(owners, codes, strict=True)
            if owner is not None and owner[0] == number and code > 0x20
        )
        cells = list(visible)
        if not cells or not table.is_filled(cells):
            owners = [None if owner is not None and owner[0] == number else owner for owner in owners]
    return owners


def _stretches(codes: list[int], owners: list[_Owner | None] | None) -> Iterator[tuple[int, int, bool]]:
    """``(begin, end, whether a hyphen follows)`` of each line; none leads from one cell of a table into another."""
    begin = 0
    for index, code in enumerate(codes):
        if code in _LINE_ENDS or code in _HYPHENS:
            yield begin, index, code in _HYPHENS
            begin = index + 1
        elif owners and index > begin and owners[index] != owners[begin]:
            yield begin, index, False
            begin = index
    yield begin, len(codes), False


class _Geometry:
    def __init__(self, textpage: pypdfium2.PdfTextPage, rotation: int) -> None:
        self._textpage = textpage
        self._rotation = rotation

    def span(self, index: int) -> tuple[float, float, float]:
        """Left, right and baseline of a character, as the page is looked at."""
        left, bottom, right, top = self._textpage.get_charbox(index, loose=True)
        x, y = ctypes.c_double(), ctypes.c_double()
        pdfium_c.FPDFText_GetCharOrigin(self._textpage, index, x, y)
        if self._rotation == 90:
            return bottom, top, -x.value
        if self._rotation == 180:
            return -right, -left, -y.value
        if self._rotation == 270:
            return -top, -bottom, x.value
        return left, right, y.value

    def size(self, index: int) -> float:
        matrix = pdfium_c.FS_MATRIX()
        pdfium_c.FPDFText_GetMatrix(self._textpage, index, matrix)
        scale = math.sqrt(abs(matrix.a * matrix.d - matrix.b * matrix.c)) or 1.0
        return max(1.0, float(pdfium_c.FPDFText_GetFontSize(self._textpage, index)) * scale)


def _add(lines: list[Line], geometry: _Geometry, codes: list[int], begin: int, end: int, hyphen: bool) -> None:
    def blank(index: int) -> bool:
        return codes[index] <= 0x20 or codes[index] == 0xA0

    while begin < end and blank(begin):
        begin += 1
    while end > begin and blank(end - 1):
        end -= 1
    if begin == end:
        return
    # A bullet, a superscript or a word of code may differ in size: the line's is the median of a few samples.
    samples = sorted(geometry.size(begin + (end - 1 - begin) * step // 4) for step in range(5)
                     if not blank(begin + (end - 1 - begin) * step // 4))  # fmt: skip
    size = samples[len(samples) // 2]
    left, right, y = geometry.span(begin)
    word = begin
    while word + 1 < end and not blank(word + 1) and _stays_together(codes[word], codes[word + 1]):
        word += 1
    head = (geometry.span(word)[1] if word > begin else right) - left
    pieces: list[str] = []
    cells: list[int] = []
    gaps: list[tuple[float, float]] = []
    length = 0
    for index in range(begin, end):
        piece = _character(codes[index])
        if blank(index) and index + 1 < end and not blank(index + 1) and not blank(index - 1):
            before, after = geometry.span(index - 1), geometry.span(index + 1)
            if after[0] - before[1] > CELL_GAP * size or left - after[0] > CELL_GAP * size:
                if abs(after[2] - before[2]) > 0.3 * size:
                    # PDFium has taken two lines of neighbouring cells or columns for one.
                    _add(lines, geometry, codes, begin, index, False)
                    _add(lines, geometry, codes, index + 1, end, hyphen)
                    return
                if after[0] > before[1]:
                    cells.append(length)
                    gaps.append((before[1], after[0]))
        pieces.append(piece)
        length += len(piece)
    text = "".join(pieces)
    right = geometry.span(end - 1)[1]
    # PDFium hands out characters beyond the BMP as two halves on some platforms.
    text = clean(text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")) if _has_halves(text) else text
    if text.strip():
        lines.append(Line(text, left, max(left, right), y, size, head, hyphen, cells, gaps))


def first_word(text: str) -> str:
    """What of ``text`` no line may end in."""
    end = 1
    while end < len(text) and not text[end].isspace() and _stays_together(ord(text[end - 1]), ord(text[end])):
        end += 1
    return text[:end]


def _stays_together(code: int, following: int) -> bool:
    """Whether no line may end between two characters: inside a Latin word, and by the rules of Chinese punctuation."""
    if chr(following) in _NEVER_FIRST or chr(code) in _NEVER_LAST:
        return True
    return code < 0x2E80 and following < 0x2E80


def _character(code: int) -> str:
    if code in (0x9, 0xA0):
        return " "
    if code < 0x20 or 0x7F <= code <= 0x9F or code > 0x10FFFF:
        return ""
    return _COMPATIBLE.get(code) or ("" if code == 0xAD else chr(code))


def _has_halves(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
