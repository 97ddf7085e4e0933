"""Embedded Chroma: one owner, and a folder that nothing trusts unless it was closed properly."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ragbot.errors import LockedError, MissingExtraError
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.maintenance import repair, verify
from ragbot.index.vectors import chroma as module
from ragbot.index.vectors.external import ExternalIndex
from ragbot.index.vectors.sealed import difference, digests, read_note, write_note
from ragbot.models.testing import HashEmbedder

COMPACT = """
import sys
from pathlib import Path
from ragbot.index.maintenance import compact
from ragbot.index.vectors.stores import StoreOptions
compact(Path(sys.argv[1]), options=StoreOptions(store="chroma"))
"""
HOLD = """
import sys
from pathlib import Path
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.testing import HashEmbedder
kb = KnowledgeBase(Path(sys.argv[1]), HashEmbedder().fingerprint)
print("open", flush=True)
sys.stdin.read()
"""


def store_of(kb: KnowledgeBase) -> Any:
    assert isinstance(kb.vectors, ExternalIndex)
    return kb.vectors.store


def held(kb: KnowledgeBase) -> list[int]:
    found: list[int] = store_of(kb).ids(kb.vectors.ids()).tolist()
    return found


def test_one_owner_and_what_a_killed_one_leaves(chroma: Any, caplog: pytest.LogCaptureFixture) -> None:
    kb = chroma.open()
    chroma.put(kb, range(4))
    before, ids = chroma.results(kb), held(kb)
    kb.close()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(kb.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout and child.stdout.readline() == "open\n"
        with pytest.raises(LockedError, match=rf"process {child.pid} .*chroma run.*faiss"):
            chroma.open()
        assert verify(kb.folder, options=chroma.options).problems == ()  # its owner keeps it
        child.send_signal(signal.SIGKILL)
    assert verify(kb.folder, options=chroma.options).problems[0].message.endswith("was not closed")
    with caplog.at_level(logging.WARNING):
        kb = chroma.open()
    assert "was not closed" in caplog.text
    assert (chroma.results(kb), held(kb)) == (before, ids)
    assert not kb.vectors.behind  # type: ignore[attr-defined]


def test_every_damaged_file_is_seen_before_chroma_reads_it(
    chroma: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    kb = chroma.open()
    chroma.put(kb, range(4))
    before, ids = chroma.results(kb), held(kb)
    kb.close()
    whole = tmp_path / "whole"
    shutil.copytree(kb.folder, whole)
    files = sorted(path.relative_to(whole) for path in (whole / "chroma").rglob("*") if path.is_file())
    assert len(files) >= 4
    emptied: list[bool] = []
    real = module._Database._remove
    monkeypatch.setattr(module._Database, "_remove", lambda self: (emptied.append(True), real(self))[1])
    for number, name in enumerate(files):
        for damage in ("cut", "zeroed", "flipped", "gone"):
            data = bytearray((whole / name).read_bytes())
            if not data and damage != "gone":
                continue
            folder = tmp_path / f"copy-{number}-{damage}"
            shutil.copytree(whole, folder)
            if damage == "gone":
                (folder / name).unlink()
            elif damage == "flipped":
                data[len(data) // 2] ^= 4
                (folder / name).write_bytes(data)
            else:
                (folder / name).write_bytes(data[: len(data) // 2] if damage == "cut" else bytes(len(data)))
            if (whole / name).read_bytes() == ((folder / name).read_bytes() if (folder / name).exists() else None):
                continue  # it was all zeros before
            assert not emptied
            assert module.fault_of(folder / "chroma", read_note(folder / "chroma.json")), (name, damage)
            if damage == "flipped":  # and for one kind of damage, all the way
                caplog.clear()
                again = chroma.open(folder)
                assert emptied and name.name in caplog.text
                assert (chroma.results(again), held(again)) == (before, ids)
                again.close()
                emptied.clear()
            shutil.rmtree(folder)
    again = chroma.open(whole)
    assert not emptied and chroma.results(again) == before


@pytest.mark.parametrize("damage", ["note", "no note", "foreign file", "link"])
def test_a_folder_that_is_not_as_it_was_left(chroma: Any, damage: str, tmp_path: Path) -> None:
    kb = chroma.open()
    chroma.put(kb, range(3))
    before = chroma.results(kb)
    kb.close()
    note, folder = kb.folder / "chroma.json", kb.folder / "chroma"
    if damage == "note":
        content = json.loads(note.read_text())
        content["body"]["open"] = True
        note.write_text(json.dumps(content | {"body": content["body"] | {"open": False, "files": {}}}))
    elif damage == "no note":
        note.unlink()
    elif damage == "foreign file":
        (folder / "more.bin").write_bytes(b"more")
    else:
        folder.rename(tmp_path / "elsewhere")
        folder.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert verify(kb.folder, options=chroma.options).problems
    kb = chroma.open()
    assert chroma.results(kb) == before
    assert not folder.is_symlink()
    if damage == "link":
        assert list((tmp_path / "elsewhere").iterdir())  # what is not ours stays


def test_closed_at_the_end_of_the_process_without_being_told(chroma: Any, caplog: pytest.LogCaptureFixture) -> None:
    kb = chroma.open()
    chroma.put(kb, range(3))
    kb.close()
    subprocess.run([sys.executable, "-c", HOLD, str(kb.folder)], input="", check=True, text=True, capture_output=True)
    chroma.open()
    assert not caplog.records


def test_compact_leaves_no_removed_vector(chroma: Any) -> None:
    kb = chroma.open()
    chroma.put(kb, range(6))
    gone = kb.catalog.vectors_of(kb.vectors.ids()[:3].tolist())[1]  # type: ignore[attr-defined]
    with kb.writing() as catalog:
        catalog.remove_document("doc00")
    kb.close()

    def on_disk() -> bool:
        return any(
            row.tobytes() in path.read_bytes() for path in kb.folder.rglob("*") if path.is_file() for row in gone
        )

    # In a process of its own, as the command does: hnswlib also writes memory that it never filled, and in this process
    # that may be where a removed vector was.
    subprocess.run([sys.executable, "-c", COMPACT, str(kb.folder)], check=True, text=True, capture_output=True)
    assert not on_disk()
    assert verify(kb.folder, options=chroma.options).problems == ()
    kb = chroma.open()
    assert held(kb) == kb.vectors.ids().tolist()  # type: ignore[attr-defined]


def test_verify_names_what_differs_and_repair_mends_it(chroma: Any) -> None:
    kb = chroma.open()
    chroma.put(kb, range(4))
    before = chroma.results(kb)
    ids = kb.vectors.ids()  # type: ignore[attr-defined]
    store_of(kb).delete(ids[:2])
    kb.close()
    (problem,) = verify(kb.folder, options=chroma.options).problems
    assert "lacks 2 vectors" in problem.message
    repair(kb.folder, options=chroma.options)
    assert verify(kb.folder, options=chroma.options).problems == ()
    assert chroma.results(chroma.open()) == before


def test_without_chromadb(chroma: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "chromadb", None)
    with pytest.raises(MissingExtraError, match=r"ragbot\[chroma\]"):
        chroma.open()
    # What could not be opened was not made; the next attempt may choose again.
    assert KnowledgeBase(chroma.folder, HashEmbedder().fingerprint).store == "faiss"


def test_sealed_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "a").write_bytes(b"one")
    (folder / "deep" / "b").write_bytes(b"two")
    noted = digests(folder)
    assert difference(folder, noted) is None
    (folder / "deep" / "b").write_bytes(b"twe")
    assert "deep/b is damaged" in (difference(folder, noted) or "")
    write_note(tmp_path / "note", {"x": 1})
    assert read_note(tmp_path / "note") == {"x": 1}
    (tmp_path / "note").write_text((tmp_path / "note").read_text().replace("1", "2"))
    assert read_note(tmp_path / "note") == {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_does_not_share_its_parents(tmp_path: Path) -> None:
    store = module.EmbeddedChroma(tmp_path)
    child = os.fork()
    if not child:
        try:
            module.EmbeddedChroma(tmp_path)
        except LockedError:
            os._exit(7)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    store.close()


def test_the_folder_of_somebody_else_is_not_sealed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "kb"
    folder.mkdir()
    for put_back in (False, True):
        store = module.EmbeddedChroma(folder)
        folder.rename(tmp_path / f"away{put_back}")
        if put_back:
            folder.mkdir()
            (folder / module.LOCK_FILE).touch()
        store.close()
        assert "is not sealed" in caplog.text
        assert not (folder / module.NOTE).exists()
        folder.mkdir(exist_ok=True)
        caplog.clear()
