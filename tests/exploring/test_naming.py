from __future__ import annotations

from collections.abc import Callable

import pytest

from ragbot.bot import RagBot
from ragbot.errors import SourceError
from ragbot.exploring.naming import document_called
from ragbot.index.filters import Filter
from tests.exploring.conftest import BREAD, TIDES, parsed


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("en/bread.md", "en/bread.md"),
        ("bread.md", "en/bread.md"),
        ("/bread.md", "en/bread.md"),
        ("BREAD", "en/bread.md"),
        ("rolls", "en/rolls.md"),
        ("面包", "zh/面包.md"),
        ("潮", "zh/潮汐.md"),
        (" Tides ", "en/tides.md"),
    ],
)
def test_a_part_that_only_one_document_has_names_it(library: RagBot, name: str, source: str) -> None:
    assert document_called(library.kb.catalog, name).source == source


def test_a_source_wins_over_parts_of_others(make: Callable[..., RagBot]) -> None:
    bot = make({"a.md": BREAD, "b/a.md": TIDES, "a.md.txt": BREAD})
    assert document_called(bot.kb.catalog, "a.md").source == "a.md"


def test_several_are_named(library: RagBot) -> None:
    with pytest.raises(SourceError, match=r"'en/' fits 3 documents.*\n  en/bread.md\n  en/rolls.md\n  en/tides.md"):
        document_called(library.kb.catalog, "en/")


def test_a_name_nearly_right_gets_a_hint(library: RagBot) -> None:
    with pytest.raises(SourceError, match=r"no document 'bred\.md'.*did you mean en/bread\.md"):
        document_called(library.kb.catalog, "bred.md")
    with pytest.raises(SourceError, match="ragbot kb documents lists them"):
        document_called(library.kb.catalog, "quantum")
    with pytest.raises(SourceError, match="no document '  '"):
        document_called(library.kb.catalog, "  ")


def test_without_documents_it_says_what_to_do(make: Callable[..., RagBot]) -> None:
    with pytest.raises(SourceError, match="ragbot ingest FOLDER"):
        document_called(make({}).kb.catalog, "bread")


def test_what_one_may_not_see_does_not_exist(make: Callable[..., RagBot]) -> None:
    bot = make({"open.md": BREAD})
    bot.ingest_documents({"secret-plans.md": parsed(TIDES)}, acl=["ann"])
    asks = Filter(principals=("bob",))
    with pytest.raises(SourceError) as raised:
        document_called(bot.kb.catalog, "secret", asks)
    assert "secret-plans" not in str(raised.value)
    assert document_called(bot.kb.catalog, "secret", Filter(principals=("ann",))).source == "secret-plans.md"
    # Other conditions are for what is found, not for what is asked about.
    assert document_called(bot.kb.catalog, "secret", Filter(languages=("zh",))).source == "secret-plans.md"
