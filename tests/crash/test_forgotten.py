"""What was removed or replaced stands in no byte of the folder: not in the catalog, its log, or any index."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.crash.laboratory import SHARED, STORES, Laboratory
from tests.crash.material import names, secret, text, write
from tests.crash.traces import remains
from tests.crash.trial import CATALOG

NAMES = names(6)


def embeddings(folder: Path) -> dict[str, list[bytes]]:
    """The embeddings of each source, as they are stored."""
    with closing(sqlite3.connect(folder / CATALOG)) as db:
        rows = db.execute(
            "SELECT source, embedding FROM chunks JOIN documents ON documents.id = document_id"
        ).fetchall()
    found: dict[str, list[bytes]] = {}
    for source, vector in rows:
        found.setdefault(source, []).append(vector)
    return found


def vectors_left(folder: Path, gone: list[bytes]) -> list[str]:
    """Files in which one of these embeddings still stands: a text can be guessed from its embedding."""
    return [path.name for path in folder.rglob("*") if path.is_file() and any(v in path.read_bytes() for v in gone)]


@pytest.mark.parametrize("store", STORES)
def test_removed_and_replaced_text_is_nowhere(lab: Laboratory, store: str, kb_folder: Path, tmp_path: Path) -> None:
    sources = write(tmp_path / "sources", NAMES, 1)
    lab.run("ingest", kb_folder, store=store, paths=sources).done()
    assert [*remains(kb_folder, [secret(NAMES[0], 1)])], "the search for it finds what is there"
    lab.run("remove", kb_folder, store=store, sources=sources[:2]).done()
    write(tmp_path / "sources", NAMES[2:4], 2)
    lab.run("ingest", kb_folder, store=store, paths=sources[2:]).done()
    assert [*remains(kb_folder, [secret(name, 1) for name in NAMES[:4]])] == []
    passages = [text(name, 1).splitlines()[-1] for name in NAMES[:2]]
    pieces = [passage[at : at + 20].encode() for passage in passages for at in range(0, len(passage), 20)]
    bytes_left = b"".join(path.read_bytes() for path in kb_folder.rglob("*") if path.is_file())
    assert [piece.decode() for piece in pieces if len(piece) > 18 and piece in bytes_left] == []
    assert [*remains(kb_folder, [secret(NAMES[4], 1)])], "what stays is there"


@pytest.mark.parametrize("store", STORES)
def test_embeddings_of_removed_text_are_nowhere(lab: Laboratory, store: str, kb_folder: Path, tmp_path: Path) -> None:
    sources = write(tmp_path / "sources", NAMES, 1)
    lab.run("ingest", kb_folder, store=store, paths=sources).done()
    before = embeddings(kb_folder)
    lab.run("remove", kb_folder, store=store, sources=sources[:2]).done()
    if store == "chroma":  # it marks what is deleted, and keeps a queue: its folder is made again
        lab.run("compact", kb_folder, store=store).done()
    after = {vector for vectors in embeddings(kb_folder).values() for vector in vectors}
    gone = [vector for source in sources[:2] for vector in before[source] if vector not in after]
    assert gone and vectors_left(kb_folder, gone) == []


@pytest.mark.parametrize("store", SHARED)
def test_removed_by_command_while_another_process_has_it_open(
    lab: Laboratory, store: str, kb_folder: Path, tmp_path: Path
) -> None:
    sources = write(tmp_path / "sources", NAMES, 1)
    lab.run("ingest", kb_folder, store=store, paths=sources).done()
    other = lab.start("idle", kb_folder, store=store, seconds=3.0)
    time.sleep(1.0)  # it has it open by then, and is not the one that closes it last
    words = ["kb", "remove", sources[1], "--kb", str(kb_folder)]
    done = lab.run("command", kb_folder, store=store, words=words).done()
    assert done["code"] == 0, done
    assert (kb_folder / f"{CATALOG}-wal").exists(), "the other process had it not open any more"
    assert [*remains(kb_folder, [secret(NAMES[1], 1)])] == []
    assert lab.wait(other).done() is None


@pytest.mark.parametrize("store", STORES)
def test_removed_after_a_kill_and_compacted(lab: Laboratory, store: str, kb_folder: Path, tmp_path: Path) -> None:
    sources = write(tmp_path / "sources", NAMES, 1)
    lab.run("ingest", kb_folder, store=store, paths=sources).done()
    stop = {"name": "ragbot.index.database:_transaction sql COMMIT", "occurrence": 1, "when": "after"}
    died = lab.run("remove", kb_folder, store=store, sources=[sources[0]], trace={"stop": stop})
    assert died.signal == 9 and [*remains(kb_folder, [secret(NAMES[0], 1)])], "it was killed too late"
    lab.run("compact", kb_folder, store=store).done()
    assert [*remains(kb_folder, [secret(NAMES[0], 1)])] == []
