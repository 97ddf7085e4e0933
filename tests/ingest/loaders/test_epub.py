"""EPUB 2 and 3, zipped here by hand as the specifications lay them out."""

from __future__ import annotations

import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.loaders.epub import loader as epub
from ingest.loaders.epub import package as epub_package
from ingest.loaders.epub.loader import EpubLoader
from ragbot.documents import ParsedDocument, heading_path, page_at
from ragbot.errors import LoaderError

CONTAINER = """<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0">
<rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
METADATA = "<dc:title>书名 &amp; Title</dc:title><dc:creator>鲁迅</dc:creator><dc:language>zh-CN</dc:language>"
Files = dict[str, str | bytes]


def package(names: list[str], *, metadata: str = METADATA, manifest: str = "", extra: str = "") -> str:
    items = "".join(
        f'<item id="i{n}" href="{name}" media-type="application/xhtml+xml"/>' for n, name in enumerate(names)
    )
    references = "".join(f'<itemref idref="i{n}"/>' for n in range(len(names)))
    return (
        '<?xml version="1.0" encoding="utf-8"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf">'
        f'{metadata}</metadata><manifest>{items}{manifest}</manifest><spine toc="ncx">{references}</spine>{extra}</package>'
    )


def xhtml(body: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html [<!ENTITY x "expanded">]>\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        f'<head><title/><script src="a.js"/></head><body>{body}</body></html>'
    )


def nav(entries: str, more: str = "") -> str:
    return xhtml(f'<nav epub:type="toc"><h1>目录</h1><ol>{entries}</ol></nav>{more}')


NAV_ITEM = '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Files], Path]:
    def to_file(files: Files) -> Path:
        path = tmp_path / "a-book.epub"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
            for name, data in ({"META-INF/container.xml": CONTAINER} | files).items():
                archive.writestr(name, data)
        return path

    return to_file


@pytest.fixture
def read(write: Callable[[Files], Path]) -> Callable[[Files], ParsedDocument]:
    return lambda files: EpubLoader().load(write(files))


Write = Callable[[Files], Path]
Read = Callable[[Files], ParsedDocument]


def chapters(*bodies: str, navigation: str = "", **options: str) -> Files:
    names = [f"c{n}.xhtml" for n in range(1, len(bodies) + 1)]
    files: Files = {f"OEBPS/{name}": xhtml(body) for name, body in zip(names, bodies, strict=True)}
    if navigation:
        options["manifest"] = options.get("manifest", "") + NAV_ITEM
        files["OEBPS/nav.xhtml"] = navigation
    return files | {"OEBPS/book.opf": package(names, **options)}


def levels(document: ParsedDocument) -> list[tuple[int, str]]:
    assert all(document.text.startswith(heading.text, heading.start) for heading in document.headings)
    return [(heading.level, heading.text) for heading in document.headings]


def test_reading_order_pages_and_metadata(write: Write) -> None:
    files = chapters("<h1>第一章</h1><p>狂人日记。</p>", "<h1>Chapter 2</h1><p>English &amp; more.</p>")
    files["OEBPS/book.opf"] = package(["c2.xhtml", "c1.xhtml"])  # not in the order of the archive
    document = EpubLoader().load(write(files))
    assert document.text == "Chapter 2\n\nEnglish & more.\n\n第一章\n\n狂人日记。"
    assert document.pages == (0, 28) and document.text[28:].startswith("第一章")
    assert (document.title, document.language, document.type) == ("书名 & Title", "zh", "epub")
    assert document.metadata == {"author": "鲁迅"}
    assert levels(document) == [(1, "Chapter 2"), (1, "第一章")]


@pytest.mark.parametrize(
    ("dates", "day"),
    [
        ('<dc:date opf:event="modification">2020-01-01</dc:date><dc:date opf:event="publication">1923-08-03</dc:date>', "1923-08-03"),
        ("<dc:date>2024-05-01T10:00:00Z</dc:date><dc:date>1999-01-01</dc:date>", "2024-05-01"),
        ("<dc:date>0101-01-01T00:00:00+00:00</dc:date>", None),
        ('<dc:date opf:event="modification">2020-01-01</dc:date>', None),
        ("<dc:date>1923</dc:date>", None),
    ],
)  # fmt: skip
def test_dates(read: Read, dates: str, day: str | None) -> None:
    assert read(chapters("<p>文字</p>", metadata=METADATA + dates)).date == day


def test_several_authors_and_no_title(read: Read) -> None:
    metadata = "<dc:creator>A. One</dc:creator><dc:creator>乙</dc:creator><dc:title>Untitled</dc:title>"
    document = read(chapters("<p>The words of it are in English.</p>", metadata=metadata))
    assert (document.title, document.language) == ("a book", "en")
    assert document.metadata == {"author": "A. One, 乙"}


PARTS = nav(
    '<li><a href="c1.xhtml">第一部</a><ol><li><a href="c2.xhtml">一、开始</a></li>'
    '<li><a href="c3.xhtml#x">二、结束</a></li></ol></li><li><span>no link</span><ol></ol></li>'
)


def test_navigation_gives_the_headings_that_pages_lack(read: Read) -> None:
    document = read(chapters('<img src="part.png" alt=""/><p>题记</p>', "<p>甲</p>", "<p>乙</p>", navigation=PARTS))
    assert document.text == "第一部\n\n题记\n\n一、开始\n\n甲\n\n二、结束\n\n乙"
    assert levels(document) == [(1, "第一部"), (2, "一、开始"), (2, "二、结束")]
    assert heading_path(document.headings, document.text.index("乙")) == ("第一部", "二、结束")
    assert document.pages == tuple(heading.start for heading in document.headings)


def test_navigation_gives_the_levels_of_headings(read: Read) -> None:
    bodies = ("<h1>第一部</h1>", "<h1>一、开始</h1><h2>小节</h2><p>甲</p>", "<h1>2</h1><p>乙</p>")
    document = read(chapters(*bodies, "<h2>rest</h2><p>of the chapter, cut in two</p>", navigation=PARTS))
    assert levels(document) == [(1, "第一部"), (2, "一、开始"), (3, "小节"), (2, "2"), (3, "rest")]


def test_a_paragraph_that_is_a_title_becomes_a_heading(read: Read) -> None:
    navigation = nav('<li><a href="c1.xhtml#a">Chapter 1: Down</a></li><li><a href="c1.xhtml#b">第二回 上</a></li>')
    document = read(chapters("<p>CHAPTER 1 — Down</p><p>x</p><p>第二回　上</p><p>y</p>", navigation=navigation))
    assert document.text == "CHAPTER 1 — Down\n\nx\n\n第二回　上\n\ny"
    assert levels(document) == [(1, "CHAPTER 1 — Down"), (1, "第二回　上")]


def test_a_title_in_a_picture_above_sections(read: Read) -> None:
    navigation = nav('<li><a href="c1.xhtml">Opening</a></li>')
    document = read(chapters("<p>Before.</p><h3>Section</h3><p>x</p>", navigation=navigation))
    assert levels(document) == [(1, "Opening"), (2, "Section")] and document.text.startswith("Opening\n\nBefore.")


NCX = """<?xml version="1.0"?><!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://www.daisy.org/z3986/2005/ncx-2005-1.dtd">
<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint id="a"><navLabel><text>Part One</text></navLabel>
<content src="c1.xhtml"/><navPoint id="b"><navLabel><text>第 1 章</text></navLabel><content src="c2.xhtml#top"/></navPoint>
</navPoint></navMap></ncx>"""


def test_epub_2_navigation_and_guide(read: Read) -> None:
    files = chapters(
        "<p>x</p>", "<p>y</p>", '<p>Contents</p><p><a href="c1.xhtml">Part One</a> <a href="c2.xhtml">Chapter</a></p>',
        manifest='<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>',
        extra='<guide><reference type="toc" href="c3.xhtml"/><reference type="cover" href="c1.xhtml#x"/></guide>',
    )  # fmt: skip
    document = read(files | {"OEBPS/toc.ncx": NCX})
    assert document.text == "Part One\n\nx\n\n第 1 章\n\ny"
    assert levels(document) == [(1, "Part One"), (2, "第 1 章")]


def test_cover_and_contents_are_left_out_but_keep_their_places(read: Read) -> None:
    landmarks = '<nav epub:type="landmarks"><ol><li><a epub:type="cover" href="c1.xhtml">封面</a></li></ol></nav>'
    files = chapters(
        "<p>The Cover</p>", "<p>甲</p>", "<p><img src='x'/></p>", "<p>乙</p>", navigation=nav("", landmarks)
    )
    files["OEBPS/book.opf"] = package(["c1.xhtml", "nav.xhtml", *(f"c{n}.xhtml" for n in (2, 3, 4))], manifest=NAV_ITEM)
    document = read(files)
    assert document.text == "甲\n\n乙" and document.pages == (0, 0, 0, 3, 3)
    assert [page_at(document.pages, document.text.index(word)) for word in "甲乙"] == [3, 5]


def test_a_chapter_that_is_called_cover_by_mistake_is_kept(read: Read) -> None:
    guide = '<guide><reference type="cover" href="c1.xhtml"/><reference type="toc" href="c2.xhtml"/></guide>'
    document = read(
        chapters("<p>" + "很长的一章。" * 60 + "</p>", "<p>Not <a href='x'>links</a> mainly.</p>", extra=guide)
    )
    assert document.text.endswith("Not links mainly.") and "很长的一章" in document.text


def test_notes_headers_and_marks(read: Read) -> None:
    body = (
        '<header><h1>Title</h1></header><main><p>Text<a epub:type="noteref" href="#n">1</a> runs '
        '<span epub:type="pagebreak" id="p12">12</span><span role="doc-pagebreak"/>on.</p></main>'
        '<aside epub:type="footnote" id="n"><p>1 脚注。</p></aside><footer>Sources</footer>'
    )
    assert read(chapters(body)).text == "Title\n\nText1 runs on.\n\n1 脚注。\n\nSources"


def test_what_xml_writes_otherwise(read: Read) -> None:
    body = '<p>a<a id="x"/>b<br/>c &x; &nbsp;d</p><div title="1 > 0"/><p/><p>e&#1;f</p><h2>g&#2;h</h2><p><![CDATA[x]]>i</p>'
    document = read(chapters(body))
    assert document.text == "ab\nc &x; d\n\nef\n\ngh\n\ni"  # no entity is expanded, no control character gets in
    assert levels(document) == [(2, "gh")]


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030", "utf-8-sig"])
def test_encodings(read: Read, encoding: str) -> None:
    page = xhtml("<p>中文书籍的文字，这是一个测试。</p>").replace(
        'encoding="utf-8"', f'encoding="{encoding.removesuffix("-sig")}"'
    )
    assert read(chapters("") | {"OEBPS/c1.xhtml": page.encode(encoding)}).text == "中文书籍的文字，这是一个测试。"


def test_names_with_escapes_folders_and_other_case(read: Read) -> None:
    files: Files = {"OEBPS/book.opf": package(["../Text/%E7%AC%AC%E4%B8%80%20a.xhtml", "Two.XHTML"])}
    assert (
        read(files | {"Text/第一 a.xhtml": xhtml("<p>甲</p>"), "OEBPS/two.xhtml": xhtml("<p>乙</p>")}).text
        == "甲\n\n乙"
    )


def test_names_in_utf8_without_the_mark(write: Write) -> None:
    path = write({"OEBPS/book.opf": package(["%E4%B8%AD.xhtml"]), "OEBPS/中.xhtml": xhtml("<p>甲</p>")})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            flags = struct.unpack_from("<H", data, at + offset)[0]
            struct.pack_into("<H", data, at + offset, flags & ~0x800)
    path.write_bytes(data)
    assert EpubLoader().load(path).text == "甲"


def test_missing_and_foreign_pages_are_counted(read: Read) -> None:
    files = chapters("<p>here</p>", manifest='<item id="i9" href="a.svg" media-type="image/svg+xml"/>')
    files["OEBPS/book.opf"] = package(["none.xhtml", "c1.xhtml", "http://example.com/x.xhtml", "c1.xhtml"])
    document = read(files)
    assert (document.text, document.pages) == ("here", (0, 0, 4, 4))
    assert document.metadata["missing_pages"] == "2"


@pytest.mark.parametrize(
    "href",
    ["../../../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "..%2f..%2fetc/passwd", "//host/x", "http://["],
)
def test_references_lead_nowhere_but_into_the_book(write: Write, href: str) -> None:
    path = write({"OEBPS/book.opf": package([href]), "../etc/passwd": "root"})
    with pytest.raises(LoaderError, match="lists no pages that it holds"):
        EpubLoader().load(path)


def test_external_entities_are_not_read(write: Write, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("SECRET")
    doctype = f'<!DOCTYPE package [<!ENTITY s SYSTEM "{(tmp_path / "secret.txt").as_uri()}"><!ENTITY i "inner">]>'
    opf = package(["c1.xhtml"], metadata="<dc:title>T &s; &i;</dc:title>").replace("?>", f"?>{doctype}", 1)
    files = chapters("<p>x &s;</p>") | {"OEBPS/book.opf": opf}
    document = EpubLoader().load(write(files))
    assert "SECRET" not in document.text + document.title and document.title == "T &s; &i;"


def test_billion_laughs(write: Write) -> None:
    entities = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    title = '<dc:title>&a4;</dc:title><meta name="&a4;"/><meta name="&a11;"/>'
    opf = package(["c1.xhtml"]).replace("</package>", f"<extra>{title}&a11;</extra></package>")
    opf = opf.replace("书名", "&a4;").replace("?>", f"?><!DOCTYPE package [{entities}]>", 1)
    path = write(chapters("<p>x</p>") | {"OEBPS/book.opf": opf})
    started = time.monotonic()
    document = EpubLoader().load(path)
    assert (document.text, document.title) == ("x", "&a4; & Title")
    assert time.monotonic() - started < 2


def test_named_entities_in_the_table_of_contents(read: Read) -> None:
    navigation = nav('<li><a href="c1.xhtml">One&nbsp;<b>&lt;two&gt;</b> & Co <!-- no --> three</a></li>')
    assert levels(read(chapters("<p>x</p>", navigation=navigation))) == [(1, "One <two> & Co three")]


def encryption(algorithm: str) -> str:
    return (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" xmlns:enc="http://www.w3.org/2001/04/xmlenc#">'
        f'<enc:EncryptedData><enc:EncryptionMethod Algorithm="{algorithm}"/><enc:CipherData/></enc:EncryptedData></encryption>'
    )


def test_drm_is_refused_and_hidden_fonts_are_not(write: Write) -> None:
    files = chapters("<p>x</p>") | {
        "META-INF/encryption.xml": encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc")
    }
    with pytest.raises(LoaderError, match=r"protected by DRM.*without protection"):
        EpubLoader().load(write(files))
    fonts = {"META-INF/encryption.xml": encryption("http://www.idpf.org/2008/embedding")}
    assert EpubLoader().load(write(files | fonts)).text == "x"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"OEBPS/book.opf": ""}, "no package document"),
        ({"OEBPS/book.opf": "<package"}, "no pages that it holds"),
        ({"OEBPS/book.opf": package([])}, "no pages that it holds"),
        ({"OEBPS/c1.xhtml": b"\x00\x01\x02\x03 bytes"}, r"damaged \(OEBPS/c1.xhtml is no page of text"),
        ({"OEBPS/c1.xhtml": xhtml("<p> </p>")}, "is empty"),
        ({"OEBPS/c1.xhtml": xhtml("<div>" * 50_000)}, "nested too deeply"),
    ],
    ids=["no package", "cut", "no spine", "binary", "empty", "deep"],
)
def test_damaged(write: Write, files: Files, message: str) -> None:
    with pytest.raises(LoaderError, match=message):
        EpubLoader().load(write(chapters("<p>x</p>") | files))


def test_a_missing_container_is_put_up_with(read: Read) -> None:
    assert read(chapters("<p>x</p>") | {"META-INF/container.xml": "no xml"}).text == "x"


def test_no_archive_and_a_cut_one(write: Write, tmp_path: Path) -> None:
    path = write(chapters("<p>x</p>"))
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(LoaderError, match="damaged"):
        EpubLoader().load(path)
    path.write_bytes(b"just words")
    with pytest.raises(LoaderError, match="not a EPUB file"):
        EpubLoader().load(path)


def test_damage_inside_a_packed_page(write: Write) -> None:
    path = write(chapters("<p>" + "words " * 200 + "</p>"))
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("OEBPS/c1.xhtml")
    data = bytearray(path.read_bytes())
    start = info.header_offset + 30 + len(info.filename)
    data[start : start + 30] = b"\xff" * 30
    path.write_bytes(data)
    with pytest.raises(LoaderError, match=r"is damaged \(OEBPS/c1.xhtml"):
        EpubLoader().load(path)


def test_decompression_bombs(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LoaderError, match="decompression bomb"):
        EpubLoader().load(write(chapters(" " * (20 << 20))))
    monkeypatch.setattr(epub, "MAX_PAGE", 1000)
    with pytest.raises(LoaderError, match="part that is too large"):
        EpubLoader().load(write(chapters("<p>words</p>" * 1000)))
    monkeypatch.setattr(epub, "MAX_PAGE", 100_000)
    monkeypatch.setattr(epub, "MAX_MARKUP", 20_000)
    with pytest.raises(LoaderError, match="MiB of pages"):
        EpubLoader().load(write(chapters(*["<p>words</p>" * 1000] * 2)))
    monkeypatch.setattr(epub_package, "MAX_XML", 300)
    with pytest.raises(LoaderError, match=r"too large \(OEBPS/book.opf"):
        EpubLoader().load(write(chapters("<p>x</p>")))


def test_time_is_bounded(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epub, "MAX_SECONDS", -1)
    with pytest.raises(LoaderError, match="seconds to read"):
        EpubLoader().load(write(chapters("<p>x</p>")))


def test_a_spine_without_end(write: Write) -> None:
    opf = package(["c1.xhtml"]).replace('<itemref idref="i0"/>', '<itemref idref="i0"/>' * 100_000)
    started = time.monotonic()
    with pytest.raises(LoaderError, match="lists more than 10,000 pages"):
        EpubLoader().load(write(chapters("<p>x</p>") | {"OEBPS/book.opf": opf}))
    assert time.monotonic() - started < 3


def test_a_line_of_10_mb(write: Write) -> None:
    path = write(chapters("".join(f"w{n} " for n in range(1_300_000))))  # other words, as a bomb is what packs too well
    started = time.monotonic()
    assert len(EpubLoader().load(path).text) > 10_000_000
    assert time.monotonic() - started < 8


@pytest.mark.parametrize(
    "body", ["<a " * 300_000, "<!DOCTYPE [" * 100_000, "<b/" * 300_000 + ">", "<aside " * 100_000, "<p a='" * 100_000]
)
def test_hostile_pages_end_in_time(write: Write, body: str) -> None:
    path = write(chapters("<p>first</p>", body + "x"))
    started = time.monotonic()
    try:
        assert EpubLoader().load(path).text.startswith("first")
    except LoaderError as error:
        assert "nested too deeply" in str(error)
    assert time.monotonic() - started < 5


def test_an_ordinary_book_takes_no_time(write: Write) -> None:
    body = "<h1>第 {} 章</h1>" + "<p>这是一段普通的文字，and some English words in it.</p>" * 300
    navigation = nav("".join(f'<li><a href="c{n}.xhtml">第 {n} 章</a></li>' for n in range(1, 41)))
    path = write(chapters(*(body.format(n) for n in range(1, 41)), navigation=navigation))
    started = time.monotonic()
    document = EpubLoader().load(path)
    assert len(document.text) > 400_000 and len(document.headings) == len(document.pages) == 40
    assert time.monotonic() - started < 4
