"""A knowledge base survives what happens to it: damaged indexes, killed writers, readers in other processes."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest.chunkers.recursive import RecursiveChunker
from ingest.pipeline import ingest_documents
from ragbot.documents import ParsedDocument
from ragbot.errors import EmbedderMismatchError, KnowledgeBaseError, LockedError, StorageError
from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.lexical import AheadError
from ragbot.models.testing import HashEmbedder
from ragbot.retrieval.retriever import HybridRetriever

EMBEDDER = HashEmbedder()
WORDS = "river lamp 北京 训练 model paper 数据 green stone 缓存 token harbour".split()


def texts(count: int, seed: int = 0) -> dict[str, ParsedDocument]:
    rng = random.Random(seed)
    return {
        f"doc{number:03}": ParsedDocument(
            "\n\n".join(f"Part {part} of {number}: {' '.join(rng.choices(WORDS, k=12))}." for part in range(3))
        )
        for number in range(count)
    }


def opened(folder: Path) -> KnowledgeBase:
    return KnowledgeBase(folder, EMBEDDER.fingerprint)


def put(kb: KnowledgeBase, documents: dict[str, ParsedDocument]) -> None:
    ingest_documents(kb, EMBEDDER, RecursiveChunker(EMBEDDER.count_tokens, 16), documents)


def results(kb: KnowledgeBase) -> list[list[tuple[str, int, int, float]]]:
    """Hits of some questions, without the ids, which differ between two ways to the same state."""
    retriever = HybridRetriever(kb, EMBEDDER)
    found = []
    for question in ("green river", "北京 数据", "Part 2 of 7", "nothing known"):
        hits = [
            (hit.chunk.document.source, hit.chunk.start, hit.chunk.end, round(hit.score, 4))
            for hit in retriever.search(question, 1000)
        ]
        found.append(sorted(hits))
    return found


@pytest.fixture
def kb(kb_folder: Path) -> KnowledgeBase:
    kb = opened(kb_folder)
    put(kb, texts(12))
    with kb.writing() as catalog:
        catalog.remove_document("doc003")
    return kb


def test_a_search_asks_the_catalog_twice(kb: KnowledgeBase) -> None:
    """Whether anything has changed, and for what was found: each query costs as much as searching thousands of chunks."""
    retriever = HybridRetriever(kb, EMBEDDER)
    retriever.search("green river 北京")
    asked: list[str] = []
    kb.catalog._db.set_trace_callback(asked.append)
    assert retriever.search("green river 北京")
    assert len(asked) == 2, asked


def test_reopened(kb: KnowledgeBase) -> None:
    before = results(kb)
    kb.close()
    again = opened(kb.folder)
    assert again.lexical.seq == again.vectors.seq == again.catalog.seq > 0
    assert results(again) == before
    again.close()


def test_way_to_a_state_makes_no_difference(kb: KnowledgeBase, tmp_path: Path) -> None:
    put(kb, texts(6, seed=5))  # replaces half of them
    clean = opened(tmp_path / "clean")
    put(clean, {**texts(12), **texts(6, seed=5)})
    assert results(kb) == results(clean)
    kb.close()
    clean.close()


@pytest.mark.parametrize("damage", ["cut", "zeroed tail", "gone", "emptied"])
@pytest.mark.parametrize("pattern", ["lexical-*", "lexical.ragbot", "vectors.ragbot", "*.ragbot"])
def test_damaged_indexes_are_made_again(kb: KnowledgeBase, pattern: str, damage: str) -> None:
    before = results(kb)
    kb.close()
    for path in list(kb.folder.glob(pattern)):
        whole = path.read_bytes()
        if damage == "gone":
            path.unlink()
        else:
            cut = whole[: len(whole) // 3]
            path.write_bytes({"cut": cut, "zeroed tail": cut + bytes(len(whole) - len(cut)), "emptied": b""}[damage])
    again = opened(kb.folder)
    assert results(again) == before
    again.close()


@pytest.mark.parametrize("pattern", ["lexical*", "vectors.ragbot"])
def test_a_flipped_bit_anywhere_changes_no_result(kb: KnowledgeBase, pattern: str) -> None:
    before = results(kb)
    kb.close()
    rng = random.Random(7)
    for _ in range(12):
        path = rng.choice(sorted(kb.folder.glob(pattern)))
        whole = path.read_bytes()
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        again = opened(kb.folder)
        assert results(again) == before
        again.close()
        path.write_bytes(whole)


def test_indexes_of_an_older_state_are_brought_up(kb: KnowledgeBase, tmp_path: Path) -> None:
    saved = tmp_path / "older"
    shutil.copytree(kb.folder, saved, ignore=shutil.ignore_patterns("catalog*", "writer*"))
    put(kb, {"new": ParsedDocument("A green river of data.")})
    with kb.writing() as catalog:
        catalog.remove_document("doc001")
    before = results(kb)
    kb.close()
    for path in kb.folder.glob("*.ragbot"):
        path.unlink()
    shutil.copytree(saved, kb.folder, dirs_exist_ok=True)
    again = opened(kb.folder)
    assert again.lexical.seq == again.catalog.seq
    assert results(again) == before
    again.close()


def test_one_index_behind_the_other(kb: KnowledgeBase) -> None:
    vectors = (kb.folder / "vectors.ragbot").read_bytes()
    put(kb, texts(4, seed=9))
    before = results(kb)
    kb.close()
    (kb.folder / "vectors.ragbot").write_bytes(vectors)
    again = opened(kb.folder)
    assert results(again) == before
    put(again, {"more": ParsedDocument("One more green stone.")})
    after = results(again)
    again.close()
    for path in kb.folder.glob("*.ragbot"):
        path.unlink()
    rebuilt = opened(kb.folder)
    assert results(rebuilt) == after
    rebuilt.close()


def test_indexes_of_another_catalog_are_not_trusted(kb: KnowledgeBase, tmp_path: Path) -> None:
    kb.close()
    for path in kb.folder.glob("catalog*"):
        path.unlink()
    # Another catalog in the old folder, killed before it could store its indexes: the old ones are not ahead of it.
    other = tmp_path / "other"
    died = subprocess.run([sys.executable, "-c", WRITE, str(other), "die"], capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    for path in other.glob("catalog*"):
        shutil.copy(path, kb.folder)
    again = opened(kb.folder)
    assert again.catalog.counts()["documents"] == 20
    before = results(again)
    again.close()
    for path in kb.folder.glob("*.ragbot"):
        path.unlink()
    rebuilt = opened(kb.folder)
    assert before == results(rebuilt)
    rebuilt.close()


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_nothing_is_acknowledged_that_goes_to_a_file_which_is_gone(kb: KnowledgeBase, tmp_path: Path, how: str) -> None:
    retriever = HybridRetriever(kb, EMBEDDER)
    kb.folder.rename(tmp_path / "away")
    if how == "replaced":
        fresh = opened(kb.folder)
        put(fresh, {"new": ParsedDocument("一条新的河 river.")})
        fresh.close()
    with pytest.raises(KnowledgeBaseError, match="open it again"):
        put(kb, {"lost": ParsedDocument("green stone")})
    with pytest.raises(KnowledgeBaseError, match="open it again"):
        retriever.search("green river")
    kb.close()
    if how == "removed":
        assert not kb.folder.exists()
        return
    again = opened(kb.folder)
    assert [document.source for document in again.catalog.documents()] == ["new"]
    again.close()


def test_one_removed_while_it_is_being_written(kb: KnowledgeBase, tmp_path: Path) -> None:
    with pytest.raises(KnowledgeBaseError, match="open it again"), kb.writing() as catalog:
        kb.folder.rename(tmp_path / "away")
        catalog.remove_document("doc001")
    kb.close()


def test_an_older_or_another_catalog_in_the_open_file(kb: KnowledgeBase, tmp_path: Path) -> None:
    copy, file = sqlite3.connect(tmp_path / "copy"), sqlite3.connect(kb.catalog.path)
    file.backup(copy)
    put(kb, {"new": ParsedDocument("一条新的河 river.")})
    retriever = HybridRetriever(kb, EMBEDDER)
    copy.backup(file)
    with pytest.raises(AheadError, match="an older one has taken its place"):
        put(kb, texts(1, seed=3))
    with pytest.raises(AheadError, match="an older one has taken its place"):
        retriever.search("河")
    copy.execute("UPDATE meta SET value = '77' WHERE key = 'seq'")
    copy.execute("UPDATE meta SET value = 'another' WHERE key = 'identity'")
    copy.commit()
    copy.backup(file)
    with pytest.raises(KnowledgeBaseError, match="replaced"):
        retriever.search("河")
    copy.close()
    file.close()
    kb.close()


def test_another_embedder_is_refused(kb: KnowledgeBase) -> None:
    kb.close()
    with pytest.raises(EmbedderMismatchError, match=r"'hash'.*dimension 64 ≠ 32.*--embedder hash"):
        KnowledgeBase(kb.folder, HashEmbedder(dimension=32).fingerprint)


def test_none_there(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeBaseError, match="no knowledge base"):
        KnowledgeBase(tmp_path / "kb", EMBEDDER.fingerprint, create=False)
    assert not (tmp_path / "kb").exists()


def test_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "kb").write_text("x")
    with pytest.raises(KnowledgeBaseError, match="is a file"):
        opened(tmp_path / "kb")
    with pytest.raises(KnowledgeBaseError):
        opened(tmp_path / "kb" / "inside")


def test_indexes_that_cannot_be_stored_lose_nothing(
    kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise StorageError("no space left")

    monkeypatch.setattr("ragbot.index.vectors.faiss.write_container", full)
    put(kb, {"late": ParsedDocument("A late harbour.")})
    assert "no space left" in caplog.text
    monkeypatch.undo()
    before = results(kb)
    kb.close()
    again = opened(kb.folder)
    assert "late" in {document.source for document in again.catalog.documents()}
    assert results(again) == before
    again.close()


def test_an_error_while_writing_keeps_what_was_committed(kb: KnowledgeBase) -> None:
    with pytest.raises(ZeroDivisionError), kb.writing() as catalog:
        catalog.remove_document("doc005")
        raise ZeroDivisionError
    assert "doc005" not in {hit[0] for hits in results(kb) for hit in hits}
    with kb.writing(wait=0):
        pass
    kb.close()


def test_deleted_text_is_nowhere_while_others_have_it_open(kb: KnowledgeBase) -> None:
    reader = opened(kb.folder)
    put(kb, {"secret": ParsedDocument("The xylophonist's 暗号 is quetzalcoatl.")})
    results(reader)
    with kb.writing() as catalog:
        catalog.remove_document("secret")
    for path in kb.folder.iterdir():
        for needle in ("xylophonist", "quetzalcoatl", "暗号"):
            assert needle.encode() not in path.read_bytes(), (path.name, needle)
    reader.close()
    kb.close()


# -- several processes -----------------------------------------------------------------------------------------------

WRITE = """
import os, random, signal, sys, time
from pathlib import Path
from ingest.chunkers.recursive import RecursiveChunker
from ingest.pipeline import ingest_documents
from ragbot.documents import ParsedDocument
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.testing import HashEmbedder
import ingest.pipeline
ingest.pipeline.BATCH = 4  # small batches: many commits
embedder = HashEmbedder()
kb = KnowledgeBase(Path(sys.argv[1]), embedder.fingerprint)
rng = random.Random(0)
words = "river lamp 北京 训练 model paper 数据 green stone 缓存 token harbour".split()
how = sys.argv[2]
documents = {
    f"doc{n:03}": ParsedDocument("\\n\\n".join(f"Part {p} of {n}: {' '.join(rng.choices(words, k=12))}." for p in range(3)))
    for n in range(20 if how == "die" else 150)
}
committed = 0
def progress(state):
    global committed
    if state.files > committed:  # else it only tells how far a batch is embedded
        print(state.current, flush=True)
    committed = state.files
    if how == "die" and state.files == state.total_files:
        os.kill(os.getpid(), signal.SIGKILL)
ingest_documents(kb, embedder, RecursiveChunker(embedder.count_tokens, 16), documents, progress=progress)
print("end", flush=True)
if how == "hold":
    with kb.writing():
        print("held", flush=True)
        sys.stdin.read()
"""


@pytest.fixture(scope="module")
def clean_results(tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple[str, int, int, float]]]:
    kb = opened(tmp_path_factory.mktemp("clean"))
    put(kb, texts(150))
    found = results(kb)
    kb.close()
    return found


@pytest.mark.parametrize("seed", range(6))
def test_killed_while_ingesting(
    kb_folder: Path, seed: int, clean_results: list[list[tuple[str, int, int, float]]]
) -> None:
    rng = random.Random(seed)
    command = [sys.executable, "-c", WRITE, str(kb_folder), "run"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        acknowledged = []
        for _ in range(rng.randrange(1, 120)):
            line = process.stdout.readline().strip()
            if line == "end":
                break
            acknowledged.append(line)
        time.sleep(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        # What it had told by then was committed by then.
        acknowledged += [
            line.strip() for line in process.stdout if line.strip().startswith("doc") and line.endswith("\n")
        ]
    expected = texts(150)
    kb = opened(kb_folder)
    stored = {document.source: document.id for document in kb.catalog.documents()}
    assert set(acknowledged) <= set(stored)
    for source, identity in stored.items():
        text = kb.catalog.document_text(identity)
        assert text == expected[source].text
    chunks: dict[str, set[tuple[int, int]]] = {source: set() for source in stored}
    for chunk in kb.catalog.chunks(kb.catalog.chunk_ids(Filter()).tolist()).values():
        chunks[chunk.document.source].add((chunk.start, chunk.end))
    assert kb.catalog.counts()["chunks"] == len(kb.lexical) == len(kb.vectors)
    for source in stored:
        whole = RecursiveChunker(EMBEDDER.count_tokens, 16).split(expected[source])
        assert chunks[source] == set(whole), f"{source} by half"
    put(kb, expected)
    assert results(kb) == clean_results
    kb.close()
    again = opened(kb_folder)
    assert results(again) == clean_results
    again.close()


def test_second_writer_and_a_reader_beside_a_writer(kb: KnowledgeBase) -> None:
    reader = opened(kb.folder)
    before = results(reader)
    command = [sys.executable, "-c", WRITE, str(kb.folder), "hold"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if line == "held\n":
                break
        with pytest.raises(LockedError, match=f"process {process.pid}"), kb.writing(wait=0.1):
            pass
        after = results(reader)
        assert after != before
        assert "doc149" in {source for hits in after for source, *_ in hits}
        process.kill()
    with kb.writing(wait=5) as catalog:
        catalog.remove_document("doc149")
    assert "doc149" not in {source for hits in results(reader) for source, *_ in hits}
    reader.close()
    kb.close()
