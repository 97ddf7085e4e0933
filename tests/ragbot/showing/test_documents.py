"""The documents of a knowledge base, and what a run of ingestion did."""

from __future__ import annotations

from pathlib import Path

from ragbot.bot import RagBot
from ragbot.documents import Document, FailedSource, IngestReport
from ragbot.showing.answers import documents_html, report_html
from tests.ragbot.showing.markup import Page


def test_documents_of_a_knowledge_base(bot: RagBot) -> None:
    found = bot.documents()
    page = Page(documents_html(found, "zh", chunks=12))
    assert "4 篇文档 · 12 个段落" in page.text and "低秩适配" in page.text and "plain.txt" in page.text
    assert [int(item["data-document"]) for item in page.of_class("rb-link")] == [item.id for item in found]
    assert "标签" not in page.text and "可见范围" not in page.text, "columns that would be empty are left out"
    assert Page(documents_html(found, "en", open_label=None)).of_class("rb-link") == []


def test_labels_dates_and_access_where_there_are_any() -> None:
    item = Document(
        3, "/a/b.pdf", "", "pdf", "", "2024-05-01", "h", ("sales",), {"tags": '["预算"]', "collection": "2024"}
    )
    page = Page(documents_html([item], "en"))
    for text in ("b.pdf", "2024-05-01", "2024: #预算", "sales", "Seen by"):
        assert text in page.text
    assert page.having("title", "/a/b.pdf")


def test_a_part_of_many() -> None:
    item = Document(3, "/a/b.pdf", "B", "pdf", "en", None, "h")
    assert "51–51 of 1,234 documents" in Page(documents_html([item], "en", total=1234, first=50)).text
    assert "1 document ·" in Page(documents_html([item], "en", chunks=1)).text


def test_none_yet() -> None:
    assert "还没有任何文档" in Page(documents_html([], "zh")).text


def test_a_report_tells_everything(bot: RagBot, tmp_path: Path) -> None:
    (tmp_path / "new.md").write_text("# 新的\n\n新的内容。\n", encoding="utf-8")
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7 nothing")
    page = Page(report_html(bot.ingest(tmp_path / "new.md", tmp_path / "bad.pdf"), "zh"))
    assert (
        "新增 1 篇" in page.text
        and "1 个无法读取" in page.text
        and "bad.pdf is damaged" in page.text.replace("  ", " ")
    )
    assert "其余文档已经入库" in page.text and "new.md" in page.text
    again = Page(report_html(bot.ingest(tmp_path / "new.md"), "en"))
    assert "1 unchanged" in again.text and "Nothing has changed" in again.text


def test_a_report_of_nothing() -> None:
    assert "There was nothing to read." in Page(report_html(IngestReport(), "en")).text


def test_reasons_do_not_repeat_the_name() -> None:
    failed = FailedSource("/x/a.pdf", "a.pdf is password protected: save a copy")
    assert "a.pdf is password protected: save a copy" in Page(report_html(IngestReport(failed=(failed,)), "en")).text
    whole = FailedSource("/x/a.pdf", "/x/a.pdf: cannot be read")
    assert "a.pdf cannot be read" in Page(report_html(IngestReport(failed=(whole,)), "en")).text


def test_formats_that_are_not_read_are_counted() -> None:
    names = ("/a/x.PSD", "/a/y.psd", "/a/Makefile")
    page = Page(report_html(IngestReport(ignored=names), "en"))
    assert ".psd (2), Makefile (1)" in page.text and "3 of other formats" in page.text


def test_thousands_are_counted_and_not_all_listed() -> None:
    page = Page(report_html(IngestReport(added=tuple(f"/a/{n}.md" for n in range(5000))), "en"))
    assert "5,000 added" in page.text and "and 4,800 more" in page.text and "199.md" in page.text
    assert "200.md" not in page.text
