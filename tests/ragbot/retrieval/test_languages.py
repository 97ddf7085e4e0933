"""Questions in one language, documents in another: words decide nothing there, and within a language as before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.models.testing import HashEmbedder
from ragbot.retrieval.candidates import gather
from ragbot.retrieval.fuse import evidence
from ragbot.retrieval.languages import MOST, ceiling, foreign, portable, question_language, raised, word_evidence

EMBEDDER = HashEmbedder()
TOWNS = "Aachen Bergen Calais Dresden Exeter Faro Genoa Huelva Imola Jena Kassel Lviv Malmo Narvik Oviedo Porto".split()


def documents(english: int = 40, chinese: int = 40) -> dict[str, ParsedDocument]:
    made = {
        f"en/{number:02}": ParsedDocument(
            f"The harbour of {TOWNS[number % 16]} was opened in {1800 + number}. Ships carry timber and wool.",
            language="en",
        )
        for number in range(english)
    }
    made |= {
        f"zh/{number:02}": ParsedDocument(
            f"第{number}号铁路在{1900 + number}年通车，全长{number}公里，用型号 QJ-{number} 机车。", language="zh"
        )
        for number in range(chinese)
    }
    return made


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RagBot]:
    with RagBot.open(tmp_path_factory.mktemp("kb"), embedder=EMBEDDER) as bot:
        bot.ingest_documents(documents())
        yield bot


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("什么是 PagedAttention？", "zh"),
        ("臺灣的鐵路有多長？", "zh"),
        ("How long is the railway?", "en"),
        ("GPT-4", "en"),
        ("鉄道の長さはどのくらいですか", "ja"),
        ("철도의 길이는 얼마입니까", "ko"),
        ("", "en"),
    ],
)
def test_language_of_a_question(question: str, language: str) -> None:
    assert question_language(question) == language


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("什么是 PagedAttention？和 vLLM 0.6 有关吗", "PagedAttention vLLM 0.6"),
        ("What does GPT-4 cost in 2024?", "GPT-4 2024"),
        ("Who is Tiago Monteiro, the driver?", "Tiago Monteiro"),
        ("LoRA or full fine-tuning?", "LoRA"),
        ("C++ 的模板", "C++"),
        ("how long does it take", ""),
        ("铁路有多长？", ""),
        ("", ""),
    ],
)
def test_words_that_mean_the_same_in_any_language(question: str, words: str) -> None:
    assert portable(question) == words


def test_between_languages_only_such_words_count(tmp_path: Path) -> None:
    quoting = {"zh/q": ParsedDocument("这首歌叫 what is the train，与型号 QJ-5 无关。", language="zh")}
    with RagBot.open(tmp_path / "kb", embedder=EMBEDDER) as bot:
        bot.ingest_documents(documents(english=0) | quoting)
        ids = bot.kb.vectors.ids()
        sources = [chunk.document.source for chunk in bot.kb.catalog.chunks(ids.tolist()).values()]
        apart = np.ones(len(ids), bool)

        def words(question: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
            return word_evidence(bot.kb.lexical, ids, question, bot.kb.lexical.score(question), apart)

        assert not words("what is the train").any()
        found = words("Which train is QJ-7?")
        assert sources[int(found.argmax())] == "zh/07"
        own = np.zeros(len(ids), bool)
        question = "what is the train"
        free = word_evidence(bot.kb.lexical, ids, question, bot.kb.lexical.score(question), own)
        assert sources[int(free.argmax())] == "zh/q"


def test_the_ceiling_counts_words_that_stand_nowhere(mixed: RagBot) -> None:
    known, unknown = ceiling(mixed.kb.lexical, "harbour"), ceiling(mixed.kb.lexical, "harbour zeppelin")
    assert 0 < known < unknown
    assert ceiling(mixed.kb.lexical, "？！") == 0


def test_evidence_is_full_within_a_language_and_weak_across(mixed: RagBot) -> None:
    def share(question: str) -> float:
        scores = mixed.kb.lexical.score(question)
        best = scores.of(mixed.kb.vectors.ids()).max()
        return evidence(float(best), ceiling(mixed.kb.lexical, question))

    assert share("When was the harbour of Bergen opened?") == 1
    assert share("第7号铁路在哪一年通车？") == 1
    assert share("卑尔根的港口运输哪些货物，又是什么时候由谁出资修建并且开放使用的？") < 0.5


def test_foreign_chunks(mixed: RagBot) -> None:
    kb, question = mixed.kb, "第7号铁路在哪一年通车？"
    ids = kb.vectors.ids()
    chunks = kb.catalog.chunks(ids.tolist())
    apart = foreign(kb.vectors.groups_of(ids), question)
    assert [chunks[number].document.language == "en" for number in ids.tolist()] == apart.tolist()
    assert 0 < apart.sum() < len(ids)


def test_one_language_has_no_foreign_chunks(tmp_path: Path) -> None:
    with RagBot.open(tmp_path / "kb", embedder=EMBEDDER) as bot:
        bot.ingest_documents(documents(chinese=0))
        for question in ("哪一年开放的？", "When was it opened?"):
            found = gather(bot.kb, question, EMBEDDER.encode_query(question), 10, 0.7)
            assert not found.parts["language_part"].any()


def test_an_unknown_language_is_not_foreign(tmp_path: Path) -> None:
    unknown = {f"{n}": ParsedDocument(f"Bericht {n} vom Hafen", language="") for n in range(25)}
    with RagBot.open(tmp_path / "kb", embedder=EMBEDDER) as bot:
        bot.ingest_documents(documents(english=0, chinese=25) | unknown)
        found = gather(bot.kb, "什么是铁路？", EMBEDDER.encode_query("什么是铁路？"), 100, 0.7)
        assert not found.parts["language_part"].any()


def test_equals_of_the_best_stay_above_another_language() -> None:
    fused = np.array([5.0, 5.0, 4.2, 4.0], np.float32)
    lifted = raised(fused, np.array([False, False, False, True]))
    assert np.argsort(-lifted, kind="stable").tolist() == [0, 1, 3, 2]


def test_the_best_of_another_language_stands_second_at_least() -> None:
    fused = np.array([5.0, 4.5, 4.2, 4.0, 3.0], np.float32)
    apart = np.array([False, False, False, True, True])
    lifted = raised(fused, apart)
    assert np.argsort(-lifted).tolist() == [0, 3, 1, 2, 4]
    assert lifted[4] - fused[4] == pytest.approx(lifted[3] - fused[3])  # among themselves they keep their distances
    np.testing.assert_array_equal(lifted[~apart], fused[~apart])


def test_what_is_far_off_stays_below() -> None:
    fused = np.array([9.0, 8.0, 2.0], np.float32)
    assert raised(fused, np.array([False, False, True])).tolist() == pytest.approx([9.0, 8.0, 2.0 + MOST])


@pytest.mark.parametrize(
    ("fused", "apart"),
    [
        ([3.0, 2.0, 1.0], [True, False, False]),  # it stands there already
        ([3.0, 1.0], [False, True]),  # fewer of the own than places
        ([3.0, 2.0], [False, False]),
        ([3.0, 2.0], [True, True]),
        ([], []),
    ],
)
def test_nothing_to_raise(fused: list[float], apart: list[bool]) -> None:
    scores = np.array(fused, np.float32)
    assert raised(scores, np.array(apart, bool)).tolist() == fused


def test_a_search_over_both_says_what_was_raised(mixed: RagBot) -> None:
    hits = mixed.search("第7号铁路在哪一年通车？", 50)
    assert {hit.chunk.document.language for hit in hits} == {"zh", "en"}
    for hit in hits:
        part = hit.components["language_part"]
        assert part >= 0
        assert hit.chunk.document.language == "en" or part == 0
    # The first is the question's own; scores fall.
    assert hits[0].chunk.document.source == "zh/07"
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_rank_fusion_raises_nothing(mixed: RagBot) -> None:
    question = "第7号铁路在哪一年通车？"
    found = gather(mixed.kb, question, EMBEDDER.encode_query(question), 20, 0.7, fusion="rrf")
    parts = found.parts
    expected = 1 / (60 + parts["dense_rank"]) + (parts["lexical"] > 0) / (60 + parts["lexical_rank"])
    np.testing.assert_allclose(found.fused, expected, rtol=1e-5)
    assert not parts["language_part"].any()
