"""How numbers are written in the report; what is not a finite number is a dash."""

from __future__ import annotations

import math

from eval.metrics.table import METRICS

DASH = "–"


def number(value: float | None, metric: str) -> str:
    """A value of a metric, in its unit."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{_plain(value, metric)}{unit(metric)}"


def bounds(low: float, high: float, metric: str) -> str:
    """An interval, without the unit."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return DASH
    return f"[{_plain(low, metric)}, {_plain(high, metric)}]"


def signed(value: float, metric: str) -> str:
    """A difference of a metric, without the unit."""
    if not math.isfinite(value):
        return DASH
    text = _plain(abs(value), metric)
    if float(text) == 0:
        return text
    return f"{'+' if value > 0 else '−'}{text}"


def signed_bounds(low: float, high: float, metric: str) -> str:
    """The interval of a difference."""
    return f"[{signed(low, metric)}, {signed(high, metric)}]"


def probability(p: float) -> str:
    """A p-value."""
    if not math.isfinite(p):
        return DASH
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def unit(metric: str) -> str:
    """The unit after a number, with a space that does not break."""
    return "\N{NO-BREAK SPACE}s" if METRICS[metric].unit == "s" else ""


def _plain(value: float, metric: str) -> str:
    if METRICS[metric].unit in ("tokens", "steps"):
        return f"{value:.1f}"
    return f"{value:.3f}"
