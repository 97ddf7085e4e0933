"""Word documents, made with python-docx and by hand where it cannot make what Word makes."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from docx.document import Document as WordDocument
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from ingest.loaders import archive, load
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError


@pytest.fixture
def read(tmp_path: Path) -> Callable[[WordDocument], ParsedDocument]:
    def save_and_load(document: WordDocument) -> ParsedDocument:
        path = tmp_path / "a-report.docx"
        document.save(str(path))
        return load(path)

    return save_and_load


Read = Callable[[WordDocument], ParsedDocument]


def test_order_headings_lists_and_tables(read: Read) -> None:
    document = docx.Document()
    document.add_heading("评测报告", 1)
    document.add_paragraph("第一段\u00a0文字。")
    document.add_heading("Results", 2)
    for text, style in [("a", "List Bullet"), ("b", "List Bullet 2"), ("x", "List Number"), ("y", "List Number")]:
        document.add_paragraph(text, style=style)
    table = document.add_table(3, 2)
    cells = [cell for row in table.rows for cell in row.cells]
    for cell, text in zip(cells, ["方法", "值", "a\nb", "1", "span", ""], strict=True):
        cell.text = text
    table.cell(2, 0).merge(table.cell(2, 1))
    document.add_paragraph("last")
    parsed = read(document)
    assert parsed.text == (
        "评测报告\n\n第一段 文字。\n\nResults\n\n- a\n- b\n1. x\n2. y\n\n"
        "| 方法 | 值 |\n| --- | --- |\n| a b | 1 |\n| span |\n\nlast"
    )
    assert [(heading.level, heading.text) for heading in parsed.headings] == [(1, "评测报告"), (2, "Results")]
    assert all(parsed.text[heading.start :].startswith(heading.text) for heading in parsed.headings)
    assert (parsed.type, parsed.title) == ("docx", "评测报告")


def test_nested_list_numbers_start_anew(read: Read) -> None:
    document = docx.Document()
    for level, text in [(0, "a"), (1, "b"), (1, "c"), (0, "d"), (1, "e")]:
        properties = document.add_paragraph(text, style="List Number")._p.get_or_add_pPr()
        properties.append(
            parse_xml(f'<w:numPr {nsdecls("w")}><w:ilvl w:val="{level}"/><w:numId w:val="77"/></w:numPr>')
        )
    levels = "".join(f'<w:lvl w:ilvl="{level}"><w:numFmt w:val="decimal"/></w:lvl>' for level in range(2))
    numbering = document.part.numbering_part.element
    numbering.append(parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="77">{levels}</w:abstractNum>'))
    numbering.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="77"><w:abstractNumId w:val="77"/></w:num>'))
    assert read(document).text == "1. a\n  1. b\n  2. c\n2. d\n  1. e"


def test_core_properties(read: Read) -> None:
    document = docx.Document()
    document.add_heading("Heading", 1)
    core = document.core_properties
    core.title, core.author, core.language, core.keywords = "核心标题", "李", "zh-CN", "Budget; 预算"
    core.created = datetime.datetime(2024, 5, 1, 12)
    parsed = read(document)
    assert (parsed.title, parsed.date, parsed.language) == ("核心标题", "2024-05-01", "zh")
    assert parsed.metadata == {"author": "李", "tags": '["budget", "预算"]'}


def test_the_templates_properties_are_nobodys(read: Read) -> None:
    document = docx.Document()
    document.add_paragraph("Only the words of a paragraph that is in English.")
    parsed = read(document)
    assert (parsed.title, parsed.date, dict(parsed.metadata)) == ("a report", None, {})


def test_chinese_heading_styles_and_outline_levels(read: Read) -> None:
    document = docx.Document()
    document.styles.add_style("标题 2", WD_STYLE_TYPE.PARAGRAPH)
    derived = document.styles.add_style("章节", WD_STYLE_TYPE.PARAGRAPH)
    derived.base_style = document.styles["标题 2"]
    outlined = document.styles.add_style("Mine", WD_STYLE_TYPE.PARAGRAPH)
    level = '<w:outlineLvl xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" w:val="2"/>'
    outlined.element.get_or_add_pPr().append(parse_xml(level))
    document.add_paragraph("甲", style="标题 2")
    document.add_paragraph("乙", style="章节")
    document.add_paragraph("丙", style="Mine")
    document.add_paragraph("丁")._p.get_or_add_pPr().append(parse_xml(level.replace('"2"', '"0"')))
    document.add_heading("body by its own level", 1)._p.get_or_add_pPr().append(parse_xml(level.replace('"2"', '"9"')))
    assert [(heading.level, heading.text) for heading in read(document).headings] == [
        (2, "甲"), (2, "乙"), (3, "丙"), (1, "丁"),
    ]  # fmt: skip


def test_styles_based_on_each_other_in_a_ring(read: Read) -> None:
    document = docx.Document()
    first = document.styles.add_style("First", WD_STYLE_TYPE.PARAGRAPH)
    second = document.styles.add_style("Second", WD_STYLE_TYPE.PARAGRAPH)
    first.base_style, second.base_style = second, first
    document.add_paragraph("text", style="First")
    assert read(document).text == "text"


def test_insertions_controls_and_text_boxes_are_read_deletions_are_not(read: Read) -> None:
    document = docx.Document()
    body = document.element.body
    w = nsdecls("w")
    body.insert(
        0, parse_xml(f"<w:sdt {w}><w:sdtContent><w:p><w:r><w:t>control</w:t></w:r></w:p></w:sdtContent></w:sdt>")
    )
    body.insert(1, parse_xml(
        f'<w:p {w}><w:r><w:t>kept </w:t></w:r><w:ins w:id="1" w:author="a"><w:r><w:t>inserted</w:t></w:r></w:ins>'
        '<w:del w:id="2" w:author="a"><w:r><w:delText>deleted</w:delText></w:r></w:del>'
        '<w:hyperlink><w:r><w:t xml:space="preserve"> link</w:t></w:r></w:hyperlink>'
        '<w:r><w:tab/><w:t>after tab</w:t><w:br/><w:t>new line</w:t></w:r>'
        '<w:r><w:pict><w:txbxContent><w:p><w:r><w:t>box</w:t></w:r></w:p></w:txbxContent></w:pict></w:r></w:p>'))  # fmt: skip
    assert read(document).text == "control\n\nkept inserted link\tafter tab\nnew line\n\nbox"


def test_vertically_merged_cells_are_not_repeated(read: Read) -> None:
    document = docx.Document()
    table = document.add_table(2, 2)
    for index, text in enumerate(["a", "1", "", "2"]):
        table.cell(index // 2, index % 2).text = text
    table.cell(0, 0).merge(table.cell(1, 0))
    assert read(document).text == "| a | 1 |\n| --- | --- |\n|  | 2 |"


def test_a_document_without_text_is_empty(read: Read) -> None:
    with pytest.raises(LoaderError, match="is empty"):
        read(docx.Document())


def rewrite(path: Path, replace: dict[str, bytes | None]) -> None:
    """Write the package again with parts replaced, or left out where the replacement is None."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    parts = {name: replace.get(name, data) for name, data in parts.items()} | replace
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in parts.items():
            if data is not None:
                package.writestr(name, data)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    document = docx.Document()
    document.add_paragraph("Some text.")
    path = tmp_path / "a.docx"
    document.save(str(path))
    return path


def deep(tag: str) -> bytes:
    inner = f"<w:{tag}>" * 5000 + f"</w:{tag}>" * 5000
    return f"<w:document {nsdecls('w')}><w:body>{inner}</w:body></w:document>".encode()


@pytest.mark.parametrize(
    "parts",
    [
        {"word/document.xml": b"<w:document"},
        {"word/document.xml": None},
        {"word/document.xml": b"<other/>"},
        {"word/document.xml": deep("sdt")},
        {"[Content_Types].xml": None},
        {"_rels/.rels": b"<no/>"},
        {"word/styles.xml": b"not xml"},
        {"word/document.xml": b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><w:document>&b;</w:document>'},
    ],
    ids=["cut", "no body part", "other root", "deep", "no types", "no relations", "styles", "entities"],
)
def test_damaged_packages(saved: Path, parts: dict[str, bytes | None]) -> None:
    rewrite(saved, parts)
    with pytest.raises(LoaderError, match=r"is damaged|is not a DOCX") as caught:
        load(saved)
    assert "is not a DOCX" in str(caught.value) or caught.value.__cause__ is not None


def test_cut_off_file(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:5000])
    with pytest.raises(LoaderError, match="damaged"):
        load(saved)


def test_damage_inside_a_packed_part(saved: Path) -> None:
    with zipfile.ZipFile(saved) as package:
        info = package.getinfo("word/document.xml")
    data = bytearray(saved.read_bytes())
    start = info.header_offset + 30 + len(info.filename)
    data[start : start + 40] = b"\xff" * 40
    saved.write_bytes(data)
    with pytest.raises(LoaderError, match="is damaged"):
        load(saved)


def test_decompression_bomb(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewrite(saved, {"word/media/a.bin": bytes(20 * 1024 * 1024)})
    with pytest.raises(LoaderError, match=r"decompression bomb.*a.bin unpacks to more than 200 times"):
        load(saved)
    monkeypatch.setattr(archive, "MAX_UNPACKED", 1024 * 1024)
    with pytest.raises(LoaderError, match=r"decompression bomb.*MiB unpacked, at most 1 MiB"):
        load(saved)


def test_bomb_of_xml_and_of_parts(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewrite(saved, {})
    monkeypatch.setattr(archive, "MAX_XML_PART", 1000)
    with pytest.raises(LoaderError, match=r"bomb.*are allowed"):
        load(saved)
    monkeypatch.setattr(archive, "MAX_PARTS", 3)
    with pytest.raises(LoaderError, match=r"bomb.*parts, at most 3"):
        load(saved)


def test_a_large_honest_document_is_no_bomb(read: Read) -> None:
    document = docx.Document()
    for index in range(300):
        document.add_paragraph(f"Paragraph {index} of a document that repeats itself. " * 20)
    assert len(read(document).text) > 250_000


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def test_encrypted_and_legacy(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    path.write_bytes(OLE + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(LoaderError, match="password protected"):
        load(path)
    path.write_bytes(OLE + "WordDocument".encode("utf-16-le"))
    with pytest.raises(LoaderError, match=r"legacy Word document \(\.doc\).*save it as \.docx"):
        load(path)


def test_other_office_files(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("xl/workbook.xml", "<x/>")
    with pytest.raises(LoaderError, match=r"is not a DOCX file: .*Excel workbook"):
        load(path)
