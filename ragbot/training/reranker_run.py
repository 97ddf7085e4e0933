"""``ragbot train reranker`` as one call: data from question sets, training, and the reranker with its record and curves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from eval.datasets.base import QuestionSet
from eval.workbench import Workbench
from ragbot.models.rerankers.e5_lower import LowerLayers
from ragbot.models.rerankers.e5_tokens import PlacedTokenizer
from ragbot.settings import Settings
from ragbot.training.curves import draw_curves
from ragbot.training.mining import Progress, mined
from ragbot.training.reranker import BEST, Look, RerankerPlan, RerankerTraining, sample
from ragbot.training.token_states import TokenStates

CURVES, RUN = "curves.png", "run.json"


@dataclass(frozen=True)
class TrainedReranker:
    """What came of a run: the folder of the reranker, the best look at held-out questions, and all looks."""

    folder: Path
    best: Look
    looks: Sequence[Look]


def train_reranker(
    sets: Sequence[QuestionSet],
    folder: Path,
    settings: Settings,
    workbench: Workbench,
    plan: RerankerPlan,
    progress: Progress,
) -> TrainedReranker:
    """Train on the sets' train documents, stop by their dev documents; test documents are never opened.

    Everything is kept in ``folder``; the same call goes on with a run that was stopped.

    Raises:
        SourceError: a set has no train or no dev documents, or no question that can be learned from.
        UserError: the folder holds a run with other settings.
    """
    parts = {part: mined(sets, part, folder / "data", settings, workbench, progress) for part in ("train", "dev")}
    states = TokenStates(LowerLayers(), PlacedTokenizer.bundled())
    for rankings, depth in ((parts["train"], plan.reach), (sample(parts["dev"], plan), plan.depth)):
        states.prepare(rankings, depth, lambda done, of: progress("lower", done, of, ""))
    training = RerankerTraining(states, parts["train"], parts["dev"], folder, plan)

    def told(look: Look) -> None:
        draw_curves(training.looks, folder / CURVES)

    def tick(step: int, steps: int) -> None:
        progress("train", step, steps, f"MRR {training.looks[-1].mrr:.3f} (search {training.looks[-1].search_mrr:.3f})")

    best = training.run(told, tick)
    record = {
        "plan": asdict(plan),
        "sets": [question_set.name for question_set in sets],
        "questions": {part: len(rankings) for part, rankings in parts.items()},
        "best": asdict(best),
        "looks": [asdict(look) for look in training.looks],
    }
    (folder / BEST / RUN).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return TrainedReranker(folder / BEST, best, training.looks)
