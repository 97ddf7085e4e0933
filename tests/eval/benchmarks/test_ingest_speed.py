"""The figures of the speed benchmarks: turns, ratios, the texts that are written, and the table."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from eval.benchmarks.ingest_again import HashedE5
from eval.benchmarks.ingest_rates import Recorder
from eval.benchmarks.ingest_rivals import FaissStore
from eval.benchmarks.ingest_speed import table
from eval.benchmarks.ingest_texts import SETS, paragraphs, write_articles, write_size
from eval.benchmarks.ingest_timing import Cost, Spread, faster, measured, ratio, take_turns
from ragbot.errors import SourceError
from ragbot.models.testing import HashEmbedder

TEXTS = {
    "en": "The tower stands in Paris. It is tall.\n\nNobody lives there.",
    "zh": "长城很长。它在北方。\n\n没有人住在那里。",
}


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    for language, name in SETS.items():
        contexts = [{"context": part, "qas": []} for part in TEXTS[language].split("\n\n")]
        data = [{"title": f"{language} {number}", "paragraphs": contexts} for number in range(4)]
        (tmp_path / f"{name}.json").write_text(json.dumps({"data": data}), encoding="utf-8")
    return tmp_path


def test_candidates_take_turns_and_each_is_first_once() -> None:
    order: list[str] = []

    def candidate(name: str) -> Callable[[], Cost]:
        def run() -> Cost:
            order.append(name)
            return Cost(float(len(order)), 1.0)

        return run

    costs = take_turns({name: candidate(name) for name in "abc"}, 3)
    assert "".join(order) == "abcbcacab"
    assert [cost.wall for cost in costs["a"]] == [1, 6, 8]


def test_a_ratio_is_formed_within_a_turn() -> None:
    slow, fast = [Cost(6, 4), Cost(60, 4), Cost(9, 4)], [Cost(2, 1), Cost(20, 2), Cost(3, 4)]
    assert ratio(slow, fast) == Spread(3, 3, 3)
    assert ratio(slow, fast, cpu=True) == Spread(2, 1, 4)
    assert faster({"slow": slow, "fast": fast}, ["slow", "fast"]) == "fast"


def test_a_spread_shows_the_median_and_the_extremes() -> None:
    assert Spread.of([1.0, 9.0, 2.0]).show(1, " s") == "2.0 s [1.0, 9.0]"
    with pytest.raises(ValueError, match="at least one"):
        Spread.of([])


def test_what_a_block_costs() -> None:
    with measured() as cost:
        sum(range(200_000))
    assert cost.wall > 0
    assert cost.cpu > 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_articles_become_files_of_both_kinds(bench: Path, tmp_path: Path, language: str) -> None:
    size = 2 * len(TEXTS[language].encode()) + 10
    characters = write_articles(tmp_path / "out", bench, language, size)
    files = sorted((tmp_path / "out").iterdir())
    assert [file.suffix for file in files] == [".md", ".txt", ".md"]
    assert files[0].read_text(encoding="utf-8") == f"# {language} 0\n\n{TEXTS[language]}\n"
    assert files[1].read_text(encoding="utf-8") == TEXTS[language]
    assert 2 * len(TEXTS[language]) < characters <= 2 * len(TEXTS[language]) + 10


@pytest.mark.parametrize("language", ["en", "zh"])
def test_paragraphs_are_made_of_sentences_and_stay_the_same(bench: Path, tmp_path: Path, language: str) -> None:
    drawn = list(islice(paragraphs(bench, language), 50))
    assert drawn == list(islice(paragraphs(bench, language), 50))
    assert len(set(drawn)) > 40
    write_size(tmp_path / "text.txt", iter(drawn), 500)
    assert 497 < len((tmp_path / "text.txt").read_bytes()) <= 500


def test_a_missing_question_set(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="squad2_en"):
        write_articles(tmp_path / "out", tmp_path, "en", 100)


def test_the_recorder_repeats_what_was_embedded() -> None:
    inner = HashEmbedder()
    recorder = Recorder(inner)
    vectors = recorder.encode_documents(["a", "字"])
    assert recorder.batches == [["a", "字"]]
    assert (vectors == inner.encode_documents(["a", "字"])).all()
    assert recorder.fingerprint == inner.fingerprint


def test_the_stand_in_passes_for_the_embedder() -> None:
    inner = Recorder(HashEmbedder(32))
    stand_in = HashedE5(inner)
    assert stand_in.fingerprint == inner.fingerprint
    assert stand_in.encode_documents(["x"]).shape == (1, 32)
    assert not inner.batches


def test_the_faiss_store_writes_index_and_texts(tmp_path: Path) -> None:
    import faiss

    FaissStore([[1.0, 0.0], [0.0, 1.0]], ["one", "二"]).save_local(tmp_path / "store")
    assert faiss.read_index(str(tmp_path / "store" / "index.faiss")).ntotal == 2
    texts, rows = json.loads((tmp_path / "store" / "index.json").read_text(encoding="utf-8"))
    assert [texts[rows[str(row)]] for row in range(2)] == ["one", "二"]


def test_the_table_leaves_the_single_seconds_out() -> None:
    assert table([{"language": "en", "seconds": [1.0], "share": 0.5}]).splitlines() == [
        "| language | share |",
        "| --- | --- |",
        "| en | 0.5 |",
    ]
