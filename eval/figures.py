"""A stored run's figures, computed once and kept beside it, and its report as the text of a page."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.compare import Interval
from eval.contrast import Contrast
from eval.files import write_json
from eval.records import Run
from eval.report.words import Language
from eval.summary import ALL, Figure, encode, summarize
from ragbot.errors import EvaluationError

FIGURES = "summary.json"
#: Bootstrap rounds while a run is under way: its intervals are looked at once, and are wide anyway.
_FEW_ROUNDS = 300


def figures_of(run: Run) -> list[Figure]:
    """All figures of a run; those of a finished one are kept in its folder."""
    path = run.folder / FIGURES if run.folder else None
    stamp = {"rows": len(run.rows), "finished": run.manifest["finished"]}
    if path is not None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["stamp"] == stamp:
                return [_decoded(item) for item in kept["figures"]]
    figures = summarize(run.rows)
    if path is not None and run.manifest["finished"]:
        with suppress(EvaluationError):  # it is computed anew the next time
            write_json(path, {"stamp": stamp, "figures": encode(figures)})
    return figures


def figures_so_far(run: Run) -> list[Figure]:
    """Those over all questions that were asked yet, with quick intervals: for a run that is under way."""
    rows = [replace(row, question=replace(row.question, tags={}, language="")) for row in run.rows]
    return [figure for figure in summarize(rows, _FEW_ROUNDS) if figure.slice == ALL]


def report_page(run: Run, against: Contrast | None = None, language: Language = "en") -> str:
    """The report of a run: one HTML page that needs nothing else.

    Raises:
        MissingExtraError: what it is made with is not installed.
    """
    from eval.report.html import write_report

    figures: Sequence[Figure] = figures_of(run)
    with tempfile.TemporaryDirectory(prefix="ragbot-report-") as folder:
        path = Path(folder) / "report.html"
        write_report(run, figures, path, against, language)
        return path.read_text(encoding="utf-8")


def _decoded(item: Mapping[str, Any]) -> Figure:
    """The reverse of :func:`eval.summary.encode`; JSON has no NaN."""
    kept: dict[str, Any] = {name: math.nan if value is None else value for name, value in item["interval"].items()}
    return Figure(item["metric"], item["slice"], Interval(**kept), item["p50"], item["p95"])
