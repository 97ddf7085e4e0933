from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from ragbot.bot import RagBot
from ragbot.exploring.clusters import cluster, comparable, silhouette
from ragbot.exploring.collection import Count
from ragbot.exploring.topics import Topics
from ragbot.index.filters import Filter
from ragbot.models.embedders.base import normalized
from tests.exploring.conftest import parsed

KITCHEN = "flour dough bread oven starter baker salt crust rye yeast knead proof".split()
SEA = "tide moon harbour ocean ship wave anchor sailor coast lighthouse storm reef".split()
STARS = "telescope galaxy nebula comet orbit planet spectrum photon eclipse meteor dust aperture".split()
CHUFANG = "面粉 面团 面包 烤箱 酵母 食盐 厨房 揉面 发酵 黄油".split()


def article(words: list[str], seed: int, stop: str = ".") -> str:
    rng = random.Random(seed)
    return "\n\n".join(
        " ".join(rng.choices(words, k=30)) + stop + " " + " ".join(rng.choices(words, k=30)) + stop for _ in range(6)
    )


@pytest.fixture
def three(make: Callable[..., RagBot]) -> RagBot:
    documents = {}
    for name, words in (("kitchen", KITCHEN), ("sea", SEA), ("stars", STARS)):
        for number in range(2):
            documents[f"{name}{number}"] = parsed(article(words, number), name.title())
    return make(documents)


def by_document(found: Topics) -> dict[str, int]:
    return {owner.document.source: topic.number for topic in found.topics for owner in topic.documents}


def test_as_many_topics_as_there_are(three: RagBot) -> None:
    found = three.topics()
    assert len(found.topics) == 3
    where = by_document(found)
    assert len(where) == 6
    for name in ("kitchen", "sea", "stars"):
        assert where[f"{name}0"] == where[f"{name}1"]
    topic = found.topics[where["sea0"] - 1]
    assert topic.title == "Sea"
    assert set(topic.keywords) <= set(SEA)
    assert sum(topic.share for topic in found.topics) == pytest.approx(1)
    assert sum(topic.chunks for topic in found.topics) == found.chunks == found.total
    assert {owner.share for owner in topic.documents} == {1.0}
    # One passage from each document first.
    assert len({chunk.document.id for chunk in topic.passages[:2]}) == 2
    assert found.silhouette > 0.3


def test_the_same_again(three: RagBot) -> None:
    first, second = three.topics(), three.topics()
    assert first.topics == second.topics
    assert np.array_equal(first.labels, second.labels)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_as_many_as_asked_for(three: RagBot, count: int) -> None:
    found = three.topics(count)
    assert len(found.topics) == count
    assert [topic.chunks for topic in found.topics] == sorted((topic.chunks for topic in found.topics), reverse=True)


def test_no_more_than_chunks_and_at_least_one(make: Callable[..., RagBot]) -> None:
    bot = make({"a": "One sentence about bread.", "b": "海边的潮汐。"})
    assert len(bot.topics(50).topics) == 2
    assert len(bot.topics().topics) == 1
    with pytest.raises(ValueError, match="at least 1"):
        bot.topics(0)


def test_nothing(make: Callable[..., RagBot]) -> None:
    found = make({}).topics()
    assert (found.topics, found.chunks, found.total) == ((), 0, 0)


def test_chinese_words_and_titles(make: Callable[..., RagBot]) -> None:
    bot = make({"厨房": parsed(article(CHUFANG, 1, "。"), "面包与面团", "zh"), "sea": parsed(article(SEA, 2), "Sea")})
    found = bot.topics(2)
    topic = found.topics[by_document(found)["厨房"] - 1]
    assert topic.language == "zh"
    assert topic.title == "面包与面团"
    assert set(topic.keywords) <= set(CHUFANG)


def test_who_asks(three: RagBot) -> None:
    three.ingest_documents({"hidden": parsed(article(STARS, 9), "Secret")}, acl=["ann"])
    seen = three.topics(where=Filter(principals=("bob",)))
    assert "hidden" not in by_document(seen)
    assert all(topic.title != "Secret" for topic in seen.topics)
    assert "hidden" in by_document(three.topics())


def test_progress_ends_where_it_says(three: RagBot) -> None:
    told: list[Count] = []
    three.topics(progress=told.append)
    assert told[-1].done == told[-1].total
    assert [count.done for count in told] == sorted(count.done for count in told)


def languages_apart(subjects: int = 4) -> tuple[np.ndarray, list[str], list[int]]:
    """Texts on some subjects in two languages, which stand apart by more than the subjects do."""
    rng = np.random.default_rng(3)
    middles = rng.normal(size=(subjects, 40))
    offset = {"en": rng.normal(size=40) * 3, "zh": rng.normal(size=40) * 3}
    rows = [(tag, subject) for tag in offset for subject in range(subjects) for _ in range(25)]
    vectors = np.array([middles[s] * 1.5 + offset[tag] + rng.normal(size=40) * 0.5 for tag, s in rows])
    return normalized(vectors), [tag for tag, _ in rows], [subject for _, subject in rows]


def test_a_subject_in_two_languages_is_one_topic() -> None:
    vectors, tags, subjects = languages_apart()
    labels, _ = cluster(comparable(vectors, tags))
    assert len(set(zip(labels.tolist(), subjects, strict=True))) == 4
    apart, _ = cluster(comparable(vectors, [""] * len(tags)))
    assert len(set(zip(apart.tolist(), tags, strict=True))) == len(set(apart.tolist()))  # by language, else


def test_silhouette_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    vectors, _, subjects = languages_apart()
    labels = np.array(subjects)
    labels[0] = 9  # a cluster of one counts zero
    _, labels = np.unique(labels, return_inverse=True)
    expected = metrics.silhouette_score(vectors, labels, metric="cosine")
    assert silhouette(vectors, labels) == pytest.approx(expected, abs=1e-5)


def test_what_says_nothing_makes_no_topic() -> None:
    rng = np.random.default_rng(1)
    two = np.concatenate([rng.normal(size=(30, 8)) * 0.1 + np.eye(8)[i] for i in range(2)])
    noise = rng.normal(size=(20, 8)) * 0.05 + np.eye(8)[5]
    vectors = normalized(np.concatenate([two, noise]))
    telling = np.arange(len(vectors)) < 60
    labels, _ = cluster(vectors, None, telling)
    assert len(set(labels.tolist())) == 2
    assert len(set(cluster(vectors)[0].tolist())) == 3
