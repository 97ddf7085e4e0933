"""Workbooks, made with openpyxl, and by hand where it cannot write what Excel writes."""

from __future__ import annotations

import datetime
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from ingest.loaders.xlsx import package as xlsx_package
from ingest.loaders.xlsx.loader import XlsxLoader
from ingest.loaders.xlsx.values import NumberFormat, parse_format, show
from ragbot.documents import ParsedDocument, heading_path
from ragbot.errors import LoaderError

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def load(path: Path) -> ParsedDocument:
    return XlsxLoader().load(path)


@pytest.fixture
def read(tmp_path: Path) -> Callable[[Workbook], ParsedDocument]:
    def save_and_load(book: Workbook) -> ParsedDocument:
        path = tmp_path / "price-list.xlsx"
        book.save(path)
        return load(path)

    return save_and_load


Read = Callable[[Workbook], ParsedDocument]


def book_of(*rows: list[Any], title: str = "Prices") -> Workbook:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    return book


def relation(identity: str, kind: str, target: str) -> str:
    return f'<Relationship Id="{identity}" Type="{RELATIONS}/{kind}" Target="{target}"/>'


def package(path: Path, sheet: str, compression: int = zipfile.ZIP_DEFLATED, /, **parts: str | bytes | None) -> Path:
    """A workbook with one sheet, written by hand; ``parts`` replace or leave out parts, by their file's first name."""
    files: dict[str, tuple[str, str]] = {
        "types": ("[Content_Types].xml", "<Types/>"),
        "root": ("_rels/.rels", f'<Relationships xmlns="{PACKAGE}">{relation("a", "officeDocument", "xl/workbook.xml")}'
                 "</Relationships>"),
        "workbook": ("xl/workbook.xml", f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>'
                     '<sheet name="S" sheetId="1" r:id="s"/></sheets></workbook>'),
        "relations": ("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{PACKAGE}">'
                      f'{relation("s", "worksheet", "worksheets/sheet1.xml")}{relation("t", "styles", "/xl/styles.xml")}'
                      f'{relation("u", "sharedStrings", "sharedStrings.xml")}</Relationships>'),
        "styles": ("xl/styles.xml", f'<styleSheet xmlns="{MAIN}"/>'),
        "strings": ("xl/sharedStrings.xml", f'<sst xmlns="{MAIN}"><si><t>zero</t></si></sst>'),
        "sheet": ("xl/worksheets/sheet1.xml", f'<worksheet xmlns="{MAIN}">{sheet}</worksheet>'),
    }  # fmt: skip
    with zipfile.ZipFile(path, "w", compression) as archive:
        for key, (name, content) in files.items():
            chosen = parts.get(key, content)
            if chosen is not None:
                archive.writestr(name, chosen)
    return path


def test_sheets_rows_and_cells(read: Read) -> None:
    book = book_of(["Name", "Price", "Since"], ["Widget", 3.5, datetime.date(2024, 5, 1)], ["Bolt", 12, None])
    book.create_sheet("库存").append(["名称", "数量"])
    book["库存"].append(["螺丝\n（大）", 7])
    book.properties.title, book.properties.creator = "价目表", "李"
    book.properties.created = datetime.datetime(2024, 5, 2, 12)
    book.properties.keywords = "Budget，预算"
    parsed = read(book)
    assert parsed.text == (
        "Prices!A1:C3\n\nName · Price · Since\n\nName: Widget · Price: 3.5 · Since: 2024-05-01\n\n"
        "Name: Bolt · Price: 12\n\n库存!A1:B2\n\n名称 · 数量\n\n名称: 螺丝 （大） · 数量: 7"
    )
    assert [(one.level, one.text) for one in parsed.headings] == [
        (1, "Prices"), (2, "Prices!A1:C3"), (1, "库存"), (2, "库存!A1:B2"),
    ]  # fmt: skip
    assert all(parsed.text.startswith(one.text, one.start) for one in parsed.headings)
    assert heading_path(parsed.headings, parsed.text.index("螺丝")) == ("库存", "库存!A1:B2")
    assert (parsed.title, parsed.date, parsed.type, parsed.pages) == ("价目表", "2024-05-02", "xlsx", ())
    assert parsed.metadata == {"author": "李", "tags": '["budget", "预算"]'}


def test_the_name_of_a_library_is_no_author(read: Read) -> None:
    parsed = read(book_of(["Name", "Price"], ["Bolt", 1]))
    assert (parsed.title, parsed.metadata) == ("price list", {})


def test_blocks_name_their_cells(read: Read) -> None:
    parsed = read(book_of(["n", "v"], *([f"r{i}", i] for i in range(2, 50)), title="My Sheet"))
    assert [one.text for one in parsed.headings] == [
        "My Sheet", "My Sheet!A1:B21", "My Sheet!A22:B41", "My Sheet!A42:B49",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        ("General", 3.5, "3.5"), ("General", 0.1 + 0.2, "0.3"), ("General", 1e20, "1E+20"), ("General", -4.0, "-4"),
        ("0.00", 3.5, "3.50"), ("0.00", 2.675, "2.68"), ("#,##0", 1234567, "1,234,567"), ("0%", 0.125, "13%"),
        ("0.0%", 0.125, "12.5%"), ('"¥"#,##0.00', 1234.5, "¥1,234.50"), ("[$¥-804]#,##0.00;[Red]-#,##0.00", -2, "-¥2.00"),
        ('#,##0.00\\ "元"', 5, "5.00元"), ("00000", 501, "00501"), ("0.##", 1.5, "1.5"), ("0.##", 2, "2"),
        ('_("$"* #,##0.00_);_("$"* (#,##0.00)', -3, "-$3.00"), ("# ?/?", 0.5, "0.5"), ("0.00E+00", 12345, "12345"),
        ("#,##0,", 1234567, "1234567"), ("@", 7, "7"), ("(000) 000-0000", 5551234567, "5551234567"),
        ("yyyy-mm-dd", 45413, "2024-05-01"), ('yyyy"年"m"月"d"日"', 45413, "2024-05-01"), ("d-mmm", 45413.75, "2024-05-01"),
        ("yyyy/m/d h:mm", 45413.75, "2024-05-01 18:00:00"), ("h:mm AM/PM", 0.75, "18:00:00"), ("[h]:mm", 1.5, "36:00:00"),
        ("yyyy", -1, "-1"), ("yyyy", 1e12, "1000000000000"), ("d", 59, "1900-02-28"), ("d", 61, "1900-03-01"),
        ('0"d"', 3, "3d"), ("0.0000000000000000000000000000000000000000", 1.5, "1.5000000000"),
    ],
)  # fmt: skip
def test_numbers_as_they_are_shown(code: str, value: float, shown: str) -> None:
    assert show(repr(value), parse_format(code), from_1904=False) == shown


def test_the_calendar_from_1904_and_hostile_numbers() -> None:
    assert show("0", parse_format("d"), from_1904=True) == "1904-01-01"
    assert show("nan", NumberFormat(), from_1904=False) == "nan"
    with pytest.raises(ValueError, match="a number of"):
        show("9" * 10_000_000, NumberFormat(), from_1904=False)


def test_east_asian_dates_which_have_numbers_and_no_code(tmp_path: Path) -> None:
    styles = "".join(f'<xf numFmtId="{number}"/>' for number in (0, 31, 57, 14, 200))
    styles = f'<styleSheet xmlns="{MAIN}"><cellStyleXfs><xf numFmtId="9"/></cellStyleXfs><cellXfs>{styles}</cellXfs></styleSheet>'
    cells = "".join(f'<c s="{style}"><v>45413</v></c>' for style in range(5))
    parsed = load(package(tmp_path / "a.xlsx", f"<sheetData><row>{cells}</row></sheetData>", styles=styles))
    assert parsed.text == "S!A1:E1\n\nA: 45413 · B: 2024-05-01 · C: 2024-05-01 · D: 2024-05-01 · E: 45413"


def test_kinds_of_cells(tmp_path: Path) -> None:
    sheet = (
        '<dimension ref="A1:XFD1048576"/><sheetData><row r="3"><c r="B3" t="s"><v>0</v></c>'
        '<c r="D3" t="inlineStr"><is><r><t>in</t></r><r><t>line_x000D_</t></r><rPh><t>yomi</t></rPh></is></c>'
        '<c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c><c t="d"><v>2024-05-01T00:00:00</v></c>'
        '<c t="str"><f>A1&amp;B1</f><v>joined</v></c><c><f>SUM(A1:A2)</f><v>3</v></c><c><f>SUM(B1)</f></c>'
        "</row></sheetData>"
    )
    assert load(package(tmp_path / "a.xlsx", sheet)).text == (
        "S!B3:J3\n\nB: zero · D: inline · E: TRUE · F: #N/A · G: 2024-05-01 · H: joined · I: 3 · J: =SUM(B1)"
    )


def test_prefixed_names_and_utf_16(tmp_path: Path) -> None:
    sheet = (
        f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData><x:row><x:c><x:v>5</x:v></x:c></x:row></x:sheetData></x:worksheet>'
    )
    path = package(tmp_path / "a.xlsx", "", sheet=('<?xml version="1.0" encoding="utf-16"?>' + sheet).encode("utf-16"))
    assert load(path).text == "S!A1\n\n5"


def test_merged_cells(read: Read) -> None:
    book = book_of(
        ["Sales of the year", None, None, None],
        ["Region", "2023", None, "Note"],
        [None, "H1", "H2", None],
        ["North", 1, 2, "x"],
        [None, 3, 4, "y"],
        ["Total", None, 10, "z"],
    )
    for area in ("A1:D1", "A2:A3", "B2:C2", "D2:D3", "A4:A5", "A6:B6"):
        book["Prices"].merge_cells(area)
    assert read(book).text.split("\n\n") == [
        "Prices!A1:D6",
        "Sales of the year",
        "Region · 2023 · Note",
        "Region · H1 · H2 · Note",
        "Region: North · 2023 H1: 1 · 2023 H2: 2 · Note: x",
        "Region: North · 2023 H1: 3 · 2023 H2: 4 · Note: y",
        "Region: Total · 2023 H2: 10 · Note: z",
    ]


def test_hidden_sheets_rows_and_columns_are_read(read: Read) -> None:
    book = book_of(["Name", "Price"], ["Bolt", 1], ["Nut", 2])
    book["Prices"].row_dimensions[3].hidden = True
    book["Prices"].column_dimensions["B"].hidden = True
    book.create_sheet("秘密").append(["内容"])
    book["秘密"].sheet_state = "veryHidden"
    parsed = read(book)
    assert parsed.text.endswith("Name: Nut · Price: 2\n\n秘密!A1\n\n内容")
    assert parsed.metadata == {"hidden_sheets": "秘密"}


def test_a_chart_sheet_has_no_cells(read: Read) -> None:
    book = book_of(["Name", "Price"], ["Bolt", 1])
    book.create_chartsheet("Chart")
    assert [one.text for one in read(book).headings] == ["Prices", "Prices!A1:B2"]


def test_an_empty_workbook(read: Read) -> None:
    with pytest.raises(LoaderError, match="is empty"):
        read(Workbook())


# -- what is out of bounds -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        ("<sheetData>" + ("<row>" + "<c><v>1</v></c>" * 1000 + "</row>") * 1000 + "</sheetData>", "500,000 filled cells"),
        ("<sheetData><row>" + "<c><v>1</v></c>" * 100_000 + "</row></sheetData>", "a cell in column 16385"),
        ('<sheetData><row r="1000000000000"><c><v>1</v></c></row></sheetData>', "a row numbered 1000000000000"),
        ('<sheetData><row><c r="ZZZZ1"><v>1</v></c></row></sheetData>', "a cell at 'ZZZZ1'"),
        ('<sheetData><row><c r="ZZZ1"><v>1</v></c></row></sheetData>', "a cell in column 18278"),
        ('<sheetData><row><c t="s"><v>7</v></c></row></sheetData>', "is damaged"),
        ('<sheetData><row><c t="s"><v>-1</v></c></row></sheetData>', "string number -1"),
        ('<sheetData><row><c t="inlineStr"><is><t>' + "x" * 10_000_000 + "</t></is></c></row></sheetData>", "32,767"),
        ('<sheetData><row><c t="str"><v>' + "x" * 40_000 + "</v></c></row></sheetData>", "32,767"),
    ],
    ids=["cells", "columns", "row", "reference", "column", "string", "negative", "inline", "text"],
)  # fmt: skip
def test_out_of_bounds(tmp_path: Path, sheet: str, message: str) -> None:
    path = package(tmp_path / "a.xlsx", sheet, zipfile.ZIP_STORED)
    begin = time.perf_counter()
    with pytest.raises(LoaderError, match=message):
        load(path)
    assert time.perf_counter() - begin < 20


def test_far_cells_cost_nothing(tmp_path: Path) -> None:
    rows = "".join(f'<row r="{n * 1000}"><c r="XFD{n * 1000}"><v>{n}</v></c></row>' for n in range(1, 1001))
    begin = time.perf_counter()
    parsed = load(package(tmp_path / "a.xlsx", f'<dimension ref="A1:XFD1048576"/><sheetData>{rows}</sheetData>'))
    assert parsed.text.startswith("S!XFD1000\n\n1\n\nS!XFD2000") and time.perf_counter() - begin < 2


def test_formatted_but_empty_cells_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = package(tmp_path / "a.xlsx", "<sheetData><row>" + '<c s="0"/>' * 50_000 + "<c/></row></sheetData>")
    with pytest.raises(LoaderError, match="is empty"):
        load(path)
    monkeypatch.setattr(xlsx_package, "MAX_ELEMENTS", 40_000)
    with pytest.raises(LoaderError, match=r"more than 40,000 XML elements.*clear the formats"):
        load(path)


def test_bomb_of_shared_strings(tmp_path: Path) -> None:
    strings = f'<sst xmlns="{MAIN}"><si><t>{"x" * 30_000}</t></si></sst>'
    cells = '<row><c t="s"><v>0</v></c><c t="s"><v>0</v></c></row>' * 10_000
    with pytest.raises(LoaderError, match=r"more than 64,000,000 characters of text: split"):
        load(package(tmp_path / "a.xlsx", f"<sheetData>{cells}</sheetData>", strings=strings))
    many = f'<sst xmlns="{MAIN}">{"<si/>" * 1_000_001}</sst>'
    path = package(tmp_path / "a.xlsx", "<sheetData/>", zipfile.ZIP_STORED, strings=many)
    with pytest.raises(LoaderError, match="more than 1,000,000 shared strings"):
        load(path)


def test_bomb_of_merged_cells(tmp_path: Path) -> None:
    rows = '<row><c t="s"><v>0</v></c><c t="s"><v>0</v></c></row>' * 1000
    merges = '<mergeCell ref="A1:XFD1048576"/>' * 1000
    with pytest.raises(LoaderError, match="merged cells that overlap"):
        load(package(tmp_path / "a.xlsx", f"<sheetData>{rows}</sheetData><mergeCells>{merges}</mergeCells>"))


def test_decompression_bomb(tmp_path: Path) -> None:
    path = package(tmp_path / "a.xlsx", " " * 20_000_000)
    with pytest.raises(LoaderError, match="decompression bomb"):
        load(path)


def test_entities_are_refused(tmp_path: Path) -> None:
    sheet = f'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY f SYSTEM "file:///etc/hostname">]><worksheet xmlns="{MAIN}">&f;</worksheet>'
    with pytest.raises(LoaderError, match="a document type declaration"):
        load(package(tmp_path / "a.xlsx", "", sheet=sheet))


# -- what is broken --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parts",
    [
        {"root": None},
        {"root": "<Relationships/>"},
        {"workbook": "<workbook"},
        {"relations": None},
        {"relations": f"<Relationships>{relation('s', 'worksheet', 'worksheets/none.xml')}</Relationships>"},
        {"styles": "no xml"},
        {"styles": None},
        {"sheet": "<worksheet><sheetData><row><c><v>1</v></c>"},
        {"sheet": "<worksheet><sheetData><row><c><v>one</v></c></row></sheetData></worksheet>"},
    ],
    ids=["no root", "no main", "workbook", "no relations", "no sheet", "styles", "no styles", "cut", "number"],
)
def test_damaged_packages(tmp_path: Path, parts: dict[str, str | None]) -> None:
    with pytest.raises(LoaderError, match=r"is damaged or no workbook.*save it again as \.xlsx") as caught:
        load(package(tmp_path / "a.xlsx", "", **parts))
    assert caught.value.__cause__ is not None


def test_cut_off_file(tmp_path: Path) -> None:
    path = package(tmp_path / "a.xlsx", "<sheetData/>")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(LoaderError, match="damaged"):
        load(path)


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def test_encrypted_legacy_and_other_files(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(OLE + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(LoaderError, match="password protected"):
        load(path)
    path.write_bytes(OLE + "Workbook".encode("utf-16-le"))
    with pytest.raises(LoaderError, match=r"legacy.*\(\.xls\).*save it as \.xlsx"):
        load(path)
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(LoaderError, match="is not a XLSX file"):
        load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ppt/presentation.xml", "<x/>")
    with pytest.raises(LoaderError, match=r"is not a XLSX file: .*PowerPoint"):
        load(path)


def test_twenty_thousand_rows_load_at_once(tmp_path: Path) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("x")
    for number in range(20_000):
        sheet.append([f"Widget {number}", number * 1.5])
    book.save(tmp_path / "a.xlsx")
    begin = time.perf_counter()
    assert "A: Widget 19999 · B: 29998.5" in load(tmp_path / "a.xlsx").text
    assert time.perf_counter() - begin < 5  # 0.3 s; the machines that run the tests are shared
