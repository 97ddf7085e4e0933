"""Documents listed page by page, and their labels."""

from __future__ import annotations

import pytest

from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.errors import SourceError
from ragbot.index.filters import Filter
from ragbot.index.labels import Labels, tags_of


@pytest.fixture
def many(bot: RagBot) -> RagBot:
    bot.ingest_documents(
        {
            "b/Ärger.md": ParsedDocument("Ein Text.", title="Über Ärger", type="md", language="de"),
            "b/灯塔.txt": ParsedDocument("灯塔很高。", title="灯塔", type="txt", language="zh"),
            "b/secret.txt": ParsedDocument("Hidden.", title="Secret", type="txt", language="en"),
        },
        labels=Labels(tags=("Neu", "wichtig"), collection="Reise"),
    )
    bot.set_access("b/secret.txt", ["bosses"])
    return bot


def test_a_page_is_a_slice_of_all_and_counts_all(many: RagBot) -> None:
    everything = many.documents()
    total, found = many.documents_page(offset=1, limit=2)
    assert (total, found) == (len(everything), everything[1:3])
    assert many.documents_page(offset=1000) == (len(everything), [])


@pytest.mark.parametrize(
    ("words", "source"), [("äRGER", "b/Ärger.md"), ("灯塔", "b/灯塔.txt"), ("B/SEC", "b/secret.txt")]
)
def test_contains_looks_into_title_and_source_in_any_case(many: RagBot, words: str, source: str) -> None:
    assert [document.source for document in many.documents_page(contains=f" {words} ")[1]] == [source]


def test_what_the_asker_may_not_see_does_not_count(many: RagBot) -> None:
    guest = Filter(principals=("guests",))
    assert many.documents_page(guest, "secret") == (0, [])
    assert many.documents_page(guest)[0] == many.documents_page()[0] - 1


def test_labels_replace_those_given_and_keep_the_others(many: RagBot) -> None:
    changed = many.set_labels("b/灯塔.txt", Labels(tags=("港口",)))
    assert tags_of(changed.metadata) == ("港口",)
    assert changed.metadata["collection"] == "reise"
    assert many.documents_page(Filter(tags=("港口",)))[1] == [changed]
    assert tags_of(many.set_labels("b/灯塔.txt", Labels(tags=())).metadata) == ()
    with pytest.raises(SourceError, match="no document"):
        many.set_labels("b/secret.txt", Labels(tags=("x",)), Filter(principals=("guests",)))
