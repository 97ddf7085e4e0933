"""What every reranker keeps, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from langchain_core.cross_encoders import BaseCrossEncoder

from ragbot.errors import RagbotError
from ragbot.models.rerankers.base import Reranker
from ragbot.models.rerankers.langchain import CrossEncoderReranker

QUESTIONS = ["What is the rank of a LoRA adapter?", "上海有多少人口？"]
PASSAGES = [
    "The rank of a LoRA adapter is the width of its two small matrices.",
    "上海是中国最大的城市之一，人口超过两千万。",
    "short",
    "",
    "Mixed 中英文 text with an emoji 😀 and\n\nblank lines.",
    "Retrieval finds passages, and the reader answers from them. " * 12,
]


class Overlap(BaseCrossEncoder):
    """Counts the characters that question and passage share; of two alike, the longer passage wins."""

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        return [len(set(question) & set(passage)) + len(passage) / 1e6 for question, passage in text_pairs]


@pytest.fixture(params=["onnx-bert", "onnx-xlmr", "torch-float32", "torch-bfloat16", "langchain"])
def reranker(request: pytest.FixtureRequest, cache: Path) -> Iterator[Reranker]:
    kind, _, detail = request.param.partition("-")
    if kind == "langchain":
        yield CrossEncoderReranker(Overlap())
        return
    if kind == "onnx":
        from ragbot.models.rerankers.onnx import OnnxReranker

        made: Reranker = OnnxReranker(str(request.getfixturevalue(f"cross_{detail}")))
    else:
        from ragbot.models.rerankers.sentence_transformers import SentenceTransformersReranker

        made = SentenceTransformersReranker(str(request.getfixturevalue("cross_bert")), device="cpu", dtype=detail)
    with made:
        yield made


@pytest.mark.parametrize("question", QUESTIONS)
def test_scores_are_one_finite_float_for_each_passage(reranker: Reranker, question: str) -> None:
    scores = reranker.score(question, PASSAGES)
    assert scores.dtype == np.float32
    assert scores.shape == (len(PASSAGES),)
    assert np.isfinite(scores).all()
    assert len(set(scores.tolist())) > 3


def test_no_passages_have_no_scores(reranker: Reranker) -> None:
    scores = reranker.score("?", [])
    assert scores.shape == (0,)
    assert scores.dtype == np.float32
    assert reranker.count_tokens("?", []) == []


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_pair_has_the_same_score_alone_and_in_any_batch(reranker: Reranker, question: str) -> None:
    together = reranker.score(question, PASSAGES)
    alone = np.concatenate([reranker.score(question, [passage]) for passage in PASSAGES])
    backwards = reranker.score(question, PASSAGES[::-1])[::-1]
    coarse = getattr(reranker, "dtype", "") == "bfloat16"
    assert np.allclose(together, alone, atol=0.05 if coarse else 1e-4)
    assert np.allclose(together, backwards, atol=0.05 if coarse else 1e-4)


def test_question_and_passage_are_not_the_same_thing(reranker: Reranker) -> None:
    if isinstance(reranker, CrossEncoderReranker):
        pytest.skip("its encoder sees sets of characters")
    assert abs(reranker.score("short", [PASSAGES[0]]) - reranker.score(PASSAGES[0], ["short"]))[0] > 1e-3


@pytest.mark.parametrize(
    "text", ["a lone \ud800 surrogate", "</s> <s> [PAD] <pad>", "字" * 100_000, "x" * 100_000, "\x00"]
)
def test_any_text_is_taken(reranker: Reranker, text: str) -> None:
    assert np.isfinite(reranker.score("short", [text, "short"])).all()
    assert np.isfinite(reranker.score(text, ["short"])).all()
    assert reranker.count_tokens("short", [text])[0] >= 0


def test_threads_may_share_one(reranker: Reranker) -> None:
    expected = reranker.score(QUESTIONS[0], PASSAGES)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: reranker.score(QUESTIONS[0], PASSAGES), range(30)))
    assert all(np.allclose(scores, expected, atol=1e-3) for scores in found)


def test_closed_twice_and_then_used(reranker: Reranker) -> None:
    reranker.close()
    reranker.close()
    if not isinstance(reranker, CrossEncoderReranker):
        with pytest.raises(RagbotError, match="closed"):
            reranker.score("?", ["x"])


def test_it_has_a_name(reranker: Reranker) -> None:
    assert reranker.name
    assert "/" not in reranker.name
