"""Acknowledged turns outlive kill -9, and several processes write at once without losing one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ragbot.workspace.conversations import Conversations
from ragbot.workspace.store import Workspace

ROOT = Path(__file__).parents[3]
#: Appends turns to a conversation and says of each that it is stored, until it is killed or has made its number.
WRITER = """
import sys
from pathlib import Path
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.records import Turn
from ragbot.workspace.store import Workspace

path, identity, name, count = sys.argv[1:]
conversations = Conversations(Workspace(Path(path)))
for number in range(int(count)):
    question = f"{name} 第 {number} 问"
    conversations.append(identity, Turn(question, "answer " * (number % 7 * 200)), new_in="kb")
    sys.stdout.write(question + "\\n")
    sys.stdout.flush()
"""


def start(path: Path, identity: str, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-X", "utf8", "-c", WRITER, str(path), identity, name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", cwd=ROOT)


def stored(path: Path, identity: str) -> list[str]:
    conversations = Conversations(Workspace(path))
    try:
        return [turn.question for turn in conversations.turns(identity)]
    finally:
        conversations.workspace.close()


@pytest.mark.skipif(os.name == "nt", reason="sends SIGKILL")
def test_what_was_acknowledged_is_there_after_a_kill(path: Path) -> None:
    chance, acknowledged = random.Random(9), list[str]()
    for number in range(5):
        process = start(path, "a" * 12, f"run {number}", 10_000)
        assert process.stdout
        acknowledged.append(process.stdout.readline().strip())
        time.sleep(chance.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        acknowledged += process.stdout.read().splitlines()
        process.stdout.close()
        assert process.wait(60) == -signal.SIGKILL
        found = stored(path, "a" * 12)
        assert [question for question in acknowledged if question not in found] == []
        # One more may be stored than was said: the kill came between the two.
        assert len(found) <= len(acknowledged) + number + 1
    assert len(acknowledged) > 10


def test_two_processes_write_into_one_conversation(path: Path) -> None:
    writers = [start(path, "a" * 12, name, 30) for name in ("first", "second")]
    said = [writer.communicate(timeout=120)[0].splitlines() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    found = stored(path, "a" * 12)
    assert len(found) == 60
    for questions in said:  # one branch, each process's turns in their order
        assert [question for question in found if question in set(questions)] == questions
