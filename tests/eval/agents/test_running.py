"""How runs are judged: the calls that mean the same, what counts as a right answer, and what a table says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from langchain_core.messages import BaseMessage

from agents.react import AgentOptions
from agents.steps import Action, FinalAnswer, Observation
from eval.agents.answers import right_answer
from eval.agents.matching import Made, call_scores, calls_of
from eval.agents.running import TaskResult, played, run_tasks
from eval.agents.services import NOW, weather_of
from eval.agents.tasks import ExpectedAnswer, ExpectedCall, Task, read_tasks
from eval.agents.world import World
from eval.benchmarks.agent_tasks import as_json, table
from ragbot.errors import SourceError, UserError
from ragbot.models.testing import ScriptedChatModel

OPTIONS = AgentOptions(protocol="text", thoughts=False)
SUM = Task(
    "t1", "en", "one", "unseen", "sum", "How much is 6 times 7?",
    (ExpectedCall("calculator", {"expression": "6 * 7"}),), ExpectedAnswer((42.0,)), ("calculator", "weather"),
)  # fmt: skip
AWAY = Task(
    "t2", "zh", "failing", "train", "away", "杭州天气如何？", (ExpectedCall("weather", {"place": "杭州"}),),
    ExpectedAnswer(missing=True), ("calculator", "weather"), {"forecast": "503"},
)  # fmt: skip


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def says(*replies: dict[str, object]) -> ScriptedChatModel:
    said = iter(json.dumps(one) for one in replies)

    def reply(_: list[BaseMessage]) -> str:
        return next(said)

    return ScriptedChatModel(reply)


def tried(world: World, task: Task, *replies: dict[str, object]) -> TaskResult:
    return next(iter(run_tasks(says(*replies), world, [task], OPTIONS)))


def call(tool: str, **arguments: object) -> dict[str, object]:
    return {"tool": tool, "arguments": arguments}


def test_a_run_that_does_all_as_it_should(world: World) -> None:
    scores = tried(world, SUM, call("calculator", expression="7*6"), {"answer": "It is 42 [1]."}).scores
    assert {name: scores[name] for name in ("right", "tool_call_f1", "valid_calls", "right_tools", "loops")} == {
        "right": 1.0, "tool_call_f1": 1.0, "valid_calls": 1.0, "right_tools": 1.0, "loops": 0.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([{"answer": "42"}], {"right": 1.0, "tool_call_f1": 0.0, "right_tools": 0.0, "valid_calls": 1.0}),
        ([call("calculator", expression="6 + 7"), {"answer": "13 [1]"}], {"right": 0.0, "tool_call_f1": 0.0, "right_tools": 1.0}),
        ([call("calculator", formula="6 * 7"), call("calculator", expression="6 * 7"), {"answer": "42"}], {"right": 1.0, "valid_calls": 0.5, "tool_call_f1": 2 / 3}),
        ([call("calc", expression="6 * 7"), {"answer": "42"}], {"valid_calls": 0.0, "right_tools": 0.0}),
        ([call("calculator", expression="6 * 7"), call("calculator", expression="6 * 7"), {"answer": "42"}], {"loops": 1.0, "tool_call_f1": 2 / 3}),
        ([call("weather", place="Oslo"), {"answer": "420"}], {"right": 0.0, "right_tools": 0.0, "valid_calls": 1.0}),
    ],
)  # fmt: skip
def test_what_is_wrong_shows(world: World, replies: list[dict[str, object]], expected: dict[str, float]) -> None:
    scores = tried(world, SUM, *replies).scores
    assert {name: scores[name] for name in expected} == pytest.approx(expected)


def test_a_service_that_fails_does_so_for_its_task_alone(world: World) -> None:
    result = tried(world, AWAY, call("weather", place="Hangzhou"), {"answer": "天气服务暂时无法使用。"})
    # What failed is compared by what was asked, in whatever language the place is named.
    assert result.scores["right"] == 1.0 and result.scores["right_tools"] == 1.0
    invented = tried(world, AWAY, call("weather", place="杭州"), {"answer": "无法查到，大概 18 度。"})
    assert invented.scores["right"] == 0.0
    made = calls_of(played(world, replace(AWAY, faults={}), "-").steps)
    assert made[0].observation is not None and made[0].observation.status == "ok"


def test_no_tool_where_none_is_needed(world: World) -> None:
    task = replace(SUM, kind="none", calls=(), answer=ExpectedAnswer())
    assert tried(world, task, {"answer": "Hello!"}).scores["right"] == 1.0
    assert tried(world, task, call("calculator", expression="1+1"), {"answer": "Hello!"}).scores["right"] == 0.0


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        ("The difference is -3.5 °C [1].", ExpectedAnswer((3.5,)), True),
        ("3.6", ExpectedAnswer((3.5,)), False),
        ("1,250 和 ３", ExpectedAnswer((1250.0, 3.0)), True),
        ("Amara [1]", ExpectedAnswer(contains=(("amara", "x"),)), True),
        ("BANANA", ExpectedAnswer(absent=("banana",)), False),
        ("12", ExpectedAnswer((1.0,)), False),
        ("[1]", ExpectedAnswer((1.0,)), False),
        ("It says 5", ExpectedAnswer((5.0,), cites=("serving",)), False),
    ],
)
def test_answers(answer: str, expected: ExpectedAnswer, right: bool) -> None:
    task = replace(SUM, answer=expected)
    assert right_answer(task, "q", FinalAnswer(text=answer), []) is right


def test_a_search_is_the_one_that_was_meant_if_it_finds_what_was_sought() -> None:
    expected = ExpectedCall("search_knowledge", {"query": "a"}, finds="45 GB")
    action = Action(id="call1", tool="search_knowledge", arguments={"query": "something else"})
    for text, share in (("It takes 45 GB.", 1.0), ("nothing", 0.0)):
        made = Made(action, Observation(action="call1", tool="search_knowledge", text=text))
        assert call_scores([expected], [None], [made])["tool_call_f1"] == share


def test_the_table_and_the_file(world: World) -> None:
    results = [
        tried(world, SUM, call("calculator", expression="6*7"), {"answer": "42"}),
        tried(world, replace(SUM, id="t3"), {"answer": "41"}),
    ]
    shown = table(results)
    assert "| **unseen** (2) | 0.500 [" in shown and "| unseen, one (2) |" in shown and "zh" not in shown
    assert json.loads(json.dumps(as_json(results[0])))["steps"][-1]["text"].startswith("42")


def test_weather_follows_from_place_day_and_seed() -> None:
    from datetime import datetime

    day = datetime.fromisoformat(NOW).date()
    assert weather_of(30.0, 120.0, day, 0) == weather_of(30.0, 120.0, day, 0) != weather_of(30.0, 120.0, day, 1)
    assert weather_of(60.0, 10.0, day, 0).high < weather_of(1.0, 103.0, day, 0).high


def test_what_cannot_be_read_is_told(tmp_path: Path, world: World) -> None:
    with pytest.raises(SourceError, match="name a file"):
        read_tasks(tmp_path / "none.jsonl")
    (tmp_path / "bad.jsonl").write_text('{"id": "x"}\n', encoding="utf-8")
    with pytest.raises(SourceError, match="line 1"):
        read_tasks(tmp_path / "bad.jsonl")
    with pytest.raises(UserError, match="search_knowledge"):
        world.tools(["search_knowledge"], "en")
