"""Indexes are brought up and stored while a run goes on, and that costs little."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest import storing
from ingest.chunkers.recursive import RecursiveChunker
from ingest.pipeline import Progress, ingest_documents
from ingest.storing import Storing
from ragbot.documents import ParsedDocument
from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.lexical import LexicalIndex
from ragbot.models.testing import HashEmbedder

ROOT = Path(__file__).parents[2]


class Clock:
    """A knowledge base that notes what is asked of it, and the time that it takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cost: float = 0.0) -> None:
        self.now = 1000.0
        self.refreshed = 0
        self.saved: list[float] = []
        self._cost = cost
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def refresh(self) -> None:
        self.refreshed += 1

    def save(self) -> None:
        self.saved.append(self.now)
        self.now += self._cost


def test_after_so_many_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    subject = Storing(clock)  # type: ignore[arg-type]
    for _ in range(10):
        subject.committed(storing.CHUNKS // 4)
    assert (clock.refreshed, len(clock.saved)) == (2, 2)


def test_after_so_many_seconds_if_there_is_something(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    subject = Storing(clock)  # type: ignore[arg-type]
    clock.now += 2 * storing.SECONDS
    subject.committed(0)
    assert clock.saved == []
    subject.committed(1)
    assert len(clock.saved) == 1
    subject.committed(1)
    assert len(clock.saved) == 1
    clock.now += storing.SECONDS
    subject.committed(0)
    assert len(clock.saved) == 2


def test_storing_takes_a_small_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, cost=5.0)
    subject = Storing(clock)  # type: ignore[arg-type]
    for _ in range(200):
        clock.now += storing.SECONDS
        subject.committed(1)
    assert clock.refreshed == 200  # what is held of the changes stays bounded
    assert len(clock.saved) >= 5
    assert 5.0 * len(clock.saved) <= 2 * storing.SHARE * (clock.now - 1000)


def test_what_waits_to_be_stored_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, cost=1000.0)
    subject = Storing(clock)  # type: ignore[arg-type]
    for _ in range(40):
        subject.committed(storing.CHUNKS)
    assert len(clock.saved) == 40 * storing.CHUNKS // storing.WAITING


def documents(count: int) -> dict[str, ParsedDocument]:
    return {f"doc{n:03}": ParsedDocument(f"Words of document {n}. 第{n}份文档的文字。") for n in range(count)}


def test_others_find_it_stored_while_the_run_goes_on(kb_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "CHUNKS", 8)
    monkeypatch.setattr("ingest.pipeline.BATCH", 4)
    embedder = HashEmbedder()
    kb = KnowledgeBase(kb_folder, embedder.fingerprint)
    stored: list[int] = []

    def look(step: Progress) -> None:
        stored.append(LexicalIndex.load(kb_folder, kb.catalog.seq, kb.catalog.identity).seq)

    # The pause after a save that took long is not what is looked at here.
    monkeypatch.setattr(storing, "SHARE", 1e9)
    ingest_documents(kb, embedder, RecursiveChunker(embedder.count_tokens, 64), documents(40), progress=look)
    kb.close()
    assert sorted(set(stored))[:3] == [0, 8, 16] and max(stored) >= 32


KILLED = """
import os, signal, sys
from pathlib import Path
import ingest.pipeline
from ingest import storing
from ingest.chunkers.recursive import RecursiveChunker
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.testing import HashEmbedder
from tests.ingest.test_storing import documents
storing.CHUNKS, storing.SHARE, ingest.pipeline.BATCH = 8, 1e9, 4
embedder = HashEmbedder()
kb = KnowledgeBase(Path(sys.argv[1]), embedder.fingerprint)
def progress(step):
    if step.files == 38:
        os.kill(os.getpid(), signal.SIGKILL)
ingest.pipeline.ingest_documents(
    kb, embedder, RecursiveChunker(embedder.count_tokens, 64), documents(40), progress=progress
)
"""


def test_a_kill_leaves_little_to_be_brought_up(kb_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", KILLED, str(kb_folder)], env=env, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL
    replayed: list[int] = []
    real = LexicalIndex.apply

    def spy(self: LexicalIndex, seq: int, removed: list[int], added: list[int], texts: list[str]) -> None:
        replayed.append(len(added))
        real(self, seq, removed, added, texts)

    monkeypatch.setattr(LexicalIndex, "apply", spy)
    kb = KnowledgeBase(kb_folder, HashEmbedder().fingerprint)
    assert kb.catalog.counts()["documents"] == 38
    assert 0 < sum(replayed) < 12
    assert len(kb.lexical) == len(kb.vectors) == len(kb.catalog.chunk_ids(Filter())) == 38
    kb.close()
