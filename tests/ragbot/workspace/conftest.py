"""A workspace in a folder of its own, and turns to put into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ragbot.documents import Answer, Citation, Claim
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.records import Turn, turn_of
from ragbot.workspace.store import FILE_NAME, Workspace

KB = "/data/kb/default"
CITATION = Citation(
    marker=1,
    source="/docs/lora.md",
    title="低秩适配",
    page=3,
    heading="低秩适配 > 量化",
    start=20,
    end=31,
    quote="秩通常取 8 或 16。",
    document_id=7,
    focus=(24, 25),
)
ANSWER = Answer(
    question="LoRA 的秩通常取多少？",
    text="秩通常取 8 或 16。[1]",
    citations=(CITATION,),
    abstained=False,
    confidence=0.875,
    language="zh",
    timings={"total": 0.25},
    usage={"input_tokens": 700, "output_tokens": 20},
    claims=(Claim("秩通常取 8 或 16。", 0, 16, "supported", (1,)),),
    short="8 或 16",
)
TURN = turn_of(ANSWER, "openai:qwen3")

Open = Callable[[], Conversations]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / FILE_NAME


@pytest.fixture
def reopen(path: Path) -> Iterator[Open]:
    """Opens the workspace; each call as another process would."""
    opened: list[Conversations] = []

    def call() -> Conversations:
        opened.append(Conversations(Workspace(path)))
        return opened[-1]

    yield call
    for conversations in opened:
        conversations.workspace.close()


@pytest.fixture
def conversations(reopen: Open) -> Conversations:
    return reopen()


def said(question: str, text: str = "") -> Turn:
    return Turn(question=question, text=text)


def bytes_of(path: Path) -> bytes:
    """Every byte of the file, of its log, and of whatever else stands beside it."""
    return b"\0".join(file.read_bytes() for file in sorted(path.parent.iterdir()) if file.is_file())
