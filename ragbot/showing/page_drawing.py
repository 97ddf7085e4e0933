"""Draws a page of a PDF and marks spans of its text on it; for the process of :mod:`ragbot.showing.page_worker`."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pypdfium2
import pypdfium2.raw as pdfium_c

from ragbot.errors import LoaderError
from ragbot.showing.page_locating import letters_of, locate

Picture = npt.NDArray[np.uint8]
_Pixels = tuple[float, float, float, float]

#: Sides and area of a picture in pixels, whatever the page's shape is.
_LONGEST, _AREA = 4_000, 6_000_000
#: Characters of a page that are looked at.
_MOST = 200_000
#: What the paper is multiplied by under a mark: ink stays as it is. And the frame, seen on dark paper too.
_PAINT, _FRAME = (255, 229, 110), (217, 119, 6)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture (PNG), its size in pixels, the marks as fractions of it, and how many characters the page has."""

    image: bytes
    size: tuple[int, int]
    boxes: tuple[tuple[float, float, float, float], ...]
    letters: int


def drawn(path: Path, number: int, text: str, spans: Sequence[tuple[int, int]], width: int) -> Drawn:
    """Page ``number`` (from 1) of the file, ``width`` pixels wide, with ``spans`` of its ``text`` marked.

    Raises:
        LoaderError: the file has no such page.
        pypdfium2.PdfiumError: it cannot be read or drawn.
        OSError: the file cannot be opened.
    """
    document = pypdfium2.PdfDocument(path.read_bytes())
    try:
        if not 1 <= number <= len(document):
            raise LoaderError(f"{path.name} has no page {number}, but {len(document)}: add the file again")
        page = document[number - 1]
        try:
            return _page(page, text, spans, width)
        finally:
            page.close()
    finally:
        document.close()


def _page(page: Any, text: str, spans: Sequence[tuple[int, int]], width: int) -> Drawn:
    across, down = (max(1.0, side) for side in page.get_size())
    scale = min(width / across, _LONGEST / max(across, down), (_AREA / (across * down)) ** 0.5)
    bitmap = page.render(scale=scale, rev_byteorder=True, prefer_bgrx=False, fill_color=(255, 255, 255, 255))
    try:
        picture = np.array(bitmap.to_numpy()[:, :, :3], np.uint8)  # a copy: the bitmap is freed here
        convert = bitmap.get_posconv(page)
        textpage = page.get_textpage()
        try:
            characters = _characters(textpage)
            letters, origins = letters_of(characters)
            height, breadth = picture.shape[:2]
            marked: list[_Pixels] = []
            for span in spans:
                indices = (origins[at] for start, stop in locate(text, span, letters) for at in range(start, stop))
                boxes = [_inside(_box(textpage, convert, index), breadth, height) for index in dict.fromkeys(indices)]
                marked += _lines([box for box in boxes if box[2] > box[0] and box[3] > box[1]])
        finally:
            textpage.close()
    finally:
        bitmap.close()
    for box in marked:
        _paint(picture, box)
    fractions = tuple((a / breadth, b / height, c / breadth, d / height) for a, b, c, d in marked)
    return Drawn(png(picture), (breadth, height), fractions, len(letters))


def _characters(textpage: Any) -> list[str]:
    """One text for each index of PDFium's; the halves of a character beyond the BMP become one, and nothing."""
    get = pdfium_c.FPDFText_GetUnicode
    codes = [get(textpage, index) for index in range(min(textpage.count_chars(), _MOST))]
    found: list[str] = []
    for index, code in enumerate(codes):
        if 0xD800 <= code < 0xDC00 and index + 1 < len(codes) and 0xDC00 <= codes[index + 1] < 0xE000:
            found.append(chr(0x10000 + ((code - 0xD800) << 10) + codes[index + 1] - 0xDC00))
        elif 0xD800 <= code < 0xE000 or code > 0x10FFFF:
            found.append("")
        else:
            found.append(chr(code))
    return found


def _box(textpage: Any, convert: Any, index: int) -> _Pixels:
    """Left, top, right and bottom of a character in pixels, as the page is looked at (it may be turned)."""
    left, bottom, right, top = textpage.get_charbox(index, loose=True)
    corners = [convert.to_bitmap(x, y) for x, y in ((left, bottom), (right, top))]
    xs, ys = sorted(corner[0] for corner in corners), sorted(corner[1] for corner in corners)
    return float(xs[0]), float(ys[0]), float(xs[1]), float(ys[1])


def _inside(box: _Pixels, width: int, height: int) -> _Pixels:
    left, top, right, bottom = box
    return min(max(left, 0), width), min(max(top, 0), height), min(max(right, 0), width), min(max(bottom, 0), height)


def _lines(boxes: Sequence[_Pixels]) -> list[_Pixels]:
    """Boxes of characters in their order, those beside each other on a line (or below each other) as one."""
    found: list[_Pixels] = []
    for box in boxes:
        last = found[-1] if found else None
        if last is not None and (_beside(last, box) or _beside(_turned(last), _turned(box))):
            found[-1] = min(last[0], box[0]), min(last[1], box[1]), max(last[2], box[2]), max(last[3], box[3])
        else:
            found.append(box)
    return found


def _beside(one: _Pixels, other: _Pixels) -> bool:
    """Whether both stand on one line, with no more than the gap of two letters between them."""
    size = min(one[3] - one[1], other[3] - other[1])
    shared = min(one[3], other[3]) - max(one[1], other[1])
    gap = max(one[0], other[0]) - min(one[2], other[2])
    return shared > 0.6 * size and gap < 2 * size and max(one[3] - one[1], other[3] - other[1]) < 3 * size


def _turned(box: _Pixels) -> _Pixels:
    return box[1], box[0], box[3], box[2]


def _paint(picture: Picture, box: _Pixels) -> None:
    height, width = picture.shape[:2]
    left, top = max(int(box[0]) - 1, 0), max(int(box[1]) - 1, 0)
    right, bottom = min(int(np.ceil(box[2])) + 1, width), min(int(np.ceil(box[3])) + 1, height)
    area = picture[top:bottom, left:right].astype(np.uint16)
    picture[top:bottom, left:right] = (area * np.array(_PAINT, np.uint16) // 255).astype(np.uint8)
    for rows, columns in (
        (slice(top, top + 1), slice(left, right)),
        (slice(bottom - 1, bottom), slice(left, right)),
        (slice(top, bottom), slice(left, left + 1)),
        (slice(top, bottom), slice(right - 1, right)),
    ):
        picture[rows, columns] = _FRAME


def png(picture: Picture) -> bytes:
    """RGB pixels as PNG (W3C, third edition): every row as its difference from the one above."""
    height, width = picture.shape[:2]
    rows = picture.reshape(height, width * 3)
    above = np.vstack([np.zeros((1, width * 3), np.uint8), rows[:-1]])
    filtered = np.hstack([np.full((height, 1), 2, np.uint8), rows - above])  # wraps around, as it should
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_part(kind, data) for kind, data in parts)


def _part(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
