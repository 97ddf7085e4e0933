"""Check the statistics of eval/compare.py on simulated systems whose truth is known.

    python -m eval.benchmarks.statistics_check

Prints Markdown tables: how often a test finds what is not there, whether planted differences are found as often as
announced, how often intervals hold the truth, and what Holm's correction does for many metrics.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eval.compare import bootstrap, holm, paired, paired_statistic, power, standard_error
from eval.compare_power import FloatArray, t_quantile
from eval.compare_resampling import IndexArray, mean_draws
from eval.metrics.refusals import auroc

# Knobs.
SIZES = (3, 25)  # questions of a document, from and to
EASE = 0.8  # logit of the typical question's accuracy
SPREAD = 1.0  # standard deviation of the difficulty of documents, and of questions within one, in logits
FLIPS = 1_999  # enough to know p = 0.05; the level of the test does not depend on it
ROUNDS = 1_000
METRICS = 20


@dataclass(frozen=True)
class Outcomes:
    """Right (1) and wrong (0) answers of two systems to the same questions, and the questions' documents."""

    a: FloatArray
    b: FloatArray
    documents: IndexArray


def simulate(rng: np.random.Generator, documents: int, planted: float = 0.0, unlike: float = 0.0) -> Outcomes:
    """Two systems whose true accuracies differ by ``planted`` on every question.

    With ``unlike``, each document also favours one of them, drawn by a fair coin, by twice that much: they are equally
    good over documents in general, yet the questions of one document agree about who is better.
    """
    owner = np.repeat(np.arange(documents), rng.integers(SIZES[0], SIZES[1] + 1, documents))
    difficulty = rng.normal(0, SPREAD, documents)[owner] + rng.normal(0, SPREAD, len(owner))
    margin = 0.02 + unlike
    chance = np.clip(1 / (1 + np.exp(-EASE - difficulty)), margin, 1 - margin - planted)
    favour = rng.choice([-unlike, unlike], documents)[owner]
    a = rng.random(len(owner)) < chance - favour
    b = rng.random(len(owner)) < chance + planted + favour
    return Outcomes(a.astype(np.float64), b.astype(np.float64), owner)


def margin(share: float, runs: int) -> float:
    """Half of the 95% binomial interval around a share, for so many runs."""
    return 1.96 * math.sqrt(share * (1 - share) / runs)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=1_000, help="simulated comparisons for each row")
    runs: int = parser.parse_args().runs
    for table in (_false_findings, _whole_set, _planted, _coverage, _families):
        for line in table(runs):
            print(line, flush=True)
        print()


def _false_findings(runs: int) -> Iterator[str]:
    yield f"Equal systems found to differ at 5% (95% binomial: 0.050 ± {margin(0.05, runs):.3f})\n"
    yield "| documents | document favours | flipping documents | flipping questions |\n| --- | --- | --- | --- |"
    for documents in (6, 8, 20, 60):
        for unlike in (0.0, 0.1):
            rng = np.random.default_rng(documents)
            found = np.zeros(2)
            for run in range(runs):
                made = simulate(rng, documents, unlike=unlike)
                owners = (made.documents.tolist(), range(len(made.a)))
                found += [paired(made.a, made.b, owner, 1, run, flips=FLIPS).p <= 0.05 for owner in owners]
            yield f"| {documents} | ± {unlike} | {found[0] / runs:.3f} | {found[1] / runs:.3f} |"


def _whole_set(runs: int) -> Iterator[str]:
    runs = max(1, runs // 2)
    yield f"Equal confidences found to differ in AUROC at 5% (95% binomial: 0.050 ± {margin(0.05, runs):.3f})\n"
    yield "| documents | exchanging documents | interval leaves 0 out |\n| --- | --- | --- |"
    for documents in (8, 20):
        rng = np.random.default_rng(documents)
        found = np.zeros(2)
        for run in range(runs):
            made = simulate(rng, documents)
            signal = made.a + rng.normal(0, 0.5, documents)[made.documents]
            a, b = (np.column_stack([signal + rng.normal(0, 1, len(signal)), made.a]) for _ in range(2))
            seen = paired_statistic(_auroc, a, b, made.documents.tolist(), 199, run, 199)
            found += [seen.p <= 0.05, seen.low > 0 or seen.high < 0]
        yield f"| {documents} | {found[0] / runs:.3f} | {found[1] / runs:.3f} |"


def _auroc(rows: FloatArray) -> float:
    return auroc(rows[:, 0], rows[:, 1] > 0)


def _planted(runs: int) -> Iterator[str]:
    yield "Planted differences: found at 5%, against the mean of what `power()` announced\n"
    yield "| documents | points | announced | found | ± |\n| --- | --- | --- | --- | --- |"
    for documents, planted in ((8, 0.1), (20, 0.03), (20, 0.1), (60, 0.03), (60, 0.05), (200, 0.03)):
        rng = np.random.default_rng(documents)
        announced = found = 0.0
        for run in range(runs):
            made = simulate(rng, documents, planted)
            owner = made.documents.tolist()
            announced += power(planted, standard_error(made.b - made.a, owner), documents) / runs
            found += (paired(made.a, made.b, owner, 1, run, flips=FLIPS).p <= 0.05) / runs
        yield f"| {documents} | {100 * planted:.0f} | {announced:.3f} | {found:.3f} | {margin(found, runs):.3f} |"


def _coverage(runs: int) -> Iterator[str]:
    yield f"Intervals that hold the truth, and their mean width (95% binomial: 0.950 ± {margin(0.05, runs):.3f})\n"
    yield "| of | documents | expanded percentiles (used) | plain percentiles | t, clustered error |"
    yield "| --- | --- | --- | --- | --- |"
    accuracy = float(np.mean(simulate(np.random.default_rng(0), 200_000).a))
    for of, truth in (("accuracy", accuracy), ("difference", 0.0)):
        for documents in (3, 5, 8, 10, 20, 60):
            rng = np.random.default_rng(documents)
            held, width = np.zeros(3), np.zeros(3)
            for run in range(runs):
                made = simulate(rng, documents, unlike=0.0 if of == "accuracy" else 0.1)
                values = made.a if of == "accuracy" else made.b - made.a
                ends = np.array(_intervals(values, made.documents, documents, run))
                held += (ends[:, 0] <= truth) & (truth <= ends[:, 1])
                width += ends[:, 1] - ends[:, 0]
            cells = " | ".join(
                f"{share:.3f} ({wide:.3f})" for share, wide in zip(held / runs, width / runs, strict=True)
            )
            yield f"| {of} | {documents} | {cells} |"


def _intervals(values: FloatArray, owner: IndexArray, documents: int, seed: int) -> list[tuple[float, float]]:
    used = bootstrap(values, owner.tolist(), ROUNDS, seed)
    plain = np.percentile(mean_draws(owner, documents, values, ROUNDS, seed), [2.5, 97.5])
    reach = t_quantile(0.975, documents - 1) * standard_error(values, owner.tolist())
    return [(used.low, used.high), (plain[0], plain[1]), (used.mean - reach, used.mean + reach)]


def _families(runs: int) -> Iterator[str]:
    runs = max(1, runs // 4)
    yield f"Comparisons of equal systems by {METRICS} metrics with any finding at 5% (± {margin(0.05, runs):.3f})\n"
    yield "| documents | metrics | each on its own | Holm |\n| --- | --- | --- | --- |"
    for documents in (20, 60):
        for name, weight in (("independent", 0.0), ("alike", 0.7)):
            rng = np.random.default_rng(documents)
            any_found = np.zeros(2)
            for _ in range(runs):
                p = family(rng, documents, METRICS, weight)
                any_found += [min(p) <= 0.05, min(holm(p)) <= 0.05]
            yield f"| {documents} | {name} | {any_found[0] / runs:.3f} | {any_found[1] / runs:.3f} |"


def family(rng: np.random.Generator, documents: int, metrics: int, weight: float, flips: int = FLIPS) -> list[float]:
    """The p values of equal systems by many metrics, which share ``weight`` of their deviations (correlation)."""
    owner = np.repeat(np.arange(documents), rng.integers(SIZES[0], SIZES[1] + 1, documents))
    a, b = (
        math.sqrt(weight) * rng.normal(size=len(owner)) + math.sqrt(1 - weight) * rng.normal(size=(metrics, len(owner)))
        for _ in range(2)
    )
    seeds = rng.integers(0, 2**32, metrics).tolist()
    return [
        paired(x, y, owner.tolist(), rounds=1, seed=seed, flips=flips).p for seed, x, y in zip(seeds, a, b, strict=True)
    ]


if __name__ == "__main__":
    main()
