"""Speed: what is counted, what it is compared with, and how many threads are chosen."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ragbot.models import benchmark, benchmark_threads
from ragbot.models.benchmark import benchmark_embedder, benchmark_reranker
from ragbot.models.benchmark_peak import MatrixWork, peak, work_of
from ragbot.models.benchmark_texts import LANGUAGES, sample_texts
from ragbot.models.benchmark_threads import ThreadSpeed, best, counts, with_threads
from ragbot.models.embedders.base import Progress, Vectors
from ragbot.models.rerankers.base import Floats, Reranker
from ragbot.models.testing import HashEmbedder
from ragbot.text import detect_language

TEXTS = [sample_texts(language) for language in LANGUAGES]


class Slow(HashEmbedder):
    """2 ms a passage, 5 ms a question; ``calls`` counts the texts."""

    def __init__(self, threads: int = 1) -> None:
        super().__init__()
        self.threads = threads
        self.calls: list[int] = []

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        self.calls.append(len(texts))
        time.sleep(0.002 * len(texts) / self.threads)
        return super().encode_documents(texts, progress)

    def encode_query(self, text: str) -> Vectors:
        if text.endswith(("?", "？")):
            time.sleep(0.005)
        return super().encode_query(text)


class Flat(Reranker):
    name = "flat"

    def __init__(self) -> None:
        self.seen: list[int] = []

    def score(self, question: str, passages: Sequence[str]) -> Floats:
        self.seen.append(len(passages))
        time.sleep(0.001)
        return np.zeros(len(passages), np.float32)


def test_the_sample_is_in_both_languages() -> None:
    for text in TEXTS:
        assert (len(text.questions), len(text.passages)) == (24, 32)
        assert {detect_language(passage) for passage in text.passages} == {text.language}
        assert all(40 < len(passage) < 900 for passage in text.passages)


def test_an_embedder_without_matrices() -> None:
    steps: list[tuple[int, int]] = []
    speed = benchmark_embedder(Slow(), TEXTS, 0.05, progress=lambda done, total: steps.append((done, total)))
    assert speed.name == "hash"
    assert [language.language for language in speed.languages] == ["zh", "en"]
    assert speed.threads is speed.share is speed.peak_gops is speed.work is None
    assert steps == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    for language, text in zip(speed.languages, TEXTS, strict=True):
        assert 50 < language.passages_per_second <= 500  # 2 ms a passage at the least
        assert 5 <= language.query_ms_p50 <= language.query_ms_p95
        per_passage = language.characters_per_second / language.passages_per_second
        assert per_passage == pytest.approx(np.mean([len(passage) for passage in text.passages]), rel=0.3)
        assert language.tokens_per_second > language.passages_per_second


def test_a_slow_model_gets_smaller_calls() -> None:
    slow, fast = Slow(), HashEmbedder()
    benchmark_embedder(slow, TEXTS[:1], 0.03)
    assert set(slow.calls) == {benchmark.SAMPLE}
    quick = Slow(threads=1000)
    benchmark_embedder(quick, TEXTS[:1], 0.5)
    assert max(quick.calls) == benchmark.PASSAGES
    assert benchmark_embedder(fast, TEXTS[:1], 0.01).languages[0].calls >= benchmark.FEWEST_CALLS


def test_a_reranker_reads_its_candidates() -> None:
    reranker = Flat()
    speed = benchmark_reranker(reranker, TEXTS, 0.02, candidates=50)
    assert set(reranker.seen) == {50}
    assert speed.candidates == 50
    language = speed.languages[0]
    assert language.query_ms_p50 >= 1
    assert language.passages_per_second == pytest.approx(50 / language.query_ms_p50 * 1000, rel=0.8)


# -- threads -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "expected"), [(1, (1,)), (2, (1, 2)), (6, (1, 2, 4, 6)), (8, (1, 2, 4, 8))])
def test_the_counts_that_are_tried(limit: int, expected: tuple[int, ...]) -> None:
    assert counts(limit) == expected


def test_the_fewest_threads_that_are_as_fast() -> None:
    assert best([ThreadSpeed(1, 50.0), ThreadSpeed(2, 99.0), ThreadSpeed(4, 100.0)]) == 2
    assert best([ThreadSpeed(1, 50.0), ThreadSpeed(2, 90.0), ThreadSpeed(4, 100.0)]) == 4


def test_the_best_count_is_found_and_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "counts", lambda: (1, 2, 4))
    made: list[int] = []

    @contextmanager
    def use(threads: int) -> Iterator[Any]:
        made.append(threads)
        yield Slow(threads=min(threads, 2))  # a third and a fourth do not help

    speed = benchmark_embedder(Slow(), TEXTS, 0.2, with_threads=use)
    assert [item.threads for item in speed.by_threads] == [1, 2, 4]
    one, two, _ = (item.tokens_per_second for item in speed.by_threads)
    assert two > 1.3 * one
    assert speed.threads in {2, 4}
    assert made == [1, 2, 4, 1, 2, 4, speed.threads]
    assert speed.languages[0].tokens_per_second > 1.3 * one / 2


def test_models_elsewhere_have_no_threads_to_try() -> None:
    gpu = MatrixWork(1, 1, 1, "bfloat16", "cuda:0")
    assert with_threads(HashEmbedder(), None, HashEmbedder) is None
    assert with_threads(HashEmbedder(), gpu, HashEmbedder) is None


def test_torch_gets_its_threads_back(tiny_bert: Path) -> None:
    import torch

    from ragbot.models.embedders.sentence_transformers import SentenceTransformersEmbedder

    embedder = SentenceTransformersEmbedder(str(tiny_bert), device="cpu", dtype="float32")
    use = with_threads(embedder, work_of(embedder), HashEmbedder)
    assert use
    before = torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt), use(before + 1) as same:
        assert same is embedder
        assert torch.get_num_threads() == before + 1
        raise KeyboardInterrupt
    assert torch.get_num_threads() == before


def test_int8_models_are_made_anew_and_closed() -> None:
    closed: list[int] = []

    class Loaded:
        def __init__(self, threads: int) -> None:
            self.threads = threads

        def close(self) -> None:
            closed.append(self.threads)

    use = benchmark_threads.with_threads(None, MatrixWork(1, 1, 1, "int8", "cpu"), Loaded)
    assert use
    with use(3) as model:
        assert model.threads == 3
        assert closed == []
    assert closed == [3]


# -- matrix products -----------------------------------------------------------------------------------------------------


def test_the_bundled_embedders_products_are_counted(e5: Any) -> None:
    # 12 layers: query, key, value and output of 384 x 384, and two of 384 x 1536.
    assert work_of(e5) == MatrixWork(12 * 2 * (4 * 384 * 384 + 2 * 384 * 1536), 384, 1536, "int8", "cpu")


def test_a_model_of_two_graphs_counts_both(e5: Any) -> None:
    one = work_of(e5)
    assert one is not None
    two = work_of(SimpleNamespace(lower=e5._session, upper=e5._session))
    assert two is not None
    assert two == replace(one, operations=2 * one.operations)


def test_a_torch_models_products_are_counted(tiny_bert: Path) -> None:
    from ragbot.models.embedders.sentence_transformers import SentenceTransformersEmbedder

    embedder = SentenceTransformersEmbedder(str(tiny_bert), device="cpu", dtype="bfloat16")
    work = work_of(embedder)
    assert work is not None
    # Two layers, and the pooler that BertModel brings along.
    assert work.operations == 2 * (2 * (4 * 32 * 32 + 2 * 32 * 64) + 32 * 32)
    assert (work.kind, work.device) == ("bfloat16", "cpu")
    assert sorted((work.inner, work.columns)) == [32, 64]


def test_what_does_not_run_here_has_no_products() -> None:
    assert work_of(HashEmbedder()) is None
    assert work_of(object()) is None


@pytest.mark.parametrize("kind", ["int8", "float32", "bfloat16"])
def test_a_peak_is_measured(kind: str) -> None:
    work = MatrixWork(1, 384, 512, kind, "cpu")
    assert 0.1 < peak(work, 64, 1, 0.05) < 1e5


def test_operations_are_counted_not_calls() -> None:
    small, large = (peak(MatrixWork(1, 256, size, "int8", "cpu"), 64, 1, 0.2) for size in (512, 4096))
    assert 0.2 < large / small < 8


def test_the_share_is_of_the_peak(e5: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "peak", lambda work, rows, threads, seconds: 1000.0)
    speed = benchmark_embedder(e5, TEXTS[1:], 0.05)
    assert speed.work is not None and speed.gops is not None and speed.share is not None
    assert speed.gops == pytest.approx(speed.languages[0].tokens_per_second * speed.work.operations / 1e9)
    assert speed.share == pytest.approx(speed.gops / 1000)
