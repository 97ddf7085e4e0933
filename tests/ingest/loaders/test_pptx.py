"""Presentations, made with python-pptx, and by hand where it cannot make what PowerPoint makes."""

from __future__ import annotations

import datetime
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pptx
import pytest
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.enum.shapes import MSO_SHAPE
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls
from pptx.presentation import Presentation
from pptx.slide import Slide
from pptx.util import Emu, Inches

from ingest.loaders.pptx import graphic as pptx_graphic
from ingest.loaders.pptx import loader
from ingest.loaders.pptx import slide as pptx_slide
from ingest.loaders.pptx.loader import PptxLoader
from ragbot.documents import ParsedDocument, heading_path, page_at
from ragbot.errors import LoaderError

TITLE, CONTENT, ONLY, BLANK = 0, 1, 5, 6  # layouts of python-pptx's template


def load(path: Path) -> ParsedDocument:
    return PptxLoader().load(path)


@pytest.fixture
def read(tmp_path: Path) -> Callable[[Presentation], ParsedDocument]:
    def save_and_load(deck: Presentation) -> ParsedDocument:
        path = tmp_path / "a-talk.pptx"
        deck.save(str(path))
        return load(path)

    return save_and_load


Read = Callable[[Presentation], ParsedDocument]


def add(deck: Presentation, layout: int, title: str = "", body: str = "") -> Slide:
    slide = deck.slides.add_slide(deck.slide_layouts[layout])
    if title and slide.shapes.title is not None:
        slide.shapes.title.text = title
    if body:
        slide.placeholders[1].text = body
    return slide


def box(shapes: Any, text: str, left: float, top: float) -> Any:
    shape = shapes.add_textbox(Inches(left), Inches(top), Inches(1), Inches(1))
    shape.text_frame.text = text
    return shape


def test_slides_are_pages_under_their_titles(read: Read) -> None:
    deck = pptx.Presentation()
    first = add(deck, CONTENT, "季度\v报告", "收入增长\n成本下降")
    first.placeholders[1].text_frame.paragraphs[1].level = 1
    first.notes_slide.notes_text_frame.text = "第一段备注。\n第二段。"
    add(deck, BLANK)
    second = add(deck, CONTENT, "Outlook", "One point only")
    second.notes_slide.notes_text_frame.text = "Say thanks to the team."
    parsed = read(deck)
    assert parsed.text == (
        "季度 报告\n\n- 收入增长\n  - 成本下降\n\n备注\n\n第一段备注。\n\n第二段。\n\n"
        "Outlook\n\nOne point only\n\nNotes\n\nSay thanks to the team."
    )
    outlook = parsed.text.index("Outlook")
    assert parsed.pages == (0, outlook, outlook)
    assert page_at(parsed.pages, outlook) == 3 and page_at(parsed.pages, outlook - 1) == 1
    assert [(one.level, one.text) for one in parsed.headings] == [
        (1, "季度 报告"), (2, "备注"), (1, "Outlook"), (2, "Notes"),
    ]  # fmt: skip
    assert all(parsed.text.startswith(one.text, one.start) for one in parsed.headings)
    assert (parsed.title, parsed.type, parsed.language, parsed.date, parsed.metadata) == (
        "季度 报告", "pptx", "zh", None, {},
    )  # fmt: skip


def test_reading_order_and_groups(read: Read) -> None:
    deck = pptx.Presentation()
    slide = add(deck, ONLY, "Order")
    box(slide.shapes, "bottom", 1, 6)
    box(slide.shapes, "right", 5, 2.1)
    group = slide.shapes.add_group_shape()
    box(group.shapes, "g2", 3, 4.5)
    box(group.shapes, "g1", 3, 4)
    inner = group.shapes.add_group_shape()
    box(inner.shapes, "g3", 3, 5)
    shape = slide.shapes.add_shape(MSO_SHAPE.OVAL, Inches(1), Inches(2.2), Inches(1), Inches(1))
    shape.text_frame.text = "left"
    assert read(deck).text == "Order\n\nleft\n\nright\n\ng1\n\ng2\n\ng3\n\nbottom"


def test_tables_have_every_cell(read: Read) -> None:
    deck = pptx.Presentation()
    table = add(deck, ONLY, "T").shapes.add_table(3, 2, 0, Inches(2), Inches(4), Inches(1)).table
    for index, text in enumerate(["方法", "值", "a\nb", "1", "span", ""]):
        table.cell(index // 2, index % 2).text = text
    table.cell(2, 0).merge(table.cell(2, 1))
    assert read(deck).text == "T\n\n| 方法 | 值 |\n| --- | --- |\n| a b | 1 |\n| span |  |"


def test_charts_give_their_numbers(read: Read) -> None:
    deck = pptx.Presentation()
    data = CategoryChartData()
    data.categories = ["一季度", "二季度"]
    data.add_series("销售", (1.5, None))
    data.add_series("Cost", (3, 4))
    area = (Emu(0), Inches(2), Inches(4), Inches(2))
    frame = add(deck, ONLY, "C").shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *area, data)
    frame.chart.has_title = True
    frame.chart.chart_title.text_frame.text = "年度"
    points = XyChartData()
    series = points.add_series("xy")
    series.add_data_point(1, 10)
    series.add_data_point(2, 20)
    add(deck, ONLY, "D").shapes.add_chart(XL_CHART_TYPE.XY_SCATTER, *area, points)
    assert read(deck).text == (
        "C\n\n年度\n\n|  | 销售 | Cost |\n| --- | --- | --- |\n| 一季度 | 1.5 | 3 |\n| 二季度 |  | 4 |\n\n"
        "D\n\n|  | xy |\n| --- | --- |\n| 1 | 10 |\n| 2 | 20 |"
    )


def test_slides_without_a_title_have_a_heading_of_their_own(read: Read) -> None:
    deck = pptx.Presentation()
    add(deck, ONLY, "Title")
    box(add(deck, BLANK).shapes, "A short line", 1, 1)
    box(add(deck, BLANK).shapes, "很长的一段话。" * 20, 1, 1)
    parsed = read(deck)
    assert [one.text for one in parsed.headings] == ["Title", "A short line", "幻灯片 3"]
    assert parsed.text.count("A short line") == 1
    assert heading_path(parsed.headings, len(parsed.text) - 1) == ("幻灯片 3",)


def test_furniture_is_left_out_and_bullets_are_seen(read: Read) -> None:
    deck = pptx.Presentation()
    slide = add(deck, ONLY, "T")
    for kind, index in (("dt", 10), ("ftr", 11), ("sldNum", 12)):
        slide.shapes._spTree.append(parse_xml(
            f'<p:sp {nsdecls("p", "a")}><p:nvSpPr><p:cNvPr id="{90 + index}" name="x"/><p:cNvSpPr/><p:nvPr>'
            f'<p:ph type="{kind}" idx="{index}"/></p:nvPr></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/><a:p><a:r>'
            "<a:t>furniture</a:t></a:r></a:p></p:txBody></p:sp>"))  # fmt: skip
    shape = box(slide.shapes, "bullet\nnone", 1, 3)
    shape.text_frame.paragraphs[0]._p.get_or_add_pPr().append(parse_xml(f'<a:buChar {nsdecls("a")} char="•"/>'))
    assert read(deck).text == "T\n\n- bullet\n\nnone"


DIAGRAM = 'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"'
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def test_diagrams_formulas_and_alternatives(read: Read) -> None:
    from pptx.opc.package import Part
    from pptx.opc.packuri import PackURI

    deck = pptx.Presentation()
    slide = add(deck, ONLY, "T")
    points = "".join(
        f'<dgm:pt modelId="{i}"{kind}><dgm:t><a:bodyPr/><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t></dgm:pt>'
        for i, (kind, text) in enumerate([("", "计划"), (' type="parTrans"', "arrow"), ("", "执行")])
    )
    blob = f"<dgm:dataModel {DIAGRAM} {nsdecls('a')}><dgm:ptLst>{points}</dgm:ptLst></dgm:dataModel>".encode()
    part = Part(PackURI("/ppt/diagrams/data1.xml"), "application/vnd.openxmlformats-officedocument.drawingml.diagramData+xml",
                slide.part.package, blob)  # fmt: skip
    identity = slide.part.relate_to(part, f"{R}/diagramData")
    tree = slide.shapes._spTree
    tree.append(
        parse_xml(
            f'<p:graphicFrame {nsdecls("p", "a", "r")}><p:nvGraphicFramePr><p:cNvPr id="50" name="d"/><p:cNvGraphicFramePr/>'
            '<p:nvPr/></p:nvGraphicFramePr><p:xfrm><a:off x="0" y="2000000"/><a:ext cx="9" cy="9"/></p:xfrm><a:graphic>'
            f'<a:graphicData uri="x"><dgm:relIds {DIAGRAM} r:dm="{identity}"/></a:graphicData></a:graphic></p:graphicFrame>'
        )
    )
    tree.append(
        parse_xml(
            f'<mc:AlternateContent {nsdecls("p", "a")} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
            '<mc:Choice Requires="a14"><p:sp><p:nvSpPr><p:cNvPr id="51" name="f"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr>'
            '<a:xfrm><a:off x="0" y="4000000"/><a:ext cx="9" cy="9"/></a:xfrm></p:spPr><p:txBody><a:bodyPr/><a:p><a:r>'
            '<a:t>energy </a:t></a:r><m:t xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math">E=mc²</m:t>'
            '<a:br/><a:fld id="{B}" type="x"><a:t>field</a:t></a:fld></a:p></p:txBody></p:sp></mc:Choice><mc:Fallback><p:sp>'
            '<p:nvSpPr><p:cNvPr id="52" name="f"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/><a:p><a:r>'
            "<a:t>old</a:t></a:r></a:p></p:txBody></p:sp></mc:Fallback></mc:AlternateContent>"
        )
    )
    assert read(deck).text == "T\n\n- 计划\n- 执行\n\nenergy E=mc²\nfield"


def test_hidden_slides_are_read_and_listed(read: Read) -> None:
    deck = pptx.Presentation()
    add(deck, ONLY, "Seen")
    add(deck, ONLY, "Unseen").element.set("show", "0")
    parsed = read(deck)
    assert parsed.text == "Seen\n\nUnseen"
    assert parsed.metadata == {"hidden_slides": "2"}


@pytest.mark.parametrize("kind", ["presentation", "slideshow", "template"])
def test_slide_shows_are_presentations(saved: Path, kind: str) -> None:
    with zipfile.ZipFile(saved) as package:
        types = package.read("[Content_Types].xml")
    assert b"presentationml.presentation.main" in types
    rewrite(saved, {"[Content_Types].xml": types.replace(b"ml.presentation.main", f"ml.{kind}.main".encode())})
    assert load(saved).text == "Title\n\nSome text."


def test_shapes_with_the_same_number_are_all_read(read: Read) -> None:
    deck = pptx.Presentation()
    slide = add(deck, ONLY, "T")
    for text in "ab":
        box(slide.shapes, text, 1, 3).element.nvSpPr.cNvPr.set("id", str(slide.shapes.title.shape_id))
    assert read(deck).text == "T\n\na\n\nb"


def test_core_properties(read: Read) -> None:
    deck = pptx.Presentation()
    add(deck, ONLY, "Heading")
    core = deck.core_properties
    core.title, core.author, core.language, core.keywords = "核心标题", "李", "zh-CN", "Budget, 预算"
    core.created = datetime.datetime(2024, 5, 1, 12)
    parsed = read(deck)
    assert (parsed.title, parsed.date, parsed.language, parsed.metadata) == (
        "核心标题", "2024-05-01", "zh", {"author": "李", "tags": '["budget", "预算"]'},
    )  # fmt: skip


def test_a_deck_without_text_is_empty(read: Read) -> None:
    deck = pptx.Presentation()
    add(deck, BLANK)
    with pytest.raises(LoaderError, match="is empty"):
        read(deck)


# -- what is out of bounds -------------------------------------------------------------------------------------------


def rewrite(path: Path, replace: dict[str, bytes | None]) -> None:
    """Write the package again with parts replaced, or left out where the replacement is None."""
    with zipfile.ZipFile(path) as package:
        parts: dict[str, bytes | None] = {name: package.read(name) for name in package.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in (parts | replace).items():
            if data is not None:
                package.writestr(name, data)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    deck = pptx.Presentation()
    add(deck, CONTENT, "Title", "Some text.")
    path = tmp_path / "a.pptx"
    deck.save(str(path))
    return path


SLIDE = "ppt/slides/slide1.xml"


def slide_of(content: str) -> bytes:
    return (
        f"<p:sld {nsdecls('p', 'a', 'r')}><p:cSld><p:spTree><p:nvGrpSpPr><p:cNvPr id='1' name=''/><p:cNvGrpSpPr/><p:nvPr/>"
        f"</p:nvGrpSpPr><p:grpSpPr/>{content}</p:spTree></p:cSld></p:sld>"
    ).encode()


def test_decompression_bombs(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "MAX_XML", 1000)
    with pytest.raises(LoaderError, match="MiB of XML"):
        load(saved)
    rewrite(saved, {"ppt/media/a.bin": bytes(20 * 1024 * 1024)})
    with pytest.raises(LoaderError, match=r"decompression bomb.*a.bin unpacks to more than 200 times"):
        load(saved)


def test_a_crowd_of_shapes(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = "<p:sp><p:nvSpPr><p:cNvPr id='9' name=''/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/></p:sp>"
    rewrite(saved, {SLIDE: slide_of(shape * 120_000)})
    with pytest.raises(LoaderError, match="decompression bomb"):
        load(saved)
    rewrite(saved, {SLIDE: slide_of(shape * 2_000)})
    monkeypatch.setattr(pptx_slide, "MAX_SHAPES", 1_999)
    with pytest.raises(LoaderError, match=r"more than 1,999 shapes.*save it as \.pdf"):
        load(saved)
    rewrite(saved, {SLIDE: slide_of(shape)})
    monkeypatch.setattr(pptx_slide, "MAX_LAYOUT_SHAPES", 3)
    with pytest.raises(LoaderError, match="a layout with more than 3"):
        load(saved)


@pytest.mark.parametrize("bound", ["MAX_SLIDES", "MAX_CHARACTERS"])
def test_a_slide_that_is_listed_again_and_again(saved: Path, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    with zipfile.ZipFile(saved) as package:
        listing = package.read("ppt/presentation.xml")
    start = listing.index(b"<p:sldId ")
    entry = listing[start : listing.index(b"/>", start) + 2]
    rewrite(saved, {"ppt/presentation.xml": listing.replace(entry, entry * 500)})
    assert load(saved).text.count("Some text.") == 500
    monkeypatch.setattr(loader, bound, 100)
    with pytest.raises(LoaderError, match=r"more than .*split it"):
        load(saved)


def test_a_large_table(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    deck = pptx.Presentation()
    frame = add(deck, ONLY, "T").shapes.add_table(1, 1, 0, Inches(2), Inches(4), Inches(1))
    table = frame.table._tbl
    rows = ('<a:tr h="1">' + "<a:tc/>" * 100 + "</a:tr>") * 300
    for element in list(parse_xml(f"<a:tbl {nsdecls('a')}>{rows}</a:tbl>")):
        table.append(element)
    begin = time.perf_counter()
    assert read(deck).text.count("\n") > 300
    assert time.perf_counter() - begin < 20
    monkeypatch.setattr(pptx_graphic, "MAX_POINTS", 1000)
    with pytest.raises(LoaderError, match="a table of 30,001 cells"):
        read(deck)


def test_a_chart_that_claims_four_billion_points(read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deck = pptx.Presentation()
    data = CategoryChartData()
    data.categories = ["a", "b"]
    data.add_series("s", (1, 2))
    add(deck, ONLY, "T").shapes.add_chart(XL_CHART_TYPE.LINE, Emu(0), Inches(2), Inches(4), Inches(2), data)
    text = read(deck).text
    path = tmp_path / "a-talk.pptx"
    with zipfile.ZipFile(path) as package:
        name = next(one for one in package.namelist() if "charts/chart" in one and one.endswith(".xml"))
        chart = package.read(name)
    assert b'<c:ptCount val="2"/>' in chart
    rewrite(path, {name: chart.replace(b'<c:ptCount val="2"/>', b'<c:ptCount val="4000000000"/>')})
    assert load(path).text == text
    monkeypatch.setattr(pptx_graphic, "MAX_POINTS", 1)
    with pytest.raises(LoaderError, match="a chart of 2 by 1 points"):
        load(path)


# -- what is broken --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parts",
    [
        {SLIDE: b"<p:sld"},
        {SLIDE: None},
        {SLIDE: b"<other/>"},
        {SLIDE: slide_of("<p:grpSp>" * 5000 + "</p:grpSp>" * 5000)},
        {"[Content_Types].xml": None},
        {"_rels/.rels": b"<no/>"},
        {"ppt/_rels/presentation.xml.rels": None},
        {"ppt/presentation.xml": b"<p:presentation/>"},
        {SLIDE: b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><p:sld>&b;</p:sld>'},
    ],
    ids=["cut", "no slide", "other root", "deep", "no types", "no relations", "no slides", "presentation", "entities"],
)
def test_damaged_packages(saved: Path, parts: dict[str, bytes | None]) -> None:
    rewrite(saved, parts)
    with pytest.raises(LoaderError, match=r"is damaged or no presentation.*save it again as \.pptx") as caught:
        load(saved)
    assert caught.value.__cause__ is not None


def test_external_relations_are_not_followed(saved: Path) -> None:
    with zipfile.ZipFile(saved) as package:
        relations = package.read("ppt/slides/_rels/slide1.xml.rels")
    external = f'<Relationship Id="x" Type="{R}/image" Target="http://192.0.2.1/a.png" TargetMode="External"/>'.encode()
    rewrite(saved, {"ppt/slides/_rels/slide1.xml.rels": relations.replace(b"</Rel", external + b"</Rel")})
    assert load(saved).text == "Title\n\nSome text."


def test_cut_off_file(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:9000])
    with pytest.raises(LoaderError, match="damaged"):
        load(saved)


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def test_encrypted_legacy_and_other_files(tmp_path: Path) -> None:
    path = tmp_path / "a.pptx"
    path.write_bytes(OLE + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(LoaderError, match="password protected"):
        load(path)
    path.write_bytes(OLE + "PowerPoint Document".encode("utf-16-le"))
    with pytest.raises(LoaderError, match=r"legacy.*\(\.ppt\).*save it as \.pptx"):
        load(path)
    path.write_bytes(b"%PDF-1.7\n")
    with pytest.raises(LoaderError, match=r"is not a PPTX file: .*PDF"):
        load(path)


def test_a_hundred_slides_load_at_once(read: Read) -> None:
    deck = pptx.Presentation()
    for number in range(100):
        add(deck, CONTENT, f"Slide {number}", "First point of the slide\nSecond point of the slide\nThird point")
    begin = time.perf_counter()
    assert len(read(deck).pages) == 100
    assert time.perf_counter() - begin < 10  # 0.4 s; the machines that run the tests are shared
