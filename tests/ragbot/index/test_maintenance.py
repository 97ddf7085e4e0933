"""What is damaged is found, named and mended; what was removed is in no byte; what was exported comes back."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.chunkers.recursive import RecursiveChunker
from ingest.pipeline import ingest_documents
from ragbot.documents import ParsedDocument
from ragbot.errors import CorruptError, LockedError, NewerVersionError, SourceError, StorageError
from ragbot.index import transfer
from ragbot.index.catalog import FILE_NAME
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.lock import writer_lock
from ragbot.index.maintenance import compact, folder_bytes, repair, verify
from ragbot.models.testing import HashEmbedder
from ragbot.retrieval.retriever import HybridRetriever

EMBEDDER = HashEmbedder()
SECRET_EN, SECRET_ZH = "Zanzibarquartz", "鲲鹏翡翠密令"


def document(number: int, extra: str = "") -> ParsedDocument:
    parts = [
        f"Part {part} of {number}: the green river lamp number {part * number}. 北京的训练数据第{part}段。{extra}"
        for part in range(8)
    ]
    return ParsedDocument("\n\n".join(parts), title=f"Title {number}", language="zh" if number % 2 else "en")


DOCUMENTS = {f"doc{number:02}": document(number) for number in range(10)}


def opened(folder: Path) -> KnowledgeBase:
    return KnowledgeBase(folder, EMBEDDER.fingerprint)


def put(folder: Path, documents: dict[str, ParsedDocument]) -> None:
    kb = opened(folder)
    ingest_documents(kb, EMBEDDER, RecursiveChunker(EMBEDDER.count_tokens, 24), documents)
    kb.close()


def results(folder: Path) -> list[list[tuple[str, int, int, float]]]:
    kb = opened(folder)
    retriever = HybridRetriever(kb, EMBEDDER)
    found = []
    for question in ("green river lamp number 12", "北京 训练 数据", "Part 2 of 7"):
        hits = retriever.search(question, 100)
        found.append([(h.chunk.document.source, h.chunk.start, h.chunk.end, round(h.score, 5)) for h in hits])
    kb.close()
    return found


@pytest.fixture
def folder(kb_folder: Path) -> Path:
    put(kb_folder, DOCUMENTS)
    return kb_folder


def flip(path: Path, needle: bytes) -> None:
    """Flip one bit in the first place where ``needle`` stands."""
    data = bytearray(path.read_bytes())
    data[data.index(needle) + 2] ^= 1
    path.write_bytes(data)


def edit(folder: Path, sql: str, *values: object) -> None:
    db = sqlite3.connect(folder / FILE_NAME)
    with db:
        assert db.execute(sql, values).rowcount != 0
    db.close()


# -- verify ----------------------------------------------------------------------------------------------------------


def test_a_whole_one_has_no_problems(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    calls: list[tuple[str, int, int]] = []
    found = verify(folder, lambda *call: calls.append(call))
    assert (found.documents, found.problems) == (10, ())
    assert found.chunks > 10
    assert ("documents", 10, 10) in calls
    assert {path: path.read_bytes() for path in folder.iterdir() if path in before} == before


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("UPDATE documents SET text = replace(text, 'lamp', 'lame') WHERE source = 'doc04'", "its text is damaged"),
        ("UPDATE documents SET text = CAST(x'66ff66' AS TEXT) WHERE source = 'doc04'", "its text is damaged"),
        ("UPDATE documents SET acl = '[\"x\"]' WHERE source = 'doc04'", "its description is damaged"),
        ("UPDATE chunks SET text = text || 'x' WHERE document_id = 5 AND ordinal = 1", "is damaged"),
        ("DELETE FROM chunks WHERE document_id = 5 AND ordinal = 1", "is missing"),
        ("UPDATE chunks SET embedding = zeroblob(8) WHERE document_id = 5 AND ordinal = 1", "the embedding of chunk"),
        ("UPDATE chunks SET seq = -1 WHERE document_id = 5 AND ordinal = 1", "the change that chunk"),
    ],
)
def test_a_damaged_row_is_found_and_only_its_document_goes(folder: Path, sql: str, message: str) -> None:
    whole = results(folder)
    edit(folder, sql)
    problem = next(problem for problem in verify(folder).problems if problem.kind == "document")
    assert (problem.source, problem.document_id) == ("doc04", 5)
    assert message in problem.message
    assert "\n" not in problem.message
    assert "ingest it again" in problem.next_step
    done = repair(folder)
    assert done.removed == ("doc04",)
    found = verify(folder)
    assert (found.documents, found.problems) == (9, ())
    put(folder, DOCUMENTS)  # its state went with it: it is read again
    assert [sorted(hits) for hits in results(folder)] == [sorted(hits) for hits in whole]


def test_a_chunk_that_is_not_the_slice_of_its_document(folder: Path) -> None:
    from ragbot.index.records import checksum

    db = sqlite3.connect(folder / FILE_NAME)
    row = list(
        db.execute(
            'SELECT document_id, ordinal, start, "end", page, headings, prefix, text FROM chunks WHERE id = 3'
        ).fetchone()
    )
    row[2] += 1  # a wrong place with a checksum that fits
    with db:
        db.execute("UPDATE chunks SET start = ?, checksum = ? WHERE id = 3", (row[2], checksum(*row)))
    db.close()
    (problem,) = verify(folder).problems
    assert "chunk 3 is not what stands in the document at its place" in problem.message


def test_a_flipped_bit_in_the_file(folder: Path) -> None:
    flip(folder / FILE_NAME, b"Part 3 of 6")
    assert {problem.source for problem in verify(folder).problems} == {"doc06"}


def test_chunks_of_no_document_and_a_lost_number(folder: Path) -> None:
    edit(folder, "UPDATE meta SET value = '1' WHERE key = 'seq'")
    db = sqlite3.connect(folder / FILE_NAME)
    with db:
        db.execute("DELETE FROM documents WHERE source = 'doc02'")  # foreign keys are off here: its chunks stay
    db.close()
    messages = " ".join(problem.message for problem in verify(folder).problems)
    assert "chunks belong to no document" in messages
    assert "number of the newest change is 1" in messages
    done = repair(folder)
    assert (done.removed, done.orphans > 0) == ((), True)
    assert verify(folder).problems == ()
    assert verify(folder).documents == 9


@pytest.mark.parametrize("pattern", ["lexical-*", "lexical.ragbot", "vectors.ragbot"])
@pytest.mark.parametrize("damage", ["flipped", "gone"])
def test_a_damaged_index_is_found_and_made_again(folder: Path, pattern: str, damage: str) -> None:
    whole = results(folder)
    path = next(folder.glob(pattern))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data) if damage == "flipped" else path.unlink()
    (problem,) = verify(folder).problems
    assert problem.kind == "index"
    assert "ragbot kb repair" in problem.next_step
    assert repair(folder).removed == ()
    assert verify(folder).problems == ()
    assert results(folder) == whole


def test_an_index_that_lags_is_told_of_unless_somebody_writes(folder: Path) -> None:
    old = {path.name: path.read_bytes() for path in folder.glob("*.ragbot")}
    put(folder, {"new": document(77)})
    for path in folder.glob("*.ragbot"):
        path.unlink()
    for name, data in old.items():
        (folder / name).write_bytes(data)
    assert {problem.kind for problem in verify(folder).problems} == {"index"}
    with writer_lock(folder):
        assert verify(folder).problems == ()


def test_an_index_of_another_catalog(folder: Path, tmp_path: Path) -> None:
    put(tmp_path / "other", DOCUMENTS)
    shutil.copy(tmp_path / "other" / "vectors.ragbot", folder)
    assert ["another catalog" in problem.message for problem in verify(folder).problems] == [True]


def test_an_index_that_lacks_a_chunk(folder: Path) -> None:
    from ragbot.index.container import read_container, write_container
    from ragbot.index.vectors.faiss import KIND

    path = folder / "vectors.ragbot"
    metadata, arrays = read_container(path, KIND)
    write_container(path, KIND, metadata, {**arrays, "ids": arrays["ids"][:-1].copy()})
    (problem,) = verify(folder).problems
    assert "chunks that are not the" in problem.message


@pytest.mark.parametrize("damage", ["no database", "a table is gone", "a trigger", "no embedder"])
def test_what_repair_cannot_mend_is_left_as_it_was(folder: Path, damage: str) -> None:
    path = folder / FILE_NAME
    if damage == "no database":
        path.write_bytes(b"no database" * 500)
    else:
        edit_script = {
            "a table is gone": "DROP TABLE deletions",
            "a trigger": "CREATE TRIGGER t AFTER DELETE ON chunks BEGIN DELETE FROM documents; END",
            "no embedder": "DELETE FROM meta WHERE key = 'embedder'",
        }[damage]
        edit(folder, edit_script)
    before = path.read_bytes()
    problems = verify(folder).problems
    assert problems
    assert all("\n" not in problem.message for problem in problems)
    with pytest.raises(CorruptError):
        repair(folder)
    assert path.read_bytes() == before


def test_a_flipped_bit_in_a_source_or_in_the_index_over_it(folder: Path) -> None:
    original = (folder / FILE_NAME).read_bytes()
    places = [at for at in range(len(original)) if original.startswith(b"doc04", at)]
    assert len(places) == 2  # the row, and SQLite's index
    left = set()
    for place in places:
        (folder / FILE_NAME).write_bytes(original[:place] + b"e" + original[place + 1 :])
        assert verify(folder).problems
        repair(folder)
        found = verify(folder)
        assert found.problems == ()
        left.add(found.documents)
    assert left == {9, 10}  # what only the index had wrong costs no document


def test_a_broken_page_is_mended_or_left_alone(folder: Path) -> None:
    """Each is found; a repair leaves a whole knowledge base, or the file as it was."""
    original = (folder / FILE_NAME).read_bytes()
    size = 4096
    for page in range(1, len(original) // size, 3):
        damaged = bytearray(original)
        damaged[page * size : page * size + 64] = b"\xa5" * 64
        (folder / FILE_NAME).write_bytes(damaged)
        assert verify(folder).problems, page
        try:
            repair(folder)
        except CorruptError:
            assert (folder / FILE_NAME).read_bytes() == bytes(damaged)
        else:
            assert verify(folder).problems == ()


def test_nobody_repairs_while_another_writes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragbot.index.maintenance._WAIT", 0.1)
    with writer_lock(folder):
        for work in (repair, compact):
            with pytest.raises(LockedError):
                work(folder)


# -- compact ---------------------------------------------------------------------------------------------------------


def traces(folder: Path) -> list[str]:
    """Files in which a byte sequence of the removed text stands, as written or as an index would write it."""
    needles = [form.encode() for word in (SECRET_EN, SECRET_ZH, "鲲鹏") for form in (word, word.lower())]
    needles += [SECRET_ZH.encode("utf-16-le"), SECRET_EN.encode("utf-16-le")]
    return [
        path.name
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(n in path.read_bytes() for n in needles)
    ]


def removed(folder: Path) -> None:
    for number in range(4):  # longer ones reach over pages of their own
        put(folder, {f"secret{number}": document(number, f" {SECRET_EN} {SECRET_ZH}" * (1 + 20 * number))})
    assert FILE_NAME in traces(folder)
    assert any(name.startswith("lexical-") for name in traces(folder))
    kb = opened(folder)
    with kb.writing() as catalog:
        for number in range(4):
            assert catalog.remove_document(f"secret{number}")
    kb.close()


def test_after_removing_no_byte_is_left_in_the_folder(folder: Path) -> None:
    """It holds right after the removal as well: SQLite overwrites what it deletes, and the log is emptied."""
    removed(folder)
    assert traces(folder) == []


def test_after_compacting_no_byte_is_left_in_the_folder(folder: Path) -> None:
    whole = results(folder)
    removed(folder)
    for name in ("lexical-0123.ragbot.tmp", "vectors.ragbot.tmp"):  # of a writer that was killed
        (folder / name).write_bytes(SECRET_ZH.encode())
    before = folder_bytes(folder)
    done = compact(folder)
    assert (done.before, done.after, done.complete) == (before, folder_bytes(folder), True)
    assert done.after < done.before
    assert traces(folder) == []
    assert verify(folder).problems == ()
    assert results(folder) == whole


def test_compacting_says_if_somebody_keeps_the_old_log(folder: Path) -> None:
    reader = sqlite3.connect(folder / FILE_NAME, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM documents").fetchone()
    assert not compact(folder).complete
    reader.execute("COMMIT")
    reader.close()
    assert compact(folder).complete


# -- export and import -----------------------------------------------------------------------------------------------


@pytest.fixture
def exported(folder: Path, tmp_path: Path) -> Path:
    (folder / "uploads").mkdir()
    sent = folder / "uploads" / "寄来 sent.md"
    sent.write_text("彗星 2061 comet", encoding="utf-8")
    put(folder, {str(sent): ParsedDocument("The comet returns in 2061. 彗星在2061年回来。")})
    file = tmp_path / "backup.ragbot.zip"
    done = transfer.export(folder, file)
    assert (done.documents, done.uploads, done.bytes) == (11, 1, file.stat().st_size)
    return file


def test_the_round_trip_finds_the_same(folder: Path, exported: Path, tmp_path: Path) -> None:
    new = tmp_path / "deep" / "new"
    done = transfer.import_(exported, new)
    assert (done.documents, done.uploads) == (11, 1)
    before = [[hit for hit in hits if "uploads" not in hit[0]] for hits in results(folder)]
    assert [[hit for hit in hits if "uploads" not in hit[0]] for hits in results(new)] == before
    assert before[0]
    assert verify(new).problems == ()
    copy = new / "uploads" / "寄来 sent.md"
    assert copy.read_text(encoding="utf-8") == "彗星 2061 comet"
    kb = opened(new)
    assert kb.catalog.file_state(str(copy)) is not None  # it is named after the new folder
    first = opened(folder)
    assert kb.catalog.identity != first.catalog.identity
    assert kb.catalog.seq == first.catalog.seq
    first.close()
    kb.close()
    assert [path.name for path in new.parent.iterdir()] == ["new"]
    put(new, {"more": document(5)})  # and it can be written to
    assert verify(new).documents == 12


def test_the_file_is_the_owners_and_holds_nothing_that_was_removed(folder: Path, tmp_path: Path) -> None:
    removed(folder)
    file = tmp_path / "e.zip"
    transfer.export(folder, file)
    assert file.stat().st_mode & 0o077 == 0
    assert SECRET_ZH.encode() not in file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        (tmp_path / "copy.sqlite3").write_bytes(archive.read(FILE_NAME))
    copy = sqlite3.connect(tmp_path / "copy.sqlite3")
    assert copy.execute("PRAGMA freelist_count").fetchone() == (0,)  # not even the room of it
    copy.close()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_nothing_is_overwritten(folder: Path, exported: Path, tmp_path: Path) -> None:
    data = exported.read_bytes()
    with pytest.raises(SourceError, match="exists"):
        transfer.export(folder, exported)
    assert exported.read_bytes() == data
    with pytest.raises(SourceError, match="in the knowledge base itself"):
        transfer.export(folder, folder / "x.zip")
    (tmp_path / "there").mkdir()
    with pytest.raises(SourceError, match="exists"):
        transfer.import_(exported, tmp_path / "there")
    with pytest.raises(SourceError, match="no file"):
        transfer.import_(tmp_path / "nope", tmp_path / "new")


def test_a_damaged_one_is_not_exported(folder: Path, tmp_path: Path) -> None:
    edit(folder, "UPDATE documents SET text = 'x' WHERE source = 'doc04'")
    with pytest.raises(CorruptError, match=r"doc04.*ragbot kb repair"):
        transfer.export(folder, tmp_path / "e.zip")
    assert not (tmp_path / "e.zip").exists()


def test_a_flipped_or_shortened_file_is_refused(exported: Path, tmp_path: Path) -> None:
    data = exported.read_bytes()
    with zipfile.ZipFile(exported) as archive:
        spans = [(info.header_offset + 60 + len(info.filename), info.file_size) for info in archive.infolist()]
    places = [start + size * part // 5 for start, size in spans if size > 100 for part in range(1, 5)]
    bad, new = tmp_path / "bad.zip", tmp_path / "new"
    for damaged in [
        b"",
        *(data[:length] for length in (10, len(data) // 2, len(data) - 1)),
        *(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :] for place in places),
    ]:
        bad.write_bytes(damaged)
        with pytest.raises(CorruptError, match="nothing was imported"):
            transfer.import_(bad, new)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.ragbot.zip", "bad.zip", "kb"]


def rewritten(
    exported: Path, change: Callable[[dict[str, Any], dict[str, bytes]], object], compression: int = zipfile.ZIP_STORED
) -> Path:
    """The export with other members; the manifest is written as ``change`` leaves it."""
    with zipfile.ZipFile(exported) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members.pop("manifest.json"))
    change(manifest, members)
    out = exported.with_name("rewritten.zip")
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in {**members, "manifest.json": json.dumps(manifest).encode()}.items():
            archive.writestr(name, data)
    return out


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "..", "a/b", "a\\b", "", ".hidden", "c:evil", "a\0b"])
def test_no_name_becomes_a_path(exported: Path, tmp_path: Path, name: str) -> None:
    file = rewritten(exported, lambda manifest, _: manifest["members"][1].update(name=name))
    with pytest.raises(CorruptError):
        transfer.import_(file, tmp_path / "new")
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest, members: members.update({"../evil": b"x"}),
        lambda manifest, members: members.pop("uploads/1"),
        lambda manifest, members: manifest["members"].pop(),
        lambda manifest, members: manifest["members"].clear(),
        lambda manifest, members: manifest["members"][1].update(member="../evil"),
        lambda manifest, members: manifest["members"][1].update(sha256="0" * 64),
        lambda manifest, members: manifest.update(documents=12),
        lambda manifest, members: manifest.update(format="other"),
        lambda manifest, members: manifest.update(version="1"),
        lambda manifest, members: manifest.update(version=0),
        lambda manifest, members: manifest.update(more=1),
    ],
)
def test_other_members_than_an_export_has_are_refused(exported: Path, tmp_path: Path, change: Any) -> None:
    with pytest.raises(CorruptError):
        transfer.import_(rewritten(exported, change), tmp_path / "new")
    assert not (tmp_path / "new").exists()
    transfer.import_(rewritten(exported, lambda *_: None), tmp_path / "new")  # as it was, it is taken


def test_a_bomb_is_refused(exported: Path, tmp_path: Path) -> None:
    file = rewritten(
        exported, lambda manifest, members: members.update({"uploads/1": bytes(50_000_000)}), zipfile.ZIP_DEFLATED
    )
    assert file.stat().st_size < 5_000_000
    with pytest.raises(CorruptError, match="compressed"):
        transfer.import_(file, tmp_path / "new")


def test_a_newer_one_is_refused(exported: Path, tmp_path: Path) -> None:
    file = rewritten(exported, lambda manifest, _: manifest.update(version=2, future=True))
    with pytest.raises(NewerVersionError, match="upgrade"):
        transfer.import_(file, tmp_path / "new")


def test_a_catalog_with_a_trigger_is_refused(exported: Path, tmp_path: Path) -> None:
    """One that somebody made, hashes and all."""
    import hashlib

    def change(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
        path = tmp_path / "evil.sqlite3"
        path.write_bytes(members[FILE_NAME])
        db = sqlite3.connect(path)
        with db:
            db.execute("CREATE TRIGGER t AFTER UPDATE ON meta BEGIN DELETE FROM documents; END")
        db.close()
        members[FILE_NAME] = path.read_bytes()
        size, digest = path.stat().st_size, hashlib.sha256(members[FILE_NAME]).hexdigest()
        manifest["members"][0].update(size=size, sha256=digest)

    with pytest.raises(CorruptError, match="schema"):
        transfer.import_(rewritten(exported, change), tmp_path / "new")


def test_a_disk_that_is_full_leaves_nothing(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(StorageError, match="free"):
        transfer.import_(exported, tmp_path / "new")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.undo()
    monkeypatch.setattr("ragbot.index.transfer._pour", fail)
    with pytest.raises(StorageError, match="No space left"):
        transfer.import_(exported, tmp_path / "new")
    with pytest.raises(StorageError, match="No space left"):
        transfer.export(tmp_path / "kb", tmp_path / "e.zip")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.ragbot.zip", "kb"]


# -- what a catalog from elsewhere, or a folder in use, may hold ------------------------------------------------------


@pytest.mark.parametrize("name", ["../x", "x" * 5000, "a\0b", "gone-plugin"])
def test_a_store_that_nobody_knows_is_a_problem_and_no_crash(folder: Path, name: str) -> None:
    edit(folder, "UPDATE meta SET value = ? WHERE key = 'vector_store'", name)
    [problem] = verify(folder).problems
    assert "is no vector store" in problem.message and "kb migrate --store faiss" in problem.message
    repair(folder)


def test_the_size_of_a_folder_whose_files_go_meanwhile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, whole = os.walk, folder_bytes(folder)
    log = folder / "catalog.sqlite3-wal"
    monkeypatch.setattr("os.walk", lambda top: [(parent, [], [*names, log.name]) for parent, _, names in real(top)])
    log.unlink(missing_ok=True)
    assert folder_bytes(folder) == whole
