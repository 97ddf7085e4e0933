"""``ragbot train agent-dataset``: generated runs on disk, with statistics and samples for people to look at."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from eval.agents.services import Services, read_places
from eval.agents.world import World
from eval.datasets.base import QuestionSet
from ragbot.bot import RagBot
from ragbot.errors import SourceError
from ragbot.models.embedders.base import Embedder
from ragbot.training.agent.generating import Material, generate
from ragbot.training.agent.playing import PlayedRun, Reply

PARTS = ("train", "dev")
STATISTICS, SAMPLES = "statistics.json", "samples.md"
#: Runs of each template that are shown.
_SHOWN = 1
#: Told the part, how many runs are done, and of how many.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class AgentPlan:
    """What is generated.

    Attributes:
        runs, held_out: runs of the train and of the dev part. The dev part has documents of its own, where the question
            sets have dev documents.
        seed: of every draw.
        documents: most documents of each question set in the knowledge base.
    """

    runs: int = 6000
    held_out: int = 200
    seed: int = 7
    documents: int = 150


def make_agent_dataset(
    folder: Path,
    plan: AgentPlan,
    sets: Sequence[QuestionSet] = (),
    embedder: Embedder | None = None,
    progress: Progress = lambda part, done, of: None,
) -> dict[str, Any]:
    """Write ``train.jsonl`` and ``dev.jsonl`` into ``folder``, with statistics and samples; returns the statistics.

    Args:
        sets: questions about documents, whose names end in ``en`` or ``zh``; without them, no run searches documents.
        embedder: of the knowledge base; default: that of the settings.

    Raises:
        SourceError: nothing can be generated.
        StorageError: the knowledge base cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known: set[str] = set()
    statistics: dict[str, Any] = {"plan": asdict(plan)}
    shown: list[PlayedRun] = []
    for number, (part, count) in enumerate(zip(PARTS, (plan.runs, plan.held_out), strict=True)):
        chosen = [_some(one, part, plan.documents) for one in sets]
        runs = list(_generated(count, plan.seed + number, chosen, embedder, known, part, progress))
        if not runs:
            raise SourceError(
                f"no {part} runs could be generated: ask for more than {count}, or name other question sets"
            )
        write_runs(folder / f"{part}.jsonl", runs)
        statistics[part] = describe(runs)
        shown = shown or runs
    (folder / STATISTICS).write_text(json.dumps(statistics, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / SAMPLES).write_text(samples(shown), encoding="utf-8")
    return statistics


def _generated(
    count: int,
    seed: int,
    sets: Sequence[QuestionSet],
    embedder: Embedder | None,
    known: set[str],
    part: str,
    progress: Progress,
) -> Iterable[PlayedRun]:
    places = [place for place in read_places() if place.part == "train"]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ragbot-agent-")))
        bot = None
        if sets:
            bot = stack.enter_context(RagBot.open(folder / "kb", embedder=embedder))
            for one in sets:
                bot.ingest_documents(one.documents)
        world = stack.enter_context(World(Services(places), bot))
        material = Material(folder / "tables", tuple(sets))
        for done, run in enumerate(generate(world, places, material, count, seed, known), 1):
            progress(part, done, count)
            yield run


def _some(questions: QuestionSet, part: str, most: int) -> QuestionSet:
    """The first documents of a part with the questions about them; of a set without parts, all documents."""
    there = questions.parts.get(part) or questions.documents
    names = [name for name in questions.documents if name in there][:most]
    kept = tuple(one for one in questions.questions if one.document in names)
    return replace(questions, documents={name: questions.documents[name] for name in names}, questions=kept, parts={})


def write_runs(path: Path, runs: Iterable[PlayedRun]) -> None:
    """Store runs, one a line, whole or not at all."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        for run in runs:
            file.write(json.dumps(asdict(run), ensure_ascii=False) + "\n")
    temporary.replace(path)


def read_runs(path: Path) -> list[PlayedRun]:
    """Runs that :func:`write_runs` stored. Raises SourceError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}; make it with ragbot train agent-dataset") from error
    try:
        return [_run(json.loads(line)) for line in lines]
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{path} holds no runs ({error!r}); make it with ragbot train agent-dataset") from error


def _run(raw: dict[str, Any]) -> PlayedRun:
    messages = tuple((str(role), str(text)) for role, text in raw["messages"])
    replies = tuple(Reply(**reply) for reply in raw["replies"])
    return PlayedRun(**{**raw, "messages": messages, "replies": replies, "tools": tuple(raw["tools"])})


def describe(runs: Sequence[PlayedRun]) -> dict[str, Any]:
    """Counts of runs: by language, template and number of calls, the calls by tool, and mean characters."""
    calls = Counter(
        json.loads(reply.text).get("tool", "(answer)") for run in runs for reply in run.replies if reply.learned
    )
    return {
        "runs": len(runs),
        "questions": len({run.question for run in runs}),
        "languages": dict(sorted(Counter(run.language for run in runs).items())),
        "templates": dict(sorted(Counter(run.template for run in runs).items())),
        "replies": dict(calls.most_common()),
        "calls": dict(sorted(Counter(len(run.replies) - 1 for run in runs).items())),
        "mended": sum(not reply.learned for run in runs for reply in run.replies),
        "tools": round(sum(len(run.tools) for run in runs) / len(runs), 2),
        "characters": round(sum(len(text) for run in runs for _, text in run.messages) / len(runs)),
    }


def samples(runs: Sequence[PlayedRun]) -> str:
    """Runs of each template as the model reads them, in Markdown."""
    parts = []
    for template in sorted({run.template for run in runs}):
        for language in ("en", "zh"):
            of_kind = [run for run in runs if run.template == template and run.language == language]
            for run in of_kind[:_SHOWN]:
                turns = "\n\n".join(f"<{role}>\n{text}" for role, text in run.messages)
                parts.append(f"## {template}, {language}\n\n~~~~~~\n{turns}\n~~~~~~\n")
    return "\n".join(parts)
