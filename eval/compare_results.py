"""What an interval and a comparison say, as values."""

from __future__ import annotations

import math
from dataclasses import dataclass

from eval.compare_power import detectable

#: The level of the tests and of the smallest detectable difference, two-sided.
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95% bootstrap interval, and how many questions and groups it rests on."""

    mean: float
    low: float
    high: float
    questions: int
    groups: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}] (n={self.questions}, {self.groups} documents)"


@dataclass(frozen=True, slots=True)
class Difference:
    """System b against system a on the same questions, in units of the metric.

    Attributes:
        a: mean (or whole-set value) of the first system.
        b: the same of the second.
        difference: b - a.
        low: lower end of the 95% paired bootstrap interval over documents; nan for fewer than 2 documents.
        high: its upper end.
        p: two-sided p of the paired permutation test over documents.
        effect: d_z (Cohen 1988, chapter 2; Lakens 2013): the difference in units of its standard deviation over
            documents, computed as difference / (clustered standard error * sqrt(documents)). For documents of one
            size it is the mean of the documents' differences over their standard deviation. nan for fewer than 2
            documents.
        detectable: the smallest true difference that a set like this shows with 80% power at two-sided 5%; inf where
            so few documents can show none; nan where the differences do not vary, so that nothing is known.
        least_p: the smallest p that so many documents can give: above 0.05 for 5 documents and fewer.
        questions: how many pairs.
        groups: how many documents.
    """

    a: float
    b: float
    difference: float
    low: float
    high: float
    p: float
    effect: float
    detectable: float
    least_p: float
    questions: int
    groups: int

    def __str__(self) -> str:
        found = "too few documents to show any difference"
        if self.least_p <= ALPHA:
            found = "no spread" if math.isnan(self.detectable) else f"detectable {self.detectable:.3f}"
        return (
            f"{self.a:.3f} → {self.b:.3f}: {self.difference:+.3f} [{self.low:+.3f}, {self.high:+.3f}], "
            f"p={self.p:.3g}, d_z={self.effect:.2f}, {found} (n={self.questions}, {self.groups} documents)"
        )


def difference(
    before: float,
    after: float,
    interval: tuple[float, float],
    p: float,
    error: float,
    least: float,
    size: tuple[int, int],
) -> Difference:
    """Fill in what follows from the two means, their interval, p, clustered error, least p, and (questions, groups)."""
    questions, groups = size
    change = after - before
    if error > 0:
        effect = change / (error * math.sqrt(groups))
    else:  # no spread, or (nan) too few documents to know it
        effect = math.nan if math.isnan(error) else 0.0 if change == 0 else math.copysign(math.inf, change)
    if groups < 2:
        interval = math.nan, math.nan
    reach = math.inf if least > ALPHA else detectable(error, groups, ALPHA)
    return Difference(before, after, change, *interval, p, effect, reach, least, questions, groups)
