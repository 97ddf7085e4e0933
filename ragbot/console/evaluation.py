"""``ragbot eval …``: run, compare, list, show, diff, report."""

from __future__ import annotations

import contextlib
import json
import webbrowser
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ragbot.console import evaluation_tables as tables
from ragbot.console.options import INTERRUPTED, AnswerOptions, Options
from ragbot.console.progress import IngestProgress, QuestionProgress
from ragbot.errors import EvaluationError, UserError

if TYPE_CHECKING:
    from eval.contrast import Contrast
    from eval.judge import Judge
    from eval.records import Run
    from eval.run import Plan
    from eval.runs import RunStore
    from ragbot.console.eval_commands import FailOn
    from ragbot.console.terminal import Terminal
    from ragbot.settings import Settings

#: At 0 the repeats could only agree, and the judge would seem to have no spread.
_JUDGE_TEMPERATURE = 0.7
REPORT, SUMMARY, FIGURES = "report.html", "summary.md", "summary.json"


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
    settings = _settings(options, extras.sets)
    store = _store(settings)
    baseline = store.load(extras.baseline) if extras.baseline else None
    _check(chosen, extras, baseline)
    judge = _judge_of(extras.judge, settings) if extras.judge else None
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
    found = _contrast(baseline, done) if baseline else None
    folder = done.folder or Path()
    _write(done, found, [folder / REPORT, extras.report], [folder / SUMMARY, extras.markdown], settings)
    failed = _verdict(found, extras.fail_on, terminal)
    # What has just been found worse must not become what the next run is compared with.
    if extras.save_baseline and not failed:
        from eval.baselines import write_baseline

        write_baseline(extras.save_baseline, done)
    if judge:
        try:
            _judge(done, judge, chosen.workers, terminal)
        except KeyboardInterrupt:
            terminal.note(f"not judged; do it with: ragbot eval judge {done.name} --judge {extras.judge}")
    value = {"run": dict(done.manifest), "errors": done.errors, "figures": _figures(done), "folder": str(done.folder)}
    if found:
        value["comparison"] = asdict(found)
    value["judge"] = _judged(done)
    terminal.show(value | {"regressions": failed}, tables.run)
    if done.rows and done.errors == len(done.rows):
        return 1
    return int(bool(failed))


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
    settings = _settings(options)
    store = _store(settings)
    a, b = store.load(before), store.load(after)
    found = _contrast(a, b, metrics)
    if report or markdown:
        _write(b, found, [report], [markdown], settings)
    failed = _verdict(found, fail_on, options.terminal)
    options.terminal.show({**asdict(found), "regressions": failed, "all": every}, tables.contrast)
    return int(bool(failed))


def judge(options: AnswerOptions, name: str, spec: str, workers: int) -> None:
    """Have a stored run judged, and print what came of it."""
    settings = _settings(options)
    found = _store(settings).load(name)
    _judge(found, _judge_of(spec, settings), workers, options.terminal)
    options.terminal.show({"run": found.name, "judge": _judged(found)}, tables.judged)


def listing(options: Options) -> None:
    """Print the stored runs."""
    settings = _settings(options)
    options.terminal.show({"runs": _store(settings).manifests()}, tables.listing)


def show(options: Options, name: str, every: bool) -> None:
    """Print the figures of a run."""
    found = _store(_settings(options)).load(name)
    value = {
        "run": dict(found.manifest),
        "errors": found.errors,
        "figures": _figures(found),
        "folder": str(found.folder or ""),
        "judge": _judged(found),
        "all": every,
    }
    options.terminal.show(value, tables.run)


def diff(options: Options, before: str, after: str) -> None:
    """Print what differs between the manifests of two runs."""
    store = _store(_settings(options))
    a, b = (_flat(store.load(name).manifest) for name in (before, after))
    changed = {key: {"a": a.get(key), "b": b.get(key)} for key in sorted({**a, **b}) if a.get(key) != b.get(key)}
    options.terminal.show({"differences": changed}, tables.differences)


def report(options: Options, name: str, output: Path | None, against: str, open_browser: bool) -> None:
    """Write the HTML report of a run."""
    settings = _settings(options)
    store = _store(settings)
    found = store.load(name)
    if found.folder is None and output is None:
        raise EvaluationError("a baseline has no folder: say where the report goes with --output FILE")
    path = output or (found.folder or Path()) / REPORT
    _write(found, _contrast(store.load(against), found) if against else None, [path], [], settings)
    options.terminal.show({"report": str(path)}, lambda terminal, _: terminal.line(str(path)))
    if open_browser:
        webbrowser.open(path.absolute().as_uri())


# -- parts -----------------------------------------------------------------------------------------------------------


def _settings(options: Options, sets: Sequence[str] = ()) -> Settings:
    from ragbot.settings import load_settings

    changed = {}
    for item in sets:
        key, equals, value = item.partition("=")
        if not equals:
            raise UserError(f"--set {item!r}: write it as KEY=VALUE, such as --set retrieval.dense_weight=0.5")
        changed[key.strip()] = value.strip()
    arguments = {key: value for key, value in options.arguments().items() if key != "kb"}
    return load_settings({**arguments, **changed}, options.config)[0]


def _store(settings: Settings) -> RunStore:
    from eval.runs import RunStore

    return RunStore(settings.data_dir / "eval" / "runs")


def _contrast(before: Run, after: Run, metrics: Sequence[str] | None = None) -> Contrast:
    from eval.contrast import contrast

    return contrast(before, after, metrics)


def _figures(done: Run) -> list[dict[str, Any]]:
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


def _write(
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


def _verdict(found: Contrast | None, fail_on: FailOn, terminal: Terminal) -> list[str]:
    from eval.contrast import needed_documents, regressions

    if found is None or fail_on == "never":
        return []
    needed = needed_documents(found)
    if needed and fail_on == "regression":
        terminal.note(f"so few documents can show no loss of a single metric; it takes {needed}", "yellow")
    return [verdict.metric for verdict in regressions(found, significant=fail_on == "regression")]


def _judge_of(spec: str, settings: Settings) -> Judge:
    from eval.judge import Judge
    from ragbot.bot import chat_model

    return Judge(chat_model(spec, settings), name=spec, temperature=_JUDGE_TEMPERATURE)


def _judge(done: Run, judge: Judge, workers: int, terminal: Terminal) -> None:
    from eval.judge import judge_run, write_judge

    with QuestionProgress(terminal, "judging") as progress:
        write_judge(done, judge_run(done, judge, progress, workers))


def _judged(done: Run) -> dict[str, Any] | None:
    from eval.judge import JUDGE, read_judge

    if done.folder is None or not (done.folder / JUDGE).exists():
        return None
    found = asdict(read_judge(done))
    return {key: value for key, value in found.items() if key != "rows"}


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
