from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.ranking import answer_recall, gold_relevance, rank_ids, rank_metrics

CUTOFFS = (1, 3, 5, 10)


def by_hand(ranking: Sequence[str], grades: Mapping[str, int]) -> dict[str, float]:
    relevant = {name for name, grade in grades.items() if grade > 0}
    found = [name in relevant for name in ranking]
    scores: dict[str, float] = {}
    for k in CUTOFFS:
        scores[f"hit@{k}"] = float(any(found[:k]))
        scores[f"recall@{k}"] = sum(found[:k]) / len(relevant)
        scores[f"precision@{k}"] = sum(found[:k]) / k
    ranks = [rank for rank, right in enumerate(found[:10], 1) if right]
    scores["mrr@10"] = 1 / ranks[0] if ranks else 0.0
    scores["map@10"] = sum((n + 1) / rank for n, rank in enumerate(ranks)) / len(relevant)

    def gain(names: Sequence[str]) -> float:
        return sum(grades.get(name, 0) / math.log2(rank + 1) for rank, name in enumerate(names[:10], 1))

    scores["ndcg@10"] = gain(ranking) / gain(sorted(grades, key=lambda name: -grades[name]))
    return scores


def random_runs(queries: int) -> tuple[dict[str, list[str]], dict[str, dict[str, int]]]:
    rng = random.Random(7)
    documents = [f"文档{n}" if n % 2 else f"doc {n}".replace(" ", "-") for n in range(30)]
    rankings, relevance = {}, {}
    for query in range(queries):
        rankings[f"q{query}"] = rng.sample(documents, rng.randint(0, 30))
        grades = {name: rng.randint(0, 3) for name in rng.sample(documents, rng.randint(1, 14))}
        grades[rng.choice(documents)] = 1
        relevance[f"q{query}"] = grades
    return rankings, relevance


def test_hundreds_of_random_rankings_by_hand() -> None:
    pytest.importorskip("ir_measures")
    rankings, relevance = random_runs(400)
    scores = rank_metrics(rankings, relevance)
    assert list(scores) == list(relevance)
    for query, expected in scores.items():
        assert expected == pytest.approx(by_hand(rankings[query], relevance[query]), abs=1e-6), query


def test_hundreds_of_random_rankings_by_trec_eval() -> None:
    pytest.importorskip("ir_measures")
    pytrec_eval = pytest.importorskip("pytrec_eval")
    names = {"map_cut_10": "map@10", "ndcg_cut_10": "ndcg@10"}
    for k in CUTOFFS:
        names |= {f"success_{k}": f"hit@{k}", f"recall_{k}": f"recall@{k}", f"P_{k}": f"precision@{k}"}
    asked = {f"{kind}.{k}" for kind in ("success", "recall", "P") for k in CUTOFFS} | {"map_cut.10", "ndcg_cut.10"}
    rankings, relevance = random_runs(300)
    run = {query: {name: 1 / rank for rank, name in enumerate(ids, 1)} for query, ids in rankings.items()}
    official = pytrec_eval.RelevanceEvaluator(relevance, asked).evaluate(run)
    scores = rank_metrics(rankings, relevance)
    for query, values in official.items():
        for theirs, ours in names.items():
            assert scores[query][ours] == pytest.approx(values.get(theirs, 0.0), abs=1e-6), (query, ours)
    assert len(official) == 300


def test_order_decides_and_not_the_names() -> None:
    pytest.importorskip("ir_measures")
    scores = rank_metrics({"a": ["x", "b"], "b": ["b", "x"]}, {"a": {"x": 1}, "b": {"x": 1}}, [1])
    assert [scores[query]["hit@1"] for query in "ab"] == [1.0, 0.0]
    assert [scores[query]["mrr@10"] for query in "ab"] == [1.0, 0.5]


def test_queries_without_results_score_nothing_and_repeats_do_not_count() -> None:
    pytest.importorskip("ir_measures")
    scores = rank_metrics(
        {"empty": [], "twice": ["y", "x", "z", "y", "y", "x"], "unjudged": ["x"], "none": ["x"]},
        {"empty": {"x": 1}, "missing": {"x": 2}, "twice": {"x": 1}, "none": {"x": 0}},
        [2],
    )
    assert set(scores) == {"empty", "missing", "twice"}
    names = {"hit@2", "recall@2", "precision@2", "mrr@10", "map@10", "ndcg@10"}
    assert scores["empty"] == scores["missing"] == dict.fromkeys(names, 0.0)
    assert (scores["twice"]["mrr@10"], scores["twice"]["recall@2"]) == (0.5, 1.0)


def test_nothing_asked() -> None:
    pytest.importorskip("ir_measures")
    assert rank_metrics({}, {}) == {}
    assert rank_metrics({}, {"q": {"x": 1}})["q"]["ndcg@10"] == 0.0


def test_a_hit_becomes_the_items_that_it_is_the_first_to_hold() -> None:
    assert rank_ids([[], [1, 0], [1], [2, 0]]) == ["hit-0", "gold-1", "gold-0", "hit-2", "gold-2"]
    assert gold_relevance(2) == {"gold-0": 1, "gold-1": 1}


@given(st.lists(st.lists(st.integers(0, 4), max_size=3), max_size=8))
def test_ids_are_unique_and_complete(covered: list[list[int]]) -> None:
    ids = rank_ids(covered)
    assert len(ids) == len(set(ids)) >= len(covered)
    assert {name for name in ids if name.startswith("gold")} == {f"gold-{item}" for items in covered for item in items}


HITS = [("甲", 100, 400), ("b", 0, 300), ("甲", 0, 200)]


@pytest.mark.parametrize(
    ("span", "first"),
    [
        (("甲", 150, 160), 60),
        (("甲", 100, 400), 300),
        (("甲", 399, 401), None),  # no hit holds it whole
        (("甲", 0, 99), 699),  # 300 + 300 characters come first
        (("b", 290, 300), 600),
        (("c", 150, 160), None),
    ],
)
def test_answer_recall_by_hand(span: tuple[str, int, int], first: int | None) -> None:
    budgets = range(1, 900)
    found = [budget for budget, value in answer_recall(HITS, [[span]], budgets).items() if value == 1.0]
    assert found == (list(range(first, 900)) if first else [])


def test_answer_recall_is_the_share_of_the_items_each_by_any_of_its_spans() -> None:
    gold = [[("c", 0, 1), ("b", 0, 5)], [("甲", 150, 160)], [("c", 0, 1)]]
    assert answer_recall(HITS, gold, [10, 100, 1000]) == pytest.approx({10: 0.0, 100: 1 / 3, 1000: 2 / 3})
    assert answer_recall([], gold, [10]) == {10: 0.0}
    assert math.isnan(answer_recall(HITS, [], [10])[10])
