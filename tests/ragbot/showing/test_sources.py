"""The place of a citation in its document: windows, marks, chunks, what has changed, and who may see it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragbot.bot import RagBot
from ragbot.documents import Citation
from ragbot.errors import SourceError
from ragbot.index.filters import Filter
from ragbot.models.testing import HashEmbedder
from ragbot.showing.sources import ChunkSpan, SourceView, source_html, source_view
from tests.ragbot.showing.markup import Page

PARAGRAPH = "第{n}段讲的是低秩适配的第{n}个方面，它与前一段不同。The English part of paragraph {n} is short.\n\n"
LONG = "# 长文\n\n" + "".join(PARAGRAPH.format(n=n) for n in range(400))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[RagBot]:
    """A bot over one long document."""
    path = tmp_path / "long.md"
    path.write_text(LONG, encoding="utf-8")
    with RagBot.open(tmp_path / "kb", embedder=HashEmbedder(), llm="extractive") as bot:
        bot.ingest(path)
        yield bot


def cited(bot: RagBot, quote: str, focus: str = "") -> Citation:
    (document,) = bot.documents()
    text = bot.document_text(document.id)
    start = text.index(quote)
    phrase = (start + quote.index(focus), start + quote.index(focus) + len(focus)) if focus else None
    return Citation(
        1, document.source, document.title, None, "长文", start, start + len(quote), quote, document.id, phrase
    )


def test_the_passage_and_what_is_around_it(library: RagBot) -> None:
    citation = cited(library, "第200段讲的是低秩适配", "低秩")
    view = source_view(library, citation, around=300)
    text = library.document_text(citation.document_id)
    assert view.text == text[view.start : view.end] and view.length == len(text)
    assert view.marks == ((citation.start, citation.end), citation.focus)
    assert view.start <= citation.start - 150 and view.end >= citation.end + 150
    assert view.end - view.start < 1000 and view.headings == ("长文",) and view.page is None and view.image is None
    shown = source_html(view, "zh")
    assert (
        '<mark id="rb-focus" tabindex="-1">第200段讲的是</mark><mark class="rb-phrase">低秩</mark><mark>适配</mark>'
        in shown
    )
    page = Page(shown)
    assert [(item["data-document"], item["data-at"]) for item in page.of_class("rb-turn")] == [
        (str(view.document_id), str(view.earlier)),
        (str(view.document_id), str(view.later)),
    ]


def test_windows_lead_through_the_whole_document(library: RagBot) -> None:
    (document,) = library.documents()
    text = library.document_text(document.id)
    at: int | None = 0
    seen = []
    while at is not None:
        view = source_view(library, document.id, around=1500, at=at)
        assert view.start == (seen[-1][1] if seen else 0)
        seen.append((view.start, view.end))
        at = view.later
    assert seen[-1][1] == len(text) and len(seen) > 3
    back: int | None = seen[-1][0]
    for _ in range(50):
        back = source_view(library, document.id, around=1500, at=back).earlier
        if back is None:
            break
    assert back is None


def test_a_document_from_its_beginning(bot: RagBot) -> None:
    document = bot.documents()[0]
    view = source_view(bot, document.id)
    assert view.text == bot.document_text(document.id) and view.marks == ()
    assert (view.earlier, view.later) == (None, None)
    page = Page(source_html(view, "en"))
    assert page.of_class("rb-turn") == [] and document.title in page.text


def test_chunks_over_the_text(library: RagBot) -> None:
    (document,) = library.documents()
    view = source_view(library, document.id, around=400, chunks=True)
    stored = library.kb.catalog.chunks_of(document)
    assert [(c.start, c.end) for c in view.chunks] == [(c.start, c.end) for c in stored if c.start < view.end]
    page = Page(source_html(view, "en"))
    numbers = page.of_class("rb-chunk-number")
    assert [item["data-chunk"] for item in numbers] == [str(chunk.number) for chunk in view.chunks]
    assert "passage 1, " in page.of_class("rb-chunk")[0]["title"] and "长文" in page.of_class("rb-chunk")[0]["title"]


def test_overlaps_are_darker_and_belong_to_both() -> None:
    chunks = (ChunkSpan(1, 0, 6), ChunkSpan(2, 4, 10))
    view = SourceView("t", "s", "0123456789", 0, 10, ((3, 5),), chunks=chunks, length=10)
    page = Page(source_html(view, "en"))
    (first, *_), overlaps = page.of_class("rb-chunk"), page.of_class("rb-overlap")
    assert "rb-odd" in first["class"] and len(overlaps) == 2  # one part is marked, the other is not
    assert overlaps[0]["title"] == "passage 1, 6 characters; passage 2, 6 characters"
    assert "101232456789" in page.text and "third colour" in page.text
    assert page.text.endswith("Characters 1–10 of 10")
    assert len(page.having("id", "rb-focus")) == 1


def test_hits_and_chunks_open_likewise(bot: RagBot) -> None:
    hit = bot.search("低秩矩阵", 1)[0]
    for what in (hit, hit.chunk):
        view = source_view(bot, what)
        assert view.marks == ((hit.chunk.start, hit.chunk.end),)


def test_a_passage_that_has_moved_or_is_gone(library: RagBot) -> None:
    citation = cited(library, "第300段讲的是低秩适配", "低秩")
    (document,) = library.documents()
    path = Path(document.source)
    path.write_text("# 长文\n\n新的开头。\n\n" + LONG.removeprefix("# 长文\n\n"), encoding="utf-8")
    library.ingest(path)
    view = source_view(library, citation)
    assert view.change == "moved"
    text = library.document_text(view.document_id)
    assert [text[start:end] for start, end in view.marks] == ["第300段讲的是低秩适配", "低秩"]
    assert "位于别处" in Page(source_html(view, "zh")).text
    path.write_text("# 长文\n\n全都换了。\n", encoding="utf-8")
    library.ingest(path)
    view = source_view(library, citation)
    assert (view.change, view.marks, view.quote) == ("gone", (), citation.quote)
    shown = Page(source_html(view, "en"))
    assert "no longer stands in it. It was: 第300段讲的是低秩适配" in shown.text and "全都换了" in shown.text


def test_a_document_that_was_removed_and_brought_in_anew(library: RagBot) -> None:
    citation = cited(library, "第300段讲的是低秩适配")
    assert library.remove(citation.source)
    with pytest.raises(SourceError, match="no longer in the knowledge base"):
        source_view(library, citation)
    library.ingest(citation.source)
    assert source_view(library, citation).marks == ((citation.start, citation.end),)


def test_who_may_not_see_it_is_told_that_there_is_none(bot: RagBot) -> None:
    hit = bot.search("低秩矩阵", 1)[0]
    bot.set_access(hit.chunk.document.source, ["research"])
    others, ours = Filter(principals=("sales",)), Filter(principals=("research",))
    assert source_view(bot, hit, where=ours).marks
    for what in (hit, hit.chunk.document.id):
        with pytest.raises(SourceError):
            source_view(bot, what, where=others)
    with pytest.raises(SourceError):
        source_view(bot, 99_999)


def test_windows_that_cannot_be() -> None:
    empty = SourceView("", "a.md", "", 0, 0, ())
    assert "holds no text" in Page(source_html(empty, "en")).text


def test_at_beyond_the_end_shows_the_end(library: RagBot) -> None:
    (document,) = library.documents()
    view = source_view(library, document.id, at=10**9)
    assert view.end == view.length and view.later is None
    assert source_view(library, document.id, at=-5).start == 0


@pytest.mark.parametrize(
    ("source", "link"),
    [
        ("https://example.org/页", True),
        ("http://example.org/", True),
        ("javascript:alert(1)//https://x", False),
        ("https:///x", False),
        ("https://exa mple.org", False),
        ("http://[", False),
        ("/home/a.md", False),
    ],
)
def test_only_pages_of_the_web_are_linked(source: str, link: bool) -> None:
    page = Page(source_html(SourceView("t", source, "x", 0, 1, (), length=1), "en"))
    assert bool(page.having("href", source)) == link and bool(page.having("href")) == link
