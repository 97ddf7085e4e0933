"""Scanned pages of a PDF: recognised beside those with a text layer, or told, never lost in silence."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from ingest.loaders.ocr import engine as ocr
from ingest.loaders.ocr.engine import RecognisedLine
from ingest.loaders.pdf import scan as pdf_scan
from ingest.loaders.pdf.loader import PdfLoader
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError
from tests.ingest.loaders.pdf_pages import Picture, Piece, Shape, Text, lines, make_pdf
from tests.ingest.loaders.pictures import encoded, picture

Read = Callable[..., ParsedDocument]
LONG = "This page has a text layer of its own, of more than a few words."


def scan(*text: str) -> Picture:
    image = picture(text, size=40, width=1200)
    return Picture(50, 400, 500, 500 * image.height / image.width, encoded(image, "JPEG"), *image.size)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def save_and_load(pages: list[list[Piece]], **options: object) -> ParsedDocument:
        path = tmp_path / "my-file.pdf"
        path.write_bytes(make_pdf(pages, **options))  # type: ignore[arg-type]
        return PdfLoader().load(path)

    return save_and_load


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[Image.Image]:
    """The pages that reach the recognition, which finds one line on each."""
    seen: list[Image.Image] = []

    def recognise(image: Image.Image, name: str) -> list[RecognisedLine]:
        seen.append(image)
        return [RecognisedLine(f"recognised {len(seen)} on a page of the file", 100, 100, 900, 130, 0.9)]

    monkeypatch.setattr(ocr, "recognise", recognise)
    monkeypatch.setattr(ocr, "is_installed", lambda: True)
    return seen


@pytest.mark.skipif(not ocr.is_installed(), reason='needs pip install "ragbot[ocr]"')
def test_a_real_scan_between_pages_of_text(read: Read) -> None:
    document = read(
        [lines([LONG]), [scan("扫描件上的第一行文字", "Second line, 42 words")], lines(["第三页也有文字层，" * 5])]
    )
    second = document.text[document.pages[1] : document.pages[2]]
    assert second.split() == ["扫描件上的第一行文字", "Second", "line,", "42", "words"]
    assert document.metadata == {"ocr_pages": "2"} and document.text.startswith(LONG)


def test_only_scanned_pages_are_recognised(read: Read, rendered: list[Image.Image]) -> None:
    few = [scan("x"), Text(300, 30, "- 7 -")]
    document = read([lines([LONG]), few, [scan("x"), *lines([LONG])], [], [scan("x")]])
    assert document.metadata == {"ocr_pages": "2, 5"} and len(rendered) == 2
    assert [document.text[a:b].strip()[:12] for a, b in zip(document.pages, [*document.pages[1:], None], strict=True)] == [
        "This page ha", "recognised 1", "This page ha", "", "recognised 2",
    ]  # fmt: skip


def test_pages_are_rendered_upright_at_200_dots_an_inch(read: Read, rendered: list[Image.Image]) -> None:
    read([[scan("x")]], rotate=90)
    assert rendered[0].size == pytest.approx((800 * 200 / 72, 600 * 200 / 72), abs=2)


def test_text_drawn_as_outlines_is_recognised(read: Read, rendered: list[Image.Image]) -> None:
    assert read([[Shape("10 10 m 20 30 l 30 10 l f\n" * 120)]]).metadata == {"ocr_pages": "1"}


def test_a_huge_page_is_rendered_small_and_an_empty_one_not_at_all(read: Read, rendered: list[Image.Image]) -> None:
    started = time.monotonic()
    with pytest.raises(LoaderError, match="nothing in it to read"):
        read([[]], box=(14_400, 14_400))
    assert rendered == [] and time.monotonic() - started < 2
    picture = scan("x")
    large = Picture(0, 0, 14_400, 14_400, picture.jpeg, picture.columns, picture.rows)
    read([[large]], box=(14_400, 14_400))
    assert rendered[0].width * rendered[0].height <= pdf_scan.MAX_PIXELS * 1.01
    read([[Picture(0, 0, 14_400, 10, picture.jpeg, picture.columns, picture.rows)]], box=(14_400, 10))
    assert max(rendered[1].size) <= pdf_scan.MAX_SIDE + 1


def test_a_picture_of_too_many_pixels_is_not_unpacked(read: Read, rendered: list[Image.Image]) -> None:
    bomb = Picture(0, 0, 600, 800, scan("x").jpeg, 60_000, 60_000)
    with pytest.raises(LoaderError, match="more pixels than are unpacked"):
        read([[bomb]])
    assert read([[bomb], lines([LONG])]).metadata == {"unread_pages": "1"} and rendered == []


def test_without_the_extra_pages_are_told(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "find_spec", lambda _: None)
    document = read([lines([LONG]), [scan("x")], [scan("x")], lines([LONG])])
    assert document.metadata == {"unread_pages": "2-3"}
    with pytest.raises(LoaderError, match=r'no text layer, it seems to be scanned.*pip install "ragbot\[ocr\]"'):
        read([[scan("x")]])


def test_a_text_layer_is_kept_where_recognition_finds_less(
    read: Read, rendered: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr, "recognise", lambda *_: [])
    assert read([[scan("x"), Text(72, 700, "Figure 1, a photo.")]]).text == "Figure 1, a photo."


def test_too_many_scanned_pages(read: Read, rendered: list[Image.Image], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "MAX_OCR_PAGES", 2)
    with pytest.raises(LoaderError, match="3 scanned pages, at most 2 are recognised: split it"):
        read([[scan("x")]] * 3)
    assert rendered == []


def test_page_ranges() -> None:
    assert pdf_scan.page_ranges({7, 1, 3, 2}) == "1-3, 7" and pdf_scan.page_ranges([]) == ""
