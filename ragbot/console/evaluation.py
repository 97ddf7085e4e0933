"""``ragbot eval run``."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragbot.console import evaluation_tables as tables
from ragbot.console.evaluation_parts import (
    REPORT,
    SUMMARY,
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
from ragbot.console.options import INTERRUPTED, AnswerOptions
from ragbot.console.progress import IngestProgress, QuestionProgress
from ragbot.errors import UserError

if TYPE_CHECKING:
    from eval.records import Run
    from eval.run import Plan
    from ragbot.console.eval_commands import FailOn


@dataclass(frozen=True)
class Extras:
    """What ``ragbot eval run`` does beside the run itself."""

    sets: Sequence[str]
    resume: str
    judge: str
    baseline: str
    fail_on: FailOn
    save_baseline: Path | None
    report: Path | None
    markdown: Path | None


def plan(
    dataset: Path,
    documents: Path | None,
    kb: str | None,
    parts: Sequence[str] | None,
    split_by: str | None,
    leave_out: float,
    limit: int,
    seed: int,
) -> dict[str, Any]:
    """The options that say what is evaluated. Raises UserError where they contradict each other."""
    if split_by not in {None, "document"}:
        raise UserError(
            f"--split-by {split_by!r}: only 'document' can be; questions about one document must not be torn apart"
        )
    if documents is not None and kb is not None:
        raise UserError("take either --documents (a knowledge base is built from them) or --kb (one that is there)")
    if kb is not None and leave_out:
        raise UserError("--leave-out needs the documents: name them with --documents instead of --kb")
    return {
        "dataset": dataset,
        "documents": documents,
        "kb": kb,
        "parts": tuple(parts or ()),
        "split": split_by is not None,
        "leave_out": leave_out,
        "limit": limit,
        "seed": seed,
    }


def run(options: AnswerOptions, wanted: Mapping[str, Any], extras: Extras) -> int:
    """Evaluate, print the figures, write what was asked for; returns the exit code."""
    from eval.run import Plan
    from eval.run import run as evaluate
    from eval.workbench import Workbench

    chosen = Plan(**wanted)
    settings = settings_of(options, extras.sets)
    store = store_of(settings)
    baseline = store.load(extras.baseline) if extras.baseline else None
    _check(chosen, extras, baseline)
    judge = judge_of(extras.judge, settings) if extras.judge else None
    terminal = options.terminal
    name = ""

    def started(run_name: str) -> None:
        nonlocal name
        name = run_name
        ingesting.close()
        asking.enter_context(questions)

    ingesting, asking = contextlib.ExitStack(), contextlib.ExitStack()
    questions = QuestionProgress(terminal)
    try:
        with ingesting, asking:
            done = evaluate(
                chosen,
                settings,
                store,
                Workbench(settings.data_dir / "eval" / "kb"),
                resume=extras.resume,
                on_ingest=ingesting.enter_context(IngestProgress(terminal)),
                on_question=questions,
                on_start=started,
            )
    except KeyboardInterrupt:
        hint = f"; go on with the same command and --resume {name}" if name else ""
        terminal.fail("Interrupted", f"stopped{hint}")
        return INTERRUPTED
    found = contrast_of(baseline, done) if baseline else None
    folder = done.folder or Path()
    write_pages(done, found, [folder / REPORT, extras.report], [folder / SUMMARY, extras.markdown], settings)
    failed = lost(found, extras.fail_on, terminal)
    # What has just been found worse must not become what the next run is compared with.
    if extras.save_baseline and not failed:
        from eval.baselines import write_baseline

        write_baseline(extras.save_baseline, done)
    if judge:
        try:
            judge_all(done, judge, chosen.workers, terminal)
        except KeyboardInterrupt:
            terminal.note(f"not judged; do it with: ragbot eval judge {done.name} --judge {extras.judge}")
    value = {"run": dict(done.manifest), "errors": done.errors, "figures": figures_of(done), "folder": str(done.folder)}
    if found:
        value["comparison"] = asdict(found)
    value["judge"] = judged_by(done)
    terminal.show(value | {"regressions": failed}, tables.run)
    if done.rows and done.errors == len(done.rows):
        return 1
    return int(bool(failed))


def _check(chosen: Plan, extras: Extras, baseline: Run | None) -> None:
    """Say before the work what would come to nothing after it. Raises UserError, EvaluationError, MissingExtraError."""
    from eval.files import check_writable
    from eval.report import check_extras

    check_extras()
    if extras.fail_on != "never" and baseline is None:
        raise UserError(f"--fail-on {extras.fail_on} needs something to compare with: name it with --baseline")
    if baseline and baseline.manifest["mode"] == "answer" and chosen.mode == "search":
        raise UserError(
            f"{baseline.name} has answers, and --search-only makes none: leave it out, or take another --baseline"
        )
    if extras.judge and chosen.mode == "search":
        raise UserError("a search has no answers to judge: leave out --judge or --search-only")
    if extras.resume and chosen.name:
        raise UserError("a run that is resumed keeps its name: leave out --name")
    for path in (extras.save_baseline, extras.report, extras.markdown):
        if path:
            check_writable(path)
