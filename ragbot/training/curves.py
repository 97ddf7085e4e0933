"""The curves of a training run as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ragbot.errors import MissingExtraError

if TYPE_CHECKING:
    from ragbot.training.reranker import Look


def draw_curves(looks: Sequence[Look], path: Path) -> None:
    """Loss on the left; on the right how held-out questions are ranked, beside the order of the search.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError("the curves of a training run", "eval") from error
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    steps = [look.step for look in looks]
    left.plot(steps, [look.loss for look in looks], marker="o", color="#b45309")
    left.set(title="Loss on training questions", xlabel="step")
    right.plot(steps, [look.mrr for look in looks], marker="o", color="#1d4ed8", label="MRR, reranker")
    right.plot(steps, [look.first for look in looks], marker="o", color="#0f766e", label="first place, reranker")
    right.plot(steps, [look.span for look in looks], marker="o", color="#7c3aed", label="answer found, token for token")
    if looks:
        right.axhline(looks[0].retriever_mrr, color="#1d4ed8", linestyle="--", label="MRR, search alone")
        right.axhline(looks[0].retriever_first, color="#0f766e", linestyle="--", label="first place, search alone")
    right.set(title="Held-out questions", xlabel="step", ylim=(0, 1))
    right.legend(fontsize=7, loc="lower right")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
