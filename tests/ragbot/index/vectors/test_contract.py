"""One contract for every store: what is found, and how it is scored, does not depend on where the vectors are."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.vectors import external
from ragbot.index.vectors.external import ExternalIndex
from ragbot.index.vectors.stores import StoreOptions
from ragbot.models.testing import HashEmbedder

QUERY = HashEmbedder().encode_query("green lamp 北京 的训练数据 number 12")


def matrix(kb: KnowledgeBase) -> tuple[Any, Any]:
    return kb.catalog.vectors_of(kb.catalog.chunk_ids(Filter()).tolist())


def expected(kb: KnowledgeBase, k: int, allowed: Any = None) -> list[int]:
    ids, rows = matrix(kb)
    scores = (rows @ QUERY).astype(np.float32)
    order = np.lexsort((ids, -scores))
    return [int(i) for i in ids[order] if allowed is None or i in set(allowed.tolist())][:k]


def assert_same(kb: KnowledgeBase, found: Any, best: list[int]) -> None:
    """The same ids in the same order, but for those whose scores differ by rounding alone."""
    scores = dict(zip(matrix(kb)[0].tolist(), (matrix(kb)[1] @ QUERY).tolist(), strict=True))
    assert len(set(found.tolist())) == len(found) == len(best)
    np.testing.assert_allclose([scores[i] for i in found.tolist()], [scores[i] for i in best], atol=1e-6)


def check(kb: KnowledgeBase) -> None:
    """Everything the contract promises, against NumPy."""
    ids, rows = matrix(kb)
    index = kb.vectors
    assert len(index) == len(ids) and index.seq == kb.catalog.seq
    for k in (1, 10, len(ids) + 5):
        assert_same(kb, index.top(QUERY, k), expected(kb, k))
    for allowed in (ids[::2], ids[5:6], ids[:0], np.array([10**6, int(ids[3])])):
        assert_same(kb, index.top(QUERY, 7, allowed), expected(kb, 7, allowed))
    np.testing.assert_allclose(index.of(QUERY, ids), rows @ QUERY, atol=1e-6)
    mean, deviation = index.moments(QUERY)
    assert mean == pytest.approx((rows @ QUERY).mean(), abs=1e-6)
    assert deviation == pytest.approx((rows @ QUERY).std(), abs=1e-5)
    assert index.groups_of(np.array([10**6, int(ids[0])]))[0] == ""
    for language in ("zh", "en"):
        own = kb.catalog.chunk_ids(Filter(languages=(language,)))
        scores = rows[np.searchsorted(ids, own)] @ QUERY
        assert set(index.groups_of(own).tolist()) == {language}
        means, deviations = index.scales(QUERY, own[:2])
        assert means[0] == pytest.approx(scores.mean(), abs=1e-5)
        assert deviations[0] == pytest.approx(scores.std(), abs=1e-4)
        assert set(expected(kb, 5, own)) <= set(index.nearest(QUERY, 5).tolist())
        allowed = np.intersect1d(own, ids[::2])
        assert set(expected(kb, 5, allowed)) <= set(index.nearest(QUERY, 5, ids[::2]).tolist())


def test_found_scored_and_counted(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kb = bench.open()
    bench.put(kb, range(12))
    assert kb.store == bench.options.store == kb.catalog.get("vector_store")
    check(kb)
    monkeypatch.setattr(external, "EXACT_UP_TO", 0)  # with the store's own filter
    check(kb)
    if isinstance(kb.vectors, ExternalIndex):
        assert not kb.vectors.behind
        assert kb.vectors.store.ids(kb.vectors.ids()).tolist() == kb.vectors.ids().tolist()


def test_changes_removal_and_reopening(bench: Any) -> None:
    kb = bench.open()
    bench.put(kb, range(10))
    bench.put(kb, [3, 4], extra=" Anders.")
    with kb.writing() as catalog:
        assert catalog.remove_document("doc05") and catalog.remove_document("doc06")
    check(kb)
    before = bench.results(kb)
    kb.close()
    kb = bench.open()
    check(kb)
    assert bench.results(kb) == before
    if isinstance(kb.vectors, ExternalIndex):
        assert not kb.vectors.behind
        everything = kb.catalog.all_chunk_ids()
        assert kb.vectors.store.ids(everything).tolist() == kb.vectors.ids().tolist()
    kb.close()
    kb = bench.open()  # with no vector in memory
    with kb.writing() as catalog:
        catalog.remove_document("doc07")
    check(kb)


def test_what_is_newer_than_the_store(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "EXACT_UP_TO", 0)
    kb = bench.open()
    bench.put(kb, range(6))
    # Committed, and not pushed yet, as it is while somebody else still writes.
    texts = kb.catalog.documents()
    assert kb.catalog.remove_document(texts[1].source)
    kb.refresh()
    check(kb)
    with kb.writing() as catalog:
        catalog.remove_document(texts[2].source)
        bench.put_inside(catalog, 11)
        kb.refresh()
        check(kb)
    check(kb)


def test_the_same_results_as_faiss(bench: Any, tmp_path: Any) -> None:
    kb = bench.open()
    bench.put(kb, range(12))
    plain = bench.open(tmp_path / "plain", StoreOptions())
    bench.put(plain, range(12))
    where = Filter(languages=("zh",))
    assert bench.results(kb) == bench.results(plain)
    assert bench.results(kb, where=where) == bench.results(plain, where=where)


def test_two_knowledge_bases_in_one_place(bench: Any, tmp_path: Any) -> None:
    one, two = bench.open(), bench.open(tmp_path / "two")
    bench.put(one, range(6))
    bench.put(two, range(4, 12))
    check(one)
    check(two)


def test_nothing_of_a_text_reaches_the_store(bench: Any, caplog: pytest.LogCaptureFixture) -> None:
    kb = bench.open()
    bench.put(kb, range(3), extra=" Zanzibarquartz 鲲鹏翡翠密令")
    kb.close()
    for path in kb.folder.rglob("*"):
        if path.is_file() and "chroma" in str(path.relative_to(kb.folder)):
            data = path.read_bytes()
            assert b"anzibarquart" not in data and "鲲鹏翡翠".encode() not in data, path
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
