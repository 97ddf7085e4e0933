"""Separated values: delimiters, headers and quotes as files have them, rows that stay whole, and bounds."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.chunkers.recursive import RecursiveChunker
from ingest.loaders.csv import table as csv_table
from ingest.loaders.csv.header import find_header, is_data
from ingest.loaders.csv.loader import CsvLoader, find_delimiter
from ingest.loaders.csv.table import column_letter
from ragbot.documents import ParsedDocument, heading_path
from ragbot.errors import LoaderError

Read = Callable[..., ParsedDocument]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def write_and_load(text: str | bytes, name: str = "price-list.csv", encoding: str = "utf-8") -> ParsedDocument:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return CsvLoader().load(path)

    return write_and_load


def test_rows_repeat_the_labels_and_leave_out_empty_cells(read: Read) -> None:
    parsed = read('Name,Price,Note\nWidget,3.50,\n"Bolt, large",12,"two\nlines"\n')
    assert parsed.text == (
        "A1:C3\n\nName · Price · Note\n\nName: Widget · Price: 3.50\n\nName: Bolt, large · Price: 12 · Note: two lines"
    )
    assert [(one.start, one.level, one.text) for one in parsed.headings] == [(0, 2, "A1:C3")]
    assert (parsed.title, parsed.type, parsed.pages) == ("price list", "csv", ())
    assert parsed.metadata == {"encoding": "utf-8", "delimiter": ","}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_chinese_in_any_encoding(read: Read, encoding: str) -> None:
    parsed = read("姓名;年龄;城市\r\n张三;30;北京\r\n李四;25;上海\r\n", encoding=encoding)
    assert parsed.text.split("\n\n")[1:] == [
        "姓名 · 年龄 · 城市",
        "姓名: 张三 · 年龄: 30 · 城市: 北京",
        "姓名: 李四 · 年龄: 25 · 城市: 上海",
    ]
    assert (parsed.language, parsed.metadata["delimiter"]) == ("zh", ";")


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n3,4", ","),
        ("a;b\n1,5;2,5\n3,5;4,5", ";"),
        ("1,5;2,5;3,5\n4,5;5,5;6,5", ";"),
        ("a\tb\n1, 2\t3\n4, 5\t6", "\t"),
        ("a|b|c\n1|2|3", "|"),
        ("Report of May\n\na,b,c\n1,2,3\n4,5,6\n7,8,9", ","),
        ("name,note\nx,a; b\ny,c; d; e", ","),
        ("just a line\nand another one, with a comma\nthe end", ""),
        ("one\ntwo\nthree", ""),
        ('"a;b",c\n"d;e",f', ","),
    ],
)
def test_delimiters(text: str, delimiter: str) -> None:
    assert find_delimiter(text) == delimiter


def test_tsv_prefers_the_tab_and_excels_line_declares(read: Read) -> None:
    assert read('size,x\ty,z\n5" disk,1\t2,3\n', "a.tsv").text.split("\n\n")[2] == 'size,x: 5" disk,1 · y,z: 2,3'
    parsed = read("sep=|\na,b|c\n1,2|3\n")
    assert parsed.text == "A1:B2\n\na,b · c\n\na,b: 1,2 · c: 3"


@pytest.mark.parametrize(
    ("rows", "depth"),
    [
        (["Name,Age", "Ann,3"], 1),
        (["Name,City", "Ann,Paris", "Bob,Rome"], 1),
        (["Ann,3", "Bob,4"], 0),
        (["yes,no", "no,yes", "yes,no"], 0),
        (["Region,2022,2023年,2024", "North,5,6,7"], 1),
        (["Founded,2022", "Closed,2023"], 0),
        (["The first thing. It is long,x", "a,b"], 0),
        (["名称,价格", "螺丝,￥3.50"], 1),
        (["a,b"], 0),
        (["x" * 81 + ",b", "1,2"], 0),
        (["a,b", "1,2,3,4,5", "1,2,3,4,5"], 0),
    ],
)
def test_header_is_text_over_data(rows: list[str], depth: int) -> None:
    cells = [(dict(enumerate(row.split(","), start=1)), {}) for row in rows]
    assert find_header(cells, {})[1] == depth


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("3.50", True), ("-1,234.5", True), ("12%", True), ("¥3", True), ("2024-05-01", True), ("2024年5月1日", True),
        ("08:30", True), ("TRUE", True), ("#N/A", True), ("1E+20", True), ("(12)", True),
        ("Q1", False), ("年龄", False), ("3 apples", False), ("No. 5", False), ("A-1", False),
    ],
)  # fmt: skip
def test_what_is_data(value: str, expected: bool) -> None:
    assert is_data(value) is expected


def test_without_a_header_the_columns_have_letters(read: Read) -> None:
    assert read("Ann,3\nBob,4\n").text == "A1:B2\n\nA: Ann · B: 3\n\nA: Bob · B: 4"
    assert [column_letter(column) for column in (1, 26, 27, 702, 703, 16_384)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]


def test_a_list_in_one_column_has_no_letters(read: Read) -> None:
    parsed = read("苹果\n香蕉\n\n樱桃\n")
    assert parsed.text == "A1:A2\n\n苹果\n\n香蕉\n\nA4\n\n樱桃"


def test_titles_blank_rows_and_second_tables(read: Read) -> None:
    text = "Report,,\n\nName,Price,\nBolt,1,\n\nNut,2,\n\nCity,Size,Height\nRome,5,6\n"
    assert read(text).text.split("\n\n") == [
        "A1", "Report",
        "A3:B4", "Name · Price", "Name: Bolt · Price: 1",
        "A6:B6", "Name: Nut · Price: 2",
        "A8:C9", "City · Size · Height", "City: Rome · Size: 5 · Height: 6",
    ]  # fmt: skip


def test_a_table_goes_on_below_a_blank_row(read: Read) -> None:
    parts = read("Name,Kind\nBolt,steel\n\nNut,brass\nNail,iron\n").text.split("\n\n")
    assert parts[3:] == ["A4:B5", "Name: Nut · Kind: brass", "Name: Nail · Kind: iron"]


def test_ragged_rows_lose_no_cell(read: Read) -> None:
    lines = read("a,b\n1,2\n3,4,5\n6\n").text.split("\n\n")
    assert lines[2:] == ["a: 1 · b: 2", "a: 3 · b: 4 · C: 5", "a: 6"]


def test_a_block_has_twenty_rows_and_names_its_range(read: Read) -> None:
    parsed = read("n,v\n" + "".join(f"r{i},{i}\n" for i in range(2, 50)))
    assert [one.text for one in parsed.headings] == ["A1:B21", "A22:B41", "A42:B49"]
    for number in (2, 21, 22, 41, 49):
        path = heading_path(parsed.headings, parsed.text.index(f"n: r{number} "))
        first, _, last = path[-1].replace("A", "").replace("B", "").partition(":")
        assert int(first) <= number <= int(last)


@pytest.mark.parametrize("remark", ["Fine. Really! Or not?", "很好。真的！是吗？"])
def test_no_row_that_fits_is_torn_by_the_chunker(read: Read, remark: str) -> None:
    parsed = read("Name,Size,Remark\n" + "".join(f"Bolt {i},{i},{remark}\n" for i in range(60)))
    chunks = RecursiveChunker(lambda texts: [len(text) // 2 for text in texts], 60).split(parsed)
    for start, end in chunks:
        for paragraph in parsed.text[start:end].split("\n\n"):
            assert paragraph.startswith("Name: Bolt") == paragraph.endswith(remark)
    assert len(chunks) > 10


def test_a_quote_that_is_never_closed_swallows_nothing(read: Read) -> None:
    parsed = read('Name,Size\n"5"" disk",1\n"oops,2\nBolt,3\n"a,b",4\n')
    assert parsed.metadata["damaged_quotes"]
    assert parsed.text.split("\n\n")[2:] == [
        'Name: 5" disk · Size: 1',
        'Name: "oops · Size: 2',
        "Name: Bolt · Size: 3",
        "Name: a,b · Size: 4",
    ]


def test_backslashes_before_quotes(read: Read) -> None:
    assert "Bolt" in read('Name,Note\nBolt,"a \\"b\\" c"\nNut,x\n').text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x" * 10_000_000, r"10,000,000 characters in line 1,.*rename it to price-list\.txt"),
        ("a,b\n" + "1," * 5_000_000, r"10,000,000 characters in line 2"),
        ("," * 100_000 + "x", r"100,001 columns in row 1, at most 16,384"),
        ("ab,cd\n" * 500_000, r"more than 500,000 filled cells.*split it"),
        ("a,b\n" + "x" * 200_000 + ",1\n", r"cannot be read as a table \(line 2: field larger"),
    ],
    ids=["line", "fields", "columns", "cells", "cell"],
)
def test_bombs(read: Read, text: str, message: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(LoaderError, match=message):
        read(text)
    assert time.perf_counter() - begin < 20


def test_a_record_without_an_end_is_not_gathered_in_memory(read: Read) -> None:
    # A quote opens at the end of each line and closes at the beginning of the next one.
    parsed = read("a,b\n1,2\n" + '1,"\n",' * 300_000)
    assert parsed.metadata["damaged_quotes"]


def test_long_labels_do_not_multiply_without_bound(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_table, "MAX_CHARACTERS", 10_000)
    with pytest.raises(LoaderError, match=r"more than 10,000 characters of text: split"):
        read(f"{'n' * 80},v\n" + "a,1\n" * 200)


@pytest.mark.parametrize("data", [b"", b" \n,,\n,,\n", b'""\n'])
def test_without_text_it_is_empty(read: Read, data: bytes) -> None:
    with pytest.raises(LoaderError, match="is empty"):
        read(data)


def test_binary_under_the_name(read: Read) -> None:
    with pytest.raises(LoaderError, match="looks like binary"):
        read(b"\x89PNG\r\n\x1a\n\x00\x00")


def test_a_megabyte_loads_at_once(read: Read) -> None:
    text = "id,name,price,city\n" + "".join(f"{i},Widget {i},{i * 1.5},Paris\n" for i in range(36_000))
    begin = time.perf_counter()
    assert "id: 35999 · name: Widget 35999" in read(text).text
    assert time.perf_counter() - begin < 5  # 0.3 s; the machines that run the tests are shared
