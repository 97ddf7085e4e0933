"""The lines of a PDF page with their geometry, from PDFium's characters.

A line knows where it starts and ends and how large its type is: what is needed to tell the end of a paragraph from
the end of a line.
"""

from __future__ import annotations

import ctypes
import math
import unicodedata
from dataclasses import dataclass, field

import pypdfium2
import pypdfium2.raw as pdfium_c

from ingest.loaders.cleaning import clean

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
    before), ``cells`` the offsets in ``text`` where a wide gap lies, ``last_cell`` the left edge of what follows the
    last of them, ``hyphen`` whether the line ends in one.
    """

    text: str
    left: float
    right: float
    y: float
    size: float
    head: float
    hyphen: bool = False
    cells: list[int] = field(default_factory=list)
    last_cell: float = 0.0


def page_lines(page: pypdfium2.PdfPage) -> list[Line]:
    """The lines of ``page`` in the order of its content.

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
        lines: list[Line] = []
        begin = 0
        for index, code in enumerate(codes):
            if code in _LINE_ENDS or code in _HYPHENS:
                _add(lines, geometry, codes, begin, index, code in _HYPHENS)
                begin = index + 1
        _add(lines, geometry, codes, begin, count, False)
        return lines
    finally:
        textpage.close()


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
    length = 0
    last_cell = left
    for index in range(begin, end):
        piece = _character(codes[index])
        if blank(index) and index + 1 < end and not blank(index + 1) and not blank(index - 1):
            before, after = geometry.span(index - 1), geometry.span(index + 1)
            if after[0] - before[1] > CELL_GAP * size:
                if abs(after[2] - before[2]) > 0.3 * size:
                    # PDFium has taken two lines of neighbouring cells for one.
                    _add(lines, geometry, codes, begin, index, False)
                    _add(lines, geometry, codes, index + 1, end, hyphen)
                    return
                cells.append(length)
                last_cell = after[0]
        pieces.append(piece)
        length += len(piece)
    text = "".join(pieces)
    right = geometry.span(end - 1)[1]
    # PDFium hands out characters beyond the BMP as two halves on some platforms.
    text = clean(text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")) if _has_halves(text) else text
    if text.strip():
        lines.append(Line(text, left, max(left, right), y, size, head, hyphen, cells, last_cell))


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
