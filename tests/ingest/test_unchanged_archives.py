"""Archives that are skipped while nothing has changed: in the file, in how it is read, and in its documents."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ingest.origins
import ingest.pipeline
from ingest.chunkers.recursive import RecursiveChunker
from ingest.pipeline import ingest as run_ingest
from ragbot.documents import IngestReport
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.maintenance import repair, verify
from ragbot.index.transfer import export, import_
from ragbot.models.testing import HashEmbedder
from tests.ingest.test_origins import inner, pack


@pytest.fixture
def kb(kb_folder: Path) -> Iterator[KnowledgeBase]:
    kb = KnowledgeBase(kb_folder, HashEmbedder().fingerprint)
    yield kb
    kb.close()


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the archives that were opened."""
    names: list[str] = []
    real = ingest.origins.members

    def members(path: Path, *rest: Any) -> Any:
        names.append(path.name)
        return real(path, *rest)

    monkeypatch.setattr(ingest.origins, "members", members)
    return names


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return pack(tmp_path / "a.zip", zh__lora_md="# 低秩\n\n冻结权重。", two_md="Second text.", photo_xyz="?")


def run(kb: KnowledgeBase, *paths: str | Path, size: int = 32, **options: Any) -> IngestReport:
    embedder = HashEmbedder()
    return run_ingest(kb, embedder, RecursiveChunker(embedder.count_tokens, size), paths, **options)


def test_an_unchanged_archive_is_not_unpacked_and_its_members_are_skipped(
    kb: KnowledgeBase, archive: Path, unpacked: list[str]
) -> None:
    assert len(run(kb, archive).added) == 2
    report = run(kb, archive)
    assert unpacked == ["a.zip"]
    assert sorted(inner(report.skipped)) == ["two.md", "zh/lora.md"] and not report.failed


def test_a_new_date_alone_is_noted_and_nothing_is_unpacked(
    kb: KnowledgeBase, archive: Path, unpacked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(kb, archive)
    os.utime(archive, ns=(1, 1))
    assert len(run(kb, archive).skipped) == 2
    monkeypatch.setattr("ingest.archives.unchanged.hash_file", lambda path: pytest.fail("its date was not noted"))
    assert len(run(kb, archive).skipped) == 2
    assert unpacked == ["a.zip"]


def test_a_changed_archive_is_read_again_and_its_unchanged_members_are_skipped(
    kb: KnowledgeBase, archive: Path, unpacked: list[str]
) -> None:
    run(kb, archive)
    pack(archive, zh__lora_md="# 低秩\n\n冻结权重。", two_md="Another text.")
    report = run(kb, archive)
    assert (inner(report.skipped), inner(report.updated)) == (["zh/lora.md"], ["two.md"])
    assert len(run(kb, archive).skipped) == 2
    assert len(unpacked) == 2


@pytest.mark.parametrize(
    "options", [{"size": 24}, {"acl": ["amy"]}, {"max_bytes": 1000}, {"readers": {".xyz": "tests.ingest.own:Xyz"}}]
)
def test_read_in_another_way_it_is_unpacked_again(
    kb: KnowledgeBase, archive: Path, unpacked: list[str], options: dict[str, Any]
) -> None:
    run(kb, archive)
    run(kb, archive, **options)
    assert len(unpacked) == 2


def test_an_access_list_reaches_the_members(kb: KnowledgeBase, archive: Path) -> None:
    run(kb, archive)
    assert len(run(kb, archive, acl=["amy"]).updated) == 2
    assert {document.acl for document in kb.catalog.documents()} == {("amy",)}


def test_loaders_that_make_other_text_read_it_again(
    kb: KnowledgeBase, archive: Path, unpacked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(kb, archive)
    monkeypatch.setattr("ingest.run.LOADERS_VERSION", 999)
    assert len(run(kb, archive).updated) == 2
    assert len(unpacked) == 2


def test_a_member_that_was_removed_comes_back(kb: KnowledgeBase, archive: Path, unpacked: list[str]) -> None:
    run(kb, archive)
    with kb.writing() as catalog:
        assert catalog.remove_document(f"{archive}!/two.md")
        assert catalog.archives() == []  # not even its name is left
    assert inner(run(kb, archive).added) == ["two.md"]
    assert len(unpacked) == 2


def test_a_member_that_fails_is_tried_again(kb: KnowledgeBase, tmp_path: Path, unpacked: list[str]) -> None:
    path = pack(tmp_path / "a.zip", bad_pdf="no PDF at all", good_md="Good words.")
    for _ in range(2):
        assert len(run(kb, path).failed) == 1
    assert len(unpacked) == 2 and kb.catalog.archives() == []


def test_a_changed_member_that_fails_is_tried_again(kb: KnowledgeBase, tmp_path: Path, unpacked: list[str]) -> None:
    path = pack(tmp_path / "a.zip", one_html="<p>First text.</p>", two_md="第二段文字。")
    run(kb, path)
    pack(path, one_html=" ", two_md="第二段文字。")  # its document stays as it was
    for _ in range(2):
        assert len(run(kb, path).failed) == 1
    assert len(unpacked) == 3 and len(kb.catalog.documents()) == 2


def test_sync_keeps_the_members_of_an_archive_that_is_skipped(
    kb: KnowledgeBase, archive: Path, unpacked: list[str]
) -> None:
    run(kb, archive.parent, sync=True)
    report = run(kb, archive.parent, sync=True)
    assert report.removed == () and len(report.skipped) == 2
    assert unpacked == ["a.zip"]


def test_sync_still_removes_what_an_earlier_run_left(kb: KnowledgeBase, archive: Path) -> None:
    run(kb, archive)
    pack(archive, two_md="Second text.")
    run(kb, archive)
    run(kb, archive)  # by now it could be taken for unchanged
    assert inner(run(kb, archive, sync=True).removed) == ["zh/lora.md"]


def test_members_of_other_archives_are_nobodys_business(kb: KnowledgeBase, tmp_path: Path, unpacked: list[str]) -> None:
    one = pack(tmp_path / "a.zip", one_md="First text.")
    pack(tmp_path / "a.zip!", two_md="No archive by its name.")
    other = pack(tmp_path / "a.zip0.zip", two_md="Second text.")
    run(kb, one, other)
    with kb.writing() as catalog:
        catalog.remove_document(f"{other}!/two.md")
    run(kb, one, other)
    assert unpacked == ["a.zip", "a.zip0.zip", "a.zip0.zip"]


class Interrupting(HashEmbedder):
    """Embeds until it meets a word at which the person presses Ctrl-C."""

    def encode_documents(self, texts: Any, progress: Any = None) -> Any:
        if any("STOP" in text for text in texts):
            raise KeyboardInterrupt
        return super().encode_documents(texts, progress)


def test_a_run_that_is_stopped_notes_what_was_committed_and_no_more(
    kb: KnowledgeBase, tmp_path: Path, unpacked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest.pipeline, "BATCH", 1)
    first = pack(tmp_path / "a.zip", one_md="First text.", two_md="二。")
    # Both are unpacked before the second member of the second is committed, because parsing runs ahead.
    second = pack(tmp_path / "b.zip", three_md="Third text.", four_md="STOP here.", five_md="Fifth text.")
    embedder = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        run_ingest(kb, embedder, RecursiveChunker(embedder.count_tokens, 32), [first, second])
    assert unpacked == ["a.zip", "b.zip"]
    assert kb.catalog.archives() == [str(first)]
    report = run(kb, first, second)
    assert unpacked[2:] == ["b.zip"]
    assert (sorted(inner(report.skipped)), sorted(inner(report.added))) == (
        ["one.md", "three.md", "two.md"],
        ["five.md", "four.md"],
    )


def test_an_archive_that_is_replaced_while_it_is_read(
    kb: KnowledgeBase, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old"
    archive.rename(old)
    shutil.copy2(old, archive)
    real = ingest.origins.members

    def replaced(path: Path, *rest: Any) -> Any:
        pack(path, a_md="Other words in the place of the old ones.", b_md="另外的文字。")
        return real(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(ingest.origins, "members", replaced)
        run(kb, archive)
    shutil.copy2(old, archive)  # and the old one comes back, with its date
    assert inner(run(kb, archive).added) == ["zh/lora.md", "two.md"]
    assert len(run(kb, archive).skipped) == 2


def test_an_archive_that_cannot_be_stored_or_read_is_one_line(kb: KnowledgeBase, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    pack(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.zip")), one_md="First text.")
    (tmp_path / "a.md").write_text("Words.")
    report = run(kb, tmp_path)
    assert len(report.added) == 1
    assert sorted(failed.reason.split(":")[0] for failed in report.failed) == [
        "its name holds bytes that are no text in UTF-8 (lone surrogates)",
        "pipe.zip is not a regular file",
    ]


# -- the rows --------------------------------------------------------------------------------------------------------


def damage(folder: Path) -> None:
    db = sqlite3.connect(folder / "catalog.sqlite3")
    with db:
        assert db.execute("UPDATE archives SET size = size + 1").rowcount == 1
    db.close()


def test_a_damaged_row_is_found_mended_and_never_believed(
    kb: KnowledgeBase, kb_folder: Path, archive: Path, unpacked: list[str]
) -> None:
    run(kb, archive)
    damage(kb_folder)
    (problem,) = verify(kb_folder).problems
    assert f"what it notes of the archive {archive} is damaged" in problem.message
    assert "ragbot kb repair" in problem.next_step
    assert len(run(kb, archive).skipped) == 2 and len(unpacked) == 2  # and it is noted anew
    assert verify(kb_folder).problems == ()
    damage(kb_folder)
    kb.close()
    assert repair(kb_folder).removed == ()
    assert verify(kb_folder).problems == ()


def test_what_was_exported_knows_its_archives(
    kb: KnowledgeBase, kb_folder: Path, archive: Path, tmp_path: Path, unpacked: list[str]
) -> None:
    uploads = kb_folder / "uploads"
    uploads.mkdir()
    upload = pack(uploads / "u.zip", zh_md="上传的文字。", en_md="Uploaded words.")
    run(kb, archive, upload)
    export(kb_folder, tmp_path / "kb.ragbot")
    other = tmp_path / "other"
    import_(tmp_path / "kb.ragbot", other)
    assert verify(other).problems == ()
    copy = KnowledgeBase(other, HashEmbedder().fingerprint)
    try:
        assert copy.catalog.archives() == sorted([str(archive), str(other / "uploads" / "u.zip")])
        report = run(copy, archive, other / "uploads" / "u.zip")
        assert len(report.skipped) == 4 and unpacked == ["a.zip", "u.zip"]
    finally:
        copy.close()
