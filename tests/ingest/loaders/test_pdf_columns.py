"""Columns that are written across the page are read one after another; tables and ordered columns stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.loaders.pdf.loader import PdfLoader
from tests.ingest.loaders.pdf_pages import Text, lines, make_pdf

Read = Callable[[list[Text]], str]
EN = (
    [f"column one line {n:02d} of it is" for n in range(12)],
    [f"column two line {n:02d} of it is" for n in range(12)],
)
ZH = (
    [f"左栏第{n:02d}行文字写满这一整行为止" for n in range(12)],
    [f"右栏第{n:02d}行文字写满这一整行为止" for n in range(12)],
)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def save_and_load(page: list[Text]) -> str:
        path = tmp_path / "a.pdf"
        path.write_bytes(make_pdf([page]))
        return PdfLoader().load(path).text

    return save_and_load


def across(left: list[Text], right: list[Text]) -> list[Text]:
    return [piece for pair in zip(left, right, strict=True) for piece in pair]


@pytest.mark.parametrize(("texts", "glue"), [(EN, " "), (ZH, "")], ids=["en", "zh"])
@pytest.mark.parametrize("shift", [0, 7], ids=["level", "shifted"])
def test_columns_written_across_the_page(read: Read, texts: tuple[list[str], list[str]], glue: str, shift: int) -> None:
    left, right = lines(texts[0], x=60, y=740), lines(texts[1], x=320, y=740 - shift)
    assert read(across(left, right)) == glue.join([*texts[0], *texts[1]])


@pytest.mark.parametrize(("texts", "glue"), [(EN, " "), (ZH, "")], ids=["en", "zh"])
def test_columns_written_one_after_the_other(read: Read, texts: tuple[list[str], list[str]], glue: str) -> None:
    page = [*lines(texts[0], x=60, y=740), *lines(texts[1], x=320, y=740)]
    assert read(page) == glue.join([*texts[0], *texts[1]])


def test_a_title_over_both_columns_comes_first_and_parts_them(read: Read) -> None:
    title = "A title that stands over both of the columns of this page, from left to right"
    middle = "第二个标题，也是从左到右横跨这一页的两栏，把它们分成上下两个部分啊"
    upper = across(lines(EN[0], x=60, y=700), lines(EN[1], x=320, y=700))
    lower = across(lines(ZH[0], x=60, y=450), lines(ZH[1], x=320, y=450))
    text = read([Text(60, 760, title, 12), *upper, Text(60, 490, middle, 12), *lower])
    places = [
        text.index(part) for part in (title, EN[0][0], EN[0][-1], EN[1][0], EN[1][-1], middle, ZH[0][-1], ZH[1][0])
    ]
    assert places == sorted(places)


def test_three_columns(read: Read) -> None:
    columns = [[f"{name} line {n:02d} of it stands here" for n in range(8)] for name in ("one", "two", "six")]
    rows = zip(*(lines(column, x=40 + 180 * place, y=740) for place, column in enumerate(columns)), strict=True)
    assert read([piece for row in rows for piece in row]) == " ".join(line for column in columns for line in column)


def test_rows_of_a_table_without_lines_stay_rows(read: Read) -> None:
    rows = [(f"term {n}", f"an explanation of it, number {n}, of many words") for n in range(8)]
    page = [piece for n, (a, b) in enumerate(rows) for piece in (Text(72, 700 - 18 * n, a), Text(200, 700 - 18 * n, b))]
    assert read(page).split("\n") == [" | ".join(row) for row in rows]


def test_short_columns_in_order_are_no_cells(read: Read) -> None:
    assert "|" not in read([*lines(EN[0][:5], x=60, y=740), *lines(EN[1][:5], x=320, y=740)])


def test_a_table_whose_cells_have_several_lines_is_read_by_rows(read: Read) -> None:
    page = []
    for row in range(4):
        for column, name in enumerate(("left", "right")):
            text = [f"{name} cell {row}, line {n} of the words in it" for n in range(3)]
            page += lines(text, x=60 + 260 * column, y=740 - 60 * row)
    text = read(page)
    assert text.index("right cell 0") < text.index("left cell 1") < text.index("right cell 1")
