"""The curves of a training run as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ragbot.errors import MissingExtraError

if TYPE_CHECKING:
    from ragbot.training.reranker import Look

_COLORS = ("#1d4ed8", "#0f766e", "#7c3aed", "#be123c", "#4d7c0f", "#0369a1")


def draw_curves(looks: Sequence[Look], path: Path) -> None:
    """Loss on the left; on the right how the held-out questions of each set are ranked, beside the search alone.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError("the curves of a training run", "eval") from error
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    steps = [look.step for look in looks]
    left.plot(steps[1:], [look.loss for look in looks[1:]], marker="o", color="#b45309")
    left.set(title="Loss on training questions", xlabel="step")
    for number, name in enumerate(looks[0].sets if looks else ()):
        color = _COLORS[number % len(_COLORS)]
        right.plot(steps, [look.sets[name][0] for look in looks], marker="o", color=color, label=name)
        right.axhline(looks[0].sets[name][1], color=color, linestyle="--", linewidth=0.8)
    right.set(title="MRR of held-out questions\n(dashed: the search alone)", xlabel="step")
    right.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
