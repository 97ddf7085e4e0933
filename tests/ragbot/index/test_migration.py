"""Moving a knowledge base to another vector store: the same results, and whole whenever it is killed."""

from __future__ import annotations

import importlib.util
import logging
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.chunkers.recursive import RecursiveChunker
from ingest.pipeline import ingest_documents
from ragbot.documents import ParsedDocument
from ragbot.errors import LockedError, SettingsError
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.lock import writer_lock
from ragbot.index.maintenance import compact, verify
from ragbot.index.migration import migrate
from ragbot.index.transfer import export, import_
from ragbot.index.vectors.external import ExternalIndex
from ragbot.models.testing import HashEmbedder
from ragbot.retrieval.retriever import HybridRetriever

EMBEDDER = HashEmbedder()
ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(not importlib.util.find_spec("chromadb"), reason="no chromadb")

#: Migrates, and is killed when a function is called for the nth time: before, or after it has done its work.
DIE = """
import os, signal, sys
from pathlib import Path
from ragbot.index import catalog, migration
from ragbot.index.vectors import chroma, stores
folder, store, where, nth, after = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5] == "after"
owner, name = {
    "put_all": (catalog.Catalog, "put_all"),
    "upsert": (chroma.EmbeddedChroma, "upsert"),
    "put_state": (chroma.EmbeddedChroma, "put_state"),
    "retire": (migration.stores, "retire"),
    "remove": (stores, "remove_index"),
}[where]
real, calls = getattr(owner, name), []
def dying(*values):
    calls.append(name)
    if len(calls) == nth and not after:
        os.kill(os.getpid(), signal.SIGKILL)
    out = real(*values)
    if len(calls) == nth:
        os.kill(os.getpid(), signal.SIGKILL)
    return out
setattr(owner, name, dying)
migration.migrate(folder, store)
print("never killed")
"""


def document(number: int) -> ParsedDocument:
    parts = [
        f"Part {part} of {number}: lamp {part * 31 + number * 7}. 北京的第{number * 13 + part}段。" for part in range(6)
    ]
    return ParsedDocument("\n\n".join(parts), language="zh" if number % 2 else "en")


def results(folder: Path) -> list[list[tuple[str, int, float]]]:
    kb = KnowledgeBase(folder, EMBEDDER.fingerprint)
    try:
        hits = [HybridRetriever(kb, EMBEDDER).search(q, 50) for q in ("lamp 31 of 3", "北京的第九十段", "Part 2")]
    finally:
        kb.close()
    return [sorted((h.chunk.document.source, h.chunk.start, round(h.score, 3)) for h in found) for found in hits]


@pytest.fixture
def folder(kb_folder: Path) -> Path:
    kb = KnowledgeBase(kb_folder, EMBEDDER.fingerprint)
    documents = {f"doc{number}": document(number) for number in range(6)}
    ingest_documents(kb, EMBEDDER, RecursiveChunker(EMBEDDER.count_tokens, 24), documents)
    kb.close()
    return kb_folder


def store_files(folder: Path) -> set[str]:
    """What there is of vector stores, but for locks."""
    own = {path.name for path in folder.iterdir() if not path.name.startswith(("catalog", "lexical", "writer"))}
    return own - {"chroma.lock"}


def test_there_and_back(folder: Path) -> None:
    before, files = results(folder), store_files(folder)
    steps: list[tuple[str, int, int]] = []
    done = migrate(folder, "chroma", progress=lambda *step: steps.append(step))
    assert (done.before, done.after, done.moved, done.left) == ("faiss", "chroma", True, "")
    assert done.vectors > 10 and steps[-1] == ("vectors", done.vectors, done.vectors)
    assert store_files(folder) == {"chroma", "chroma.json", "members-chroma.ragbot", "store-chroma.json"}
    assert results(folder) == before
    assert verify(folder).problems == ()
    again = migrate(folder, "chroma")
    assert (again.moved, again.vectors) == (False, done.vectors)
    assert migrate(folder, "faiss").moved
    assert len(store_files(folder)) == len(files) and not any("chroma" in name for name in store_files(folder))
    assert results(folder) == before
    assert verify(folder).problems == ()


@pytest.mark.parametrize(
    ("store", "where", "nth", "when"),
    [
        ("chroma", "put_all", 1, "after"),
        ("chroma", "upsert", 1, "after"),
        ("chroma", "put_all", 2, "before"),
        ("chroma", "put_all", 2, "after"),
        pytest.param("chroma", "put_state", 1, "after", marks=pytest.mark.slow),
        pytest.param("chroma", "put_state", 3, "before", marks=pytest.mark.slow),
        pytest.param("chroma", "put_state", 3, "after", marks=pytest.mark.slow),
        pytest.param("chroma", "remove", 1, "after", marks=pytest.mark.slow),
        pytest.param("faiss", "put_all", 1, "after", marks=pytest.mark.slow),
        pytest.param("faiss", "put_all", 2, "before", marks=pytest.mark.slow),
        ("faiss", "put_all", 2, "after"),
        pytest.param("faiss", "remove", 1, "after", marks=pytest.mark.slow),
    ],
)
def test_killed(folder: Path, store: str, where: str, nth: int, when: str) -> None:
    before = results(folder)
    if store == "faiss":
        migrate(folder, "chroma")
    command = [sys.executable, "-c", DIE, str(folder), store, where, str(nth), when]
    died = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert died.returncode == -signal.SIGKILL, died.stdout + died.stderr
    assert results(folder) == before
    migrate(folder, store)
    assert results(folder) == before
    assert verify(folder).problems == ()
    left = {name for name in store_files(folder) if ("chroma" in name) != (store == "chroma")}
    assert left == set()


def test_what_a_killed_one_left_goes_with_the_next_change(folder: Path) -> None:
    command = [sys.executable, "-c", DIE, str(folder), "chroma", "put_all", "2", "before"]
    subprocess.run(command, capture_output=True, check=False, cwd=ROOT)
    assert (folder / "chroma").exists()
    kb = KnowledgeBase(folder, EMBEDDER.fingerprint)
    assert kb.store == "faiss"
    with kb.writing() as catalog:
        catalog.remove_document("doc1")
    kb.close()
    assert not any("chroma" in name for name in store_files(folder))


def test_one_that_has_it_open_follows(folder: Path) -> None:
    kb = KnowledgeBase(folder, EMBEDDER.fingerprint)
    hits = HybridRetriever(kb, EMBEDDER).search("lamp 31 of 3", 5)
    migrate(folder, "chroma")
    after = HybridRetriever(kb, EMBEDDER).search("lamp 31 of 3", 5)
    # The last bit of a sum depends on how many are computed at once.
    assert [hit.chunk for hit in after] == [hit.chunk for hit in hits]
    assert [hit.score for hit in after] == pytest.approx([hit.score for hit in hits], abs=1e-5)
    assert kb.store == "chroma" and isinstance(kb.vectors, ExternalIndex)
    with kb.writing() as catalog:
        catalog.remove_document("doc1")
    assert not list(folder.glob("vectors*"))
    migrate(folder, "faiss")  # it is open here, and its remains go when it is closed
    kb.refresh()
    assert kb.store == "faiss"
    kb.close()
    compact(folder)
    assert not any("chroma" in name for name in store_files(folder))


def test_one_that_cannot_follow_serves_on(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    kb = KnowledgeBase(folder, EMBEDDER.fingerprint)
    before = HybridRetriever(kb, EMBEDDER).search("lamp 31 of 3", 5)
    kb.catalog.put("vector_store", "chroma-server")  # which is not set here
    with caplog.at_level(logging.WARNING):
        assert HybridRetriever(kb, EMBEDDER).search("lamp 31 of 3", 5) == before
        assert HybridRetriever(kb, EMBEDDER).search("lamp 31 of 3", 5) == before
    assert len([r for r in caplog.records if "cannot be opened" in r.getMessage()]) == 1
    stored = {path.name: path.read_bytes() for path in folder.glob("vectors*")}
    with kb.writing() as catalog:
        catalog.remove_document("doc1")
    assert stored == {path.name: path.read_bytes() for path in folder.glob("vectors*")}
    kb.close()


def test_refusals(folder: Path) -> None:
    with pytest.raises(SettingsError, match="no vector store"):
        migrate(folder, "chrom")
    with pytest.raises(SettingsError, match=r"vectors\.chroma_url"):
        migrate(folder, "chroma-server")
    with pytest.raises(SettingsError, match=r"vectors\.langchain"):
        migrate(folder, "langchain")
    with writer_lock(folder), pytest.raises(LockedError):
        import ragbot.index.migration as module

        before, module._WAIT = module._WAIT, 0.1
        try:
            migrate(folder, "chroma")
        finally:
            module._WAIT = before
    assert verify(folder).problems == ()


def test_an_import_starts_with_faiss(folder: Path, tmp_path: Path) -> None:
    migrate(folder, "chroma")
    export(folder, tmp_path / "file.ragbot")
    import_(tmp_path / "file.ragbot", tmp_path / "new")
    assert store_files(tmp_path / "new") >= {"vectors.ragbot"}
    assert not any("chroma" in name for name in store_files(tmp_path / "new"))
    assert results(tmp_path / "new") == results(folder)
    assert verify(tmp_path / "new").problems == ()
