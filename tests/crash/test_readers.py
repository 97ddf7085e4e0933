"""One process writes without a pause, others search: none fails, and none sees half a document.

The long form runs ``CRASH_READERS`` (16) readers for ``CRASH_SECONDS`` (120).
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from ragbot.documents import ParsedDocument
from ragbot.errors import LockedError
from ragbot.index.catalog import Catalog
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.records import FileState, NewChunk
from ragbot.models.testing import HashEmbedder
from tests.crash.conftest import Publish
from tests.crash.laboratory import SHARED, Laboratory
from tests.crash.material import names, write
from tests.crash.state import differences

DOCUMENTS = 12


def together(lab: Laboratory, folder: Path, place: Path, store: str, readers: int, seconds: float) -> dict[str, Any]:
    """Run them all; returns what they did. Afterwards the knowledge base is that of a clean build."""
    sources = write(place / "sources", names(DOCUMENTS), 1)
    lab.run("ingest", folder, store=store, paths=sources).done()
    timeout = seconds * 3 + 60
    request = {"store": store, "seconds": seconds, "timeout": timeout}
    writer = lab.start("write", folder, sources=str(place / "sources"), seed=7, documents=DOCUMENTS, **request)
    reading = [lab.start("read", folder, seed=seed, **request) for seed in range(readers)]
    seen = [lab.wait(pid).done() for pid in reading]
    written = lab.wait(writer).done()
    found = lab.run("check", folder, store=store).done()
    present = list(found["documents"])
    lab.run("ingest", place / "clean", store=store, paths=present).done()
    clean = lab.run("check", place / "clean", store=store).done()
    return {
        "readers": readers,
        "seconds": seconds,
        "changes": written["changes"],
        "searches": sum(one["searches"] for one in seen),
        "searches/s": round(sum(one["searches"] for one in seen) / seconds, 1),
        "hits": sum(one["hits"] for one in seen),
        "torn": sum(one["torn"] for one in seen),
        "generations": written["generations"],
        "newest seen": min(one["newest"] for one in seen),
        "errors": sum(one["error_count"] for one in seen),
        "examples": [error for one in seen for error in one["errors"]][:10],
        "fewest": min(one["searches"] for one in seen),
        "differences": [*differences(found, clean)],
    }


def judge(figures: dict[str, Any]) -> None:
    assert figures["changes"] > 5 and figures["fewest"] > 5, figures
    assert figures["newest seen"] > 1, "a reader saw nothing of what was written meanwhile"
    assert figures["examples"] == []
    # "torn" hits are known and not judged here: test_a_hit_and_its_document_are_of_one_state makes one each time.
    assert figures["differences"] == []


@pytest.mark.parametrize("store", SHARED)
def test_three_readers_beside_a_writer(lab: Laboratory, store: str, kb_folder: Path, tmp_path: Path) -> None:
    judge(together(lab, kb_folder, tmp_path, store, 3, 5.0))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("store", SHARED)
def test_many_readers_for_minutes(
    lab: Laboratory, store: str, kb_folder: Path, tmp_path: Path, publish: Publish
) -> None:
    readers, seconds = int(os.environ.get("CRASH_READERS", "16")), float(os.environ.get("CRASH_SECONDS", "120"))
    figures = together(lab, kb_folder, tmp_path, store, readers, seconds)
    publish(f"readers-{store}", [figures])
    judge(figures)


@pytest.mark.parametrize("store", SHARED)
def test_a_second_writer_is_told_who_writes(lab: Laboratory, store: str, kb_folder: Path, tmp_path: Path) -> None:
    sources = write(tmp_path / "sources", names(4), 1)
    lab.run("ingest", kb_folder, store=store, paths=sources[:2]).done()
    holder = lab.start("hold", kb_folder, store=store, seconds=3.0)
    time.sleep(1.0)  # it has opened it by then
    kb = KnowledgeBase(kb_folder, HashEmbedder().fingerprint)
    with pytest.raises(LockedError) as caught, kb.writing(wait=0.2):
        pass
    assert f"process {holder} " in str(caught.value) and str(kb_folder) in str(caught.value)
    kb.close()
    assert lab.wait(holder).done() is None


@pytest.mark.parametrize("store", SHARED)
def test_a_second_writer_waits(lab: Laboratory, store: str, kb_folder: Path, tmp_path: Path) -> None:
    sources = write(tmp_path / "sources", names(4), 1)
    lab.run("ingest", kb_folder, store=store, paths=sources[:2]).done()
    holder = lab.start("hold", kb_folder, store=store, seconds=2.0)
    time.sleep(0.5)
    second = lab.run("ingest", kb_folder, store=store, paths=sources)
    assert second.done()["added"] == 2 and second.seconds > 1
    assert lab.wait(holder).done() is None


def test_a_hit_and_its_document_are_of_one_state(kb_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = HashEmbedder()
    reader = KnowledgeBase(kb_folder, embedder.fingerprint)
    writer = Catalog(kb_folder / "catalog.sqlite3")

    def put(generation: int) -> None:
        text = f"generation {generation} 第{generation}代"
        chunk = NewChunk(0, len(text), None, (), "", bytes([generation]))
        parsed = ParsedDocument(text, title=f"generation {generation}")
        writer.put_document("doc", parsed, FileState(str(generation)), [chunk], embedder.encode_documents([text]))

    put(1)
    real = Catalog._by_ids

    def interrupted(self: Catalog, sql: str, ids: list[int]) -> list[Any]:
        rows = real(self, sql, ids)
        monkeypatch.undo()
        put(2)  # another process commits just now
        return rows

    monkeypatch.setattr(Catalog, "_by_ids", interrupted)
    chunk = reader.catalog.chunks([1])[1]
    writer.close()
    reader.close()
    assert chunk.text.startswith(chunk.document.title)
