from __future__ import annotations

from collections.abc import Callable

import pytest

from ragbot.bot import RagBot
from ragbot.errors import SourceError
from ragbot.index.filters import Filter
from tests.exploring.conftest import BREAD, CHAOXI, MIANBAO, ROLLS, TIDES, parsed


def test_the_nearest_come_first_and_never_itself(library: RagBot) -> None:
    found = library.similar("bread.md", top_k=10)
    assert found[0].document.source == "en/rolls.md"
    assert "en/bread.md" not in {item.document.source for item in found}
    assert [item.score for item in found] == sorted((item.score for item in found), reverse=True)
    assert len(library.similar("bread.md", top_k=1)) == 1


def test_chinese(make: Callable[..., RagBot]) -> None:
    rolls = "做小餐包也用面粉、水和盐揉成的面团。面团要发酵到两倍大。面包师把小餐包放进很热的烤箱，二十分钟就好。"
    bot = make({"面包": MIANBAO, "餐包": rolls, "潮汐": CHAOXI})
    assert [item.document.source for item in bot.similar("面包")] == ["餐包", "潮汐"]


def test_matches_are_passages_of_both_and_their_cosine(library: RagBot) -> None:
    best = library.similar("bread.md")[0]
    assert best.matches
    for match in best.matches:
        assert match.passage.document.source == "en/bread.md"
        assert match.other.document.source == best.document.source
        assert library.document_text(match.other.document.id)[match.other.start : match.other.end] == match.other.text
        assert -1.001 <= match.similarity <= 1.001
    assert len({match.passage.id for match in best.matches}) == len(best.matches)


def test_a_part_counts_though_the_rest_is_about_something_else(make: Callable[..., RagBot]) -> None:
    filler = [f"Paragraph {i} speaks of railways, signals and timetable number {i} in the valley." for i in range(40)]
    bot = make({"a": BREAD, "long": "\n\n".join([*filler, BREAD]), "rail": "\n\n".join(filler), "sea": TIDES})
    assert bot.similar("a")[0].document.source == "long"


def test_what_the_asker_may_not_see_never_shows(make: Callable[..., RagBot]) -> None:
    bot = make({"a": BREAD, "sea": TIDES})
    bot.ingest_documents({"hidden": parsed(ROLLS)}, acl=["ann"])
    assert bot.similar("a")[0].document.source == "hidden"
    bob = Filter(principals=("bob",))
    assert [item.document.source for item in bot.similar("a", where=bob)] == ["sea"]
    with pytest.raises(SourceError):
        bot.similar("hidden", where=bob)


def test_filters_hold_for_what_is_found_only(library: RagBot) -> None:
    found = library.similar("bread.md", where=Filter(languages=("zh",)))
    assert {item.document.language for item in found} == {"zh"}


def test_a_source_that_looks_like_a_folder_or_a_pattern(make: Callable[..., RagBot]) -> None:
    bot = make({"a": BREAD, "a/b": ROLLS, "https://x/?q=1": TIDES, "https://x/yq=1": CHAOXI})
    assert {item.document.source for item in bot.similar("a")} == {"a/b", "https://x/?q=1", "https://x/yq=1"}
    assert "https://x/yq=1" in {item.document.source for item in bot.similar("https://x/?q=1")}


def test_alone_there_is_nothing_to_compare(make: Callable[..., RagBot]) -> None:
    assert make({"a": BREAD}).similar("a") == []


def test_top_k_is_at_least_one(library: RagBot) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        library.similar("bread.md", top_k=0)


def test_the_same_again(library: RagBot) -> None:
    assert library.similar("bread.md") == library.similar("bread.md")
