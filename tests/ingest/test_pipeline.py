"""Ingestion: what is new is embedded, the rest is left alone, and a bad file stops nothing."""

from __future__ import annotations

import itertools
import os
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import ingest.pipeline as module
import ingest.reading as reading
import ingest.run as running
from ingest.chunkers.recursive import RecursiveChunker
from ingest.parsing import Limits
from ingest.pipeline import Progress, ingest, ingest_documents
from ragbot.documents import IngestReport, ParsedDocument
from ragbot.errors import SourceError, StorageError
from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.embedders.base import Progress as EmbedProgress
from ragbot.models.embedders.base import Vectors
from ragbot.models.testing import HashEmbedder


class CountingEmbedder(HashEmbedder):
    """Remembers every text that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.calls = 0

    def encode_documents(self, texts: Sequence[str], progress: EmbedProgress | None = None) -> Vectors:
        self.calls += 1
        self.seen += texts
        return super().encode_documents(texts, progress)


@pytest.fixture
def embedder() -> CountingEmbedder:
    return CountingEmbedder()


@pytest.fixture
def kb(kb_folder: Path, embedder: CountingEmbedder) -> Iterator[KnowledgeBase]:
    kb = KnowledgeBase(kb_folder, embedder.fingerprint)
    yield kb
    kb.close()


def chunker(embedder: CountingEmbedder, size: int = 32) -> RecursiveChunker:
    return RecursiveChunker(embedder.count_tokens, size)


def run(kb: KnowledgeBase, embedder: CountingEmbedder, *paths: Path, size: int = 32, **options: object) -> IngestReport:
    embedder.seen.clear()
    embedder.calls = 0
    return ingest(kb, embedder, chunker(embedder, size), paths, **options)  # type: ignore[arg-type]


def stored(kb: KnowledgeBase) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {document.source: [] for document in kb.catalog.documents()}
    for chunk in kb.catalog.chunks(kb.catalog.chunk_ids(Filter()).tolist()).values():
        found[chunk.document.source].append(chunk.text)
    return found


def names(sources: Sequence[str]) -> list[str]:
    return [Path(source).name for source in sources]


def test_first_run(kb: KnowledgeBase, embedder: CountingEmbedder, corpus: Path) -> None:
    (corpus / "photo.jpg").touch()
    report = run(kb, embedder, corpus)
    assert names(report.added) == ["lora.md", "serving.md", "misc.txt", "plain.txt"]
    assert (report.updated, report.skipped, report.failed, report.removed) == ((), (), (), ())
    assert names(report.ignored) == ["photo.jpg"]
    assert report.embedded == len(embedder.seen) == report.chunks == kb.catalog.counts()["chunks"] > 4
    assert report.characters == kb.catalog.counts()["characters"]
    assert report.seconds > 0
    for source, texts in stored(kb).items():
        whole = Path(source).read_text(encoding="utf-8")
        assert all(text in whole for text in texts)


def test_second_run_embeds_nothing(kb: KnowledgeBase, embedder: CountingEmbedder, corpus: Path) -> None:
    run(kb, embedder, corpus)
    before, seq = stored(kb), kb.catalog.seq
    report = run(kb, embedder, corpus)
    assert len(report.skipped) == 4 and report.added == report.updated == ()
    assert (embedder.calls, report.embedded, report.chunks) == (0, 0, 0)
    assert (stored(kb), kb.catalog.seq) == (before, seq)


def test_touched_only(
    kb: KnowledgeBase, embedder: CountingEmbedder, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(kb, embedder, corpus)
    os.utime(corpus / "lora.md", ns=(1, 1))
    report = run(kb, embedder, corpus)
    assert len(report.skipped) == 4 and embedder.calls == 0
    state = kb.catalog.file_state(str(corpus / "lora.md"))
    assert state and state.mtime_ns == 1

    def fail(_: Path) -> str:
        raise AssertionError("read although neither size nor time has changed")

    monkeypatch.setattr(reading, "hash_file", fail)
    assert len(run(kb, embedder, corpus).skipped) == 4


def test_changed_paragraph_embeds_only_what_changed(
    kb: KnowledgeBase, embedder: CountingEmbedder, tmp_path: Path
) -> None:
    path = tmp_path / "doc.md"
    sections = [
        f"## Part {n}\n\nThis is the text of part {n}, long enough to stand alone in its chunk.\n\n" for n in range(10)
    ]
    path.write_text("# Doc\n\n" + "".join(sections), encoding="utf-8")
    first = run(kb, embedder, path)
    (identity,) = (document.id for document in kb.catalog.documents())
    sections[4] = sections[4].replace("the text", "the new wording")
    path.write_text("# Doc\n\n" + "".join(sections), encoding="utf-8")
    report = run(kb, embedder, path)
    assert names(report.updated) == ["doc.md"] and report.added == ()
    assert report.chunks == first.chunks
    assert report.embedded == len(embedder.seen) == 1
    assert "new wording" in embedder.seen[0]
    assert [document.id for document in kb.catalog.documents()] == [identity]
    texts = [text for parts in stored(kb).values() for text in parts]
    assert sum("new wording" in text for text in texts) == 1
    assert not any("the text of part 4" in text for text in texts)


def test_equal_texts_are_embedded_once(kb: KnowledgeBase, embedder: CountingEmbedder, tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"copy{number}").mkdir()
        (tmp_path / f"copy{number}" / "same.txt").write_text("The very same text.", encoding="utf-8")
    report = run(kb, embedder, tmp_path / "copy0", tmp_path / "copy1", tmp_path / "copy2")
    assert (report.chunks, report.embedded, embedder.seen) == (3, 1, embedder.seen[:1])
    report = run(kb, embedder, tmp_path / "copy3", tmp_path / "copy4")
    assert (report.chunks, report.embedded, embedder.seen) == (2, 0, [])


@pytest.mark.parametrize("bound", ["PENDING_CHARACTERS", "PENDING_VECTORS"])
def test_documents_that_wait_are_bounded(
    kb: KnowledgeBase, embedder: CountingEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    for number in range(12):
        (tmp_path / f"{number:02}.txt").write_text("The very same text in each of them. " * 3, encoding="utf-8")
    run(kb, embedder, tmp_path / "00.txt", context="none")  # the title is not the same
    monkeypatch.setattr(running, bound, {"PENDING_CHARACTERS": 300, "PENDING_VECTORS": 1}[bound])
    waiting: list[int] = []
    real = running.Run._flush

    def flush(self: running.Run) -> None:
        waiting.append(len(self._pending))
        real(self)

    monkeypatch.setattr(running.Run, "_flush", flush)
    report = run(kb, embedder, tmp_path, context="none")
    assert len(report.added) == 11 and embedder.calls == 0
    assert max(waiting) <= 3 and sum(waiting) == 11


def test_other_chunk_size_cuts_again(kb: KnowledgeBase, embedder: CountingEmbedder, corpus: Path) -> None:
    first = run(kb, embedder, corpus, size=64)
    second = run(kb, embedder, corpus, size=16)
    assert len(second.updated) == 4 and second.skipped == ()
    assert second.chunks > first.chunks
    assert len(run(kb, embedder, corpus, size=16).skipped) == 4


def test_bad_files_stop_nothing(kb: KnowledgeBase, embedder: CountingEmbedder, corpus: Path) -> None:
    (corpus / "a-broken.pdf").write_bytes(b"%PDF-1.7 broken")
    (corpus / "b-empty.md").touch()
    (corpus / "c-binary.txt").write_bytes(bytes(range(256)) * 20)
    (corpus / "d-gone.md").symlink_to(corpus / "nowhere.md")
    os.mkfifo(corpus / "e-pipe.txt")
    (corpus / "f-large.txt").write_bytes(b"x" * 5000)
    (corpus / "g-blank.md").write_text(" \n\n")
    Path(os.fsdecode(os.fsencode(corpus) + b"/h-\xc4\xe3\xba\xc3.txt")).write_text("a name in GBK")
    report = run(kb, embedder, corpus, max_bytes=4000)
    assert names(report.added) == ["lora.md", "serving.md", "misc.txt", "plain.txt"]
    reasons = {Path(failed.source).name[:1]: failed.reason for failed in report.failed}
    assert sorted(reasons) == list("abcdefgh")
    for letter, word in zip(
        "abcdefgh", ["PDF|pdf", "empty", "binary", "No such file", "regular", "large", "empty", "name"], strict=True
    ):
        assert any(part in reasons[letter] for part in word.split("|")), reasons[letter]
    for failed in report.failed:
        assert failed.source.encode() and "\n" not in failed.reason
    assert len(stored(kb)) == 4


def test_file_that_became_unreadable_keeps_what_is_stored(
    kb: KnowledgeBase, embedder: CountingEmbedder, corpus: Path
) -> None:
    run(kb, embedder, corpus)
    before = stored(kb)
    (corpus / "lora.md").write_bytes(b"")
    report = run(kb, embedder, corpus)
    assert names([failed.source for failed in report.failed]) == ["lora.md"]
    assert stored(kb) == before


def test_file_that_may_not_be_read(
    kb: KnowledgeBase, embedder: CountingEmbedder, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = reading.hash_file

    def refusing(path: Path) -> str:
        if path.name == "lora.md":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(reading, "hash_file", refusing)
    report = run(kb, embedder, corpus)
    assert [(Path(f.source).name, f.reason) for f in report.failed] == [
        ("lora.md", "cannot be read: Permission denied")
    ]
    assert len(report.added) == 3


@pytest.mark.parametrize("culprit", ["load", "prepare"])
def test_a_defect_in_a_loader_stops_nothing(
    kb: KnowledgeBase,
    embedder: CountingEmbedder,
    corpus: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    culprit: str,
) -> None:
    where = {"load": reading, "prepare": running}[culprit]
    real, calls = getattr(where, culprit), []

    def defective(*args: object, **options: object) -> object:
        calls.append(args)
        if len(calls) == 2:
            raise IndexError("list index\nout of \udcff range")
        return real(*args, **options)

    monkeypatch.setattr(where, culprit, defective)
    report = run(kb, embedder, corpus)
    (failed,) = report.failed
    assert failed.reason == "unexpected error in its loader: IndexError: list index out of ? range"
    assert len(report.added) == len(stored(kb)) == 3
    assert any(record.exc_info and failed.source in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StorageError("the disk is full")])
def test_what_is_no_defect_of_a_file_ends_the_run(
    kb: KnowledgeBase,
    embedder: CountingEmbedder,
    corpus: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:
    def interrupted(*args: object, **options: object) -> object:
        raise error

    monkeypatch.setattr(reading, "load", interrupted)
    with pytest.raises(type(error)):
        run(kb, embedder, corpus)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (FileNotFoundError(2, "No such file"), "No such"),
    ],
)
def test_files_that_are_listed_and_cannot_be_looked_at(
    kb: KnowledgeBase,
    embedder: CountingEmbedder,
    corpus: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
    words: str,
) -> None:
    real = os.stat

    def refusing(path: os.PathLike[str], *args: object, **options: object) -> os.stat_result:
        if not isinstance(path, int) and os.fspath(path) == str(corpus / "lora.md"):
            raise error
        return real(path, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", refusing)
    steps: list[Progress] = []
    report = run(kb, embedder, corpus, progress=steps.append)
    assert len(report.added) == 3
    assert [Path(failed.source).name for failed in report.failed] == ["lora.md"] and words in report.failed[0].reason
    assert steps[-1].bytes == steps[-1].total_bytes


def test_nothing_there(kb: KnowledgeBase, embedder: CountingEmbedder, tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        run(kb, embedder, tmp_path / "none")
    assert stored(kb) == {}


@pytest.mark.parametrize("batch", [1, 2, 256])
def test_progress_only_grows(
    kb: KnowledgeBase, embedder: CountingEmbedder, corpus: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(module, "BATCH", batch)
    (corpus / "bad.md").touch()
    (corpus / "binary.txt").write_bytes(bytes(range(256)))
    steps: list[Progress] = []
    for _ in range(2):
        steps.clear()
        run(kb, embedder, corpus, progress=steps.append)
        assert sorted({step.files for step in steps} | {0}) == list(range(7))
        assert all(a.files <= b.files and a.worked <= b.worked <= b.bytes for a, b in itertools.pairwise(steps))
        assert all(a.bytes <= b.bytes and a.chunks <= b.chunks for a, b in itertools.pairwise(steps))
        assert {step.total_files for step in steps} == {6}
        assert (
            steps[-1].bytes == steps[-1].total_bytes == sum(p.stat().st_size for p in corpus.rglob("*") if p.is_file())
        )
        assert len({step.current for step in steps}) == 6


def test_progress_is_told_after_the_commit(kb: KnowledgeBase, embedder: CountingEmbedder, corpus: Path) -> None:
    committed: list[int] = []

    def check(step: Progress) -> None:
        committed.append(step.files)
        assert kb.catalog.counts()["documents"] == step.files

    run(kb, embedder, corpus, progress=check)
    assert max(committed) == 4


def test_progress_moves_while_a_batch_is_embedded(kb: KnowledgeBase, embedder: CountingEmbedder, corpus: Path) -> None:
    steps: list[Progress] = []
    run(kb, embedder, corpus, progress=steps.append)
    before = [step for step in steps if step.files == 0]
    assert len({step.bytes for step in before}) > 1
    assert steps[-1].worked == steps[-1].bytes
    steps.clear()
    run(kb, embedder, corpus, progress=steps.append)
    assert steps[-1].worked == 0 and steps[-1].bytes == steps[-1].total_bytes


def test_an_embedder_that_tells_no_progress(kb: KnowledgeBase, corpus: Path) -> None:
    class Silent(CountingEmbedder):
        def encode_documents(self, texts: Sequence[str], progress: EmbedProgress | None = None) -> Vectors:
            return super().encode_documents(texts)

    steps: list[Progress] = []
    report = run(kb, Silent(), corpus, progress=steps.append)
    assert report.embedded == report.chunks > 4
    assert steps[-1].bytes == steps[-1].total_bytes


def test_full_disk_keeps_what_was_committed(
    kb: KnowledgeBase, embedder: CountingEmbedder, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, done = kb.catalog.put_document, []

    def full(source: str, *args: object, **kwargs: object) -> int:
        if len(done) == 2:
            raise StorageError("the disk is full")
        done.append(source)
        return real(source, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(kb.catalog, "put_document", full)
    with pytest.raises(StorageError, match="full"):
        run(kb, embedder, corpus)
    assert sorted(stored(kb)) == sorted(done)
    assert len(kb.lexical) == len(kb.vectors) == kb.catalog.counts()["chunks"]
    monkeypatch.undo()
    report = run(kb, embedder, corpus)
    assert sorted(report.skipped) == sorted(done) and len(report.added) == 2


# -- documents in memory ---------------------------------------------------------------------------------------------


def take(kb: KnowledgeBase, embedder: CountingEmbedder, documents: dict[str, ParsedDocument]) -> IngestReport:
    embedder.seen.clear()
    return ingest_documents(kb, embedder, chunker(embedder), documents, acl=("alice",))


def test_documents(kb: KnowledgeBase, embedder: CountingEmbedder) -> None:
    documents = {f"note {n}": ParsedDocument(f"Note number {n}.", title=f"N{n}", date="2024-01-01") for n in range(3)}
    report = take(kb, embedder, documents)
    assert report.added == ("note 0", "note 1", "note 2")
    assert {document.acl for document in kb.catalog.documents()} == {("alice",)}
    assert take(kb, embedder, documents).skipped == ("note 0", "note 1", "note 2")
    documents["note 1"] = ParsedDocument("Note number 1.", title="N1", date="2025-01-01")
    report = take(kb, embedder, documents)
    assert report.updated == ("note 1",) and embedder.seen == []
    assert kb.catalog.documents()[1].date == "2025-01-01"


@pytest.mark.parametrize(
    ("source", "parsed"),
    [
        ("empty", ParsedDocument(" \n")),
        ("text", ParsedDocument("half \ud83d a character")),
        ("title", ParsedDocument("fine", title="\udce4")),
        ("metadata", ParsedDocument("fine", metadata={"author": "\udce4"})),
        ("name \udce4", ParsedDocument("fine")),
    ],
)
def test_a_document_that_cannot_be_stored_stops_nothing(
    kb: KnowledgeBase, embedder: CountingEmbedder, source: str, parsed: ParsedDocument
) -> None:
    report = take(kb, embedder, {"before": ParsedDocument("One."), source: parsed, "after": ParsedDocument("Two.")})
    assert report.added == ("before", "after")
    (failed,) = report.failed
    assert failed.source.encode() and failed.reason
    assert set(stored(kb)) == {"before", "after"}


def test_access_list_of_unchanged_files(kb: KnowledgeBase, embedder: CountingEmbedder, corpus: Path) -> None:
    def seen_by(*principals: str) -> int:
        return len(kb.catalog.chunk_ids(Filter(principals=principals)))

    everything = run(kb, embedder, corpus, acl=["alice"]).chunks
    assert (seen_by("alice"), seen_by("bob")) == (everything, 0)
    # Without a list, what was said before holds: for unchanged files and for changed ones.
    changed = sorted(corpus.rglob("*.md"))[0]
    changed.write_text(changed.read_text(encoding="utf-8") + "\n\nMore.", encoding="utf-8")
    assert len(run(kb, embedder, corpus).updated) == 1
    assert seen_by("bob") == 0
    # With one, it changes, and nothing is embedded again.
    embedder.seen.clear()
    report = run(kb, embedder, corpus, acl=["bob"])
    assert len(report.updated) == kb.catalog.counts()["documents"] and not embedder.seen
    assert (seen_by("alice"), seen_by("bob")) == (0, kb.catalog.counts()["chunks"])
    assert run(kb, embedder, corpus, acl=["bob"]).updated == ()
    run(kb, embedder, corpus, acl=[])
    assert seen_by("carol") == kb.catalog.counts()["chunks"]


# -- files that vanish, and parser processes ------------------------------------------------------------------------


def test_sync_removes_what_vanished(
    kb: KnowledgeBase, embedder: CountingEmbedder, corpus: Path, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "kept.md").write_text("A text of another folder.", encoding="utf-8")
    run(kb, embedder, corpus, other)
    ingest_documents(kb, embedder, chunker(embedder), {"memory.md": ParsedDocument("No file at all.")})
    (corpus / "lora.md").unlink()
    (other / "kept.md").unlink()
    assert run(kb, embedder, corpus).removed == ()  # only when asked
    report = run(kb, embedder, corpus, sync=True)
    assert names(report.removed) == ["lora.md"]
    assert {Path(source).name for source in stored(kb)} == {
        "serving.md",
        "misc.txt",
        "plain.txt",
        "kept.md",
        "memory.md",
    }


def test_sync_keeps_what_cannot_be_looked_at(
    kb: KnowledgeBase, embedder: CountingEmbedder, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(kb, embedder, corpus)
    real = Path.lstat

    def refusing(self: Path) -> os.stat_result:
        if self.name == "lora.md":
            raise PermissionError(13, "Permission denied")
        return real(self)

    monkeypatch.setattr(Path, "lstat", refusing)
    assert run(kb, embedder, corpus, sync=True).removed == ()


def test_files_parsed_elsewhere_are_stored_in_order_beside_those_that_fail(
    kb: KnowledgeBase, embedder: CountingEmbedder, tmp_path: Path
) -> None:
    for number in range(12):
        (tmp_path / f"{number:02}.html").write_text(f"<h1>Page {number}</h1><p>Words of page {number}.</p>")
    (tmp_path / "05.html").write_bytes(b"\x89PNG\r\n\x1a\n" * 100)
    (tmp_path / "07.md").write_text("Read in this process.")
    report = run(kb, embedder, tmp_path, parsers=2)
    assert names(report.added) == [f"{n:02}.html" for n in range(7) if n != 5] + ["07.html", "07.md"] + [
        f"{n:02}.html" for n in range(8, 12)
    ]
    (failed,) = report.failed
    assert failed.source.endswith("05.html") and "looks like binary" in failed.reason
    assert run(kb, embedder, tmp_path).skipped == report.added


def test_a_parser_that_hangs_is_one_failed_file(
    kb: KnowledgeBase, embedder: CountingEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, words in (("a.html", "read one"), ("b.html", "hang"), ("c.html", "segfault"), ("d.html", "read two")):
        (tmp_path / name).write_text(words)
    real = module.ParserPool
    strange = "tests.ingest.parsing.strange_worker"
    monkeypatch.setattr(module, "ParserPool", lambda workers, limits: real(workers, limits, strange))
    report = run(kb, embedder, tmp_path, limits=Limits(seconds=3.5))
    assert names(report.added) == ["a.html", "d.html"]
    assert [(Path(f.source).name, f.reason.split(" (")[0]) for f in report.failed] == [
        ("b.html", "b.html takes longer than 3.5 s to read: split it, or raise ingest.parse_seconds"),
        ("c.html", "c.html makes its parser crash"),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="names are UTF-8 elsewhere")
def test_every_name_in_the_report_can_be_written(kb: KnowledgeBase, embedder: CountingEmbedder, corpus: Path) -> None:
    for name in (b"\xff.xyz", b"\xfe.md", b"\xfd.zip"):
        (corpus / os.fsdecode(name)).write_bytes(b"Words.")
    report = run(kb, embedder, corpus)
    assert names(report.ignored) == ["?.xyz"]
    assert sorted(names([failure.source for failure in report.failed])) == ["?.md", "?.zip"]


def test_progress_counts_no_more_files_than_there_are(
    kb: KnowledgeBase, embedder: CountingEmbedder, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(3):
            archive.writestr(f"{number}.md", f"Words of {number}.")
    steps: list[Progress] = []
    run(kb, embedder, tmp_path / "a.zip", progress=steps.append)
    assert steps[-1].files == steps[-1].total_files == 3
    assert all(step.files <= step.total_files for step in steps)
