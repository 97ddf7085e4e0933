from __future__ import annotations

import math
import random
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.refusals import Bin, aurc, auroc, expected_calibration_error, reliability, risk_coverage

PAIRS = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7, 1.0]), st.booleans()), min_size=1, max_size=30)


def test_auroc_by_hand() -> None:
    assert auroc([0.9, 0.8, 0.3, 0.1], [True, False, True, False]) == 0.75
    assert auroc([0.9, 0.5, 0.5], [True, True, False]) == 0.75  # equal counts half
    assert auroc([1, 1, 1], [True, False, False]) == 0.5
    assert auroc([0.1, 0.9], [True, False]) == 0.0


@given(PAIRS)
def test_auroc_by_its_definition_and_mirrored(pairs: list[tuple[float, bool]]) -> None:
    confidence, answerable = zip(*pairs, strict=True)
    positive = [c for c, a in pairs if a]
    negative = [c for c, a in pairs if not a]
    value = auroc(confidence, answerable)
    if not positive or not negative:
        assert math.isnan(value)
        return
    wins = sum((p > n) + (p == n) / 2 for p in positive for n in negative)
    assert value == pytest.approx(wins / len(positive) / len(negative))
    assert value + auroc(confidence, [not a for a in answerable]) == pytest.approx(1)


def test_auroc_by_scikit_learn() -> None:
    official = pytest.importorskip("sklearn.metrics").roc_auc_score
    rng = np.random.default_rng(3)
    for decimals in (1, 2, 9):
        confidence, answerable = rng.random(500).round(decimals), rng.random(500) < 0.7
        assert auroc(confidence, answerable) == pytest.approx(official(answerable, confidence), abs=1e-12)


def test_risk_coverage_by_hand() -> None:
    coverage, risk = risk_coverage([0.2, 0.9, 0.5, 0.7], [0, 1, 1, 0])
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert risk.tolist() == pytest.approx([0, 1 / 2, 1 / 3, 2 / 4])
    assert aurc([0.2, 0.9, 0.5, 0.7], [0, 1, 1, 0]) == pytest.approx((1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert risk_coverage([0.9, 0.5], [0.25, 1.0])[1].tolist() == [0.75, 0.375]  # answers may be partly right


@given(PAIRS, st.randoms())
def test_aurc_is_bounded_and_does_not_depend_on_the_order(pairs: list[tuple[float, bool]], rng: random.Random) -> None:
    confidence, correct = zip(*pairs, strict=True)
    value = aurc(confidence, correct)
    assert -1e-12 <= value <= 1 + 1e-12
    rng.shuffle(pairs)
    assert aurc([c for c, _ in pairs], [r for _, r in pairs]) == pytest.approx(value)
    assert aurc([0.5] * len(pairs), correct) == pytest.approx(1 - sum(correct) / len(pairs))


def test_a_confidence_that_knows_more_has_the_smaller_area() -> None:
    correct = np.arange(1000) % 3 > 0
    order = np.arange(1000.0)
    assert aurc(correct + order / 1e6, correct) < aurc(order, correct) < aurc(order / 1e6 - correct, correct)


def test_calibration_by_hand() -> None:
    confidence, outcome = [0.0, 0.1, 0.15, 0.95, 1.0], [0, 1, 0, 1, 1]
    bins = reliability(confidence, outcome)
    assert [b.questions for b in bins] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]  # the upper end is inside, and so is 0
    assert bins[0] == Bin(0.05, 0.5, 2)
    assert bins[9] == pytest.approx((0.975, 1.0, 2))
    assert math.isnan(bins[4].confidence) and math.isnan(bins[4].frequency)
    assert expected_calibration_error(confidence, outcome) == pytest.approx((2 * 0.45 + 0.15 + 2 * 0.025) / 5)
    assert expected_calibration_error(confidence, outcome, bins=1) == pytest.approx(abs(2.2 - 3) / 5)


@given(PAIRS, st.integers(1, 12))
def test_calibration_error_is_what_the_bins_say(pairs: list[tuple[float, bool]], bins: int) -> None:
    confidence, outcome = zip(*pairs, strict=True)
    filled = [b for b in reliability(confidence, outcome, bins) if b.questions]
    assert sum(b.questions for b in filled) == len(pairs)
    expected = sum(b.questions * abs(b.confidence - b.frequency) for b in filled) / len(pairs)
    assert expected_calibration_error(confidence, outcome, bins) == pytest.approx(expected)
    assert 0 <= expected <= 1


def test_a_confidence_that_means_what_it_says_is_calibrated() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.random(50_000)
    assert expected_calibration_error(confidence, rng.random(50_000) < confidence) < 0.01
    assert expected_calibration_error(confidence, rng.random(50_000) < confidence**2) > 0.1


def test_nothing_asked() -> None:
    assert math.isnan(auroc([], [])) and math.isnan(aurc([], [])) and math.isnan(expected_calibration_error([], []))
    coverage, risk = risk_coverage([], [])
    assert (coverage.tolist(), risk.tolist()) == ([], [])
    assert [b.questions for b in reliability([], [], 3)] == [0, 0, 0]


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="one outcome for each"):
        auroc([0.1, 0.2], [True])
    with pytest.raises(ValueError, match="nan"):
        aurc([0.1, math.nan], [1, 0])
    with pytest.raises(ValueError, match=r"1\.5.*from 0 to 1"):
        expected_calibration_error([0.1, 1.5], [1, 0])
    with pytest.raises(ValueError, match="1 or more"):
        reliability([0.1], [1], 0)


def test_a_bootstrap_can_afford_it() -> None:
    rng = np.random.default_rng(1)
    confidence, outcome = rng.random(1000), rng.random(1000) < 0.5
    started = time.process_time()
    for picks in rng.integers(0, 1000, (200, 1000)):
        auroc(confidence[picks], outcome[picks])
        aurc(confidence[picks], outcome[picks])
        expected_calibration_error(confidence[picks], outcome[picks])
    assert time.process_time() - started < 2  # a tenth of a bootstrap; a loop in Python takes much longer
