"""``ragbot train dataset``, ``lora``, ``dpo`` and ``export``: data, training under a bar, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragbot.console.options import INTERRUPTED, Options
from ragbot.console.terminal import Terminal
from ragbot.console.training import TrainingBar, check_output, interrupted, opened, packages, prepare_torch
from ragbot.errors import SourceError, UserError

if TYPE_CHECKING:
    from eval.datasets.base import Span
    from ragbot.training.reader.contexts import Mix
    from ragbot.training.reader.run import TrainedReader

#: Figures of a look, and their headings.
_FIGURES = {"f1": "F1", "exact": "exact", "refused": "refused", "cited": "cited", "auroc": "AUROC"}


def dataset(options: Options, paths: Sequence[Path], output: Path, documents: Path | None, split_by: str | None) -> int:
    """Make training data; returns the exit code."""
    settings, workbench, sets = opened(options, paths, output, documents, split_by)
    from ragbot.training.reader.run import SAMPLES, make_dataset

    paragraphs = {question_set.name: _paragraphs(path) for path, question_set in zip(paths, sets, strict=True)}
    terminal = options.terminal
    try:
        with TrainingBar(terminal) as progress:
            described = make_dataset(sets, paragraphs, output, settings, workbench, progress)
    except KeyboardInterrupt:
        terminal.fail("Interrupted", "stopped; the same command goes on behind the sets that are done")
        return INTERRUPTED
    value = {
        "folder": str(output),
        "samples": str(output / SAMPLES),
        "parts": {name: asdict(found) for name, found in described.items()},
    }
    terminal.show(value, _show_dataset)
    return 0


def lora(
    options: Options,
    data: Path,
    output: Path,
    base: str,
    knobs: Mapping[str, Any],
    threads: int | None,
    mix: Mix,
    start: Path | None,
) -> int:
    """Train a reader; returns the exit code."""
    from ragbot.training.reader.plan import RATES, ReaderPlan

    chosen = dict(knobs)
    method = chosen["method"]
    if method not in RATES:
        raise UserError(f"--method {method!r}: choose one of {', '.join(RATES)}")
    chosen["learning_rate"] = chosen["learning_rate"] or RATES[method]
    chosen["shares"] = shares_of(chosen["shares"])
    plan = ReaderPlan(**chosen)
    check_output(output)
    with packages():
        from ragbot.training.bases import find_base
        from ragbot.training.reader.methods import check
        from ragbot.training.reader.run import train_reader
    check(plan)
    prepare_torch(threads)
    terminal = _of_the_main_process(options)
    try:
        with TrainingBar(terminal) as progress:
            trained = train_reader(data, find_base(base), output, plan, progress, mix, start)
    except KeyboardInterrupt:
        return interrupted(terminal, "from its last checkpoint")
    return _tell(terminal, trained, output, method, base)


def dpo(
    options: Options,
    data: Path,
    adapter: Path,
    output: Path,
    base: str | None,
    knobs: Mapping[str, Any],
    threads: int | None,
) -> int:
    """Improve a reader by preferences; returns the exit code."""
    check_output(output)
    with packages():
        from ragbot.training.bases import find_base
        from ragbot.training.export import base_name
        from ragbot.training.reader.dpo import DpoPlan, train_dpo
    prepare_torch(threads)
    terminal = _of_the_main_process(options)
    try:
        with TrainingBar(terminal) as progress:
            model = base or base_name(adapter)
            trained = train_dpo(data, adapter, find_base(model), output, DpoPlan(**knobs), progress)
    except KeyboardInterrupt:
        return interrupted(terminal, "from its last checkpoint")
    return _tell(terminal, trained, output, "lora", model)


def export(
    options: Options, adapter: Path, output: Path, format_: str, base: str | None, converter: Path | None
) -> int:
    """Write a model of its own; returns the exit code."""
    with packages():
        from ragbot.training.export import export_model

    with options.terminal.working("merging …"):
        written = export_model(adapter, output, format_, base, converter)
    value = {"model": str(written)}
    hint = (
        f'use it with: ragbot ask "…" --llm {written}'
        if format_ == "merged"
        else f"serve it: llama-server -m {written}"
    )

    def show(terminal: Terminal, found: Mapping[str, Any]) -> None:
        terminal.line(f"model: {found['model']}")
        terminal.line(hint, "dim")

    options.terminal.show(value, show)
    return 0


def _paragraphs(path: Path) -> Mapping[str, Span]:
    """The paragraph that each question was written for; sets in other formats than SQuAD's do not say."""
    from ragbot.training.reader.dataset import paragraphs_of

    if path.suffix == ".jsonl" or path.is_dir():
        return {}
    try:
        return paragraphs_of(path)
    except SourceError:
        return {}


def shares_of(texts: Sequence[str], option: str = "--share", most: float = 100) -> tuple[tuple[str, float], ...]:
    """Sets and numbers, of texts such as ``squad=2.5``. Raises UserError."""
    shares = []
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            share = float(number)
        except ValueError:
            share = -1.0
        if not name or not 0 <= share <= most:
            raise UserError(
                f"{option} {text!r}: write the set's name and a number up to {most:g}, such as squad={min(most / 2, 2.5):g}"
            )
        shares.append((name, share))
    return tuple(shares)


def _of_the_main_process(options: Options) -> Terminal:
    """The terminal; of several processes on several GPUs, all but the first are silent."""
    if os.environ.get("RANK", "0") == "0":
        return options.terminal
    return Terminal(as_json=False, quiet=True)


def _tell(terminal: Terminal, trained: TrainedReader, output: Path, method: str, base: str) -> int:
    from ragbot.training.runs import is_main

    if not is_main():
        return 0
    value = {
        "model": str(trained.folder),
        "curves": str(output / "curves.png"),
        "step": trained.best.step,
        "f1": trained.best.f1,
        "auroc": trained.best.refusal,
        "sets": trained.best.sets,
        "next": _next(trained.folder, method, base),
    }
    terminal.show(value, _show_reader)
    return 0


def _next(folder: Path, method: str, base: str) -> list[str]:
    """What to do with a trained reader; none for adapters that only peft can load."""
    from ragbot.training.reader.plan import VIRTUAL

    if method in VIRTUAL:
        return []
    if method != "full" and Path(base).expanduser().is_dir():
        # The adapter names its base without the way to it, which is of this machine alone.
        return [f"ragbot train export {folder} --base {base} --output MODEL", "ragbot train promote MODEL SETS"]
    return [f'ragbot ask "…" --llm reader:{folder}', f"ragbot train promote {folder} SETS"]


def _show_dataset(terminal: Terminal, value: Mapping[str, Any]) -> None:
    headings = ["", "documents", "questions", "without answer", "answer found", "asked in one draw", "to refuse"]
    rows = [headings]
    for name, part in value["parts"].items():
        rows.append(
            [
                name,
                f"{part['documents']:,}",
                f"{part['questions']:,}",
                f"{part['silent']:,}",
                f"{part['found']:.1%}",
                f"{part['drawn']:,}",
                f"{part['refused']:,}",
            ]
        )
    terminal.columns(rows, right=range(1, len(headings)))
    terminal.line(f"look at some of them first: {value['samples']}")
    terminal.line(f"then: ragbot train lora {value['folder']} --output RUN", "dim")


def _show_reader(terminal: Terminal, value: Mapping[str, Any]) -> None:
    terminal.line(f"best at step {value['step']}, on questions about documents that were not trained on:", "bold")
    rows = [["", *_FIGURES.values(), "questions"]]
    for name, found in value["sets"].items():
        count = f"{found['answerable']:.0f} + {found['unanswerable']:.0f}"
        rows.append([name, *(f"{found[key]:.3f}" for key in _FIGURES), count])
    terminal.columns(rows, indent=2, right=range(1, len(rows[0])))
    terminal.line(
        "refused: answerable questions refused; cited: right passage among the answered; AUROC: how well questions "
        "without an answer are told apart; questions: with + without an answer",
        "dim",
        indent=2,
    )
    terminal.line(f"model: {value['model']}")
    terminal.line(f"curves: {value['curves']}")
    if value["next"]:
        terminal.line("try it, then measure it on documents that nothing was chosen on:")
    else:
        terminal.line("virtual tokens cannot be merged into a model: load it with peft's PeftModel.from_pretrained")
    for line in value["next"]:
        terminal.line(line, "bold", indent=2)
