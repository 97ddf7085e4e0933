"""What documents can be told apart by, as far as the asker may see them."""

from __future__ import annotations

import pytest

from ragbot.bot import RagBot
from ragbot.documents import Document
from ragbot.exploring.facets import Facets, facets, source_patterns
from ragbot.index.filters import Filter
from ragbot.index.labels import COLLECTION, GIVEN


def document(
    number: int, type: str = "md", language: str = "", date: str | None = None, tags: str = "", collection: str = ""
) -> Document:
    return Document(number, f"/{number}", "", type, language, date, "", (), {GIVEN: tags, COLLECTION: collection})


def test_values_by_how_often_they_occur() -> None:
    found = facets(
        [
            document(1, type="pdf", date="2026-02-01", tags='["b", "a"]'),
            document(2, language="zh", collection="x"),
            document(3, language="zh", date="2025-01-01", tags="a"),
        ]
    )
    assert found == Facets(3, ("md", "pdf"), ("zh",), ("a", "b"), ("x",), "2025-01-01", "2026-02-01")
    assert facets([]) == Facets()


def test_only_what_is_seen(bot: RagBot) -> None:
    assert bot.facets().types == ("md", "txt")
    for one in bot.documents():
        if one.type == "md":
            bot.set_access(one.source, ["ana"])
    assert bot.facets(Filter(principals=("ben",))).types == ("txt",)
    assert bot.facets(Filter(principals=("ana",))).documents == 4


@pytest.mark.parametrize(
    ("text", "patterns"),
    [
        ("", ()),
        (" , ，", ()),
        ("notes", ("*notes*",)),
        ("a, *.pdf，第?章", ("*a*", "*.pdf", "第?章")),
        ("a\0b", ("*ab*",)),
    ],
)
def test_parts_of_names_become_patterns(text: str, patterns: tuple[str, ...]) -> None:
    assert source_patterns(text) == patterns
    Filter(sources=patterns)
