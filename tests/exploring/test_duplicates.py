from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from ragbot.bot import RagBot
from ragbot.documents import Document
from ragbot.exploring.collection import Count
from ragbot.exploring.duplicates import Duplicates, duplicates_among
from ragbot.index.filters import Filter
from tests.exploring.conftest import BREAD, CHAOXI, MIANBAO, ROLLS, TIDES, parsed


def among(texts: dict[str, str], min_share: float = 0.3, dates: dict[str, str] | None = None) -> Duplicates:
    return duplicates_among(
        [
            (Document(i, source, "", "txt", "", (dates or {}).get(source), ""), text)
            for i, (source, text) in enumerate(texts.items())
        ],
        min_share,
    )


def words(seed: int, count: int, alphabet: str = "abcdefghijklmnopqrstuvwxyz") -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices(alphabet, k=6)) for _ in range(count)]


@pytest.mark.parametrize("text", [BREAD, MIANBAO])
def test_the_same_but_for_case_spacing_and_marks(text: str) -> None:
    found = among({"a": text, "b": "\n\n".join(f"**{text.upper()}**".split("。")), "c": TIDES, "d": CHAOXI})
    (pair,) = found.pairs
    assert (pair.relation, pair.shared, pair.other_shared) == ("same", 1.0, 1.0)
    assert {document.source for document in found.clusters[0]} == {"a", "b"}
    assert found.documents == 4


@pytest.mark.parametrize(("inner", "others"), [(BREAD, ROLLS + TIDES), (MIANBAO, CHAOXI * 2)])
def test_one_inside_another(inner: str, others: str) -> None:
    found = among({"part": inner, "whole": others[:150] + inner + others[150:]})
    (pair,) = found.pairs
    assert (pair.relation, pair.document.source, pair.other.source) == ("contains", "whole", "part")
    assert pair.other_shared > 0.9 > pair.shared
    assert pair.characters[0] > pair.characters[1]


def test_a_short_text_inside_a_very_long_one() -> None:
    filler = words(1, 20_000)
    short = " ".join(words(2, 60))
    found = among({"short": short, "long": " ".join([*filler[:9000], short, *filler[9000:]])})
    assert [pair.relation for pair in found.pairs] == ["contains"]


@pytest.mark.parametrize(("share", "least"), [(0.05, 0.85), (0.2, 0.55), (0.4, 0.3)])
def test_edited_words(share: float, least: float) -> None:
    text, other, rng = words(3, 400), words(4, 400), random.Random(5)
    edited = [new if rng.random() < share else old for old, new in zip(text, other, strict=True)]
    (pair,) = among({"a": " ".join(text), "b": " ".join(edited)}).pairs
    assert pair.relation == "near"
    assert least < pair.shared < 1


def test_documents_about_one_subject_are_no_duplicates() -> None:
    assert among({"a": BREAD, "b": ROLLS, "c": MIANBAO, "d": CHAOXI}).pairs == ()


def test_the_share_that_is_asked_for() -> None:
    text, other = words(6, 100), words(7, 100)
    texts = {"a": " ".join(text), "b": " ".join(text[:50] + other[50:])}
    assert len(among(texts, 0.45).pairs) == 1
    assert among(texts, 0.6).pairs == ()
    with pytest.raises(ValueError, match="min_share"):
        among(texts, 0.0)


def test_many_versions_are_one_cluster() -> None:
    text = words(8, 200)
    versions = {f"v{i:03}": " ".join([*text, *words(100 + i, 5)]) for i in range(120)}
    found = among({**versions, "other": BREAD})
    assert [len(group) for group in found.clusters] == [120]


def test_a_footer_that_all_share_makes_no_duplicates() -> None:
    footer = " ".join(words(9, 30))
    texts = {f"mail{i:03}": f"{' '.join(words(200 + i, 200))} {footer}" for i in range(80)}
    assert among(texts).pairs == ()


def test_the_longer_one_is_kept_then_the_newer_one() -> None:
    dates = {"old": "2020-01-01", "new": "2024-05-01"}
    found = among({"old": BREAD, "new": BREAD, "long": BREAD + " Enjoy it with butter, while it is warm."}, dates=dates)
    assert [document.source for document in found.clusters[0]] == ["long", "new", "old"]
    same = next(pair for pair in found.pairs if pair.relation == "same")
    assert (same.document.source, same.newer) == ("new", "new")
    assert all(pair.newer is None for pair in found.pairs if pair is not same)


def test_little_and_nothing() -> None:
    assert among({}).pairs == ()
    assert among({"a": "", "b": "", "c": "  "}).pairs == ()
    assert [pair.relation for pair in among({"a": "Yes.", "b": "yes", "c": "no"}).pairs] == ["same"]


def test_who_asks_and_which(make: Callable[..., RagBot]) -> None:
    bot = make({"a": BREAD, "copy": BREAD, "sea": TIDES, "see": CHAOXI})
    bot.ingest_documents({"hidden": parsed(BREAD), "hidden too": parsed(TIDES)}, acl=["ann"])
    everything = bot.duplicates()
    assert {len(group) for group in everything.clusters} == {2, 3}
    seen = bot.duplicates(Filter(principals=("bob",)))
    assert [[document.source for document in group] for group in seen.clusters] == [["a", "copy"]]
    assert seen.documents == 4
    assert bot.duplicates(Filter(languages=("zh",))).documents == 1


def test_progress_and_stopping(make: Callable[..., RagBot]) -> None:
    bot = make({"a": BREAD, "b": TIDES})
    told: list[Count] = []
    bot.duplicates(progress=told.append)
    assert told == [Count(1, 2), Count(2, 2)]

    def stop(_: Count) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bot.duplicates(progress=stop)
    assert len(bot.duplicates().clusters) == 0
