"""The figures of evaluations as text for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from ragbot.console.terminal import Terminal

#: Flipped questions that are listed, and characters of each.
_FLIPS = 10
_WIDTH = 70
_ARROWS = {"better": "▲", "worse": "▼", "undecided": "·", "identical": "="}
_KINDS = {
    "retrieval": "Retrieval",
    "answer": "Answers",
    "refusal": "Refusals",
    "citation": "Citations",
    "cost": "Time and tokens",
    "agent": "Agent",
}


def run(terminal: Terminal, value: Mapping[str, Any]) -> None:
    """The figures of a run, and what is to be done with it."""
    manifest, dataset = value["run"], value["run"]["dataset"]
    terminal.line(f"{manifest['name']}", "bold")
    part = f", part {' + '.join(dataset['parts'])}" if dataset.get("parts") else ""
    out = f", {dataset['leave_out']:.0%} of the documents left out" if dataset.get("leave_out") else ""
    terminal.line(f"{dataset['questions']} questions over {dataset['documents']} documents{part}{out}", "dim")
    if not manifest["finished"]:
        terminal.line(f"not finished; go on with the same command and --resume {manifest['name']}", "bold yellow")
    if value["errors"]:
        terminal.line(
            f"{value['errors']} questions failed (their errors are in the report); they count as wrong", "red"
        )
    _figures(terminal, value["figures"], every=value.get("all", False))
    _judge(terminal, value.get("judge"))
    if value.get("comparison"):
        terminal.line()
        contrast(terminal, {**value["comparison"], "regressions": value["regressions"]})
    if value["folder"]:
        terminal.line()
        terminal.line(f"report: {value['folder']}/report.html", "dim")


def contrast(terminal: Terminal, value: Mapping[str, Any]) -> None:
    """The verdicts of a comparison, and the questions that flipped."""
    terminal.line(f"{value['b']} against {value['a']}, {value['questions']} questions in both", "bold")
    if not value["same_questions"]:
        terminal.line("made from different question files: only the questions in both are compared", "yellow")
    quiet = []
    for name, group in groupby(value["verdicts"], key=lambda verdict: verdict["slice"]):
        verdicts = list(group)
        if name != "all" and not value.get("all") and not any(map(_decided, verdicts)):
            quiet.append(name)
            continue
        terminal.line()
        terminal.line("all questions" if name == "all" else name, "bold")
        _verdicts(terminal, verdicts)
    if quiet:
        terminal.line()
        terminal.line(f"nothing decided within {', '.join(quiet)} (--all shows them)", "dim", hang=2)
    whole = [verdict["difference"] for verdict in value["verdicts"] if verdict["slice"] == "all"]
    few = next((difference for difference in whole if difference["least_p"] * len(whole) >= 0.05), None)
    if few:
        terminal.line()
        terminal.line(
            f"{few['groups']} documents can hardly decide anything among {len(whole)} metrics: whatever happens, a single one's p "
            f"is at least {min(few['least_p'] * len(whole), 1):.2f}. Ask about more documents, or name fewer metrics.",
            "yellow",
        )
    _flips(terminal, value["flips"])
    if value["regressions"]:
        terminal.line()
        terminal.line(f"worse: {', '.join(value['regressions'])}", "bold red")


def _decided(verdict: Mapping[str, Any]) -> bool:
    """Whether quality changed; times change with the load of the machine."""
    from eval.metrics.table import METRICS

    return verdict["judgement"] in {"better", "worse"} and METRICS[verdict["metric"]].kind != "cost"


def _verdicts(terminal: Terminal, verdicts: Sequence[Mapping[str, Any]]) -> None:
    rows = [("", "metric", "before", "after", "difference", "95% interval", "p", "could show", "verdict")]
    for verdict in verdicts:
        cells = verdict["difference"]
        if verdict["judgement"] != "identical":
            rows.append(
                (
                    _ARROWS[verdict["judgement"]],
                    verdict["metric"],
                    _number(cells["a"]),
                    _number(cells["b"]),
                    f"{cells['difference']:+.3f}",
                    "" if math.isnan(cells["low"]) else f"[{cells['low']:+.3f}, {cells['high']:+.3f}]",
                    f"{verdict['p_adjusted']:.3f}",
                    "" if not math.isfinite(cells["detectable"]) else f"±{cells['detectable']:.3f}",
                    verdict["judgement"],
                )
            )
    if len(rows) > 1:
        terminal.columns(rows, indent=2, right=(2, 3, 4, 6, 7))
    same = [verdict["metric"] for verdict in verdicts if verdict["judgement"] == "identical"]
    if same:
        terminal.line(f"= identical: {', '.join(same)}", "dim", indent=2, hang=2)


def listing(terminal: Terminal, value: Mapping[str, Any]) -> None:
    """The stored runs."""
    if not value["runs"]:
        terminal.line("no runs yet; make one: ragbot eval run DATASET")
        return
    rows = [("run", "when", "questions", "mode", "model", "")]
    for manifest in value["runs"]:
        rows.append(
            (
                manifest["name"],
                str(manifest["created"])[:16].replace("T", " "),
                str(manifest["dataset"]["questions"]),
                manifest["mode"],
                manifest["models"]["llm"] if manifest["mode"] == "answer" else "",
                "" if manifest["finished"] else "not finished",
            )
        )
    terminal.columns(rows, right=(2,))


def differences(terminal: Terminal, value: Mapping[str, Any]) -> None:
    """What differs between two manifests."""
    changed = value["differences"]
    rows = [("", "A", "B")]
    rows += [
        (key, str(pair["a"]), str(pair["b"]))
        for key, pair in changed.items()
        if key not in {"name", "created", "finished"}
    ]
    if len(rows) == 1:
        terminal.line("no difference: the same set, settings, models, versions and machine")
    else:
        terminal.columns(rows)


def _figures(terminal: Terminal, figures: Sequence[Mapping[str, Any]], every: bool) -> None:
    from eval.metrics.table import METRICS

    for name, in_slice in groupby(figures, key=lambda figure: figure["slice"]):
        shown = [figure for figure in in_slice if every or METRICS[figure["metric"]].primary]
        if name != "all" and not every:
            continue
        terminal.line()
        if name != "all":
            terminal.line(name, "bold")
        for kind, group in groupby(shown, key=lambda figure: METRICS[figure["metric"]].kind):
            rows = []
            for figure in group:
                metric, interval = METRICS[figure["metric"]], figure["interval"]
                rows.append(
                    (
                        metric.name,
                        _number(interval["mean"]),
                        f"[{_number(interval['low'])}, {_number(interval['high'])}]",
                        f"n={interval['questions']}, {interval['groups']} documents",
                        f"P50 {figure['p50']:.3f}, P95 {figure['p95']:.3f} s"
                        if figure["p95"] is not None
                        else metric.title,
                    )
                )
            terminal.line(_KINDS[kind], "bold")
            terminal.columns(rows, indent=2, right=(1,))


def judged(terminal: Terminal, value: Mapping[str, Any]) -> None:
    """What a judge makes of a run."""
    _judge(terminal, value["judge"])


def _judge(terminal: Terminal, judged: Mapping[str, Any] | None) -> None:
    if judged is None:
        return
    terminal.line()
    terminal.line(f"Judge: {judged['judge']}, each answer judged {judged['repeats']} times", "bold")
    for name in ("faithfulness", "relevance"):
        figure = judged[name]
        if figure is not None:
            interval, spread = figure["interval"], figure["repeat_sd"]
            own = "" if spread is None else f", the judge's own standard deviation from pass to pass {spread:.3f}"
            terminal.line(
                f"{name}  {interval['mean']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}] "
                f"(n={interval['questions']}){own}",
                indent=2,
                hang=2,
            )
    if judged["unreadable"] or judged["failed"]:
        terminal.line(
            f"{judged['unreadable']} of {judged['calls']} verdicts could not be read, {judged['failed']} calls failed",
            "yellow",
            indent=2,
        )


def _flips(terminal: Terminal, flips: Sequence[Mapping[str, Any]]) -> None:
    """The questions that flipped, those that lost first, each with the metrics that did."""
    if not flips:
        return
    by_question: dict[str, list[Mapping[str, Any]]] = {}
    for flip in flips:
        by_question.setdefault(flip["id"], []).append(flip)
    found = sorted(by_question.values(), key=lambda group: -sum(flip["change"] == "lost" for flip in group))
    lost = sum(any(flip["change"] == "lost" for flip in group) for group in found)
    terminal.line()
    terminal.line(f"{len(found)} questions flipped, {lost} of them lost something", "bold")
    for group in found[:_FLIPS]:
        question = group[0]["question"]
        terminal.line(question if len(question) <= _WIDTH else question[:_WIDTH] + "…", indent=2, hang=2)
        cells = [
            f"{'▲' if flip['change'] == 'gained' else '▼'} {flip['metric']} {_number(flip['before'])} → {_number(flip['after'])}"
            for flip in group
        ]
        terminal.line("  ".join(cells), "dim", indent=4)
    if len(found) > _FLIPS:
        terminal.line(f"and {len(found) - _FLIPS} more; the report and --json have them all", "dim", indent=2)


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"
