"""Ruled tables of a PDF: every cell, in its place; what only looks like a table; and thousands of lines."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from ingest.loaders.pdf.loader import PdfLoader
from ingest.loaders.pdf.survey import Rule, Survey
from ingest.loaders.pdf.tables import MAX_RULES, Table, find_tables
from tests.ingest.loaders.pdf_pages import Piece, Shape, Text, grid, lines, make_pdf

Read = Callable[..., str]
XS, YS = (72, 172, 322, 452), (600, 620, 640, 660)
ROWS = (
    ("Method", "What it does", "Cost"),
    ("LoRA", "trains two small matrices", "low"),
    ("量化", "降低权重的位数", "很低"),
)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def save_and_load(page: list[Piece], **options: object) -> str:
        path = tmp_path / "a.pdf"
        path.write_bytes(make_pdf([page], **options))  # type: ignore[arg-type]
        return PdfLoader().load(path).text

    return save_and_load


def cells(rows: tuple[tuple[str, ...], ...] = ROWS) -> list[Piece]:
    return [
        Text(XS[column] + 4, YS[-2 - row] + 6, cell)
        for row, line in enumerate(rows)
        for column, cell in enumerate(line)
        if cell
    ]


MARKDOWN = (
    "| Method | What it does | Cost |\n| --- | --- | --- |\n| LoRA | trains two small matrices | low |\n"
    "| 量化 | 降低权重的位数 | 很低 |"
)


def test_every_cell_in_its_place_between_the_paragraphs(read: Read) -> None:
    page = [*lines(["Before the table."], y=666), grid(XS, YS), *cells(), *lines(["之后的一段。"], y=560)]
    assert read(page) == f"Before the table.\n\n{MARKDOWN}\n\n之后的一段。"


def test_cells_near_each_other_are_parted_by_the_rule_and_not_by_the_gap(read: Read) -> None:
    page: list[Piece] = [grid((72, 112, 152), (600, 620, 640)), *cells(())]
    page += [Text(x, y, "12345678"[:7]) for y in (626, 606) for x in (74, 114)]
    assert read(page) == "| 1234567 | 1234567 |\n| --- | --- |\n| 1234567 | 1234567 |"


def test_rules_drawn_as_thin_boxes_piece_by_piece(read: Read) -> None:
    boxes = [f"{a} {y} {b - a - 1} 0.75 re f" for y in YS for a, b in pairwise(XS)]
    boxes += [f"{x} {a} 0.75 {b - a - 1} re f" for x in XS for a, b in pairwise(YS)]
    assert read([Shape("\n".join(boxes)), *cells()]) == MARKDOWN


def test_cells_filled_with_a_gap_between_them_and_a_background_of_the_papers_colour(read: Read) -> None:
    white = "q 1 1 1 rg 0 0 600 800 re f Q "
    boxes = [
        f"q 0.9 0.9 0.5 rg {a} {c} {b - a - 2} {d - c - 2} re f Q" for a, b in pairwise(XS) for c, d in pairwise(YS)
    ]
    assert read([Shape(white + "\n".join(boxes)), *cells()]) == MARKDOWN


def test_boxes_of_the_papers_colour_draw_no_table(read: Read) -> None:
    boxes = [f"q 1 1 1 rg {a} {c} {b - a} {d - c} re f Q" for a, b in pairwise(XS) for c, d in pairwise(YS)]
    assert "---" not in read([Shape("\n".join(boxes)), *cells()])


def test_text_in_one_row_or_one_column_makes_no_table() -> None:
    table: Table[str] = Table(
        [0, 1, 2], [0, 1, 2], {(row, column): (row, column) for row in (0, 1) for column in (0, 1)}
    )
    assert table.is_filled([(0, 0), (1, 1)])
    assert not table.is_filled([(0, 0), (0, 1)]) and not table.is_filled([(0, 0), (1, 0)])
    assert not table.is_filled([(0, 0)] * 3_000 + [(1, 1)])
    assert [table.cell_at(x, y) for x, y in ((0.5, 1.5), (1.5, 0.5), (3, 1), (-1, 1))] == [(0, 0), (1, 1), None, None]


def test_a_table_that_is_open_at_its_sides(read: Read) -> None:
    across = "".join(f"{XS[0]} {y} m {XS[-1]} {y} l S\n" for y in YS)
    down = "".join(f"{x} {YS[0]} m {x} {YS[-1]} l S\n" for x in XS[1:-1])
    assert read([Shape(across + down), *cells()]) == MARKDOWN


def test_joined_cells_have_their_text_once(read: Read) -> None:
    operators = "".join(f"{XS[0]} {y} m {XS[-1]} {y} l S\n" for y in (600, 640, 660))
    operators += f"{XS[1]} 620 m {XS[-1]} 620 l S\n"  # the first cell of the second row goes on in the third
    operators += "".join(f"{x} 600 m {x} 660 l S\n" for x in (XS[0], XS[1], XS[3])) + f"{XS[2]} 600 m {XS[2]} 640 l S\n"
    rows = (
        ("年份", "Sales over both halves of the year, all shops", ""),
        ("Year of", "上半年", "下半年"),
        ("counting", "10", "12"),
    )
    assert read([Shape(operators), *cells(rows)]) == (
        "| 年份 | Sales over both halves of the year, all shops |  |\n| --- | --- | --- |\n| Year of counting | 上半年 | 下半年 |\n|  | 10 | 12 |"
    )


def test_lines_of_a_cell_are_joined_and_bars_escaped(read: Read) -> None:
    page: list[Piece] = [grid((72, 200, 330), (600, 640, 680)), Text(76, 664, "Name"), Text(204, 664, "a|b")]
    page += [
        Text(76, 628, "中文的单元格"),
        Text(76, 612, "分成两行"),
        Text(204, 628, "one cell of"),
        Text(204, 612, "two lines"),
    ]
    assert read(page) == "| Name | a\\|b |\n| --- | --- |\n| 中文的单元格分成两行 | one cell of two lines |"


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_on_a_rotated_page_no_cell_is_lost(read: Read, rotate: int) -> None:
    text = read([grid(XS, YS), *cells()], rotate=rotate)
    assert text.count("|") and all(cell in text for row in ROWS for cell in row)
    assert len([line for line in text.split("\n") if line.startswith("|")]) == 4


def test_two_tables_on_a_page_stay_two(read: Read) -> None:
    second = [Text(piece.x, piece.y - 200, piece.text) for piece in cells() if isinstance(piece, Text)]
    page = [grid(XS, YS), *cells(), *lines(["In between."], y=500), grid(XS, [y - 200 for y in YS]), *second]
    assert read(page) == f"{MARKDOWN}\n\nIn between.\n\n{MARKDOWN}"


@pytest.mark.parametrize(
    "shape",
    [
        Shape("60 600 300 120 re S"),  # a frame
        Shape("60 600 300 120 re S 60 650 m 360 650 l S"),  # a frame with a line under its head
        Shape("60 690 m 360 690 l S 60 650 m 360 650 l S"),  # underlines
        grid(range(60, 560, 10), range(100, 760, 10)),  # graph paper
    ],
    ids=["frame", "box with a head", "underlines", "graph paper"],
)
def test_what_is_no_table_leaves_the_text_as_it_is(read: Read, shape: Shape) -> None:
    text = ["A paragraph that stands in a frame and goes on for", "two lines, with nothing of a table."]
    assert read([shape, *lines(text, y=700)]) == " ".join(text)


def test_a_million_cells_and_thousands_of_lines_take_no_time(read: Read) -> None:
    page: list[Piece] = [Shape("".join(f"{x / 4} 0 m {x / 4} 800 l S\n" for x in range(0, 2400, 3)))]
    page.append(Shape("".join(f"0 {y / 4} m 600 {y / 4} l S\n" for y in range(0, 3200, 3))))
    page += lines(["The text is read all the same."])
    started = time.monotonic()
    assert read(page) == "The text is read all the same."
    assert find_tables(Survey([Rule(y, 0, 9) for y in range(MAX_RULES + 1)], [Rule(1, 0, 9)])) == []
    tables: list[Table[str]] = find_tables(
        Survey([Rule(y, 0, 9e3) for y in range(999)], [Rule(x, 0, 9e3) for x in range(999)])
    )
    assert tables == []
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("bound", ["MAX_RULES", "MAX_CROSSINGS", "MAX_CELLS"])
def test_bounds(read: Read, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    monkeypatch.setattr(f"ingest.loaders.pdf.tables.{bound}", 3)
    assert "Method" in read([grid(XS, YS), *cells()]) and "---" not in read([grid(XS, YS), *cells()])


def test_more_shapes_than_are_looked_at(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.loaders.pdf.survey.MAX_OBJECTS", 3)
    assert "Method" in read([grid(XS, YS), *cells()]) and "---" not in read([grid(XS, YS), *cells()])
