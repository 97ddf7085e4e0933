"""``ragbot train dataset`` and ``ragbot train lora`` as one call each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.datasets.base import QuestionSet, Span
from eval.workbench import Workbench
from ragbot.errors import SourceError, UserError
from ragbot.settings import Settings
from ragbot.training.bases import Base, shown
from ragbot.training.cards import Card, write_card
from ragbot.training.mining import Progress, no_part
from ragbot.training.reader.contexts import Group, Mix
from ragbot.training.reader.curves import draw_reader_curves
from ragbot.training.reader.dataset import groups_of, read_groups, write_groups
from ragbot.training.reader.describing import Described, describe, samples
from ragbot.training.runs import BEST, RUN, is_main

if TYPE_CHECKING:
    from ragbot.training.reader.looks import Look
    from ragbot.training.reader.plan import ReaderPlan

PARTS = ("train", "dev")
STATISTICS, SAMPLES, CURVES = "statistics.json", "samples.md", "curves.png"
#: Contexts of each set that are shown.
_SHOWN = 3


@dataclass(frozen=True)
class TrainedReader:
    """What came of a run: the folder of the adapter, the best look at held-out questions, and all looks."""

    folder: Path
    best: Look
    looks: Sequence[Look]


def make_dataset(
    sets: Sequence[QuestionSet],
    paragraphs: Mapping[str, Mapping[str, Span]],
    folder: Path,
    settings: Settings,
    workbench: Workbench,
    progress: Progress,
) -> dict[str, Described]:
    """Write the train and dev groups of each set into ``folder``, with statistics and samples; returns the statistics.

    What exists is kept, so that a run that was stopped goes on. Documents of the test part are never opened.

    Args:
        paragraphs: by the set's name and the question's id, the paragraph that it was written for, where that is known.

    Raises:
        SourceError: a set has no train or no dev documents.
    """
    folder.mkdir(parents=True, exist_ok=True)
    described: dict[str, Described] = {}
    shown: list[str] = []
    for question_set in sets:
        for part in PARTS:
            path = folder / f"{question_set.name}.{part}.jsonl"
            if not path.is_file():
                _mine(question_set, part, paragraphs.get(question_set.name, {}), path, settings, workbench, progress)
            groups = read_groups(path)
            described[f"{question_set.name}.{part}"] = describe(groups, Mix())
            if part == "train":
                shown.append(f"# {question_set.name}\n\n{samples(groups, Mix(), _SHOWN)}")
    statistics = {name: asdict(found) for name, found in described.items()}
    (folder / STATISTICS).write_text(json.dumps(statistics, indent=1) + "\n", encoding="utf-8")
    (folder / SAMPLES).write_text("\n".join(shown), encoding="utf-8")
    return described


def _mine(
    question_set: QuestionSet,
    part: str,
    paragraphs: Mapping[str, Span],
    path: Path,
    settings: Settings,
    workbench: Workbench,
    progress: Progress,
) -> None:
    if not question_set.parts.get(part):
        raise no_part(question_set, part)
    chosen = question_set.part(part)
    documents = {name: text for name, text in chosen.documents.items() if name in question_set.parts[part]}

    def told(done: int, of: int) -> None:
        progress("data", done, of, f"{question_set.name}, {part}")

    temporary = path.with_suffix(".tmp")
    with workbench.bot(documents, settings) as bot:
        count = write_groups(temporary, groups_of(bot, chosen, paragraphs, told))
    if not count:
        temporary.unlink()
        raise SourceError(f"no {part} question of {question_set.name} can be learned from: name another set")
    temporary.replace(path)


def read_dataset(folder: Path, part: str) -> list[Group]:
    """The groups of a part, of all sets in ``folder``. Raises SourceError where there are none."""
    paths = sorted(folder.glob(f"*.{part}.jsonl"))
    if not paths:
        raise SourceError(
            f"{folder} holds no {part} questions: make them with ragbot train dataset SETS --output {folder}"
        )
    return [group for path in paths for group in read_groups(path)]


def train_reader(
    data: Path,
    base: Base,
    folder: Path,
    plan: ReaderPlan,
    progress: Progress,
    mix: Mix | None = None,
    start: Path | None = None,
) -> TrainedReader:
    """Train an adapter of ``base`` on a folder of :func:`make_dataset`; the same call goes on with a run.

    Raises:
        SourceError: there is no data.
        UserError: ``folder`` holds a run with other settings, or this machine cannot do what the plan says.
        ModelNotFoundError: the base cannot be loaded.
    """
    from ragbot.training.reader.trainer import ReaderTraining

    train, held_out = read_dataset(data, "train"), read_dataset(data, "dev")
    known = {group.set for group in train}
    for option, shares in (("--share", plan.shares), ("--clause", (mix or Mix()).clauses)):
        if unknown := sorted({name for name, _ in shares} - known):
            raise UserError(f"{option} {unknown[0]}: there is no such set in {data}, but {', '.join(sorted(known))}")
    training = ReaderTraining(base.folder, train, held_out, folder, plan, mix, base.name, start)
    if not training.steps:
        raise SourceError(
            f"{data} holds {len(training.packs)} contexts for {plan.epochs:g} epochs, and a step takes "
            f"{plan.packs_per_step}: give it more questions, or more --epochs"
        )

    def told(look: Look) -> None:
        draw_reader_curves(training.looks, folder / CURVES)

    def tick(step: int, steps: int, loss: float) -> None:
        best = max((look.f1 for look in training.looks), default=None)
        details = f"loss {loss:.3f}" if best is None else f"loss {loss:.3f}, best held-out F1 {best:.3f}"
        progress("train", step, steps, details)

    progress("train", training.looks[-1].step if training.looks else 0, training.steps, "")
    best = training.run(told, tick)
    if is_main():
        record_reader(
            folder, data, base, asdict(plan), training.looks, best, "ragbot train lora", training.mix, training.begun
        )
    return TrainedReader(folder / BEST, best, training.looks)


def record_reader(
    folder: Path,
    data: Path,
    base: Base,
    plan: Mapping[str, Any],
    looks: Sequence[Look],
    best: Look,
    command: str,
    mix: Mix | None = None,
    start: Mapping[str, str] | None = None,
) -> None:
    """Write the run's settings, figures and data beside what it has made, with a model card."""
    path = data / STATISTICS
    statistics = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    name = shown(base.name)
    record = {
        "base": name,
        "plan": plan,
        "mix": asdict(mix or Mix()),
        "start": dict(start or {}),
        "data": statistics,
        "best": asdict(best),
        "looks": [asdict(look) for look in looks],
    }
    (folder / BEST / RUN).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if (folder / CURVES).is_file():
        shutil.copyfile(folder / CURVES, folder / BEST / CURVES)
    whole = (folder / BEST / "config.json").is_file()
    write_card(
        folder / BEST,
        Card(
            title="A reader for ragbot",
            about=f"It reads numbered passages and a question, and gives the number of the passage that answers it and a "
            f"short answer, or a refusal. Made from {name} by `{command}`; step {best.step} was the best.",
            base=name,
            library="transformers" if whole else "peft",
            use=f"ragbot train export {'FOLDER' if whole else 'ADAPTER'} --output MODEL",
            data=statistics,
            scores=best.sets,
            settings=plan,
        ),
    )
