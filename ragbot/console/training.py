"""``ragbot train …``: read the sets, train under a bar, say what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from ragbot.console.options import INTERRUPTED, Options
from ragbot.console.terminal import Terminal
from ragbot.errors import MissingExtraError, SourceError, UserError

_STAGES = {
    "data": "asking the search",
    "lower": "reading passages (lower layers)",
    "train": "training",
}


def reranker(
    options: Options,
    paths: Sequence[Path],
    output: Path,
    documents: Path | None,
    split_by: str | None,
    knobs: Mapping[str, Any],
) -> int:
    """Train a reranker; returns the exit code."""
    from eval.datasets.base import split_by_document
    from eval.datasets.open import open_dataset
    from eval.files import check_writable
    from eval.workbench import Workbench
    from ragbot.settings import load_settings

    settings = load_settings(options.arguments(), options.config)[0]
    if output.is_file():
        raise UserError(f"{output} is a file: name a folder with --output")
    try:
        from ragbot.training.reranker import RerankerPlan
        from ragbot.training.reranker_run import train_reranker
    except ModuleNotFoundError as error:
        raise MissingExtraError("training", "train") from error
    if split_by not in {None, "document"}:
        raise UserError(f"--split-by {split_by!r}: a set is split by document, never by question; write document")
    sets = []
    for path in paths:
        # Sets in SQuAD's format bring their documents along.
        question_set = open_dataset(path, documents if path.suffix == ".jsonl" else None)
        if split_by:
            question_set = replace(question_set, parts=split_by_document(question_set.questions))
        sets.append(question_set)
    if len({question_set.name for question_set in sets}) < len(sets):
        raise SourceError("two of the sets have one name: their files must be named differently")
    check_writable(output / "run.json")
    terminal = options.terminal
    try:
        with TrainingBar(terminal) as progress:
            trained = train_reranker(
                sets, output, settings, Workbench(settings.data_dir / "eval" / "kb"), RerankerPlan(**knobs), progress
            )
    except KeyboardInterrupt:
        terminal.fail("Interrupted", "stopped; the same command goes on from the last look at the held-out questions")
        return INTERRUPTED
    best = trained.best
    value = {
        "reranker": str(trained.folder),
        "curves": str(output / "curves.png"),
        "step": best.step,
        "mrr": best.mrr,
        "search_mrr": best.search_mrr,
        "first": best.first,
        "search_first": best.search_first,
        "sets": {name: {"mrr": ours, "search_mrr": theirs} for name, (ours, theirs) in best.sets.items()},
    }
    terminal.show(value, _show)
    return 0


def _show(terminal: Terminal, value: Mapping[str, Any]) -> None:
    terminal.line(f"best at step {value['step']}, on questions about documents that were not trained on:", "bold")
    terminal.line(f"MRR {value['mrr']:.3f} (the search alone {value['search_mrr']:.3f})", indent=2)
    terminal.line(f"first place right {value['first']:.3f} (the search alone {value['search_first']:.3f})", indent=2)
    for name, found in value["sets"].items():
        terminal.line(f"{name}: MRR {found['mrr']:.3f} (the search alone {found['search_mrr']:.3f})", indent=4)
    terminal.line(f"reranker: {value['reranker']}")
    terminal.line(f"curves: {value['curves']}")
    terminal.line(f'use it with: ragbot search "…" --reranker bundled:{value["reranker"]}', "dim")


class TrainingBar:
    """A bar on a terminal, a line now and then elsewhere; call it with stage, done, of how many, and details."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._bars: Bars | None = None
        self._told = ""

    def __enter__(self) -> TrainingBar:
        if self._terminal.err.is_terminal and not self._terminal.quiet:
            self._bars = Bars(
                BarColumn(),
                TextColumn("{task.description}", markup=False),
                TimeRemainingColumn(),
                console=self._terminal.err,
                transient=True,
            )
            self._task = self._bars.add_task("reading the sets …", total=None)
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()

    def __call__(self, stage: str, done: int, of: int, details: str) -> None:
        """Show how far it has come."""
        text = f"{_STAGES[stage]} {done:,}/{of:,}" + (f", {details}" if details else "")
        if self._bars:
            self._bars.update(self._task, total=of, completed=done, description=text)
        elif f"{stage} {10 * done // max(of, 1)}" != self._told:  # a line every tenth
            self._told = f"{stage} {10 * done // max(of, 1)}"
            self._terminal.note(text)
