"""HTML: every paragraph of the main text, nothing of the site around it, and no way to be made to hang."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ingest.loaders import load
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError


def page(folder: Path, body: str, head: str = "<title>T</title>", attributes: str = "") -> ParsedDocument:
    path = folder / "page.html"
    path.write_text(f"<!doctype html><html {attributes}><head>{head}</head><body>{body}</body></html>", "utf-8")
    return load(path)


def test_main_text_without_the_site_around_it(tmp_path: Path) -> None:
    document = page(
        tmp_path,
        "<header>Logo</header><nav><a>Home</a></nav><script>var x</script><style>p{}</style><aside>Ad</aside>"
        "<div><h1>Title</h1><p>One <b>bo</b>ld.</p><p>Two.</p>loose text"
        '<article><header><h2>Part</h2></header>Body<footer>Note</footer></article><p hidden>no</p><p style="display: none">no</p>'
        '<div role="navigation">no</div><span aria-hidden="true">no</span></div><footer>© Site</footer>',
    )
    assert document.text == "Title\n\nOne bold.\n\nTwo.\n\nloose text\n\nPart\n\nBody\n\nNote"
    assert [(heading.level, heading.text) for heading in document.headings] == [(1, "Title"), (2, "Part")]
    assert all(document.text[heading.start :].startswith(heading.text) for heading in document.headings)


def test_main_element_is_preferred_if_it_has_text(tmp_path: Path) -> None:
    assert page(tmp_path, "<p>menu</p><main><p>content</p></main>").text == "content"
    assert page(tmp_path, "<p>content</p><main><script>app()</script></main>").text == "content"


def test_the_only_h1_is_kept_though_it_is_in_the_header(tmp_path: Path) -> None:
    document = page(tmp_path, "<header>Site <h1>The title</h1> menu</header><p>Text.</p>", head="")
    assert document.text == "The title\n\nText." and document.title == "The title"


def test_lists(tmp_path: Path) -> None:
    body = "<p>x</p><ul><li>one<ul><li>nested</ul><li><p>two</p></ul><ol start=3><li>three<li>four</ol>"
    body += "<dl><dt>t<dd>d</dl>"
    assert page(tmp_path, body).text == "x\n\n- one\n  - nested\n- two\n\n3. three\n4. four\n\nt\n\nd"


def test_tables(tmp_path: Path) -> None:
    body = "<table><caption>C</caption><tr><th>方法<th>值<tr><td>a<td><p>1</p><p>2</p></table>"
    body += "<table><tr><td>x<td>y</table>"
    assert page(tmp_path, body).text == "C\n\n方法 | 值\na | 1 2\n\nx | y"


def test_layout_tables_are_blocks(tmp_path: Path) -> None:
    body = "<table><tr><td><h2>Head</h2><p>left</p><td><p>right</p></table><table><tr><td>single</table>"
    document = page(tmp_path, body)
    assert document.text == "Head\n\nleft\n\nright\n\nsingle"
    assert [heading.text for heading in document.headings] == ["Head"]


def test_white_space(tmp_path: Path) -> None:
    body = "<p>中文\n  换行，\n<b>粗体</b>\n词 and\n English&nbsp;words<br>next</p><pre>def f():\n    return 1\n</pre>"
    assert page(tmp_path, body).text == "中文换行，粗体词 and English words\nnext\n\ndef f():\n    return 1"


def test_fields(tmp_path: Path) -> None:
    document = page(
        tmp_path,
        "<h1>H</h1><p>English words in the text of it</p>",
        '<title> A &amp;\n B </title><meta property="article:published_time" content="2024-05-01T00:00Z">'
        '<meta name="author" content="Li"><meta name="Keywords" content="Budget, 预算">',
        'lang="zh-Hans"',
    )
    assert (document.title, document.language, document.date, document.type) == ("A & B", "zh", "2024-05-01", "html")
    assert document.metadata == {"encoding": "utf-8", "author": "Li", "tags": '["budget", "预算"]'}
    assert page(tmp_path, "<h1>H</h1>", head="").title == "H"
    assert page(tmp_path, "<p>这是一段中文。</p>", head="").title == "page"
    assert page(tmp_path, "<p>这是一段中文。</p>").language == "zh"


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("gbk", '<meta charset="gb2312">'),
        ("gbk", '<meta http-equiv="Content-Type" content="text/html; charset=gbk">'),
        ("big5", '<meta charset="big5">'),
        ("gb18030", ""),
        ("utf-16", ""),
        ("utf-8", '<meta charset="iso-8859-1">'),
        ("utf-8-sig", '<meta charset="gbk">'),
        ("gbk", '<meta charset="no-such-thing">'),
        ("gbk", '<meta charset="base64">'),
        ("gbk", '<meta charset="utf-16">'),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, declared: str) -> None:
    text = "中文網頁的文字，這是一個測試。" if encoding == "big5" else "中文网页的文字，这是一个测试。"
    path = tmp_path / "a.htm"
    path.write_bytes(f"<html><head>{declared}</head><body><p>{text}</p></body></html>".encode(encoding))
    assert load(path).text == text


def test_no_text_is_empty(tmp_path: Path) -> None:
    with pytest.raises(LoaderError, match="is empty"):
        page(tmp_path, "<nav>menu</nav><script>1</script>")


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000 + "x",
        "<div>" * 100_000 + "x" + "</div>" * 100_000,
        "<div><table><td></div>" * 30_000 + "x",
        "<ul><li>" * 50_000 + "x",
        "<font>" * 50_000 + "<p>x" * 1000,
        "x" + "<script " * 20_000,
    ],
    ids=["open", "closed", "end tags that close nothing", "lists", "inline", "tags without end"],
)
def test_deep_nesting_is_refused_quickly(tmp_path: Path, html: str) -> None:
    path = tmp_path / "a.html"
    path.write_text(html)
    started = time.monotonic()
    with pytest.raises(LoaderError, match="nested too deeply"):
        load(path)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("html", "length"),
    [
        ("<p>x" * 20_000, 59_998),
        ("<ul>" + "<li>x" * 20_000, 79_999),
        ("<table>" + "<tr><td>x<td>y" * 5_000, 29_999),
        ("<p><b>x" * 10_000, 29_998),
        ("<div>" * 1000 + "deep", 4),
        ("x " * 5_000_000, 9_999_999),
        ("x" + "<" * 300_000, 300_001),
        ("x<!--" * 100_000, 1),
    ],
    ids=range(8),
)
def test_large_or_sloppy_pages_are_read(tmp_path: Path, html: str, length: int) -> None:
    path = tmp_path / "a.html"
    path.write_text(html)
    started = time.monotonic()
    assert len(load(path).text) == length
    assert time.monotonic() - started < 8


def test_control_characters_written_as_references_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text("<p>a&#1;b&#8;c</p>", encoding="utf-8")
    assert load(path).text.strip() == "abc"


def test_a_codec_that_is_no_charset_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(b"<meta charset=punycode><p>" + "\u4e2d\u6587 plain text ".encode() * 20_000)
    started = time.perf_counter()
    assert "\u4e2d\u6587" in load(path).text
    assert time.perf_counter() - started < 20
