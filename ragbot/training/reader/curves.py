"""The curves of a reader's training as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ragbot.errors import MissingExtraError

if TYPE_CHECKING:
    from ragbot.training.reader.looks import Look

_COLORS = ("#1d4ed8", "#0f766e", "#7c3aed", "#be123c", "#4d7c0f", "#0369a1")


def draw_reader_curves(looks: Sequence[Look], path: Path) -> None:
    """Loss, the F1 of held-out questions by set, and how well the refusals are told apart.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError("the curves of a training run", "eval") from error
    figure = Figure(figsize=(12, 3.8), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    steps = [look.step for look in looks]
    told = [look for look in looks if look.loss]  # nothing is told of a loss where two looks are close
    left.plot([look.step for look in told], [look.loss for look in told], marker="o", color="#b45309")
    left.set(title="Loss on training questions", xlabel="step")
    for number, name in enumerate(looks[0].sets if looks else ()):
        color = _COLORS[number % len(_COLORS)]
        middle.plot(steps, [look.sets[name]["f1"] for look in looks], marker="o", color=color, label=name)
        right.plot(steps, [look.sets[name]["auroc"] for look in looks], marker="o", color=color, label=name)
    middle.set(title="F1 of held-out questions\n(a refusal counts 0)", xlabel="step", ylim=(0, 1))
    right.set(title="Refusals told apart (AUROC)", xlabel="step", ylim=(0, 1))
    right.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for axes in (left, middle, right):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
