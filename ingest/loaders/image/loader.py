"""Pictures: the text on a scan, a photograph or a screenshot, by text recognition; a TIFF may hold many pages."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.loaders.fields import iso_day, pick_language, pick_title
from ingest.loaders.image.pixels import MAX_PIXELS, plain
from ingest.loaders.ocr import engine as ocr
from ingest.loaders.ocr.lines import reading_lines
from ingest.loaders.pdf.paragraphs import Joiner, page_blocks
from ingest.loaders.pdf.scan import page_ranges
from ingest.loaders.source import DEFAULT_MAX_BYTES, read_source
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

    from ingest.loaders.pdf.lines import Line

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")  # Pillow's other readers (PSD, EPS, ...) are never tried
_TAKEN = (36867, 306)  # EXIF: DateTimeOriginal, DateTime
_EXIF = 34665
# What Pillow's readers raise on damaged files. DecompressionBombWarning is raised only where warnings are errors.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, TypeError, LookupError, ArithmeticError)


class ImageLoader:
    """Reads the text on a picture. Needs the extra ``ocr``; a picture without text is refused, with that reason."""

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def load(self, path: Path) -> ParsedDocument:
        """See :meth:`ingest.loaders.base.Loader.load`; the pages of a TIFF are joined by an empty line."""
        data = read_source(path, "image", self._max_bytes)
        if not ocr.is_installed():
            raise ocr.missing(path.name)
        confidences: list[float] = []
        pages: list[list[Line]] = []
        read: list[int] = []
        day = None
        for number, (frame, taken) in enumerate(_frames(data, path), 1):
            found = ocr.recognise(frame, path.name)
            confidences.extend(line.confidence for line in found)
            pages.append(reading_lines(found))
            day = day or taken
            if found:
                read.append(number)
        text, starts = _assemble(pages)
        if not text.strip():
            raise LoaderError(f"{path.name} shows no text that could be recognised: there is nothing in it to read")
        return ParsedDocument(
            text=text,
            title=pick_title("", (), path),
            type="image",
            language=pick_language("", text),
            date=day,
            pages=tuple(starts) if len(starts) > 1 else (),
            metadata={
                "ocr_pages": page_ranges(read),
                "ocr_confidence": f"{sum(confidences) / len(confidences):.2f}",
            },
        )


def _assemble(pages: list[list[Line]]) -> tuple[str, list[int]]:
    joiner = Joiner(line.text for lines in pages for line in lines)
    text = ""
    starts: list[int] = []
    for lines in pages:
        text += "\n\n" if starts else ""
        starts.append(len(text))
        text += "".join(block.separator + block.text for block in page_blocks(lines, joiner, {}))
    return text, starts


def _frames(data: bytes, path: Path) -> Iterator[tuple[Image, str | None]]:
    """Each page, upright, 8 bits, without transparency; and the day on which it was taken.

    Raises:
        LoaderError: it is no picture that is read here, is damaged, or has too many pixels or pages.
    """
    import PIL.Image

    bombs = (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning)
    try:
        image = PIL.Image.open(io.BytesIO(data), formats=FORMATS)
    except bombs as error:
        raise _bomb(path, str(error)) from error
    except PIL.UnidentifiedImageError as error:
        raise LoaderError(
            f"{path.name} is not a picture of a kind that is read ({', '.join(FORMATS)}), or is damaged: open it in an "
            "image viewer and save it again"
        ) from error
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    with image:
        try:
            # Animations (PNG, WebP) show one thing that moves: their first picture is read.
            several = image.format == "TIFF"
            if several and _has_page(image, ocr.MAX_OCR_PAGES):
                raise LoaderError(f"{path.name} has more than {ocr.MAX_OCR_PAGES} pages: split it")
            number = 0
            while number == 0 or (several and _has_page(image, number)):
                image.seek(number)
                if image.width * image.height > MAX_PIXELS:
                    raise _bomb(path, f"{image.width:,} x {image.height:,} pixels")
                yield plain(image), _day(image)
                number += 1
        except bombs as error:
            raise _bomb(path, str(error)) from error
        except _DAMAGE as error:
            raise _damaged(path, error) from error


def _has_page(image: ImageFile, number: int) -> bool:
    """Whether a page follows; ``n_frames`` would walk through all of them, and a bomb holds millions."""
    try:
        image.seek(number)
    except EOFError:
        return False
    return True


def _day(image: ImageFile) -> str | None:
    exif = image.getexif()
    for tags in (exif.get_ifd(_EXIF), exif):
        for tag in _TAKEN:
            value = tags.get(tag)
            if isinstance(value, str) and (day := iso_day(value[:10].replace(":", "-"))):
                return day
    return None


def _bomb(path: Path, what: str) -> LoaderError:
    return LoaderError(
        f"{path.name} is too large a picture ({what}; at most {MAX_PIXELS:,} pixels are read): it is not opened; make "
        "it smaller or cut it up"
    )


def _damaged(path: Path, error: Exception) -> LoaderError:
    return LoaderError(
        f"{path.name} is damaged ({str(error)[:200] or type(error).__name__}): open it in an image viewer and save it "
        "again"
    )
