"""``ragbot train agent-dataset`` and ``agent``: data, training under a bar, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ragbot.console.options import INTERRUPTED, Options
from ragbot.console.terminal import Terminal
from ragbot.console.training import TrainingBar, check_output, interrupted, packages, prepare_torch


def dataset(options: Options, paths: Sequence[Path], output: Path, knobs: Mapping[str, Any]) -> int:
    """Generate runs; returns the exit code."""
    from eval.datasets.open import open_dataset
    from ragbot.models.registry import load_embedder
    from ragbot.settings import load_settings
    from ragbot.training.agent.dataset import PARTS, SAMPLES, AgentPlan, make_agent_dataset

    settings = load_settings(options.arguments(), options.config)[0]
    check_output(output)
    sets = [open_dataset(path) for path in paths]
    terminal = options.terminal
    try:
        with TrainingBar(terminal) as progress:
            statistics = make_agent_dataset(
                output,
                AgentPlan(**knobs),
                sets,
                load_embedder(settings.embedder) if sets else None,
                lambda part, done, of: progress("runs", done, of, part),
            )
    except KeyboardInterrupt:
        terminal.fail("Interrupted", "stopped; nothing was kept of the part that was being made")
        return INTERRUPTED
    value = {
        "folder": str(output),
        "samples": str(output / SAMPLES),
        "parts": {part: statistics[part] for part in PARTS},
    }
    terminal.show(value, _show_dataset)
    return 0


def agent(
    options: Options,
    data: Path,
    output: Path,
    base: str,
    knobs: Mapping[str, Any],
    threads: int | None,
    start: Path | None,
) -> int:
    """Train an adapter; returns the exit code."""
    from ragbot.training.reader.plan import ReaderPlan

    check_output(output)
    with packages():
        from ragbot.training.agent.run import train_agent
        from ragbot.training.bases import find_base
    prepare_torch(threads)
    terminal = options.terminal
    try:
        with TrainingBar(terminal) as progress:
            trained = train_agent(data, find_base(base), output, ReaderPlan(**knobs), progress, start)
    except KeyboardInterrupt:
        return interrupted(terminal, "from its last checkpoint")
    best = trained.best
    value = {"adapter": str(trained.folder), "step": best.step, "exact": best.f1, "sets": best.sets, "base": base}
    terminal.show(value, _show_agent)
    return 0


def _show_dataset(terminal: Terminal, value: Mapping[str, Any]) -> None:
    headings = ["", "runs", "questions", "templates", "replies", "mistakes mended", "characters a run"]
    rows = [headings]
    for name, part in value["parts"].items():
        counts = (
            part["runs"],
            part["questions"],
            len(part["templates"]),
            sum(part["replies"].values()),
            part["mended"],
        )
        rows.append([name, *(f"{count:,}" for count in (*counts, part["characters"]))])
    terminal.columns(rows, right=range(1, len(headings)))
    calls = ", ".join(f"{tool} {count:,}" for tool, count in value["parts"]["train"]["replies"].items())
    terminal.line(f"replies: {calls}")
    terminal.line(f"look at some of them first: {value['samples']}")
    terminal.line(f"then: ragbot train agent {value['folder']} --output RUN", "dim")


def _show_agent(terminal: Terminal, value: Mapping[str, Any]) -> None:
    terminal.line(f"best at step {value['step']}, on runs that were not trained on:", "bold")
    rows = [["", "replies right word for word", "right tool", "final answers", "replies"]]
    for name, found in value["sets"].items():
        shares = [f"{found[key]:.3f}" for key in ("exact", "tool", "answers")]
        rows.append([name, *shares, f"{found['replies']:.0f}"])
    terminal.columns(rows, indent=2, right=range(1, len(rows[0])))
    terminal.line(f"adapter: {value['adapter']}")
    terminal.line("measure it on tasks that it has not seen:")
    terminal.line(
        f"python -m eval.benchmarks.agent_tasks --model bundled --adapter {value['adapter']}", "bold", indent=2
    )
