"""Runs in the workspace: step by step, found by the beginning of their id, damaged ones told, deleted ones gone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ragbot.errors import CorruptError, UserError
from ragbot.workspace.agent_runs import AgentRuns
from ragbot.workspace.schema import MIGRATIONS
from ragbot.workspace.store import Workspace
from tests.ragbot.workspace.conftest import KB, Open, bytes_of, said

STEP = {"kind": "thought", "text": "先算 é", "turn": 1}


@pytest.fixture
def runs(reopen: Open) -> AgentRuns:
    return AgentRuns(reopen().workspace)


def test_a_run_step_by_step(runs: AgentRuns, reopen: Open) -> None:
    runs.begin("a" * 12, "一加一？", {"language": "zh", "tools": ["add"]})
    runs.append("a" * 12, 0, STEP)
    runs.append("a" * 12, 1, {"kind": "answer", "text": "2"})
    runs.mark("a" * 12, "done")
    again = AgentRuns(reopen().workspace)
    head = again.head("aaa")
    assert (head["question"], head["state"], head["tools"], head["language"]) == ("一加一？", "done", ["add"], "zh")
    assert again.steps(head["id"]) == [STEP, {"kind": "answer", "text": "2"}]
    assert [(row["id"], row["steps"]) for row in again.all()] == [("a" * 12, 2)]
    assert again.all(0) == []


def test_none_yet(runs: AgentRuns) -> None:
    assert runs.all() == [] and runs.steps("x") == []
    with pytest.raises(UserError, match="there is no run 'abc'; ragbot agent runs"):
        runs.head("abc")


def test_several_begin_alike(runs: AgentRuns) -> None:
    for name in ("ab1", "ab2"):
        runs.begin(name, "q", {})
    with pytest.raises(UserError, match="the beginning of 2 runs"):
        runs.head("ab")


def test_only_one_process_goes_on_with_a_run(runs: AgentRuns) -> None:
    runs.begin("abc", "q", {})
    runs.append("abc", 0, STEP)
    with pytest.raises(UserError, match="another process goes on with the run abc"):
        runs.append("abc", 0, STEP)
    with pytest.raises(UserError, match="has been deleted"):
        runs.append("nowhere", 0, STEP)
    runs.mark("nowhere", "done")


def test_nothing_is_left_of_a_deleted_run(runs: AgentRuns, path: Path) -> None:
    for name in ("abc", "def"):
        runs.begin(name, f"question {name} secret", {})
        runs.append(name, 0, {"text": f"step {name} secret"})
    assert runs.delete(["abc", "nowhere"]) == 1
    assert runs.delete([]) == 0
    assert b"abc secret" not in bytes_of(path) and b"def secret" in bytes_of(path)
    assert [row["id"] for row in runs.all()] == ["def"]


@pytest.mark.parametrize("table", ["agent_runs", "agent_steps"])
def test_a_flipped_bit_is_told(runs: AgentRuns, reopen: Open, path: Path, table: str) -> None:
    runs.begin("abc", "what is it", {})
    runs.append("abc", 0, STEP)
    runs.workspace.close()
    with closing(sqlite3.connect(path)) as db:
        column = "question" if table == "agent_runs" else "step"
        db.execute(f"UPDATE {table} SET {column} = replace({column}, 't', 'd')")
        db.commit()
    damaged = AgentRuns(reopen().workspace)
    with pytest.raises(CorruptError, match="ragbot agent runs --delete abc"):
        damaged.head("abc")
        damaged.steps("abc")
    assert damaged.delete([damaged.resolve("ab")]) == 1


def test_a_workspace_of_the_first_version_is_brought_up(path: Path, reopen: Open) -> None:
    conversations = reopen()
    identity = conversations.create(KB).id
    conversations.append(identity, said("question"))
    conversations.workspace.close()
    with closing(sqlite3.connect(path)) as db:
        later = ("agent_steps", "agent_runs", "job_progress", "job_files", "jobs", "keys")
        db.executescript(f"{' '.join(f'DROP TABLE {table};' for table in later)} PRAGMA user_version = 1")
    again = reopen()
    assert [turn.question for turn in again.turns(identity)] == ["question"]
    AgentRuns(again.workspace).begin("abc", "q", {})
    assert len(MIGRATIONS) >= 2


def test_lone_surrogates_are_no_reason_to_fail(path: Path) -> None:
    workspace = Workspace(path)
    try:
        runs = AgentRuns(workspace)
        runs.begin("abc", "q \ud800", {})
        runs.append("abc", 0, {"text": "\udfff"})
        assert runs.head("abc")["question"] == "q ?"
        assert runs.steps("abc") == [{"text": "?"}]
    finally:
        workspace.close()
