"""The curves of a training run as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragbot.errors import MissingExtraError

if TYPE_CHECKING:
    from ragbot.training.reranker import Look

_COLORS = ("#1d4ed8", "#0f766e", "#7c3aed", "#be123c", "#4d7c0f", "#0369a1")


def draw_curves(looks: Sequence[Look], path: Path) -> None:
    """Loss on the left; on the right how the held-out questions of each set are ranked, beside the search alone.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    draw_mrr(
        [(look.step, look.loss, {name: pair[0] for name, pair in look.sets.items()}) for look in looks],
        path,
        {name: pair[1] for name, pair in looks[0].sets.items()} if looks else {},
        "the search alone",
    )


def draw_mrr(
    looks: Sequence[tuple[int, float, Mapping[str, float]]],
    path: Path,
    before: Mapping[str, float] | None = None,
    dashed: str = "before training",
) -> None:
    """The same of steps, losses and the MRR by set; ``before`` is what the dashed lines stand for (default: the first look).

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = _figure()
    left, right = figure.subplots(1, 2)
    steps = [step for step, _, _ in looks]
    told = [(step, loss) for step, loss, _ in looks if loss]  # none is told before training
    left.plot([step for step, _ in told], [loss for _, loss in told], marker="o", color="#b45309")
    left.set(title="Loss on training questions", xlabel="step")
    first = looks[0][2] if looks else {}
    for number, name in enumerate(first):
        color = _COLORS[number % len(_COLORS)]
        right.plot(steps, [sets[name] for _, _, sets in looks], marker="o", color=color, label=name)
        right.axhline((before or first)[name], color=color, linestyle="--", linewidth=0.8)
    right.set(title=f"MRR of held-out questions\n(dashed: {dashed})", xlabel="step")
    if first:
        right.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def _figure() -> Any:
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError("the curves of a training run", "eval") from error
    return Figure(figsize=(10, 3.8), layout="constrained")
