"""Search and reading in the person's documents: exact quotes, filters that only narrow, names that are helped along."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.tools import BaseTool

from agents.tools.base import Result, ToolInputError, traits_of
from agents.tools.knowledge import _PASSAGE, _window, read_document, search_knowledge
from ragbot.bot import RagBot
from ragbot.index.filters import Filter
from ragbot.models.testing import HashEmbedder

LONG = "\n\n".join(f"第{n}段讲的是别的事情，与问题没有关系，只是为了让文档足够长。" for n in range(200))


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RagBot]:
    folder = tmp_path_factory.mktemp("documents")
    (folder / "handbook.md").write_text(
        "# Staff handbook\n\n## Leave\n\nEvery employee has 28 days of paid leave a year.\n\n## Travel\n\nTrains come first.\n",
        "utf-8",
    )
    (folder / "手册.md").write_text(
        "# 员工手册\n\n## 休假\n\n每位员工每年有二十八天带薪假。🌊\n\n## 出差\n\n优先乘坐火车。\n", "utf-8"
    )
    (folder / "long.txt").write_text(LONG, "utf-8")
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "notes.txt").write_text(f"Notes about the harbour, part {name}.\n", "utf-8")
    (folder / "secret.txt").write_text("The secret leave of the director is 99 days.\n", "utf-8")
    with RagBot.open(tmp_path_factory.mktemp("kb") / "kb", embedder=HashEmbedder()) as opened:
        opened.ingest(folder)
        with opened.kb.writing() as catalog:
            catalog.set_acl(str(folder / "secret.txt"), ["director"])
        yield opened


def called(made: BaseTool, **arguments: object) -> Result:
    message = made.invoke({"type": "tool_call", "id": "1", "name": made.name, "args": arguments})
    assert isinstance(message.artifact, Result) and message.content == message.artifact.text
    return message.artifact


def exact(bot: RagBot, result: Result) -> None:
    """Every citation is a slice of its document, and stands in the text under its number."""
    assert result.citations
    for number, cited in enumerate(result.citations, 1):
        assert cited.marker == number
        assert bot.document_text(cited.document_id)[cited.start : cited.end] == cited.quote
        assert f"[{number}] " in result.text and cited.quote in result.text


@pytest.mark.parametrize(
    ("query", "language", "quote", "place"),
    [
        ("paid leave a year", "en", "28 days of paid leave", "Staff handbook (handbook.md)"),
        ("每年的带薪假", "en", "二十八天带薪假。🌊", "员工手册 (手册.md)"),
    ],
)
def test_search_quotes_exactly(bot: RagBot, query: str, language: str, quote: str, place: str) -> None:
    found = called(search_knowledge(bot.retriever, language), query=query)
    exact(bot, found)
    assert quote in found.citations[0].quote
    assert found.text.startswith(f"[1] {place}")
    assert ("characters " in found.text.splitlines()[0]) == (query[0] == "p")
    assert str(bot.kb.folder.parent) not in found.text  # names, and no paths


@pytest.mark.parametrize("with_catalog", [True, False])
@pytest.mark.parametrize(
    "name",
    [
        "handbook.md",
        "Staff handbook",
        "staff HANDBOOK",
        "handbook",
        "Staff handbook (handbook.md)",
        "[1] Staff handbook (handbook.md), page 3",
    ],
)
def test_search_in_one_document(bot: RagBot, with_catalog: bool, name: str) -> None:
    made = search_knowledge(bot.retriever, catalog=bot.kb.catalog if with_catalog else None)
    found = called(made, query="harbour leave trains", document=name)
    exact(bot, found)
    assert {cited.title for cited in found.citations} == {"Staff handbook"}


def test_filters_narrow_and_never_widen(bot: RagBot) -> None:
    made = search_knowledge(bot.retriever, catalog=bot.kb.catalog)
    assert {cited.source[-3:] for cited in called(made, query="notes", file_type="txt").citations} == {"txt"}
    assert called(made, query="leave", since="2999").text.startswith("Nothing was found")
    assert called(made, query="假期", since="2999").text.startswith("没有找到")
    everyone = Filter(principals=())
    bound = search_knowledge(bot.retriever, catalog=bot.kb.catalog, where=everyone)
    assert "director" in called(made, query="secret leave director").text
    assert "director" not in called(bound, query="secret leave director").text
    with pytest.raises(ToolInputError, match=r"no document called “secret.txt”"):
        called(bound, query="secret leave", document="secret.txt")
    with pytest.raises(ToolInputError, match=r"no document called “secret.txt”"):
        called(search_knowledge(bot.retriever, where=everyone), query="secret leave", document="secret.txt")
    with pytest.raises(ToolInputError, match=r"no document called “secret.txt”"):
        called(read_document(bot.kb.catalog, where=everyone), document="secret.txt")
    only_md = search_knowledge(bot.retriever, where=Filter(types=("md",)))
    with pytest.raises(ToolInputError, match="No document of the type “txt”"):
        called(only_md, query="notes", file_type="txt")
    later = search_knowledge(bot.retriever, where=Filter(since="2999-01-01"))
    assert not called(later, query="leave", since="2000").citations


def test_reading_from_anywhere(bot: RagBot) -> None:
    made = read_document(bot.kb.catalog, "zh")
    first = called(made, document="long.txt", length=100)
    exact(bot, first)
    whole = bot.document_text(first.citations[0].document_id)
    assert first.text.splitlines()[0].startswith("[1] ")
    assert first.text.splitlines()[0].endswith(f"，字符 0-100，共 {len(whole)} 个")
    assert first.text.endswith("（后面还有：用 read_document 并设 start=100）")
    pieces, start = [], 0
    while start < len(whole):
        piece = called(made, document="long.txt", start=start, length=3000)
        pieces.append(piece.citations[0].quote)
        start = piece.citations[0].end
    assert "".join(pieces) == whole
    assert called(made, document="手册.md", start=15).citations[0].heading.startswith("员工手册")
    assert called(read_document(bot.kb.catalog), document="handbook").text.endswith("(end of the document)")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"document": "handbok.md"}, r"Did you mean Staff handbook \(handbook.md\)"),
        ({"document": "手则.md"}, r"没有名为“手则.md”的文档。是不是 员工手册"),
        ({"document": "zzz"}, "There is no document called “zzz”. Use a name"),
        ({"document": ""}, "no document called"),
        ({"document": "../../etc/passwd"}, "no document called"),
        ({"document": "x" * 9_000}, "no document called"),
        ({"document": "notes.txt"}, "Several documents are called “notes.txt”: .*a/notes.txt, .*b/notes.txt"),
        ({"document": "handbook", "start": 10**9}, "start is from 0 to"),
        ({"document": "handbook", "start": -1}, "start is from 0 to"),
        ({"document": "handbook", "length": 0}, "length is from 1 to 3000"),
        ({"document": "handbook", "length": 10**9}, "length is from 1 to 3000"),
    ],
)
def test_reading_what_is_not_there(bot: RagBot, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ToolInputError, match=message):
        called(read_document(bot.kb.catalog), **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"query": "  "}, "query is empty"),
        ({"query": "leave", "since": "last year"}, "not a day"),
        ({"query": "假期", "since": "去年"}, "不是日期"),
        ({"query": "leave", "document": "handbok.md"}, "Did you mean Staff handbook"),
    ],
)
def test_searching_what_cannot_be(bot: RagBot, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ToolInputError, match=message):
        called(search_knowledge(bot.retriever, catalog=bot.kb.catalog), **arguments)


def test_an_empty_knowledge_base_says_so(tmp_path: Path) -> None:
    with RagBot.open(tmp_path / "kb", embedder=HashEmbedder()) as bot:
        assert called(search_knowledge(bot.retriever), query="leave").text.startswith("Nothing was found")
        with pytest.raises(ToolInputError, match="no document called"):
            called(read_document(bot.kb.catalog), document="x")


def test_a_long_passage_is_cut_to_the_sentences_about_the_query() -> None:
    text = LONG[:3000] + "\n\n灯塔在一九一一年漆成了绿色。\n\n" + LONG[:3000]
    start, end = _window(text, "灯塔是什么颜色")
    assert "灯塔在一九一一年漆成了绿色。" in text[start:end]
    assert end - start <= _PASSAGE
    endless = "x" * 10_000
    assert _window(endless, "y") == (0, _PASSAGE)


def test_what_documents_say_is_not_trusted(bot: RagBot) -> None:
    for made in (search_knowledge(bot.retriever), read_document(bot.kb.catalog)):
        assert not traits_of(made).trusted and not traits_of(made).effects
        assert set(traits_of(made).summaries) == {"en", "zh"}
