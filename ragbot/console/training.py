"""``ragbot train reranker`` and ``embedder``: read the sets, train under a bar, say what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from ragbot.console.options import INTERRUPTED, Options
from ragbot.console.terminal import Terminal
from ragbot.errors import MissingExtraError, SourceError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eval.datasets.base import QuestionSet
    from eval.workbench import Workbench
    from ragbot.settings import Settings

_STAGES = {
    "data": "asking the search",
    "lower": "reading passages (lower layers)",
    "sample": "sampling answers",
    "runs": "playing runs",
    "train": "training",
    "compare": "comparing",
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
    settings, workbench, sets = opened(options, paths, output, documents, split_by)
    with packages():
        from ragbot.training.reranker import RerankerPlan
        from ragbot.training.reranker_run import train_reranker
    terminal = options.terminal
    try:
        with TrainingBar(terminal) as progress:
            trained = train_reranker(sets, output, settings, workbench, RerankerPlan(**knobs), progress)
    except KeyboardInterrupt:
        return interrupted(terminal, "from the last look at the held-out questions")
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
    terminal.show(value, _show_reranker)
    return 0


def embedder(
    options: Options,
    paths: Sequence[Path],
    output: Path,
    documents: Path | None,
    split_by: str | None,
    base: str,
    knobs: Mapping[str, Any],
    threads: int | None,
) -> int:
    """Train an embedder; returns the exit code."""
    settings, workbench, sets = opened(options, paths, output, documents, split_by)
    with packages():
        from ragbot.training.embedder import EmbedderPlan
        from ragbot.training.embedder_run import train_embedder
    prepare_torch(threads)
    terminal = options.terminal
    try:
        with TrainingBar(terminal) as progress:
            trained = train_embedder(sets, output, base, settings, workbench, EmbedderPlan(**knobs), progress)
    except KeyboardInterrupt:
        return interrupted(terminal, "from the last look at the held-out questions")
    value = {
        "embedder": str(trained.folder),
        "curves": str(output / "curves.png"),
        "step": trained.best.step,
        "mrr": trained.best.mrr,
        "before": trained.looks[0].mrr,
        "sets": {name: {"mrr": mrr, "before": trained.looks[0].sets[name]} for name, mrr in trained.best.sets.items()},
    }
    terminal.show(value, _show_embedder)
    return 0


def opened(
    options: Options, paths: Sequence[Path], output: Path, documents: Path | None, split_by: str | None
) -> tuple[Settings, Workbench, list[QuestionSet]]:
    """Settings, the workbench for knowledge bases, and the question sets, after ``output`` was found to be writable."""
    from eval.datasets.base import split_by_document
    from eval.datasets.open import open_dataset
    from eval.workbench import Workbench
    from ragbot.settings import load_settings

    settings = load_settings(options.arguments(), options.config)[0]
    check_output(output)
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
    return settings, Workbench(settings.data_dir / "eval" / "kb"), sets


def check_output(output: Path) -> None:
    """Raise UserError unless ``output`` is a folder that can be written to, or can be made."""
    from eval.files import check_writable

    if output.is_file():
        raise UserError(f"{output} is a file: name a folder with --output")
    check_writable(output / "run.json")


@contextmanager
def packages() -> Iterator[None]:
    """Around the imports of trainers. Raises MissingExtraError where their packages are missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError("training", "train") from error


def prepare_torch(threads: int | None) -> None:
    """Let torch use so many cores (None: as many as it takes by itself), and transformers speak of errors alone."""
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    if threads:
        torch.set_num_threads(threads)


def interrupted(terminal: Terminal, where: str) -> int:
    """Say that nothing is lost; returns the exit code."""
    terminal.fail("Interrupted", f"stopped; the same command goes on {where}")
    return INTERRUPTED


def _show_reranker(terminal: Terminal, value: Mapping[str, Any]) -> None:
    terminal.line(f"best at step {value['step']}, on questions about documents that were not trained on:", "bold")
    terminal.line(f"MRR {value['mrr']:.3f} (the search alone {value['search_mrr']:.3f})", indent=2)
    terminal.line(f"first place right {value['first']:.3f} (the search alone {value['search_first']:.3f})", indent=2)
    for name, found in value["sets"].items():
        terminal.line(f"{name}: MRR {found['mrr']:.3f} (the search alone {found['search_mrr']:.3f})", indent=4)
    terminal.line(f"reranker: {value['reranker']}")
    terminal.line(f"curves: {value['curves']}")
    terminal.line(f'use it with: ragbot search "…" --reranker bundled:{value["reranker"]}', "dim")


def _show_embedder(terminal: Terminal, value: Mapping[str, Any]) -> None:
    terminal.line(f"best at step {value['step']}, on questions about documents that were not trained on:", "bold")
    terminal.line(f"MRR {value['mrr']:.3f} (before {value['before']:.3f})", indent=2)
    for name, found in value["sets"].items():
        terminal.line(f"{name}: MRR {found['mrr']:.3f} (before {found['before']:.3f})", indent=4)
    terminal.line(f"embedder: {value['embedder']}")
    terminal.line(f"curves: {value['curves']}")
    terminal.line(f"use it with: ragbot ingest FOLDER --kb NEW --embedder {value['embedder']}", "dim")


class TrainingBar:
    """A bar on a terminal, a line now and then elsewhere; call it with stage, done, of how many, and details."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._bars: Bars | None = None
        self._told = ""

    def __enter__(self) -> Self:
        if self._terminal.err.is_terminal and not self._terminal.quiet:
            self._bars = Bars(
                BarColumn(),
                TextColumn("{task.description}", markup=False),
                TimeRemainingColumn(),
                console=self._terminal.err,
                transient=True,
            )
            self._task = self._bars.add_task("starting …", total=None)
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
