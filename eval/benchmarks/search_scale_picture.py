"""How a search grows with the number of chunks, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

#: Panels: title, unit, and the columns of the table with their names in the legend.
PANELS = (
    ("Search", "ms", {"p95_ms": "P95", "p50_ms": "P50"}),
    (
        "Parts of it (processor, P50)",
        "ms",
        {"embed": "embedding", "dense": "dense", "lexical": "lexical", "catalog": "catalog"},
    ),
    ("Opening", "s", {"open_s": "all files checked"}),
    ("Memory", "MB", {"own_MB": "own", "mapped_MB": "mapped files"}),
    ("Disk", "MB", {"catalog_MB": "catalog", "index_MB": "indexes"}),
    ("Recall@10 of the dense side", "", {"recall@10": "beside an exact search"}),
)


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write a PNG with one panel for each kind of cost that was measured.

    Both axes are logarithmic: what grows as fast as the number of chunks rises by a decade from one to the next.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    figure = Figure(figsize=(12, 6.5), layout="constrained")
    sizes = [int(row["chunks"]) for row in rows]
    places = iter(figure.subplots(2, 3).ravel())
    for title, unit, columns in PANELS:
        if not any(column in row for column in columns for row in rows):
            continue
        axes = next(places)
        for column, name in columns.items():
            axes.plot(sizes, [float(row.get(column, "nan")) for row in rows], marker="o", label=name)
        axes.set(title=title, xlabel="chunks", ylabel=unit, xscale="log")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        if "recall@10" in columns:
            axes.set_ylim(0.9, 1.005)
        elif all(float(row.get(column, "nan")) != 0 for column in columns for row in rows):  # 0: less than is printed
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    for axes in places:
        axes.set_axis_off()
    figure.savefig(path, dpi=120)
