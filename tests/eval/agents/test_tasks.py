"""The tasks: their values come out of the real tools, they are balanced, and the halves share nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.steps import Observation
from eval.agents.answers import right_answer
from eval.agents.matching import calls_of
from eval.agents.running import expected_observations, played, scores_of
from eval.agents.services import read_places
from eval.agents.tasks import KINDS, Task, read_tasks
from eval.agents.world import TOOLS, World, table_files
from ragbot.bot import RagBot
from ragbot.models.testing import HashEmbedder

DATA = Path(__file__).parents[3] / "data"
TASKS = read_tasks()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The sample documents are read from their sources, which takes less time than the PDFs that were made of them."""
    folder = tmp_path_factory.mktemp("world")
    with RagBot.open(folder / "kb", embedder=HashEmbedder()) as bot:
        bot.ingest(DATA / "sources")
        for language in ("en", "zh"):
            for path in (DATA / "corpus" / language).iterdir():
                if path.suffix in (".md", ".html"):
                    bot.ingest(path)
        with World(bot=bot, tables=table_files(), passages=5) as made:
            yield made


def _ideal(task: Task) -> str:
    """An answer with everything that the task expects and nothing else."""
    if task.answer.missing:
        return "That is not available." if task.language == "en" else "查不到，无法回答。"
    parts = [f"{number:,.10g}" for number in task.answer.numbers] + [group[0] for group in task.answer.contains]
    return ", ".join(parts) or ("Hello." if task.language == "en" else "你好。")


def test_there_are_enough_of_each() -> None:
    assert len(TASKS) >= 160 and len({task.id for task in TASKS}) == len(TASKS)
    assert len({task.question for task in TASKS}) == len(TASKS)
    halves = Counter((task.language, task.part) for task in TASKS)
    assert set(halves.values()) == {len(TASKS) // 4}
    for kind in KINDS:
        counts = Counter((task.language, task.part) for task in TASKS if task.kind == kind)
        assert len(set(counts.values())) == 1 and min(counts.values()) >= 4, kind
    for tool in TOOLS:
        if tool != "read_document":
            assert {t.part for t in TASKS if any(c.tool == tool for c in t.calls)} == {"train", "unseen"}, tool


def test_the_halves_share_no_template_place_document_table_or_page() -> None:
    parts = {part: [task for task in TASKS if task.part == part] for part in ("train", "unseen")}
    assert not {t.template for t in parts["train"]} & {t.template for t in parts["unseen"]}
    assert not {c for t in parts["train"] for c in t.answer.cites} & {
        c for t in parts["unseen"] for c in t.answer.cites
    }
    addresses = {
        part: set(re.findall(r"http://[\w./-]+", " ".join(t.question for t in of))) for part, of in parts.items()
    }
    assert addresses["train"] and not addresses["train"] & addresses["unseen"]
    for place in read_places():
        other = "unseen" if place.part == "train" else "train"
        for task in parts[other]:
            # A city that only stands for its time zone is none that the weather is asked for.
            called = [call.arguments.get("place") for call in task.calls if call.tool == "weather"]
            assert place.name not in called and place.zh not in called, (task.id, place.name)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_the_expected_calls_give_the_expected_answer(task: Task, world: World) -> None:
    run = played(world, task, _ideal(task))
    made = calls_of(run.steps)
    assert len(made) == len(task.calls)
    for expected, one in zip(task.calls, made, strict=True):
        assert one.observation is not None
        if not task.answer.missing:
            assert one.observation.status == "ok", one.observation.text
        if expected.finds and not task.answer.missing:
            assert expected.finds.casefold() in one.observation.text.casefold(), one.observation.text
    if task.answer.missing and task.template != "no-column" and task.template != "search-nothing":
        assert made[-1].observation is not None and made[-1].observation.status in ("outage", "input_error")
    found = " ".join(step.text for step in run.steps if isinstance(step, Observation))
    seen = [float(number.replace(",", "")) for number in re.findall(r"-?\d[\d,]*(?:\.\d+)?", found)]
    for number in task.answer.numbers:
        tolerance = max(task.answer.tolerance, 0.006 * (number != round(number)))
        assert any(abs(abs(one) - abs(number)) <= tolerance for one in seen) or _derived(task), (number, found)
    tools = world.tools(task.tools, task.language)
    scores = scores_of(task, run, expected_observations(world, task), tools, 0.0)
    assert scores["tool_call_f1"] == scores["valid_calls"] == scores["right_tools"] == 1.0, scores
    if not task.answer.cites:  # an answer of nothing but numbers is tied to no sentence
        assert right_answer(task, task.question, run.answer, run.steps)


def _derived(task: Task) -> bool:
    """Whether somebody computes the number in the head, for which the calculator is optional."""
    return any(call.optional and call.tool == "calculator" for call in task.calls)
