"""Pages of PDFs as pictures: the marks lie on the words, and what cannot be drawn is told."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ingest.loaders.pdf.loader import PdfLoader
from ragbot.bot import RagBot
from ragbot.documents import Citation
from ragbot.models.testing import HashEmbedder
from ragbot.showing.page_drawing import Drawn, drawn, png
from ragbot.showing.pages import Box, draw_page
from ragbot.showing.sources import SourceView, source_html, source_view
from tests.ingest.loaders.pdf_pages import Piece, Text, lines, make_pdf
from tests.ragbot.showing.markup import Page

SIZE, LEADING = 12, 20
BODY = [
    "低秩适配把权重冻结，只训练两个很小的矩阵，因此显存占用",
    "很小。秩通常取八或十六，学习率为千分之一。它很好。",
]
ENGLISH = [
    "Low-rank adaptation freezes the weights and trains two small mat-",
    "rices only, which takes little memory.",
]
PIECES: list[Piece] = [
    *lines(BODY, size=SIZE, leading=LEADING),
    *lines(ENGLISH, x=130, y=600, size=SIZE, leading=LEADING),
]


def pdf(path: Path, pages: Sequence[Sequence[Piece]] = (PIECES,), rotate: int = 0) -> Path:
    path.write_bytes(make_pdf(pages, rotate=rotate))
    return path


def marked(path: Path, quote: str, number: int = 1) -> tuple[Drawn, str]:
    parsed = PdfLoader().load(path)
    begin, end = parsed.pages[number - 1], [*parsed.pages, len(parsed.text)][number]
    text = parsed.text[begin:end]
    start = text.index(quote)
    return drawn(path, number, text, [(start, start + len(quote))], 1200), text


def written(line: str, words: str, x: float, y: float) -> Box:
    """Where the words stand on a page of 600 x 800 points, as :func:`make_pdf` puts them there."""

    def width(text: str) -> float:
        return sum(SIZE / (1 if character > "\x7f" else 2) for character in text)

    before = width(line[: line.index(words)])
    return (x + before) / 600, (800 - y - 0.7 * SIZE) / 800, (x + before + width(words)) / 600, (800 - y) / 800


def covers(outer: Box, inner: Box) -> bool:
    """Whether the mark lies on the words, and is not more than a little larger."""
    near = 0.006
    across = abs(outer[0] - inner[0]) < near and abs(outer[2] - inner[2]) < near
    return across and outer[1] <= inner[1] + near and outer[3] >= inner[3] - near and outer[3] - outer[1] < 0.03


def test_marks_lie_on_the_words_in_chinese(tmp_path: Path) -> None:
    found, _ = marked(pdf(tmp_path / "a.pdf"), "因此显存占用很小")
    first, second = found.boxes
    assert covers(first, written(BODY[0], "因此显存占用", 72, 700))
    assert covers(second, written(BODY[1], "很小", 72, 680))


def test_marks_lie_on_the_words_in_english_across_a_hyphen(tmp_path: Path) -> None:
    found, _ = marked(pdf(tmp_path / "a.pdf"), "two small matrices only")
    first, second = found.boxes
    assert covers(first, written(ENGLISH[0], "two small mat", 130, 600))
    assert covers(second, written(ENGLISH[1], "rices only", 130, 580))


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_a_page_that_is_turned(tmp_path: Path, rotate: int) -> None:
    found, _ = marked(pdf(tmp_path / "a.pdf", rotate=rotate), "学习率为千分之一")
    left, top, right, bottom = written(BODY[1], "学习率为千分之一", 72, 680)
    expected = {
        90: (1 - bottom, left, 1 - top, right),
        180: (1 - right, 1 - bottom, 1 - left, 1 - top),
        270: (top, 1 - right, bottom, 1 - left),
    }[rotate]
    assert np.allclose(np.mean(found.boxes, axis=0), expected, atol=0.02)
    assert found.size == ((1200, 900) if rotate != 180 else (1200, 1600))


def test_ink_of_real_type_is_under_the_mark(tmp_path: Path) -> None:
    """Drawn by another program with its own font: the painted area holds all ink of the words, and no other."""
    figure_module = pytest.importorskip("matplotlib.figure")
    figure = figure_module.Figure(figsize=(6, 8))
    for y, line in (
        (0.8, "The harbour was dredged in 1911."),
        (0.7, "Its lighthouse is painted green."),
        (0.2, "The end of it."),
    ):
        figure.text(0.1, y, line, fontsize=14)
    path = tmp_path / "type.pdf"
    figure.savefig(path, format="pdf")
    found, text = marked(path, "lighthouse is painted")
    plain = drawn(path, 1, text, [], 1200)
    with_marks, without = (np.array(Image.open(io.BytesIO(item.image))).astype(int) for item in (found, plain))
    (box,) = found.boxes
    width, height = found.size
    left, top, right, bottom = (round(side) for side in np.array(box) * [width, height, width, height])
    ink = without.sum(axis=2) < 300
    inside = ink[top:bottom, left:right]
    assert inside.any(axis=0).sum() > 0.5 * (right - left), "letters all along the mark"
    # A word before it and one after it stand on the line: there is a gap before the mark, and ink further out.
    assert not ink[top:bottom, left - 4 : left].any() and ink[top:bottom, left - 60 : left].any()
    assert not ink[top:bottom, right : right + 4].any() and ink[top:bottom, right : right + 60].any()
    assert not ink[top - 4 : top, left:right].any() and not ink[bottom : bottom + 4, left:right].any()
    changed = (with_marks != without).any(axis=2)
    assert (
        changed[top:bottom, left:right].mean() > 0.7
        and not changed[: top - 3].any()
        and not changed[bottom + 3 :].any()
    )
    assert (with_marks[top:bottom, left:right][inside].sum(axis=1) < 300).mean() > 0.9, "ink stays ink"


def test_the_phrase_is_marked_over_the_passage(tmp_path: Path) -> None:
    path = pdf(tmp_path / "a.pdf")
    text = PdfLoader().load(path).text
    start = text.index("秩通常取八或十六")
    found = drawn(path, 1, text, [(start, start + 8), (start + 4, start + 5)], 600)
    outer, inner = found.boxes
    assert outer[0] < inner[0] < inner[2] < outer[2]


def test_png_is_what_other_programs_read() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
    read = Image.open(io.BytesIO(png(pixels)))
    read.load()
    assert read.mode == "RGB" and np.array_equal(np.array(read), pixels)


def test_a_page_of_any_shape_has_bounds(tmp_path: Path) -> None:
    path = tmp_path / "tall.pdf"
    path.write_bytes(make_pdf([[Text(5, 5, "tall")]], box=(20, 14_000)))
    width, height = drawn(path, 1, "tall", [(0, 4)], 1200).size
    assert height <= 4_001 and width * height <= 6_100_000


def test_in_a_process_of_its_own(tmp_path: Path) -> None:
    found = draw_page(pdf(tmp_path / "a.pdf"), 1, "\n".join(BODY), [(0, 4)])
    assert (
        found.image
        and found.size == (1200, 1600)
        and len(found.boxes) == 1
        and found.letters > 90
        and not found.problem
    )
    damaged = tmp_path / "damaged.pdf"
    damaged.write_bytes(b"%PDF-1.7\n\xff\xff")
    assert "PdfiumError" in draw_page(damaged, 1, "", []).problem
    assert "has no page 9" in draw_page(pdf(tmp_path / "b.pdf"), 9, "", []).problem
    assert "No such file" in draw_page(tmp_path / "none.pdf", 1, "\ud800", []).problem
    assert "longer than" in draw_page(pdf(tmp_path / "c.pdf"), 1, "", [], seconds=0.001).problem


def opened(tmp_path: Path, quote: str = "因此显存占用很小") -> tuple[RagBot, Citation, Path]:
    second = lines(["第二页讲的是别的内容，没有人引用它，也没有人读它。"], size=SIZE)
    path = pdf(tmp_path / "notes.pdf", [PIECES, second])
    bot = RagBot.open(tmp_path / "kb", embedder=HashEmbedder(), llm="extractive")
    bot.ingest(path)
    (document,) = bot.documents()
    start = bot.document_text(document.id).index(quote)
    return bot, Citation(1, document.source, document.title, 1, "", start, start + len(quote), quote, document.id), path


def reason(view: SourceView, language: str = "en") -> str:
    return Page(source_html(view, language)).text


def test_a_citation_opens_on_its_page(tmp_path: Path) -> None:
    bot, citation, path = opened(tmp_path)
    with bot:
        view = source_view(bot, citation)
        assert view.page == 1 and view.image and len(view.boxes) == 2 and not view.reason
        page = Page(source_html(view, "zh"))
        (image,) = page.having("src")
        assert "第 1 页，引用处已标出" in image["alt"] and image["width"] == "1200"
        assert page.having("id", "rb-focus-page")[0]["style"].startswith("top:10.")
        assert page.having("id", "rb-focus"), "the text stays at hand"
        # Further on in the document, another page is shown, without a mark.
        later = source_view(bot, citation, at=bot.document_text(citation.document_id).index("第二页"))
        assert later.page == 2 and later.image and not later.boxes and not later.reason
        assert source_view(bot, citation, image=False).image is None

        path.touch()
        assert source_view(bot, citation).image, "touched, and the same"
        path.write_bytes(path.read_bytes() + b"\n")
        changed = source_view(bot, citation)
        assert (changed.image, changed.reason) == (None, "changed") and changed.marks
        assert "notes.pdf has changed since it was read" in reason(changed)
        path.unlink()
        assert source_view(bot, citation).reason == "missing" and "不在了" in reason(source_view(bot, citation), "zh")


def test_what_is_not_on_the_picture_is_marked_in_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ragbot.showing import sources
    from ragbot.showing.pages import PagePicture

    bot, citation, _ = opened(tmp_path)
    with bot:
        for picture, expected in (
            (PagePicture(b"png", (10, 10), (), 50), "unmarked"),
            (PagePicture(b"png", (10, 10), (), 0), "recognised"),
            (PagePicture(problem="it takes too much memory"), "failed"),
        ):
            monkeypatch.setattr(sources, "draw_page", lambda *_, given=picture: given)
            view = source_view(bot, citation)
            assert view.reason == expected
            page = Page(source_html(view, "en"))
            assert page.having("id", "rb-focus") and page.of_class("rb-text")
            assert not page.of_class("rb-more"), "the text is not folded"
        assert "it takes too much memory" in reason(view)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("https://example.org/a.pdf", "web"),
        ("/x/notes.zip!/a.pdf", "inside"),
        ("a.pdf", "missing"),
        ("/no/such/file.pdf", "missing"),
        ("/etc", "missing"),
        ("/a\x00b.pdf", "missing"),
    ],
)
def test_files_that_cannot_be_had(source: str, expected: str) -> None:
    from ragbot.documents import Document
    from ragbot.index.records import FileState
    from ragbot.showing.originals import original_of

    found = original_of(Document(1, source, "", "pdf", "", None, "h"), FileState("h", 3, 4))
    assert found.path is None and found.reason == expected
