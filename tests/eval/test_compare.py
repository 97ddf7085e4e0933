"""Intervals, tests, power and Holm: against hand values and brute force, and on systems whose truth is known."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest

from eval import compare_resampling
from eval.benchmarks.statistics_check import family, margin, simulate
from eval.compare import (
    bootstrap,
    bootstrap_statistic,
    detectable,
    holm,
    paired,
    paired_statistic,
    power,
    standard_error,
)
from eval.compare_power import FloatArray, t_quantile

# -- intervals --------------------------------------------------------------------------------------------------------


def test_mean_and_counts() -> None:
    interval = bootstrap([1.0, 0.0, 1.0, 1.0], [0, 0, 1, 2])
    assert (interval.mean, interval.questions, interval.groups) == (0.75, 4, 3)
    assert interval.low <= 0.75 <= interval.high
    assert str(interval).startswith("0.750 [") and str(interval).endswith("(n=4, 3 documents)")


def test_questions_about_one_document_are_not_independent() -> None:
    values = [float(n % 10 < 5) for n in range(1000)]
    alike = bootstrap(values, [n % 10 for n in range(1000)])  # all questions of a document have the same outcome
    apart = bootstrap(values, list(range(1000)))
    assert alike.high - alike.low > 5 * (apart.high - apart.low)


def test_one_document_has_no_spread() -> None:
    interval = bootstrap([0.0, 1.0], [7, 7])
    assert interval.low == interval.high == 0.5


def test_coverage() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        groups = np.repeat(np.arange(40), 5)
        effect = rng.normal(size=40)[groups]
        interval = bootstrap((effect + rng.normal(size=200)).tolist(), groups.tolist(), rounds=300)
        covered += interval.low <= 0.0 <= interval.high
    assert 0.88 <= covered / 200 <= 0.99


def test_eight_documents_are_covered_too() -> None:
    """Plain percentiles hold the truth in 88% here (see the benchmark), which this would notice."""
    rng = np.random.default_rng(0)
    held = 0
    for run in range(1_000):
        made = simulate(rng, 8, unlike=0.1)
        found = paired(made.a, made.b, made.documents.tolist(), rounds=400, seed=run, flips=1)
        held += found.low <= 0 <= found.high
    assert 0.95 - 2 * margin(0.05, 1_000) <= held / 1_000 <= 0.98


@pytest.mark.parametrize("name", ["文档{}", "document {}"])
def test_groups_are_names_and_the_order_of_the_rows_does_not_matter(name: str) -> None:
    rng = np.random.default_rng(0)
    values, owner = rng.random(30), rng.integers(0, 7, 30)
    order = rng.permutation(30)
    names = [name.format(n) for n in owner]
    assert bootstrap(values, names) == bootstrap(values, owner.tolist())
    shuffled = bootstrap(values[order], [names[n] for n in order])
    assert (shuffled.low, shuffled.high) == pytest.approx((bootstrap(values, names).low, bootstrap(values, names).high))
    assert bootstrap([0.0, 1.0, 0.5], ["文档", 3, ("a", 1)]).groups == 3  # kinds without a common order


def test_blocks_of_draws_are_one_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    values, groups = list(np.random.default_rng(0).random(40)), [n // 2 for n in range(40)]
    whole = paired(values, values[::-1], groups)
    monkeypatch.setattr(compare_resampling, "BLOCK", 20 * 64)
    assert paired(values, values[::-1], groups) == whole


@pytest.mark.parametrize(
    ("values", "groups", "message"),
    [
        ([1.0, 2.0], [1], "2 values for 1 groups"),
        ([], [], "no question"),
        ([1.0, math.nan], [1, 2], "value 1 is nan"),
        ([math.inf], [1], "value 0 is inf"),
    ],
)
def test_what_cannot_be_measured_is_refused(values: list[float], groups: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap(values, groups)
    with pytest.raises(ValueError, match=message):
        paired([0.0] * len(groups), values, groups)
    with pytest.raises(ValueError, match=message):
        standard_error(values, groups)


def test_a_statistic_of_the_whole_set_is_drawn_by_documents() -> None:
    rng = np.random.default_rng(1)
    values, groups = rng.random(60), rng.integers(0, 12, 60).tolist()
    mean = bootstrap(values, groups, rounds=500, seed=3)
    same = bootstrap_statistic(lambda rows: float(values[rows].mean()), groups, rounds=500, seed=3)
    assert (same.mean, same.low, same.high) == pytest.approx((mean.mean, mean.low, mean.high))
    assert (same.questions, same.groups) == (60, 12)


def test_draws_without_a_value_are_left_out() -> None:
    groups = [0, 1, 2, 3, 4, 5]
    rarely = bootstrap_statistic(lambda rows: float(np.mean(rows)) if 0 in rows else math.nan, groups)
    assert rarely.low < rarely.mean == 2.5 < rarely.high
    mostly = bootstrap_statistic(lambda rows: 1.0 if len(set(rows.tolist())) == 6 else math.nan, groups)
    assert mostly.mean == 1.0 and math.isnan(mostly.low) and math.isnan(mostly.high)


# -- the paired comparison ---------------------------------------------------------------------------------------------


def test_identical_systems() -> None:
    found = paired([0.1, 0.7, 0.3] * 10, [0.1, 0.7, 0.3] * 10, list(range(30)))
    assert (found.difference, found.low, found.high, found.p, found.effect) == (0, 0, 0, 1, 0)
    assert math.isnan(found.detectable) and "no spread" in str(found)


def test_the_exact_test_is_brute_force() -> None:
    rng = np.random.default_rng(0)
    for groups in (1, 2, 5, 9):
        owner = np.repeat(np.arange(groups), rng.integers(1, 5, groups))
        a, b = rng.integers(0, 3, (2, len(owner))) / 10  # ties, and sums that rounding would tell apart
        sums = [sum(y - x for g, x, y in zip(owner, a, b, strict=True) if g == one) for one in range(groups)]
        sizes = [list(owner).count(one) for one in range(groups)]
        ranks = []
        for signs in itertools.product((1, -1), repeat=groups):
            total = round(sum(sign * value for sign, value in zip(signs, sums, strict=True)), 9)
            ties = sum(sign * value / size for sign, value, size in zip(signs, sums, sizes, strict=True))
            ranks.append((abs(total), round(ties if total > 0 else -ties if total else abs(ties), 9)))
        expected = sum(rank >= ranks[0] for rank in ranks) / len(ranks)
        assert paired(a, b, owner.tolist()).p == pytest.approx(expected)


def test_random_flips_agree_with_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulate(np.random.default_rng(5), 14, planted=0.1)
    exact = paired(made.a, made.b, made.documents.tolist()).p
    monkeypatch.setattr(compare_resampling, "EXACT", 3)
    drawn = paired(made.a, made.b, made.documents.tolist()).p
    assert 0.01 < exact < 0.5  # else there is nothing to agree about
    assert drawn != exact and drawn == pytest.approx(exact, abs=3 * math.sqrt(exact / 10_000))


def test_a_random_test_never_gives_zero() -> None:
    found = paired([0.0] * 40, [1.0 + n / 100 for n in range(40)], list(range(40)), flips=499)
    assert found.p == found.least_p == 1 / 500


@pytest.mark.parametrize(("documents", "least"), [(1, 1.0), (5, 0.0625), (6, 0.03125), (14, 2.0**-13)])
def test_least_p_is_what_the_clearest_difference_gets(documents: int, least: float) -> None:
    found = paired([0.0] * documents, [1.0 + n / 10 for n in range(documents)], list(range(documents)))
    assert found.p == found.least_p == least
    assert (found.detectable == math.inf) == (documents <= 5)
    assert ("too few documents" in str(found)) == (documents <= 5)


def test_the_other_way_round() -> None:
    made = simulate(np.random.default_rng(1), 20, planted=0.05)
    there, back = (paired(x, y, made.documents.tolist(), seed=4) for x, y in ((made.a, made.b), (made.b, made.a)))
    assert (there.difference, there.effect, there.p) == pytest.approx((-back.difference, -back.effect, back.p))
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.low < there.difference < there.high


def test_effect_is_the_mean_over_its_deviation() -> None:
    change = np.random.default_rng(0).normal(0.3, 1, (8, 5))
    found = paired(np.zeros(40), change.ravel(), np.repeat(np.arange(8), 5).tolist())
    means = change.mean(axis=1)
    assert found.effect == pytest.approx(means.mean() / means.std(ddof=1))
    assert math.isnan(paired([0.0, 0.0], [1.0, 0.0], ["x", "x"]).effect)
    assert paired([1.0, 1.0], [0.0, 0.0], ["x", "y"]).effect == -math.inf


def test_a_comparison_in_words() -> None:
    found = paired([0.0, 1.0] * 8, [1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0] * 2, [f"文档 {n // 2}" for n in range(16)])
    assert str(found).startswith("0.500 → 0.875: +0.375 [+0.")
    assert str(found).endswith("(n=16, 8 documents)") and "p=0.0312, d_z=1.62, detectable 0.268" in str(found)


def test_one_document_tells_nothing() -> None:
    found = paired([0.0, 0.0], [1.0, 1.0], [7, 7])
    assert found.difference == 1 and found.p == 1
    assert math.isnan(found.low) and math.isnan(found.high)


def test_thousands_of_questions_take_no_time() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.random((2, 4_000)) < 0.6).astype(np.float64)
    groups = [f"document {n}" for n in rng.integers(0, 400, 4_000)]
    started = time.process_time()
    paired(a, b, groups)
    assert time.process_time() - started < 1.0  # 0.1 s on an idle core


# -- standard error and power -----------------------------------------------------------------------------------------


def test_standard_error_is_that_of_the_documents_means() -> None:
    values = np.random.default_rng(0).normal(size=(6, 4))
    expected = values.mean(axis=1).std(ddof=1) / math.sqrt(6)
    assert standard_error(values.ravel(), np.repeat(np.arange(6), 4).tolist()) == pytest.approx(expected)
    assert math.isnan(standard_error([1.0, 2.0], ["x", "x"]))


def test_standard_error_of_unequal_documents_is_the_spread_of_the_means() -> None:
    rng = np.random.default_rng(0)
    means, errors = [], []
    for _ in range(1_000):
        made = simulate(rng, 30, unlike=0.1)
        means.append((made.b - made.a).mean())
        errors.append(standard_error(made.b - made.a, made.documents.tolist()))
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(means), rel=0.07)


@pytest.mark.parametrize(
    ("probability", "freedom", "quantile"),
    [(0.975, 1, 12.7062), (0.975, 4, 2.7764), (0.95, 10, 1.8125), (0.975, 59, 2.0010), (0.025, 4, -2.7764)],
)
def test_quantiles_of_the_tables(probability: float, freedom: int, quantile: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(quantile, abs=1e-4)


@pytest.mark.parametrize("groups", [6, 9, 30, 400, 5_000])
def test_power_is_scipys(groups: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    for shift in (0.5, 2.0, 3.5):
        critical = stats.t.ppf(0.975, groups - 1)
        expected = stats.nct.sf(critical, groups - 1, shift) + stats.nct.cdf(-critical, groups - 1, shift)
        assert power(shift * 0.02, 0.02, groups) == pytest.approx(expected, abs=1e-6)
        assert power(-shift * 0.02, 0.02, groups) == power(shift * 0.02, 0.02, groups)


def test_what_is_detectable_is_found_at_that_power() -> None:
    for groups in (6, 20, 300):
        assert power(detectable(0.013, groups), 0.013, groups) == pytest.approx(0.8)
        assert power(detectable(0.013, groups, 0.1, 0.9), 0.013, groups, 0.1) == pytest.approx(0.9)
    assert power(0.0, 0.013, 20) == pytest.approx(0.05)
    assert detectable(0.01, 100_000) == pytest.approx(0.01 * (1.95996 + 0.84162), rel=1e-3)


def test_power_where_there_is_none() -> None:
    assert power(0.5, 0.01, 5) == 0.0 and power(0.5, 0.01, 5, alpha=0.1) > 0.9
    assert detectable(0.01, 5) == math.inf and detectable(0.01, 5, alpha=0.1) < 1
    assert math.isnan(power(0.5, 0.0, 20)) and math.isnan(detectable(math.nan, 20))
    with pytest.raises(ValueError, match=r"power 1\.5 is not between"):
        detectable(0.01, 20, power=1.5)


# -- what is not there is not found, what is there is ------------------------------------------------------------------


@pytest.mark.parametrize(("unlike", "naive"), [(0.0, None), (0.1, 0.1)])
def test_equal_systems_differ_in_five_of_a_hundred(unlike: float, naive: float | None) -> None:
    rng = np.random.default_rng(0)
    runs, found, by_question = 1_000, 0, 0
    for run in range(runs):
        made = simulate(rng, 60, unlike=unlike)
        found += paired(made.a, made.b, made.documents.tolist(), 1, run, flips=199).p <= 0.05
        if naive and run < 100:  # single questions flipped: what the documents are there to prevent
            by_question += paired(made.a, made.b, range(len(made.a)), 1, run, flips=199).p <= 0.05
    assert abs(found / runs - 0.05) <= margin(0.05, runs)
    assert naive is None or by_question / 100 > naive


def test_a_planted_difference_is_found_as_often_as_announced() -> None:
    rng = np.random.default_rng(0)
    runs, found, announced = 1_000, 0, []
    for run in range(runs):
        made = simulate(rng, 60, planted=0.03)
        owner = made.documents.tolist()
        announced.append(power(0.03, standard_error(made.b - made.a, owner), 60))
        found += paired(made.a, made.b, owner, 1, run, flips=499).p <= 0.05
    assert abs(found / runs - np.mean(announced)) <= margin(0.35, runs) + 0.01
    assert np.mean(announced) > 0.2


# -- metrics of a whole set --------------------------------------------------------------------------------------------


def _mean(rows: FloatArray) -> float:
    return float(rows.mean())


@pytest.mark.parametrize("documents", [6, 9])
def test_the_mean_as_a_statistic_is_the_paired_comparison(documents: int) -> None:
    rng = np.random.default_rng(2)
    made = simulate(rng, documents, planted=0.1)
    owner, b = made.documents.tolist(), made.b + rng.normal(0, 0.1, len(made.b))  # graded: no ties
    plain = paired(made.a, b, owner, 1_000, 7)
    whole = paired_statistic(_mean, made.a, b, owner, 1_000, 7)
    for name in ("a", "b", "difference", "low", "high", "p", "least_p", "questions", "groups"):
        assert getattr(whole, name) == pytest.approx(getattr(plain, name)), name
    assert whole.detectable == pytest.approx(plain.detectable, rel=0.1)
    assert whole.effect == pytest.approx(plain.effect, rel=0.1)


def test_random_exchanges_agree_with_flips() -> None:
    rng = np.random.default_rng(3)
    made = simulate(rng, 30, planted=0.04)
    owner, b = made.documents.tolist(), made.b + rng.normal(0, 0.1, len(made.b))
    plain = paired(made.a, b, owner)
    whole = paired_statistic(_mean, made.a, b, owner, rounds=10, exchanges=3_000)
    assert 0.01 < plain.p < 0.9
    assert whole.p == pytest.approx(plain.p, abs=4 * math.sqrt(plain.p / 3_000)) and whole.least_p == 1 / 3_001


def test_columns_stay_together() -> None:
    """A statistic of two columns: the share of confident answers that are right."""
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(12), 20)
    right = rng.random(240) < 0.6
    sure, unsure = right + rng.normal(0, 0.2, 240), rng.random(240)
    found = paired_statistic(
        lambda rows: float(rows[rows[:, 0] > 0.5, 1].mean()),
        np.column_stack([unsure, right]),
        np.column_stack([sure, right]),
        owner.tolist(),
        rounds=300,
    )
    assert found.b > 0.95 and 0.4 < found.a < 0.8 and found.p <= 0.01 and found.low > 0.1


def test_whole_set_without_a_value() -> None:
    a, owner = np.arange(12.0), list(range(12))
    nothing = paired_statistic(lambda rows: math.nan, a, a + 1, owner, rounds=20, exchanges=20)
    assert all(math.isnan(getattr(nothing, name)) for name in ("difference", "low", "high", "p", "effect"))
    same = paired_statistic(_mean, a, a, owner, rounds=20)
    assert (same.p, same.difference, same.low, same.high) == (1, 0, 0, 0)
    with pytest.raises(ValueError, match="12 and 11 rows for 12 groups"):
        paired_statistic(_mean, a, a[1:], owner)


# -- many metrics -----------------------------------------------------------------------------------------------------


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([]) == []
    apart = holm([math.nan, 0.02, math.nan, 0.04])
    assert math.isnan(apart[0]) and math.isnan(apart[2]) and (apart[1], apart[3]) == (0.04, 0.04)


def test_twenty_metrics_find_nothing_more_often_than_one() -> None:
    rng = np.random.default_rng(0)
    runs = 200
    families = [family(rng, 20, 20, weight=0.0, flips=799) for _ in range(runs)]
    assert sum(min(p) <= 0.05 for p in families) / runs > 0.4  # 1 - 0.95^20 = 0.64
    assert sum(min(holm(p)) <= 0.05 for p in families) / runs <= 0.05 + margin(0.05, runs)
