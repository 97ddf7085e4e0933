"""``ragbot train promote``: a trained reader against the one that is used, and into its place if it is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ragbot.console.options import Options
from ragbot.console.terminal import Terminal
from ragbot.console.training import TrainingBar, opened
from ragbot.errors import ModelNotFoundError, UserError

#: What the new reader is compared with where nothing else is named.
SHIPPED = "shipped"
#: Exit code where the new reader is not the better one.
NOT_PROMOTED = 1


def promote(
    options: Options,
    adapter: Path,
    paths: Sequence[Path],
    documents: Path | None,
    split_by: str | None,
    against: str,
    target: Path | None,
) -> int:
    """Compare, and put the adapter in its place; returns the exit code."""
    from ragbot.generation.choice import shipped_reader
    from ragbot.models.registry import READER
    from ragbot.settings import load_settings

    settings = load_settings(options.arguments(), options.config)[0]
    place = target or settings.data_dir / "adapters" / READER
    try:
        old = shipped_reader() if against == SHIPPED else Path(against).expanduser()
    except ModelNotFoundError as error:
        raise UserError(
            "this copy of ragbot comes without a reader to compare with: name one with --against"
        ) from error
    if old.resolve() == adapter.resolve():
        raise UserError(f"{adapter} is what it would be compared with: name another reader with --against")
    settings, workbench, sets = opened(options, paths, place, documents, split_by)
    from ragbot.generation.choice import reading
    from ragbot.training.reader.promotion import compare, verdict
    from ragbot.training.reader.promotion import promote as put

    terminal = options.terminal
    with TrainingBar(terminal) as progress:
        before, after = (
            reading(folder, workbench.embedder(settings), settings.generation) for folder in (old, adapter)
        )
        scores = compare(sets, before, after, settings, workbench, progress)
    if not scores:
        raise UserError("the sets have no test questions: nothing can be compared")
    found = verdict(scores)
    if found.promoted:
        put(adapter, place, found)
    value = {
        "promoted": found.promoted,
        "reasons": list(found.reasons),
        "differences": {name: asdict(difference) for name, difference in found.differences.items()},
        "folder": str(place) if found.promoted else None,
        "setting": f'llm = "reader:{place}"' if found.promoted else None,
    }
    terminal.show(value, _show)
    return 0 if found.promoted else NOT_PROMOTED


def _show(terminal: Terminal, value: Mapping[str, Any]) -> None:
    rows = [["", "questions", "documents", "before", "after", "difference"]]
    for name, d in value["differences"].items():
        rows.append(
            [
                name,
                f"{d['questions']:,}",
                f"{d['groups']:,}",
                f"{d['a']:.3f}",
                f"{d['b']:.3f}",
                f"{d['difference']:+.3f} [{d['low']:+.3f}, {d['high']:+.3f}]",
            ]
        )
    terminal.columns(rows)
    for reason in value["reasons"]:
        terminal.line(f"not promoted: {reason}")
    if value["promoted"]:
        terminal.line(f"promoted: {value['folder']}", "bold")
        terminal.line(f"use it: write {value['setting']} into ragbot.toml", "dim")
