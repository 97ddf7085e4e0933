"""Pictures: every format and mode comes upright and opaque to the recognition; bombs and broken files are refused."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ingest.loaders.image import loader as image_loader
from ingest.loaders.image.loader import ImageLoader
from ingest.loaders.image.pixels import MAX_PIXELS, plain
from ingest.loaders.ocr import engine as ocr
from ingest.loaders.ocr.engine import RecognisedLine
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError
from tests.ingest.loaders.pictures import encoded, picture

Read = Callable[..., ParsedDocument]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def save_and_load(data: bytes, name: str = "my-scan.png", **options: int) -> ParsedDocument:
        path = tmp_path / name
        path.write_bytes(data)
        return ImageLoader(**options).load(path)

    return save_and_load


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> list[Image.Image]:
    """What reaches the recognition, which finds a line on each picture."""
    seen: list[Image.Image] = []

    def recognise(image: Image.Image, name: str) -> list[RecognisedLine]:
        seen.append(image)
        return [RecognisedLine(f"page {len(seen)} of {name}", 10, 10, 300, 40, 0.5 + 0.1 * len(seen))]

    monkeypatch.setattr(ocr, "recognise", recognise)
    monkeypatch.setattr(ocr, "is_installed", lambda: True)
    return seen


@pytest.mark.skipif(not ocr.is_installed(), reason='needs pip install "ragbot[ocr]"')
def test_a_real_picture_in_two_languages(read: Read) -> None:
    text = ["第二代检索系统的说明", "The harbour was dredged in 1911."]
    document = read(encoded(picture(text), "JPEG", quality=80), "notes_from 1911.jpg")
    assert [line for line in document.text.split("\n") if line] == text
    assert (document.type, document.title, document.pages) == ("image", "notes from 1911", ())
    assert document.metadata["ocr_pages"] == "1" and float(document.metadata["ocr_confidence"]) > 0.9


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
def test_formats(read: Read, frames: list[Image.Image], kind: str) -> None:
    assert read(encoded(picture(["text"]), kind), f"a.{kind.lower()}").text == f"page 1 of a.{kind.lower()}"
    assert frames[0].size == picture(["text"]).size and frames[0].mode == "RGB"


def test_pages_of_a_tiff(read: Read, frames: list[Image.Image]) -> None:
    pages = [Image.new("1", (40 * n, 30), 1) for n in (1, 2, 3)]
    document = read(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]), "fax.tif")
    assert document.text == "page 1 of fax.tif\n\npage 2 of fax.tif\n\npage 3 of fax.tif"
    assert document.pages == (0, 19, 38) and document.metadata == {"ocr_pages": "1-3", "ocr_confidence": "0.70"}
    assert [frame.size for frame in frames] == [(40, 30), (80, 30), (120, 30)]


def test_exif_turns_the_picture_and_gives_the_day(read: Read, frames: list[Image.Image]) -> None:
    image = Image.new("RGB", (100, 50), "white")
    image.paste((0, 0, 0), (0, 0, 20, 20))  # upper left as stored
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees, clockwise
    exif[306] = "2024:05:01 10:00:00"
    document = read(encoded(image, "JPEG", exif=exif, quality=95), "photo.jpg")
    assert frames[0].size == (50, 100) and document.date == "2024-05-01"
    assert np.asarray(frames[0].convert("L"))[:15, -15:].mean() < 40, "upper left has come to the upper right"


def test_modes_come_legible() -> None:
    ink = (slice(10, 20), slice(10, 20))
    dark, light = Image.new("RGBA", (60, 40), (0, 0, 0, 0)), Image.new("RGBA", (60, 40), (255, 255, 255, 0))
    dark.paste((10, 10, 10, 255), (10, 10, 20, 20))
    light.paste((250, 250, 250, 255), (10, 10, 20, 20))
    deep = Image.fromarray(np.full((40, 60), 300, dtype=np.uint16))
    deep.paste(900, (10, 10, 20, 20))
    palette = Image.new("P", (60, 40), 0)
    palette.putpalette([255, 255, 255, 0, 0, 0])
    palette.paste(1, (10, 10, 20, 20))
    for image in (dark, light, deep, palette, Image.merge("CMYK", [palette.convert("L")] * 4)):
        grey = np.asarray(plain(image).convert("L")).astype(int)
        assert abs(grey[ink].mean() - grey[30:, 30:].mean()) > 150, image.mode


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(100_000))
    chunks = (struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in (body, data))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(("width", "height"), [(100_000, 100_000), (9_000, 10_000), (8_000, 8_001), (10**9, 2)])
def test_decompression_bombs(read: Read, frames: list[Image.Image], width: int, height: int) -> None:
    with pytest.raises(LoaderError, match=rf"too large a picture.*at most {MAX_PIXELS:,} pixels.*make it smaller"):
        read(png_header(width, height))
    assert frames == []


def test_too_many_pages_are_told_before_one_is_read(
    read: Read, frames: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr, "MAX_OCR_PAGES", 2)
    pages = [Image.new("1", (8, 8), 1)] * 3
    with pytest.raises(LoaderError, match="more than 2 pages: split it"):
        read(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]), "a.tif")
    assert frames == []


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
@pytest.mark.parametrize("keep", [0.1, 0.5])
def test_broken_half_way(read: Read, frames: list[Image.Image], kind: str, keep: float) -> None:
    noise = Image.effect_noise((200, 200), 90).convert("RGB")
    data = encoded(noise, kind)
    with pytest.raises(LoaderError, match=r"is damaged|or is damaged.*save it again") as caught:
        read(data[: int(len(data) * keep)])
    assert caught.value.__cause__ is not None and frames == []


@pytest.mark.parametrize(
    "data", [b"just some words", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"8BPS\x00\x01", encoded(Image.new("L", (9, 9)), "GIF")]
)
def test_what_is_no_picture_of_ours(read: Read, frames: list[Image.Image], data: bytes) -> None:
    with pytest.raises(LoaderError, match="not a picture of a kind that is read"):
        read(data)


def test_without_the_extra(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "find_spec", lambda _: None)
    with pytest.raises(LoaderError, match=r'my-scan\.png holds pictures of text.*pip install "ragbot\[ocr\]"'):
        read(encoded(picture(["text"]), "PNG"))


def test_without_text(read: Read, frames: list[Image.Image], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "recognise", lambda *_: [])
    with pytest.raises(LoaderError, match="shows no text that could be recognised"):
        read(encoded(picture(["text"]), "PNG"))


def test_source(read: Read, tmp_path: Path) -> None:
    with pytest.raises(LoaderError, match="is empty"):
        read(b"")
    with pytest.raises(LoaderError, match=r"too large.*max_bytes"):
        read(bytes(101), max_bytes=100)
    with pytest.raises(LoaderError, match="cannot be read"):
        ImageLoader().load(tmp_path / "none.png")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(LoaderError, match="not a regular file"):
        ImageLoader().load(tmp_path / "pipe.png")
    assert "EPS" not in image_loader.FORMATS, "its reader starts Ghostscript"
