"""``ragbot eval compare``, ``judge``, ``list``, ``show``, ``diff`` and ``report``: what is done with stored runs."""

from __future__ import annotations

import webbrowser
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragbot.console import evaluation_tables as tables
from ragbot.console.evaluation_parts import (
    REPORT,
    contrast_of,
    figures_of,
    judge_all,
    judge_of,
    judged_by,
    lost,
    settings_of,
    store_of,
    write_pages,
)
from ragbot.console.options import AnswerOptions, Options
from ragbot.errors import EvaluationError, UserError

if TYPE_CHECKING:
    from ragbot.console.eval_commands import FailOn


def compare(
    options: Options,
    before: str,
    after: str,
    metrics: Sequence[str] | None,
    every: bool,
    fail_on: FailOn,
    report: Path | None,
    markdown: Path | None,
) -> int:
    """Print the table of verdicts; returns the exit code."""
    from eval.metrics.table import METRICS

    if fail_on != "never" and any(METRICS[name].kind == "cost" for name in metrics or () if name in METRICS):
        raise UserError("--fail-on looks at quality alone: times depend on the load of the machine, leave them out")
    settings = settings_of(options)
    store = store_of(settings)
    a, b = store.load(before), store.load(after)
    found = contrast_of(a, b, metrics)
    if report or markdown:
        write_pages(b, found, [report], [markdown], settings)
    failed = lost(found, fail_on, options.terminal)
    options.terminal.show({**asdict(found), "regressions": failed, "all": every}, tables.contrast)
    return int(bool(failed))


def judge(options: AnswerOptions, name: str, spec: str, workers: int) -> None:
    """Have a stored run judged, and print what came of it."""
    settings = settings_of(options)
    found = store_of(settings).load(name)
    judge_all(found, judge_of(spec, settings), workers, options.terminal)
    options.terminal.show({"run": found.name, "judge": judged_by(found)}, tables.judged)


def listing(options: Options) -> None:
    """Print the stored runs."""
    settings = settings_of(options)
    options.terminal.show({"runs": store_of(settings).manifests()}, tables.listing)


def show(options: Options, name: str, every: bool) -> None:
    """Print the figures of a run."""
    found = store_of(settings_of(options)).load(name)
    value = {
        "run": dict(found.manifest),
        "errors": found.errors,
        "figures": figures_of(found),
        "folder": str(found.folder or ""),
        "judge": judged_by(found),
        "all": every,
    }
    options.terminal.show(value, tables.run)


def diff(options: Options, before: str, after: str) -> None:
    """Print what differs between the manifests of two runs."""
    store = store_of(settings_of(options))
    a, b = (_flat(store.load(name).manifest) for name in (before, after))
    changed = {key: {"a": a.get(key), "b": b.get(key)} for key in sorted({**a, **b}) if a.get(key) != b.get(key)}
    options.terminal.show({"differences": changed}, tables.differences)


def report(options: Options, name: str, output: Path | None, against: str, open_browser: bool) -> None:
    """Write the HTML report of a run."""
    settings = settings_of(options)
    store = store_of(settings)
    found = store.load(name)
    if found.folder is None and output is None:
        raise EvaluationError("a baseline has no folder: say where the report goes with --output FILE")
    path = output or (found.folder or Path()) / REPORT
    write_pages(found, contrast_of(store.load(against), found) if against else None, [path], [], settings)
    options.terminal.show({"report": str(path)}, lambda terminal, _: terminal.line(str(path)))
    if open_browser:
        webbrowser.open(path.absolute().as_uri())


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
