"""``ragbot train reranker`` as one call: data from question sets, training, and the reranker with its record and curves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from eval.datasets.base import QuestionSet
from eval.workbench import Workbench
from ragbot.errors import SourceError
from ragbot.models.rerankers.e5_lower import LowerLayers
from ragbot.models.rerankers.e5_tokens import PlacedTokenizer
from ragbot.settings import Settings
from ragbot.training.curves import draw_curves
from ragbot.training.ranking_data import Ranking, rankings_of, read_rankings, write_rankings
from ragbot.training.reranker import BEST, Look, RerankerPlan, RerankerTraining, sample
from ragbot.training.token_states import TokenStates

#: Told what is being done (a word: ``data``, ``lower``, ``train``), how much of it is done, of how much, and details.
Progress = Callable[[str, int, int, str], None]
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
    parts = {part: _data(sets, part, folder / "data", settings, workbench, progress) for part in ("train", "dev")}
    for part, rankings in parts.items():
        if not any(ranking.positives for ranking in rankings):
            raise SourceError(
                f"no question about a {part} document has an answer that is found in it: name another set"
            )
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


def _data(
    sets: Sequence[QuestionSet], part: str, folder: Path, settings: Settings, workbench: Workbench, progress: Progress
) -> list[Ranking]:
    """The questions of a part with what is found for them among the documents of that part alone."""
    folder.mkdir(parents=True, exist_ok=True)
    rankings: list[Ranking] = []
    for question_set in sets:
        if not question_set.parts.get(part):
            raise SourceError(
                f"{question_set.name} has no {part} documents: split it by document (splits.json beside it, or --split-by)"
            )
        path = folder / f"{question_set.name}.{part}.jsonl"
        if not path.is_file():
            chosen = question_set.part(part)
            documents = {name: text for name, text in chosen.documents.items() if name in question_set.parts[part]}

            def told(done: int, of: int, name: str = question_set.name) -> None:
                progress("data", done, of, f"{name}, {part}")

            with workbench.bot(documents, settings) as bot:
                write_rankings(path, rankings_of(bot, chosen, told))
        rankings += read_rankings(path)
    return rankings
