"""Documents a page at a time, and counted, as somebody sees them."""

from __future__ import annotations

from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.index.filters import Filter


def test_pages_are_those_of_the_whole_list(bot: RagBot) -> None:
    texts = {f"n{number}.md": ParsedDocument(f"Note {number}.", f"N{number}", "md", "en") for number in range(7)}
    bot.ingest_documents(texts, acl=("board",))
    catalog = bot.kb.catalog
    for where in (Filter(), Filter(principals=()), Filter(principals=("board",)), Filter(types=("txt",))):
        whole = catalog.documents(where)
        paged = [document for offset in range(0, 20, 3) for document in catalog.page(where, offset, 3)[1]]
        assert paged == whole
        assert catalog.page(where, 2, 1)[0] == len(whole)
        chunks = len(catalog.chunk_ids(where))
        assert catalog.counts_of(where) == {"documents": len(whole), "chunks": chunks}
    assert catalog.page(Filter(principals=()), 0, 100)[0] == 4


def test_one_by_number_and_by_source(bot: RagBot) -> None:
    catalog = bot.kb.catalog
    for document in catalog.documents():
        assert catalog.document(document.id) == catalog.document_at(document.source) == document
    assert catalog.document(999) is None
    assert catalog.document_at("nowhere?*.md") is None
