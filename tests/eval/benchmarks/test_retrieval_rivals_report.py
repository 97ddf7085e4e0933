"""The figures, tables and pictures of the benchmark of retrieval, and its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from eval.benchmarks import retrieval_rivals_picture
from eval.benchmarks.retrieval_rivals import SYSTEMS, main
from eval.benchmarks.retrieval_rivals_base import System
from eval.benchmarks.retrieval_rivals_picture import LABELS_ZH, NOTES, write_pictures
from eval.benchmarks.retrieval_rivals_report import report, set_names, short, signed
from eval.benchmarks.retrieval_rivals_results import (
    METRICS,
    MRR,
    RECALL_500,
    RECALL_1000,
    Result,
    measure,
    read_result,
    read_results,
    reciprocal_rank,
)
from eval.datasets.base import Question, Span
from ragbot.errors import EvaluationError

ABOUT: dict[str, Any] = {
    "articles": 20,
    "embedder": {"name": "hash", "quantization": "float32", "query_prefix": "q: ", "document_prefix": "p: "},
}
BY_NAME = {system.name: system for system in SYSTEMS}


def made(set_name: str, system: str, right: Sequence[int], articles: int = 12) -> Result:
    """A question for each article; those in ``right`` are answered."""
    values = [float(number in right) for number in range(articles)]
    about = {"set": set_name, "system": system, "configuration": f"how {system} works", "versions": {}, **ABOUT}
    ids = [str(number) for number in range(articles)]
    groups = [f"{set_name}/{number}" for number in range(articles)]
    return Result(about, ids, groups, dict.fromkeys(METRICS, values), 1234.5)


def test_the_rank_is_that_of_the_first_hit_that_holds_a_span_whole() -> None:
    hits = [("a", 0, 9), ("b", 0, 10), ("a", 2, 10), ("a", 0, 20)]
    assert reciprocal_rank(hits, [("a", 3, 10)]) == 1 / 3
    assert reciprocal_rank(hits, [("a", 3, 10), ("a", 0, 9)]) == 1
    assert reciprocal_rank(hits, [("c", 0, 1)]) == 0
    assert reciprocal_rank([("x", 0, 1)] * 9 + [("a", 0, 1)], [("a", 0, 1)]) == 0.1
    assert reciprocal_rank([("x", 0, 1)] * 10 + [("a", 0, 1)], [("a", 0, 1)]) == 0


def test_what_was_found_is_kept_and_its_figures_are_made_of_it(tmp_path: Path) -> None:
    found = {"近?": [("文/1", 0, 600)], "far?": [("文/0", 0, 300), ("文/1", 0, 600)], "never?": []}
    questions = [
        Question(str(number), text, gold=((Span("文/1", 400, 410), Span("文/1", 550, 560)),), document="文/1")
        for number, text in enumerate(found)
    ]
    system = System("ours", "ragbot", "how", packages=("numpy", "no-such-package"))
    result = measure(tmp_path, "文", system, lambda text: found[text], questions, ABOUT)
    assert result.key == ("文", "ours") and list(result.groups) == ["文/1"] * 3
    assert result.values == {RECALL_500: [1, 0, 0], RECALL_1000: [1, 1, 0], MRR: [1, 0.5, 0]}
    assert result.characters == (600 + 300 + 600) / 3
    assert result.about["versions"]["numpy"] and result.about["versions"]["no-such-package"] == ""
    assert [path.name for path in tmp_path.iterdir()] == ["文.ours.jsonl"]
    assert read_results(tmp_path) == [result]


@pytest.mark.parametrize("damage", ["", "[]", '{"set": "s", "system": "ours"}\n{"id": 1}', '{"set": "s"}\n{"id'])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "s.ours.jsonl"
    path.write_text(damage, encoding="utf-8")
    with pytest.raises(EvaluationError, match="remove it, and run the benchmark again"):
        read_result(path)


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"run python -m eval\.benchmarks\.retrieval_rivals first"):
        main(["--report", str(tmp_path)])


def test_figures_and_comparisons() -> None:
    results = [
        made("cmrc_zh", "ours", range(12)),
        made("cmrc_zh", "txtai", range(2)),
        made("cmrc_zh", "ours_dense", range(11)),
        made("squad2_en", "ours", range(3), 3),
        made("squad2_en", "txtai", [], 3),
    ]
    text = report(results, SYSTEMS)
    figures, *rest = text.split("### ragbot against the others: answer recall@500")
    assert (
        "| system | squad2_en (3 questions, 3 of 20 articles) | cmrc_zh (12 questions, 12 of 20 articles) |" in figures
    )
    assert "| ragbot | **1.000 [1.000, 1.000]** | **1.000 [1.000, 1.000]** |" in figures
    assert "| ragbot: dense | not measured | .917 [" in figures and "LangChain" not in figures
    compared = rest[0].split("###")[0]
    # All of one sign: p is 2 / 2^10 (of two articles, nothing differs) and 2 / 2^3; Holm doubles the smaller.
    assert "over the 2 comparisons" in compared and ", p .004** |" in compared
    assert "| txtai hybrid | +1.000 [+1.000, +1.000], p .250 | **+.833 [" in compared
    assert "squad2_en has 3 test articles: no test of so few can give a p below 0.25" in compared
    assert "### ragbot against its parts and variants: MRR@10" in text and "ragbot + reranker" not in text
    # English needs both of its sets, or those that are there.
    assert (
        "### ragbot against the others, by language: MRR@10" in text
        and "| English (squad2_en) | Chinese (cmrc_zh) |" in text
    )
    assert "| txtai hybrid | 1,234 | 1,234 |" in text and "| ragbot: dense | not measured | 1,234 |" in text
    assert "- **txtai hybrid**: how txtai works." in text
    assert "hash (float32, prefixes 'q: ' and 'p: ')" in text


def test_another_list_of_questions_is_not_compared() -> None:
    text = report([made("cmrc_zh", "ours", [1]), made("cmrc_zh", "txtai", [1], 11)], SYSTEMS)
    assert "against" not in text


def test_the_reranked_search_is_compared_too() -> None:
    results = [made("drcd_zht", name, [1, 2]) for name in ("ours", "ours_reranked", "llama_index")]
    text = report(results, SYSTEMS)
    assert "### ragbot + reranker against the others: MRR@10" in text
    assert "### ragbot + reranker against its parts and variants: MRR@10" in text


def test_sets_stand_in_one_order() -> None:
    names = ["zz", "drcd_zht", "covid_en", "aa", "squad2_en"]
    assert set_names([made(name, "ours", []) for name in names]) == ["squad2_en", "covid_en", "drcd_zht", "aa", "zz"]


def test_numbers_are_short() -> None:
    assert [short(value) for value in (0, 0.0414, 0.9996, 1)] == [".000", ".041", "1.000", "1.000"]
    assert [signed(value) for value in (-0.05, 0.5, 1, -1, 0)] == ["-.050", "+.500", "+1.000", "-1.000", "+.000"]


def test_pictures_in_both_languages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    results = [made("cmrc_zh", "ours", range(9)), made("cmrc_zh", "txtai", range(2)), made("other", "txtai", range(4))]
    monkeypatch.setattr(retrieval_rivals_picture, "CHINESE", ("DejaVu Serif",))  # matplotlib brings it
    monkeypatch.setitem(retrieval_rivals_picture.NOTES, "zh", NOTES["en"])
    monkeypatch.setattr(retrieval_rivals_picture, "LABELS_ZH", {})
    paths = write_pictures(results, SYSTEMS, tmp_path)
    assert [path.name for path in paths] == ["recall.en.png", "recall.zh.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    monkeypatch.setattr(retrieval_rivals_picture, "CHINESE", ("No such font",))
    assert [path.name for path in write_pictures(results, SYSTEMS, tmp_path)] == ["recall.en.png"]
    assert "no picture in Chinese: install one of the fonts No such font" in capsys.readouterr().err


def test_what_the_pictures_say_is_there_in_both_languages() -> None:
    assert set(NOTES["en"]) == set(NOTES["zh"]) and set(LABELS_ZH) <= set(BY_NAME)
    untold = {name for name in BY_NAME if name not in LABELS_ZH and BY_NAME[name].label.isascii()}
    assert untold == {"ours", "langchain_faiss", "llama_index"}  # names
