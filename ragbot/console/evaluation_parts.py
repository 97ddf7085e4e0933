"""What the commands of ``ragbot eval`` share."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ragbot.console.options import Options
from ragbot.console.progress import QuestionProgress
from ragbot.errors import UserError

if TYPE_CHECKING:
    from eval.contrast import Contrast
    from eval.judge import Judge
    from eval.records import Run
    from eval.runs import RunStore
    from ragbot.console.eval_commands import FailOn
    from ragbot.console.terminal import Terminal
    from ragbot.settings import Settings

#: At 0 the repeats could only agree, and the judge would seem to have no spread.
_JUDGE_TEMPERATURE = 0.7
REPORT, SUMMARY, FIGURES = "report.html", "summary.md", "summary.json"


def settings_of(options: Options, sets: Sequence[str] = ()) -> Settings:
    """The settings of a command, with those of ``--set``. Raises UserError, SettingsError."""
    from ragbot.settings import load_settings

    changed = {}
    for item in sets:
        key, equals, value = item.partition("=")
        if not equals:
            raise UserError(f"--set {item!r}: write it as KEY=VALUE, such as --set retrieval.dense_weight=0.5")
        changed[key.strip()] = value.strip()
    arguments = {key: value for key, value in options.arguments().items() if key != "kb"}
    return load_settings({**arguments, **changed}, options.config)[0]


def store_of(settings: Settings) -> RunStore:
    """Where the runs are."""
    from eval.runs import RunStore

    return RunStore(settings.data_dir / "eval" / "runs")


def contrast_of(before: Run, after: Run, metrics: Sequence[str] | None = None) -> Contrast:
    """One run beside another."""
    from eval.contrast import contrast

    return contrast(before, after, metrics)


def figures_of(done: Run) -> list[dict[str, Any]]:
    """The figures of a run; computed once, then kept beside it."""
    from eval.files import write_json
    from eval.summary import encode, summarize

    path = done.folder / FIGURES if done.folder else None
    stamp = {"rows": len(done.rows), "finished": done.manifest["finished"]}
    if path and path.exists():
        with contextlib.suppress(ValueError, KeyError):
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["stamp"] == stamp:
                return list(kept["figures"])
    figures = encode(summarize(done.rows))
    if path and done.manifest["finished"]:
        write_json(path, {"stamp": stamp, "figures": figures})
    return figures


def write_pages(
    done: Run,
    found: Contrast | None,
    pages: Sequence[Path | None],
    summaries: Sequence[Path | None],
    settings: Settings,
) -> None:
    """The report and the summary, wherever they were asked for."""
    from eval.report.html import write_report
    from eval.report.markdown import write_markdown
    from eval.summary import summarize

    figures = summarize(done.rows)
    language: Literal["en", "zh"] = "zh" if settings.language == "zh" else "en"
    for path in dict.fromkeys(filter(None, pages)):
        write_report(done, figures, path, found, language)
    for path in dict.fromkeys(filter(None, summaries)):
        write_markdown(done, figures, path, found, language)


def lost(found: Contrast | None, fail_on: FailOn, terminal: Terminal) -> list[str]:
    """The metrics for which a command fails; why it may find none is said on ``terminal``."""
    from eval.contrast import needed_documents, regressions

    if found is None or fail_on == "never":
        return []
    needed = needed_documents(found)
    if needed and fail_on == "regression":
        terminal.note(f"so few documents can show no loss of a single metric; it takes {needed}", "yellow")
    return [verdict.metric for verdict in regressions(found, significant=fail_on == "regression")]


def judge_of(spec: str, settings: Settings) -> Judge:
    """The judge that ``--judge`` names."""
    from eval.judge import Judge
    from ragbot.bot import chat_model

    return Judge(chat_model(spec, settings), name=spec, temperature=_JUDGE_TEMPERATURE)


def judge_all(done: Run, judge: Judge, workers: int, terminal: Terminal) -> None:
    """Have all answers of a run judged, and keep what came of it beside it."""
    from eval.judge import judge_run, write_judge

    with QuestionProgress(terminal, "judging") as progress:
        write_judge(done, judge_run(done, judge, progress, workers))


def judged_by(done: Run) -> dict[str, Any] | None:
    """What the judge of a run said in sum; None where it was not judged."""
    from eval.judge import JUDGE, read_judge

    if done.folder is None or not (done.folder / JUDGE).exists():
        return None
    found = asdict(read_judge(done))
    return {key: value for key, value in found.items() if key != "rows"}
