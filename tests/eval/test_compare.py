"""The bootstrap: its mean, its coverage, and that it resamples groups."""

from __future__ import annotations

import numpy as np

from eval.compare import bootstrap


def test_mean_and_counts() -> None:
    interval = bootstrap([1.0, 0.0, 1.0, 1.0], [0, 0, 1, 2])
    assert (interval.mean, interval.questions, interval.groups) == (0.75, 4, 3)
    assert interval.low <= 0.75 <= interval.high


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
