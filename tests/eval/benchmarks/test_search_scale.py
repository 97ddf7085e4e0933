"""The benchmark of search by size: its passages, its knowledge bases, and the row that it prints."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from eval.benchmarks import search_scale_texts as texts
from eval.benchmarks.search_scale import COLUMNS
from eval.benchmarks.search_scale_build import Material, built
from eval.benchmarks.search_scale_measure import measured
from eval.benchmarks.search_scale_picture import draw
from eval.benchmarks.search_scale_texts import JOINT, SIZES, Mixture, cut, sentences
from ragbot.documents import ParsedDocument
from ragbot.models.testing import HashEmbedder

ENGLISH = " ".join(f"The tower number {i} stands in city {i % 7}, and nobody knows who built it." for i in range(80))
CHINESE = "".join(f"第{i}座长城很长，它在北方的第{i % 7}个省。" for i in range(80))
ARTICLES = [ParsedDocument(ENGLISH, language="en"), ParsedDocument(CHINESE, language="zh")]


def test_sentences_lose_nothing() -> None:
    for article, joint in ((ENGLISH, " "), (CHINESE, "")):
        parts = sentences(article)
        assert len(parts) == 80
        assert joint.join(parts) == article
    assert sentences("a" * 450) == ["a" * 200, "a" * 200, "a" * 50]
    assert sentences("") == []


def test_passages_differ_and_are_of_both_languages() -> None:
    passages = cut(ARTICLES, 100)
    assert len({text for text, _ in passages}) == 100
    assert [sum(of == language for _, of in passages) for language in SIZES] == [50, 50]
    assert all(len(text) <= max(SIZES[language]) for text, language in passages)
    assert all(text in (ENGLISH if language == "en" else CHINESE) for text, language in passages)
    assert passages == cut(ARTICLES, 100)
    with pytest.raises(ValueError, match="different passages, not 100000"):
        cut(ARTICLES, 100_000)


def test_mixed_passages_are_made_of_sentences_of_their_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "BATCH", 20)
    passages = cut(ARTICLES, 100)
    vectors = HashEmbedder().encode_documents([text for text, _ in passages])
    batches = list(islice(Mixture(passages, vectors).batches(), 4))
    assert [language for language, _, _ in batches] == ["en", "zh", "en", "zh"]
    for language, mixed, rows in batches:
        known = set(sentences(ENGLISH if language == "en" else CHINESE))
        assert all(set(sentences(text)) <= known for text in mixed)
        assert sum(text not in (ENGLISH + CHINESE) for text in mixed) > 10  # their order is another
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
        own = [text for text, of in passages if of == language]
        assert max(map(len, mixed)) <= max(map(len, own)) + 40 + len(JOINT[language])
    again = next(Mixture(passages, vectors).batches())
    assert again[1] == batches[0][1]
    np.testing.assert_array_equal(again[2], batches[0][2])


def material() -> Material:
    passages = cut(ARTICLES, 100)
    embedder = HashEmbedder()
    return Material(passages, embedder.encode_documents([text for text, _ in passages]), embedder.fingerprint)


def test_a_knowledge_base_of_each_size_is_made_once(tmp_path: Path) -> None:
    found = material()
    folder = built(tmp_path, found, 130)
    changed = (folder / "catalog.sqlite3").stat().st_mtime_ns
    assert built(tmp_path, found, 130) == folder
    assert (folder / "catalog.sqlite3").stat().st_mtime_ns == changed
    folder.rename(tmp_path / "kb-140")
    with pytest.raises(SystemExit, match="holds 130 chunks, not 140"):
        built(tmp_path, found, 140)


def test_the_row_and_the_picture(tmp_path: Path) -> None:
    rows = []
    for size in (60, 130):
        folder = built(tmp_path, material(), size)
        rows.append(measured(folder, size, ["Who built the tower?"], ["Where is it?", "长城在哪里？"], HashEmbedder()))
        assert rows[-1].keys() == set(COLUMNS)
        assert (rows[-1]["chunks"], rows[-1]["recall@10"]) == (str(size), "1.000")
        assert rows[-1]["by_language"] == "en 1.000 zh 1.000"
        assert 0 < float(rows[-1]["p50_ms"]) <= float(rows[-1]["p95_ms"])
    asked = ["Where is it?", "长城在哪里？"]
    timed = measured(folder, 130, ["Who built the tower?"], asked, HashEmbedder(), "time")
    assert set(COLUMNS) - timed.keys() == {"recall@10", "by_language"}
    recall = measured(folder, 130, [], asked, HashEmbedder(), "recall")
    assert recall.keys() == {"chunks", "recall@10", "by_language", "catalog_MB", "index_MB"}
    assert recall["recall@10"] == "1.000"
    draw([*rows, {**timed, "chunks": "200"}], tmp_path / "growth.png")  # without a recall
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")
