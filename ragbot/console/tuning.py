"""``ragbot tune``: search, say what came of it, write the settings file and the report."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

from ragbot.console.options import INTERRUPTED, AnswerOptions
from ragbot.console.render import duration
from ragbot.console.terminal import Terminal
from ragbot.errors import UserError

if TYPE_CHECKING:
    from eval.tuning.tune import TuneProgress

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s)?")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def run(
    options: AnswerOptions, wanted: Mapping[str, Any], budget: str, name: str, resume: str, output: Path | None
) -> int:
    """Tune; returns the exit code."""
    from eval.files import check_writable
    from eval.tuning.report import SETTINGS, write_report, write_settings
    from eval.tuning.tune import TunePlan, tune
    from eval.workbench import Workbench
    from ragbot.settings import load_settings

    arguments = {key: value for key, value in options.arguments().items() if key != "kb"}
    settings = load_settings(arguments, options.config)[0]
    if output is not None:
        if output.exists():
            raise UserError(f"{output} is there already: choose another --output; what is in it stays as it is")
        check_writable(output)
    if options.kb is not None:
        raise UserError(
            "tune builds knowledge bases of its own: name the documents with --documents, and leave out --kb"
        )
    if name and resume:
        raise UserError("a search that is resumed keeps its name: leave out --name")
    plan = TunePlan(**wanted, seconds=seconds(budget))
    root = settings.data_dir / "eval" / "tuning"
    folder = _folder(root, name, resume, plan.questions.dataset.stem)
    terminal = options.terminal
    try:
        with _TuneBar(terminal) as progress:
            tuned = tune(plan, settings, Workbench(settings.data_dir / "eval" / "kb"), folder, progress)
    except KeyboardInterrupt:
        terminal.fail("Interrupted", f"stopped; go on with the same command and --resume {folder.name}")
        return INTERRUPTED
    report = write_report(tuned)
    settings_path = None
    if tuned.recommended:
        settings_path = output or folder / SETTINGS
        if settings_path.parent == folder:
            settings_path.unlink(missing_ok=True)
        write_settings(settings_path, tuned.recommended)
    from eval.tuning.report import as_toml

    value = {
        "recommended": dict(tuned.recommended),
        "toml": as_toml(tuned.recommended) if tuned.recommended else "",
        "settings": str(settings_path or ""),
        "report": str(report),
        "metric": tuned.metric,
        "trials": len(tuned.trials),
        "searched": tuned.trials[0].mean,
        "best": tuned.best.mean,
        "out_of_time": tuned.out_of_time,
        "confirm_documents": tuned.confirm_documents,
        "confirmations": [
            {
                "change": dict(found.change),
                "metric": found.metric,
                "before": found.difference.a,
                "after": found.difference.b,
                "difference": found.difference.difference,
                "low": found.difference.low,
                "high": found.difference.high,
                "p": found.p_adjusted,
                "detectable": found.difference.detectable,
                "recommended": found.recommended,
            }
            for found in tuned.confirmations
        ],
    }
    terminal.show(value, _show)
    return 0


def seconds(text: str) -> float:
    """``90s``, ``20m``, ``1h30m`` as seconds. Raises UserError."""
    match = _DURATION.fullmatch(text.strip().replace(" ", "").lower())
    if not text.strip() or not match:
        raise UserError(f"--budget {text!r}: write it as 90s, 20m, or 1h30m")
    hours, minutes, rest = (float(part or 0) for part in match.groups())
    total = hours * 3600 + minutes * 60 + rest
    if total <= 0:
        raise UserError(f"--budget {text!r}: no time at all; give it some minutes, such as 20m")
    return total


def _folder(root: Path, name: str, resume: str, stem: str) -> Path:
    chosen = resume or name
    if chosen and not _NAME.fullmatch(chosen):
        raise UserError(f"{chosen!r} cannot name a search: take letters, digits, '_', '-' and '.'")
    if resume and not (root / resume).is_dir():
        known = ", ".join(sorted(path.name for path in root.glob("*") if path.is_dir())) or "none"
        raise UserError(f"there is no search {resume!r} to resume; there are: {known}")
    if name and (root / name).exists():
        raise UserError(f"there is a search {name!r} already: take another --name, or go on with --resume {name}")
    if not chosen:
        stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip(".-")[:60] or "search"
        chosen = f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    return root / chosen


def _show(terminal: Terminal, value: Mapping[str, Any]) -> None:
    tried = f"{value['trials']} settings tried for {value['metric']}: {value['searched']:.4f} in use, {value['best']:.4f} the best"
    terminal.line(tried + (" (the time was up)" if value["out_of_time"] else ""))
    if value["confirmations"]:
        terminal.line(f"on {value['confirm_documents']} documents that were not searched on:", "bold")
    for found in value["confirmations"]:
        change = ", ".join(f"{key} = {new}" for key, new in found["change"].items())
        terminal.line(change, indent=2)
        verdict = "recommended" if found["recommended"] else "not significant, so not recommended"
        terminal.line(
            f"{found['metric']} {found['before']:.4f} → {found['after']:.4f}, {found['difference']:+.4f} "
            f"[{found['low']:+.4f}, {found['high']:+.4f}], p = {found['p']:.3f}: {verdict}",
            "green" if found["recommended"] else "dim",
            indent=4,
        )
        if not found["recommended"] and math.isfinite(found["detectable"]):
            terminal.line(
                f"a true difference of {found['detectable']:.3f} would have been found in four of five tries",
                "dim",
                indent=4,
            )
    terminal.line()
    if value["recommended"]:
        terminal.line(f"written to {value['settings']}; use it as ./ragbot.toml or with --config:", "bold")
        for line in value["toml"].rstrip().split("\n"):
            terminal.line(line, indent=2)
    else:
        terminal.line("no setting is better: keep those in use", "bold")
    terminal.line(f"report: {value['report']}", "dim")


class _TuneBar:
    """The trials under a bar, or a line now and then."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._bars: Bars | None = None

    def __enter__(self) -> _TuneBar:
        if self._terminal.err.is_terminal and not self._terminal.quiet:
            self._bars = Bars(
                BarColumn(), TextColumn("{task.description}", markup=False), console=self._terminal.err, transient=True
            )
            self._task = self._bars.add_task("measuring the settings in use …", total=None)
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()

    def __call__(self, progress: TuneProgress) -> None:
        text = {
            "search": f"trial {progress.trials}/{progress.most}",
            "confirm": "confirming on other documents",
            "threshold": "choosing the refusal threshold",
        }[progress.stage]
        text += f", best {progress.best:.4f} (in use {progress.start:.4f}), {duration(progress.seconds_left)} left"
        if self._bars:
            self._bars.update(self._task, total=progress.most, completed=progress.trials, description=text)
        else:
            self._terminal.note(text)
