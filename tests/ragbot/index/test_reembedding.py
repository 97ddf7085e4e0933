"""Another embedder for a knowledge base: the same as made afresh with it, whatever happens on the way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest.chunkers.recursive import RecursiveChunker
from ingest.pipeline import ingest, ingest_documents
from ragbot.documents import IngestReport, ParsedDocument
from ragbot.errors import CorruptError, EmbedderMismatchError, KnowledgeBaseError, LockedError, StorageError
from ragbot.index import reembedding
from ragbot.index.gathering import GATHERED
from ragbot.index.inspection import Inspector
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.maintenance import verify
from ragbot.index.reembedding import reembed
from ragbot.models.embedders.base import Embedder, Vectors
from ragbot.models.embedders.base import Progress as EmbedProgress
from ragbot.models.testing import HashEmbedder
from ragbot.retrieval.retriever import HybridRetriever

ROOT = Path(__file__).parents[3]
QUESTIONS = ("river 北京 stone", "训练 model", "green harbour lamp", "缓存")


class Other(HashEmbedder):
    """Another model, even where the dimension is the same; ``seen`` are the texts that it was given."""

    def __init__(self, dimension: int = 48, max_tokens: int = 512) -> None:
        super().__init__(dimension, max_tokens)
        self.fingerprint = replace(self.fingerprint, name="other")
        self.seen: list[str] = []
        self.die_after = 10**9

    def encode_documents(self, texts: Sequence[str], progress: EmbedProgress | None = None) -> Vectors:
        if len(self.seen) + len(texts) > self.die_after:
            raise KeyboardInterrupt
        self.seen += texts
        return -super().encode_documents([text[::-1] for text in texts], progress)


def documents(count: int = 40) -> dict[str, ParsedDocument]:
    words = "river lamp 北京 训练 model paper 数据 green stone 缓存 token harbour".split()
    made = {}
    for n in range(count):
        lines = [
            f"Part {p} of {n}: " + " ".join(words[(n * 7 + p * 3 + i * i) % 12] for i in range(8)) for p in range(3)
        ]
        text = ".\n\n".join([*lines, "The same words in every document."])
        made[f"doc{n:03}"] = ParsedDocument(text, title=f"文档 {n % 3}", language="zh" if n % 2 else "en")
    return made


def filled(folder: Path, embedder: Embedder, count: int = 40) -> Path:
    kb = KnowledgeBase(folder, embedder.fingerprint)
    ingest_documents(kb, embedder, RecursiveChunker(embedder.count_tokens, 16), documents(count))
    kb.close()
    return folder


def hits(folder: Path, embedder: Embedder) -> list[Any]:
    kb = KnowledgeBase(folder, embedder.fingerprint, create=False)
    try:
        retriever = HybridRetriever(kb, embedder)
        found = [retriever.search(question, 20) for question in QUESTIONS]
    finally:
        kb.close()
    # Equal scores stand in the order of ids, which are the same in both ways.
    return [
        [(hit.chunk.document.source, hit.chunk.start, hit.chunk.end, round(hit.score, 5)) for hit in row]
        for row in found
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return filled(tmp_path / "kb", HashEmbedder())


@pytest.fixture(scope="module", params=[48, 64], ids=["other dimension", "same dimension"])
def fresh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, list[Any]]:
    made = filled(tmp_path_factory.mktemp("fresh") / "kb", Other(request.param))
    return request.param, hits(made, Other(request.param))


def test_the_same_as_made_afresh(folder: Path, fresh: tuple[int, list[Any]]) -> None:
    dimension, expected = fresh
    embedder = Other(dimension)
    steps: list[tuple[str, int, int]] = []
    done = reembed(folder, embedder, "some:other", progress=lambda *step: steps.append(step))
    assert (done.before, done.after, done.dimension) == ("hash", "other", dimension)
    assert done.texts == done.embedded == len(embedder.seen) == len(set(embedder.seen)) < done.chunks
    assert (done.unchanged, done.truncated) == (False, 0)
    assert hits(folder, Other(dimension)) == expected
    assert verify(folder).problems == ()
    assert [step for step in steps if step[0] == "texts"][-1] == ("texts", done.texts, done.texts)
    assert [step for step in steps if step[0] == "swap"][-1] == ("swap", done.chunks, done.chunks)
    assert not (folder / GATHERED).exists()
    with pytest.raises(EmbedderMismatchError, match="--embedder some:other"):
        KnowledgeBase(folder, HashEmbedder().fingerprint)


def test_the_words_are_not_indexed_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(path.name for path in folder.glob("lexical-*"))
    reembed(folder, Other())
    assert sorted(path.name for path in folder.glob("lexical-*")) == before != []


def test_the_model_in_use(folder: Path) -> None:
    (folder / GATHERED).write_bytes(b"left over")
    done = reembed(folder, HashEmbedder())
    assert (done.unchanged, done.embedded) == (True, 0)
    assert not (folder / GATHERED).exists()


def test_there_and_back(folder: Path) -> None:
    before = hits(folder, HashEmbedder())
    reembed(folder, Other())
    reembed(folder, HashEmbedder())
    assert hits(folder, HashEmbedder()) == before


def test_an_empty_one(tmp_path: Path) -> None:
    KnowledgeBase(tmp_path / "kb", HashEmbedder().fingerprint).close()
    assert reembed(tmp_path / "kb", Other()).chunks == 0
    KnowledgeBase(tmp_path / "kb", Other().fingerprint, create=False).close()
    with pytest.raises(KnowledgeBaseError):
        reembed(tmp_path / "none", Other())
    assert not (tmp_path / "none").exists()


# -- broken off ------------------------------------------------------------------------------------------------------


def test_broken_off_it_serves_on_and_goes_on(
    folder: Path, fresh: tuple[int, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    dimension, expected = fresh
    monkeypatch.setattr(reembedding, "BATCH", 16)
    before = hits(folder, HashEmbedder())
    first = Other(dimension)
    first.die_after = 40
    with pytest.raises(KeyboardInterrupt):
        reembed(folder, first)
    assert hits(folder, HashEmbedder()) == before
    # What is added meanwhile is embedded, too; what was removed does no harm.
    kb = KnowledgeBase(folder, HashEmbedder().fingerprint)
    chunker = RecursiveChunker(HashEmbedder().count_tokens, 16)
    with kb.writing() as catalog:
        catalog.remove_document("doc007")
    ingest_documents(
        kb, HashEmbedder(), chunker, {"doc007": documents()["doc007"], "new": ParsedDocument("A new 北京.")}
    )
    with kb.writing() as catalog:
        catalog.remove_document("new")
    kb.close()
    second = Other(dimension)
    done = reembed(folder, second)
    assert len(first.seen) == 32 and done.embedded == len(second.seen) == done.texts - 32
    assert [sorted(row) for row in hits(folder, Other(dimension))] == [sorted(row) for row in expected]


def test_gathered_for_another_model_is_worth_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reembedding, "BATCH", 16)
    first = Other(48)
    first.die_after = 40
    with pytest.raises(KeyboardInterrupt):
        reembed(folder, first)
    done = reembed(folder, Other(64))
    assert done.embedded == done.texts


@pytest.mark.parametrize("damage", ["cut", "noise", "bit"])
def test_a_damaged_gathering(folder: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.setattr(reembedding, "BATCH", 16)
    first = Other()
    first.die_after = 100
    with pytest.raises(KeyboardInterrupt):
        reembed(folder, first)
    path = folder / GATHERED
    whole = path.read_bytes()
    at = whole.index(Other().encode_documents(first.seen[:1]).tobytes()[:64])
    changed = {
        "cut": whole[:200],
        "noise": b"noise" * 999,
        "bit": whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :],
    }
    path.write_bytes(changed[damage])
    if damage == "bit":
        with pytest.raises(StorageError, match="1 of the new embeddings were damaged"):
            reembed(folder, Other())
        KnowledgeBase(folder, HashEmbedder().fingerprint).close()  # as it was
    done = reembed(folder, Other())
    lost = {"cut": done.texts, "noise": done.texts, "bit": 1}
    assert done.embedded == lost[damage]
    assert verify(folder).problems == ()


def test_a_damaged_chunk_stops_it(folder: Path) -> None:
    catalog = Inspector(folder / "catalog.sqlite3")
    catalog._query("UPDATE chunks SET text = text || 'x' WHERE id = 5")
    catalog.close()
    with pytest.raises(CorruptError, match="chunk 5"):
        reembed(folder, Other())
    KnowledgeBase(folder, HashEmbedder().fingerprint).close()  # as it was


def test_too_little_space_is_said_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 16))
    embedder = Other()
    with pytest.raises(StorageError, match=r"takes about .* MiB of free space .* and there are 0 MiB"):
        reembed(folder, embedder)
    assert embedder.seen == []


def test_texts_longer_than_the_model_reads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = Other(max_tokens=12)
    done = reembed(folder, embedder)
    long = sum(length > 12 for length in embedder.count_tokens(embedder.seen))
    assert done.truncated == long > 0


# -- others that have it open ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dimension", [48, 64])
def test_readers_and_writers_of_the_old_model_are_told(folder: Path, dimension: int) -> None:
    old = HashEmbedder()
    reader = KnowledgeBase(folder, old.fingerprint)
    retriever = HybridRetriever(reader, old)
    assert retriever.search(QUESTIONS[0], 5)
    reembed(folder, Other(dimension), "some:other")
    for _ in range(2):  # each time, not once
        with pytest.raises(EmbedderMismatchError, match="some:other"):
            retriever.search(QUESTIONS[0], 5)
    entered = False
    with pytest.raises(EmbedderMismatchError, match="some:other"), reader.writing():
        entered = True
    assert not entered
    reader.close()
    assert verify(folder).problems == ()


def test_one_writer_at_a_time(folder: Path) -> None:
    kb = KnowledgeBase(folder, HashEmbedder().fingerprint)
    with kb.writing(), pytest.raises(LockedError):
        reembed(folder, Other(), wait=0)
    kb.close()


# -- what ingestion makes of it --------------------------------------------------------------------------------------


class Coarse(Other):
    """Counts otherwise: a token is ten characters."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [-(-len(text) // 10) for text in texts]


def run(folder: Path, embedder: Embedder, corpus: Path) -> IngestReport:
    kb = KnowledgeBase(folder, embedder.fingerprint)
    try:
        return ingest(kb, embedder, RecursiveChunker(embedder.count_tokens, 16), [corpus])
    finally:
        kb.close()


def test_files_are_cut_anew_only_if_tokens_are_counted_otherwise(kb_folder: Path, corpus: Path) -> None:
    run(kb_folder, HashEmbedder(), corpus)
    reembed(kb_folder, Other())
    assert len(run(kb_folder, Other(), corpus).skipped) == 4
    reembed(kb_folder, Coarse(32))
    assert len(run(kb_folder, Coarse(32), corpus).updated) == 4
    assert len(run(kb_folder, Coarse(32), corpus).skipped) == 4
    reembed(kb_folder, HashEmbedder())
    assert len(run(kb_folder, HashEmbedder(), corpus).updated) == 4


# -- kill -9 ---------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from ragbot.index import reembedding
from tests.ragbot.index.test_reembedding import Other
reembedding.BATCH = 16
stage, when = sys.argv[2], int(sys.argv[3])
seen = 0
def progress(name, done, total):
    global seen
    seen += name == stage
    if seen == when:
        os.kill(os.getpid(), signal.SIGKILL)
reembedding.reembed(Path(sys.argv[1]), Other(), progress=progress)
"""


@pytest.mark.parametrize(("stage", "when"), [("texts", 1), ("texts", 4), ("swap", 1), ("indexes", 1)])
def test_killed(folder: Path, tmp_path: Path, stage: str, when: int) -> None:
    before = hits(folder, HashEmbedder())
    expected = hits(filled(tmp_path / "fresh", Other()), Other())
    command = [sys.executable, "-c", KILLED, str(folder), stage, str(when)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run(command, env=env, timeout=120, check=False).returncode == -signal.SIGKILL
    if stage == "indexes":  # the swap was committed
        with pytest.raises(EmbedderMismatchError):
            hits(folder, HashEmbedder())
    else:
        assert hits(folder, HashEmbedder()) == before
        done = reembed(folder, Other())
        assert done.embedded == done.texts - (16 * when if stage == "texts" else done.texts)
    assert hits(folder, Other()) == expected
    assert reembed(folder, Other()).unchanged and not (folder / GATHERED).exists()
    assert verify(folder).problems == ()
