"""Text recognition: Chinese and English, in reading order, never from the network; bounded in threads and memory."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ingest.loaders.ocr import engine as ocr
from ingest.loaders.ocr.engine import RecognisedLine
from ingest.loaders.ocr.lines import reading_lines
from ingest.loaders.pdf.paragraphs import Joiner, page_blocks
from ragbot.errors import LoaderError
from tests.ingest.loaders.pictures import picture

needs_ocr = pytest.mark.skipif(not ocr.is_installed(), reason='needs pip install "ragbot[ocr]"')


class FakeEngine:
    """Answers with one line, over the whole of each picture that it is shown."""

    def __init__(self, score: float = 0.9) -> None:
        self.score = score
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, pixels: Any) -> SimpleNamespace:
        self.shapes.append(pixels.shape)
        height, width = pixels.shape[:2]
        box = np.array([[0, 0], [width, 0], [width, height], [0, height]])
        return SimpleNamespace(txts=(f"line {len(self.shapes)}",), scores=(self.score,), boxes=np.array([box]))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setattr(ocr, "_engine", lambda: fake)
    return fake


@needs_ocr
def test_english_and_chinese_without_a_setting_and_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr("rapidocr.utils.download_file.DownloadFile.run", refuse)
    ocr._engine.cache_clear()
    image = picture(["检索增强生成的基本流程", "Retrieval with 128 tokens"])
    found = ocr.recognise(image, "a.png")
    assert [line.text for line in found] == ["检索增强生成的基本流程", "Retrieval with 128 tokens"]
    assert all(0 <= line.left < line.right <= image.width and 0 <= line.top < line.bottom for line in found)
    assert found[0].bottom < found[1].top and all(ocr.MIN_CONFIDENCE <= line.confidence <= 1 for line in found)


@needs_ocr
def test_one_engine_with_as_many_threads_as_the_process_may_use() -> None:
    engine = ocr._engine()
    assert ocr._engine() is engine
    options = engine._load_det_model().session.session.get_session_options()
    assert options.intra_op_num_threads == len(os.sched_getaffinity(0)) and options.inter_op_num_threads == 1


@needs_ocr
def test_a_model_that_is_not_where_the_wheel_puts_it_is_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "_MODELS", {"Det": "gone.onnx"})
    ocr._engine.cache_clear()
    with pytest.raises(LoaderError, match=r"a\.png cannot be read: .*lacks its model gone\.onnx.*pip install"):
        ocr.recognise(picture(["text"]), "a.png")


def test_a_blank_picture_asks_no_engine(engine: FakeEngine) -> None:
    assert ocr.recognise(Image.new("RGB", (300, 300), (250, 250, 250)), "a.png") == [] and engine.shapes == []


def test_lines_of_low_confidence_are_left_out(engine: FakeEngine) -> None:
    engine.score = ocr.MIN_CONFIDENCE - 0.01
    assert ocr.recognise(picture(["text"]), "a.png") == []
    engine.score = ocr.MIN_CONFIDENCE
    assert len(ocr.recognise(picture(["text"]), "a.png")) == 1


def test_a_failing_engine_is_an_error_that_names_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("bad allocation")

    monkeypatch.setattr(ocr, "_engine", lambda: fail)
    with pytest.raises(LoaderError, match=r"a\.png cannot be read: text recognition failed \(RuntimeError: bad alloc"):
        ocr.recognise(picture(["text"]), "a.png")


def test_a_large_picture_is_read_smaller_and_its_boxes_are_in_its_own_pixels(engine: FakeEngine) -> None:
    image = Image.new("L", (8000, 5000), 255)
    image.paste(0, (10, 10, 100, 100))
    (line,) = ocr.recognise(image, "a.png")
    assert engine.shapes == [(2500, 4000, 3)] and (line.right, line.bottom) == (8000, 5000)


def test_a_long_screenshot_is_read_in_pieces_that_cut_no_line(engine: FakeEngine) -> None:
    image = Image.new("L", (400, 6000), 255)
    for top in range(20, 5980, 40):
        image.paste(Image.effect_noise((360, 28), 200), (20, top))  # lines 28 pixels high, 12 between them
    found = ocr.recognise(image, "a.png")
    heights = [shape[0] for shape in engine.shapes]
    assert sum(heights) == 6000 and max(heights) <= 800 and len(heights) >= 8
    cuts = np.cumsum(heights)[:-1]
    assert all((cut - 20) % 40 >= 28 or (cut - 20) % 40 == 0 for cut in cuts)
    assert [line.top for line in found] == [0, *cuts]


def recognised(texts: Sequence[tuple[str, float, float, float]]) -> list[RecognisedLine]:
    """Lines 30 pixels high: (text, left, top, width)."""
    return [RecognisedLine(text, left, top, left + width, top + 30, 0.9) for text, left, top, width in texts]


def text_of(found: list[RecognisedLine]) -> str:
    lines = reading_lines(found)
    joiner = Joiner(line.text for line in lines)
    return "".join(block.separator + block.text for block in page_blocks(lines, joiner, {}))


@pytest.mark.parametrize("slant", [0, 9], ids=["level", "slanted"])
def test_columns_are_read_one_after_the_other(slant: int) -> None:
    found = recognised([("一个横跨两栏的标题写在这里占了整整一行", 100, 20, 1200)])
    for number in range(6):
        found += recognised([(f"左栏第{number}行的文字写到这一栏的末尾", 100, 120 + 48 * number, 560)])
        found += recognised([(f"右栏第{number}行的文字写到这一栏的末尾", 760, 120 + 48 * number + slant, 560)])
    text = text_of(found)
    places = [text.index(f"{side}第{number}行") for side in ("左栏", "右栏") for number in range(6)]
    assert places == sorted(places) and text.startswith("一个横跨")


def test_a_slanted_paragraph_is_one_and_an_indented_line_begins_another() -> None:
    rows = [
        ("a line of text that goes on to the margin and", 100),
        ("the next one, of the same paragraph as it is", 118),
    ]
    rows += [("which ends here.", 104), ("Indented by two, another", 170)]
    found = recognised([(text, left, 48 * n, 20 * len(text)) for n, (text, left) in enumerate(rows)])
    assert text_of(found).split("\n") == [" ".join(text for text, _ in rows[:3]), rows[3][0]]


def test_cells_of_a_row_stand_on_one_line() -> None:
    found = recognised(
        [(word, 100 + 300 * column, 48 * row + 3 * column, 120) for row, words in
         enumerate((("方法", "成本", "year"), ("LoRA", "很低", "2021"))) for column, word in enumerate(words)]
    )  # fmt: skip
    assert text_of(found).split("\n") == ["方法 | 成本 | year", "LoRA | 很低 | 2021"]
    assert reading_lines([]) == []
