"""What a search came to, for people (Markdown) and for ragbot (``ragbot.toml``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from eval.files import write_text
from eval.metrics.table import METRICS
from eval.tuning.space import Value
from eval.tuning.tune import Confirmation, Tuned
from ragbot.errors import UserError

SETTINGS, REPORT = "ragbot.toml", "report.md"
#: Trials that are listed.
_LISTED = 15


def write_settings(path: Path, recommended: Mapping[str, Value]) -> None:
    """Write the recommended settings as a settings file.

    Raises:
        UserError: the file is there; what a person wrote is not changed by a program.
    """
    text = as_toml(recommended)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UserError(f"{path} is there already; put these lines into it yourself:\n{text}") from None
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; choose another place with --output") from error


def as_toml(values: Mapping[str, Value]) -> str:
    """Dotted keys as TOML, a table for each section."""
    sections: dict[str, list[str]] = {}
    for key, value in sorted(values.items()):
        section, _, name = key.rpartition(".")
        sections.setdefault(section, []).append(f"{name} = {json.dumps(value)}")
    parts = ["\n".join(([f"[{section}]"] if section else []) + lines) for section, lines in sorted(sections.items())]
    return "\n\n".join(parts) + "\n"


def markdown(tuned: Tuned) -> str:
    """The report."""
    trials = sorted(tuned.trials, key=lambda trial: trial.mean, reverse=METRICS[tuned.metric].higher_is_better)
    start = tuned.trials[0]
    lines = [
        f"# Tuning for {tuned.metric}",
        "",
        f"{len(trials)} settings tried on {tuned.search_questions} questions about {tuned.search_documents} documents; "
        f"the best one tested on {tuned.confirm_questions} questions about {tuned.confirm_documents} other documents. "
        f"{tuned.seconds / 60:.1f} minutes{', then the time was up' if tuned.out_of_time else ''}.",
        "",
        "## Recommendation",
        "",
    ]
    if tuned.recommended:
        lines += ["```toml", as_toml(tuned.recommended).rstrip(), "```"]
    else:
        lines.append("No setting is better: keep those in use.")
    lines += ["", "## On documents that were not searched on", ""]
    if tuned.confirmations:
        lines += [
            "| change | metric | before | after | difference [95%] | p | could show | |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            *map(_row, tuned.confirmations),
            "",
            "p is doubled, because two things are tested. *Could show*: the smallest true difference that so many documents "
            "find in four of five tries.",
        ]
    else:
        lines.append("Nothing did better than the settings in use even where it was searched for.")
    lines += [
        "",
        "## The trials",
        "",
        f"| {tuned.metric} | {' | '.join(start.values)} | seconds |",
        "| --- |" + " --- |" * (len(start.values) + 1),
    ]
    for trial in trials[:_LISTED]:
        mark = " (in use)" if trial is start else ""
        cells = " | ".join(str(value) for value in trial.values.values())
        lines.append(f"| {trial.mean:.4f}{mark} | {cells} | {trial.seconds:.0f} |")
    if len(trials) > _LISTED:
        lines.append(f"\nand {len(trials) - _LISTED} more, the worst {trials[-1].mean:.4f}.")
    lines += [
        "",
        "## The refusal threshold",
        "",
        "| threshold | balanced accuracy where it was searched for |",
        "| --- | --- |",
    ]
    lines += [f"| {level} | {value:.3f} |" for level, value in tuned.thresholds.items()]
    return "\n".join(lines) + "\n"


def write_report(tuned: Tuned) -> Path:
    """Write the report into the folder of the search."""
    path = tuned.folder / REPORT
    write_text(path, markdown(tuned))
    return path


def _row(found: Confirmation) -> str:
    change = ", ".join(f"{key} = {value}" for key, value in found.change.items())
    d = found.difference
    return (
        f"| {change} | {found.metric} | {d.a:.4f} | {d.b:.4f} | {d.difference:+.4f} [{d.low:+.4f}, {d.high:+.4f}] "
        f"| {found.p_adjusted:.3f} | {d.detectable:.3f} | {'**recommended**' if found.recommended else 'not significant'} |"
    )
