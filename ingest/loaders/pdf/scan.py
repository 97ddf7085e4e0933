"""Scanned pages of a PDF: which pages are pictures of text, and their rendering for text recognition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import pypdfium2

from ingest.loaders.pdf.lines import Line
from ingest.loaders.pdf.survey import Survey

if TYPE_CHECKING:
    from PIL.Image import Image

RESOLUTION = 200  # dots an inch: type of 8 points is some 22 pixels high, which the recognition reads well
MAX_PIXELS = 10_000_000  # of a rendered page, 30 MB: A3 at full resolution; a larger page is rendered smaller
MAX_SIDE = 6_000
MAX_SOURCE_PIXELS = 150_000_000  # of a page's pictures, which PDFium unpacks: A3 at 600 dots an inch has 70 million
_ALMOST_NONE = 30  # characters; a page number, a stamp, a date in the margin
_MIN_SHARE = 0.05  # of the page under pictures; a logo is smaller
_DRAWN_TEXT = 100  # paths: text that a program has turned into outlines


def is_scanned(lines: Sequence[Line], seen: Survey) -> bool:
    """Whether a page has (almost) no text layer, but something to look at."""
    characters = sum(not character.isspace() for line in lines for character in line.text)
    if characters > _ALMOST_NONE:
        return False
    return seen.picture_share >= _MIN_SHARE or (not characters and seen.paths >= _DRAWN_TEXT and not seen.crowded)


def is_too_large(seen: Survey) -> bool:
    """Whether the pictures of a page have more pixels than are unpacked."""
    return seen.pixels > MAX_SOURCE_PIXELS


def render(page: pypdfium2.PdfPage) -> tuple[Image, float]:
    """The page as a picture, and how many points a pixel is.

    Raises:
        pypdfium2.PdfiumError: it cannot be rendered.
    """
    width, height = (max(1.0, side) for side in page.get_size())
    scale = min(RESOLUTION / 72, (MAX_PIXELS / (width * height)) ** 0.5, MAX_SIDE / max(width, height))
    bitmap = page.render(scale=scale, rev_byteorder=True, prefer_bgrx=False)
    try:
        return bitmap.to_pil().convert("RGB"), 1 / scale  # a copy: the bitmap is freed here
    finally:
        bitmap.close()


def page_ranges(pages: Iterable[int]) -> str:
    """Page numbers (from 1) as people write them: ``1-3, 7``."""
    ranges = []
    for _, run in groupby(enumerate(sorted(pages)), key=lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in run]
        ranges.append(f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else str(numbers[0]))
    return ", ".join(ranges)
