"""``ragbot train embedder`` as one call: data from question sets, training, and the embedder with its record and curves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from eval.datasets.base import QuestionSet
from eval.workbench import Workbench
from ragbot.errors import UserError
from ragbot.settings import Settings
from ragbot.training.bases import shown
from ragbot.training.cards import Card, write_card
from ragbot.training.embedder import CURVES, EmbedderPlan, EmbedderTraining, MrrLook
from ragbot.training.embedder_base import BUNDLED, BUNDLED_NAME, load_base
from ragbot.training.mining import Progress, mined
from ragbot.training.runs import BEST, RUN, claim, world


@dataclass(frozen=True)
class TrainedEmbedder:
    """What came of a run: the folder of the embedder, the best look at held-out questions, and all looks."""

    folder: Path
    best: MrrLook
    looks: Sequence[MrrLook]


def train_embedder(
    sets: Sequence[QuestionSet],
    folder: Path,
    base: str,
    settings: Settings,
    workbench: Workbench,
    plan: EmbedderPlan,
    progress: Progress,
) -> TrainedEmbedder:
    """Train on the sets' train documents, stop by their dev documents; test documents are never opened.

    Raises:
        SourceError: a set has no train or no dev documents, or no question that can be learned from.
        UserError: the folder holds a run with other settings.
        ModelNotFoundError: the base cannot be loaded.
    """
    if world() > 1:
        raise UserError("ragbot train embedder runs in one process: start it without accelerate launch")
    claim(folder, {"plan": asdict(plan), "base": {"name": base}})
    parts = {part: mined(sets, part, folder / "data", settings, workbench, progress) for part in ("train", "dev")}
    training = EmbedderTraining(load_base(base), parts["train"], parts["dev"], folder, base, plan)
    training.run(progress)
    data = {
        f"{name}.{part}": {"questions": sum(one.set == name for one in rankings)}
        for part, rankings in parts.items()
        for name in sorted({one.set for one in rankings})
    }
    record_embedder(folder, base, plan, training.looks, training.best, data)
    return TrainedEmbedder(folder / BEST, training.best, training.looks)


def record_embedder(
    folder: Path,
    base: str,
    plan: EmbedderPlan,
    looks: Sequence[MrrLook],
    best: MrrLook,
    data: Mapping[str, Mapping[str, int]],
) -> None:
    """Write the run's settings, figures and data beside the embedder, with a model card."""
    name = BUNDLED_NAME if base == BUNDLED else shown(base)
    record = {
        "base": name,
        "plan": asdict(plan),
        "data": data,
        "best": asdict(best),
        "looks": [asdict(one) for one in looks],
    }
    (folder / BEST / RUN).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    shutil.copyfile(folder / CURVES, folder / BEST / CURVES)
    before = looks[0].sets
    write_card(
        folder / BEST,
        Card(
            title="An embedder for ragbot",
            about=f"Made from {name} by `ragbot train embedder`; step {best.step} was the best. MRR: of the first passage "
            "with the answer, in a pool of what was found for all held-out questions of the set.",
            base=name,
            library="sentence-transformers",
            use="ragbot ingest FOLDER --kb NEW --embedder MODEL",
            data=data,
            scores={key: {"MRR": mrr, "MRR before": before[key]} for key, mrr in best.sets.items()},
            settings=asdict(plan),
        ),
    )
