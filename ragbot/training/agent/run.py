"""``ragbot train agent`` as one call: runs in, an adapter with its figures and its card out."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ragbot.training.agent.dataset import PARTS, STATISTICS, read_runs
from ragbot.training.bases import Base, shown
from ragbot.training.cards import Card, write_card
from ragbot.training.mining import Progress
from ragbot.training.runs import BEST, RUN, is_main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ragbot.training.reader.looks import Look
    from ragbot.training.reader.plan import ReaderPlan


@dataclass(frozen=True)
class TrainedAgent:
    """What came of a run: the folder of the adapter, and the best look at held-out runs."""

    folder: Path
    best: Look


def train_agent(
    data: Path, base: Base, folder: Path, plan: ReaderPlan, progress: Progress, start: Path | None = None
) -> TrainedAgent:
    """Train an adapter of ``base`` on a folder of ``ragbot train agent-dataset``; the same call goes on with a run.

    Raises:
        SourceError: there is no data, or too little.
        UserError: ``folder`` holds a run with other settings, or this machine cannot do what the plan says.
        ModelNotFoundError: the base cannot be loaded.
    """
    from ragbot.training.agent.trainer import AgentTraining

    train, held_out = (read_runs(data / f"{part}.jsonl") for part in PARTS)
    training = AgentTraining(base.folder, train, held_out, folder, plan, base.name, start)

    def tick(step: int, steps: int, loss: float) -> None:
        best = max((look.f1 for look in training.looks), default=None)
        details = f"loss {loss:.3f}" if best is None else f"loss {loss:.3f}, best held-out replies {best:.3f}"
        progress("train", step, steps, details)

    progress("train", training.looks[-1].step if training.looks else 0, training.steps, "")
    best = training.run(lambda look: None, tick)
    if is_main():
        _record(folder, data, base, plan, training.looks, best)
    return TrainedAgent(folder / BEST, best)


def _record(folder: Path, data: Path, base: Base, plan: ReaderPlan, looks: list[Look], best: Look) -> None:
    path = data / STATISTICS
    statistics = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    name = shown(base.name)
    record = {
        "base": name,
        "plan": asdict(plan),
        "data": statistics,
        "best": asdict(best),
        "looks": [asdict(look) for look in looks],
    }
    (folder / BEST / RUN).write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    whole = (folder / BEST / "config.json").is_file()
    write_card(
        folder / BEST,
        Card(
            title="Tool use for ragbot's agent",
            about=f"It calls the agent's tools by its text protocol, without thoughts, in English and Chinese. Made from {name} "
            f"by `ragbot train agent`; step {best.step} was the best. `exact` is the share of held-out replies that are right "
            "word for word.",
            base=name,
            library="transformers" if whole else "peft",
            use="ragbot agent --llm bundled:ADAPTER",
            data={part: _counts(statistics[part]) for part in PARTS if part in statistics},
            scores=best.sets,
            settings=asdict(plan),
        ),
    )


def _counts(part: Mapping[str, Any]) -> dict[str, Any]:
    """What the card tells of the runs; templates and replies stand in the run's own record."""
    return {name: part[name] for name in ("runs", "questions", "languages", "calls", "mended", "tools") if name in part}
