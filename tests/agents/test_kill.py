"""kill -9 in the middle of a run, then resume: no call with effects is made twice, and no step is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agents.policy import Policy, Rule
from agents.steps import Action, Observation
from ragbot.workspace.agent_runs import AgentRuns
from ragbot.workspace.store import Workspace
from tests.agents.doubles import agent, call, say

ROOT = Path(__file__).parents[2]
#: Appends a line to a file three times, a little slowly, and says of each step that it is there.
RUN = """
import sys, time
from pathlib import Path
from agents.policy import Policy, Rule
from agents.tools.base import Effect, Traits, tool
from ragbot.workspace.agent_runs import AgentRuns
from ragbot.workspace.store import Workspace
from tests.agents.doubles import agent, call, say

workspace, target = map(Path, sys.argv[1:])

@tool("append", Traits(effects=frozenset({Effect.WRITE})))
def append(line: str) -> str:
    "Append a line."
    time.sleep(0.05)
    with target.open("a") as file:
        file.write(line + "\\n")
    time.sleep(0.05)
    return "appended"

replies = [call("append", line=name) for name in ("one", "two", "three")] + [say("done")]
made = agent(replies, [append], policy=Policy({"append": Rule.ALLOW}), store=AgentRuns(Workspace(workspace)))
stream = made.stream("Append one, two and three.")
print(stream.id, flush=True)
for step in stream:
    print(step.kind, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="sends SIGKILL")
@pytest.mark.parametrize("wanted", ["action", "observation"])
def test_nothing_is_done_twice(tmp_path: Path, wanted: str) -> None:
    workspace, target = tmp_path / "workspace.sqlite3", tmp_path / "lines.txt"
    command = [sys.executable, "-X", "utf8", "-c", RUN, str(workspace), str(target)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", cwd=ROOT)
    assert process.stdout
    identity = process.stdout.readline().strip()
    seen = [process.stdout.readline().strip() for _ in range(1 if wanted == "action" else 2)]
    assert seen[-1] == wanted
    time.sleep(0.07)  # in the middle of the call: before or after its effect, nobody knows
    process.send_signal(signal.SIGKILL)
    seen += process.stdout.read().split()
    process.stdout.close()
    assert process.wait(60) == -signal.SIGKILL

    opened = Workspace(workspace)
    try:
        store = AgentRuns(opened)
        kept = [step["kind"] for step in store.steps(identity)]
        assert kept[: len(seen)] == seen  # what was shown is there
        before = target.read_text().split() if target.exists() else []
        made = agent(
            [call("append", line=line) for line in ("one", "two", "three")] + [say("done")],
            [appending(target)],
            policy=Policy({"append": Rule.ALLOW}),
            store=store,
        )
        run = made.resume(identity)
        list(run)
        lines = target.read_text().split()
        assert sorted(lines) == sorted(set(lines)), (before, lines)
        assert run.run.text == "done"
        pending = [step for step in run.run.steps if isinstance(step, Observation) and step.status == "unknown"]
        assert len(pending) == (kept[-1] == "action")
        assert {step.arguments["line"] for step in run.run.steps if isinstance(step, Action)} >= set(lines)
    finally:
        opened.close()


def appending(target: Path):  # type: ignore[no-untyped-def]
    from agents.tools.base import Effect, Traits, tool

    @tool("append", Traits(effects=frozenset({Effect.WRITE})))
    def append(line: str) -> str:
        """Append a line."""
        with target.open("a") as file:
            file.write(line + "\n")
        return "appended"

    return append
