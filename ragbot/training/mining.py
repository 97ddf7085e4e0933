"""Questions with the passages that answer them and hard negatives, of several sets: what rerankers and embedders learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from eval.datasets.base import QuestionSet
from eval.workbench import Workbench
from ragbot.errors import SourceError
from ragbot.settings import Settings
from ragbot.training.ranking_data import Ranking, rankings_of, read_rankings, write_rankings

#: Told what is being done (a word), how much of it is done, of how much, and details.
Progress = Callable[[str, int, int, str], None]


def mined(
    sets: Sequence[QuestionSet], part: str, folder: Path, settings: Settings, workbench: Workbench, progress: Progress
) -> list[Ranking]:
    """The questions of a part with what is found for them among the documents of that part alone.

    They are kept in ``folder``, and read from there the next time.

    Raises:
        SourceError: a set has no documents of that part, or no question has an answer that is found.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rankings: list[Ranking] = []
    for question_set in sets:
        if not question_set.parts.get(part):
            raise no_part(question_set, part)
        path = folder / f"{question_set.name}.{part}.jsonl"
        if not path.is_file():
            chosen = question_set.part(part)
            documents = {name: text for name, text in chosen.documents.items() if name in question_set.parts[part]}

            def told(done: int, of: int, name: str = question_set.name) -> None:
                progress("data", done, of, f"{name}, {part}")

            with workbench.bot(documents, settings) as bot:
                write_rankings(path, rankings_of(bot, chosen, told))
        rankings += read_rankings(path)
    if not any(ranking.positives for ranking in rankings):
        raise SourceError(f"no question about a {part} document has an answer that is found in it: name another set")
    return rankings


def no_part(question_set: QuestionSet, part: str) -> SourceError:
    """The error for a set that lacks a part."""
    if question_set.parts:
        return SourceError(f"{question_set.name} has no {part} documents: it is too small to be split; give it more")
    return SourceError(
        f"{question_set.name} has no {part} documents: split it by document (splits.json beside it, or --split-by)"
    )
