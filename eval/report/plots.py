"""The plots of a report: each a drawing with what a reader has to know to read it; None where there is nothing to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from eval.metrics.refusals import reliability, risk_coverage
from eval.metrics.table import CUTOFFS, METRICS
from eval.records import Row
from eval.report.svg import BLUE, FAINT, GREEN, INK, VERMILION, Label, draw
from eval.report.words import Words
from eval.summary import ALL, FEWEST, Figure, confidences

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 10
LONGEST_LABEL = 30
#: The tail of the times beyond this many P95 goes into the last bar.
TAIL = 2.0


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing: ``svg`` is trusted markup, the rest plain text."""

    title: str
    note: str
    svg: str


def run_plots(rows: Sequence[Row], figures: Sequence[Figure], say: Words) -> list[Plot]:
    """The plots of the whole run."""
    drawn = (depth_plot(figures, say), risk_plot(rows, say), reliability_plot(rows, say), latency_plot(rows, say))
    return [plot for plot in drawn if plot]


def depth_plot(figures: Sequence[Figure], say: Words) -> Plot | None:
    """Hit and recall by depth, with their intervals."""
    whole = {figure.metric: figure.interval for figure in figures if figure.slice == ALL}
    depths = [k for k in CUTOFFS if f"hit@{k}" in whole and f"recall@{k}" in whole]
    if not depths:
        return None

    curves = [("hit", "hit@k", BLUE, "o-"), ("recall", "recall@k", VERMILION, "s--")]
    if all(whole[f"hit@{k}"] == whole[f"recall@{k}"] for k in depths):  # one gold place a question
        curves = [("hit", "hit@k = recall@k", BLUE, "o-")]

    def paint(axes: Axes, label: Label) -> None:
        for stem, name, colour, style in curves:
            found = [whole[f"{stem}@{k}"] for k in depths]
            lows, highs = [item.low for item in found], [item.high for item in found]
            axes.fill_between(depths, lows, highs, color=colour, alpha=0.15, linewidth=0)
            axes.plot(depths, [item.mean for item in found], style, color=colour, markersize=4, label=label(name))
        lowest = min(whole[f"{stem}@{k}"].low for stem in ("hit", "recall") for k in depths)
        axes.set_ylim(max(0.0, np.floor((lowest - 0.05) * 10) / 10), 1.005)
        axes.set_xticks(depths, [label(str(k)) for k in depths])
        axes.set_xlabel(label("k"))
        axes.grid(axis="y")
        axes.legend(loc="lower right")

    title = say("plot_depth")
    return Plot(title, say("plot_depth_note"), draw("depth", title, paint))


def risk_plot(rows: Sequence[Row], say: Words) -> Plot | None:
    """How often answers are wrong if only the surest share of the questions is answered (El-Yaniv & Wiener 2010)."""
    sure, _, right, _ = confidences(rows, judged=True)
    if len(sure) < FEWEST:
        return None
    coverage, risk = risk_coverage(sure, right)

    def paint(axes: Axes, label: Label) -> None:
        axes.plot(coverage, risk, color=BLUE, drawstyle="steps-post")
        axes.axhline(1 - float(np.mean(right)), color=FAINT, linestyle="--", linewidth=1)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, min(1.0, max(0.1, float(np.max(risk)) * 1.1)))
        axes.set_xlabel(label(say("coverage")))
        axes.set_ylabel(label(say("risk")))
        axes.grid()

    title = say("plot_risk")
    return Plot(title, say("plot_risk_note"), draw("risk", title, paint))


def reliability_plot(rows: Sequence[Row], say: Words) -> Plot | None:
    """Confidence against the share of answerable questions, with how many questions each bin has."""
    sure, answerable, _, _ = confidences(rows)
    if len(sure) < FEWEST:
        return None
    bins = [item for item in reliability(sure, answerable, BINS) if item.questions]

    def paint(axes: Axes, label: Label) -> None:
        axes.plot([0, 1], [0, 1], "--", color=FAINT, linewidth=1)
        most = max(item.questions for item in bins)
        for x, y, n in bins:
            size = 4 + 10 * (n / most) ** 0.5
            axes.plot([x], [y], "o", color=BLUE, alpha=0.6, markersize=size, markeredgewidth=0)
            below, gap = y > 0.85, size / 2 + 2
            axes.annotate(
                label(str(n)),
                (x, y),
                xytext=(0, -gap if below else gap),
                textcoords="offset points",
                ha="center",
                va="top" if below else "bottom",
                fontsize=8.5,
            )
        axes.set_xlim(-0.02, 1.04)
        axes.set_ylim(-0.04, 1.06)
        axes.set_xlabel(label(say("confidence")))
        axes.set_ylabel(label(say("frequency")))
        axes.grid()

    title = say("plot_reliability")
    return Plot(title, say("plot_reliability_note"), draw("reliability", title, paint))


def latency_plot(rows: Sequence[Row], say: Words) -> Plot | None:
    """How long questions took, with the median and the 95th percentile."""
    for metric in ("seconds", "search_seconds"):
        values = np.asarray([row.metrics[metric] for row in rows if metric in row.metrics and not row.error])
        if len(values) >= FEWEST and values.max() > 0:
            break
    else:
        return None
    p50, p95 = np.percentile(values, [50, 95])
    end = min(float(values.max()), float(p95) * TAIL) or float(values.max())
    beyond = int((values > end).sum())

    def paint(axes: Axes, label: Label) -> None:
        axes.hist(np.minimum(values, end), bins=np.linspace(0, end, 31).tolist(), color=BLUE, alpha=0.55)
        for name, at, colour, style in (("P50", p50, GREEN, "-"), ("P95", p95, VERMILION, "--")):
            axes.axvline(at, ymax=0.84, color=colour, linestyle=style, label=label(f"{name} {at:.3f} s"))
        axes.set_xlim(0, end)
        axes.set_ylim(0, axes.get_ylim()[1] * 1.2)  # room for the legend above the bars
        axes.set_xlabel(label(say("seconds")))
        axes.set_ylabel(label(say("questions_axis")))
        axes.legend(loc="upper right", ncols=2)

    title = say("plot_latency")
    note = say("plot_latency_note", metric=say.metric(metric))
    if beyond:
        note = say.joined([note, say("plot_latency_tail", count=beyond, seconds=f"{end:.2f}")])
    return Plot(title, note, draw("latency", title, paint))


def slice_plots(figures: Sequence[Figure], say: Words) -> list[Plot]:
    """For each primary metric a bar for each slice, with its interval."""
    plots = []
    for metric in METRICS.values():
        found = [figure for figure in figures if figure.metric == metric.name]
        most = max((figure.interval.questions for figure in found), default=0)
        # A slice that has them all says what "all" says.
        chosen = [figure for figure in found if figure.slice == ALL or figure.interval.questions < most]
        if metric.primary and len(chosen) > 1:
            name = f"slice-{metric.name.replace('@', '-').replace('_', '-')}"
            svg = draw(name, f"{metric.name}: {say.metric(metric.name)}", _bars(chosen, say), 0.55 + 0.23 * len(chosen))
            plots.append(Plot(metric.name, say.metric(metric.name), svg))
    return plots


def _bars(figures: Sequence[Figure], say: Words) -> Any:
    def paint(axes: Axes, label: Label) -> None:
        places = np.arange(len(figures))
        means = np.asarray([figure.interval.mean for figure in figures])
        axes.barh(places, means, height=0.6, color=[INK if f.slice == ALL else BLUE for f in figures], alpha=0.45)
        axes.errorbar(means, places, xerr=_whiskers(figures), fmt="none", ecolor=INK, elinewidth=1, capsize=2.5)
        axes.set_yticks(places, [label(_bar_label(figure, say)) for figure in figures])
        axes.tick_params(axis="y", length=0)
        axes.invert_yaxis()
        axes.set_xlim(0, None if METRICS[figures[0].metric].unit else 1.0)
        axes.grid(axis="x")

    return paint


def _whiskers(figures: Sequence[Figure]) -> npt.NDArray[np.float64]:
    """Lengths below and above the mean; a percentile interval may lie on one side of it."""
    ends = [(f.interval.mean - f.interval.low, f.interval.high - f.interval.mean) for f in figures]
    return np.maximum(np.asarray(ends, np.float64).T, 0.0)


def _bar_label(figure: Figure, say: Words) -> str:
    name = say.slice(figure.slice)
    return f"{name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 1] + '…'} ({figure.interval.questions})"
