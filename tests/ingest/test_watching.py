"""Following files and folders: what changes is brought in when it is quiet, whatever happens on the way."""

from __future__ import annotations

import os
import queue
import shutil
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import watchfiles

import ingest.watching
from ingest.watching import watch
from ragbot.bot import RagBot
from ragbot.documents import IngestReport
from ragbot.errors import LockedError, RagbotError, SourceError, StorageError
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings

QUIET = 0.3


class Watch:
    """A watch in a thread; :meth:`next` waits for a report."""

    def __init__(self, bot: Any, *paths: Path, **options: Any) -> None:
        self.errors: list[RagbotError] = []
        self.stop = threading.Event()
        self._reports: queue.SimpleQueue[IngestReport | RagbotError] = queue.SimpleQueue()
        options = {"quiet": QUIET, "on_error": self.errors.append, **options}
        self._thread = threading.Thread(target=self._run, args=(bot, paths, options), daemon=True)
        self._thread.start()

    def _run(self, bot: Any, paths: tuple[Path, ...], options: dict[str, Any]) -> None:
        try:
            for report in watch(bot, paths, stop=self.stop, **options):
                self._reports.put(report)
        except RagbotError as error:
            self._reports.put(error)

    def next(self, timeout: float = 30) -> IngestReport:
        found = self._reports.get(timeout=timeout)
        if isinstance(found, RagbotError):
            raise found
        return found

    def is_silent(self, seconds: float = 1.5) -> bool:
        """Whether there is no report for so long."""
        try:
            self._reports.get(timeout=seconds)
        except queue.Empty:
            return True
        return False

    def end(self) -> None:
        self.stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()
        assert not [thread for thread in threading.enumerate() if thread.name == "watch"]


Start = Callable[..., Watch]


@pytest.fixture
def bot(kb_folder: Path) -> Iterator[RagBot]:
    with RagBot.open(kb_folder, embedder=HashEmbedder(), settings=Settings()) as opened:
        yield opened


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    put(folder, "lora.md", "# 低秩适配\n\nLoRA 冻结原有权重。")
    put(folder / "sub", "bpe.md", "# Merges\n\nByte-pair encoding merges pairs.")
    return folder


@pytest.fixture
def start(bot: RagBot) -> Iterator[Start]:
    """Starts a watch of the bot (or of another); they are ended, and their threads are looked for."""
    watches: list[Watch] = []

    def begin(*paths: Path, other: Any = None, **options: Any) -> Watch:
        watches.append(Watch(other or bot, *paths, **options))
        return watches[-1]

    yield begin
    for one in watches:
        one.stop.set()
    for one in watches:
        one.end()


class Scripted:
    """An ingester that fails as it is told, and notes what it was asked for."""

    def __init__(self, *errors: RagbotError | None) -> None:
        self.errors = list(errors)
        self.calls: list[dict[str, Any]] = []

    def ingest(self, *paths: Any, **options: Any) -> IngestReport:
        self.calls.append({"paths": paths, **options})
        error = self.errors.pop(0) if self.errors else None
        if error:
            raise error
        return IngestReport(added=tuple(map(str, sorted(options["only"] or ()))))


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def names(sources: tuple[str, ...]) -> list[str]:
    return [source.rpartition("/")[2] for source in sources]


# -- what changes ----------------------------------------------------------------------------------------------------


def test_what_is_added_and_changed_is_brought_in_and_nothing_else_is_read(
    start: Start, bot: RagBot, docs: Path
) -> None:
    put(docs, "bad.pdf", "no PDF at all")
    watching = start(docs)
    assert len(watching.next().added) == 2
    put(docs / "sub", "新.txt", "长江全长六千三百公里。")
    report = watching.next()
    assert (names(report.added), report.failed, report.skipped) == (["新.txt"], (), ())
    put(docs, "lora.md", "# 低秩适配\n\nLoRA 只训练两个低秩矩阵。")
    assert names(watching.next().updated) == ["lora.md"]
    (hit,) = bot.search("低秩矩阵", 1)
    assert "两个低秩矩阵" in hit.chunk.text


def test_a_burst_is_one_run(start: Start, docs: Path) -> None:
    watching = start(docs)
    watching.next()
    for number in range(20):
        put(docs, f"{number:02}.md", f"Number {number}.")
        time.sleep(0.02)
    assert len(watching.next().added) == 20


def test_a_file_that_grows_is_read_when_it_pauses_and_holds_nobody_up(
    start: Start, bot: RagBot, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest.watching, "PATIENCE", 0.5)
    watching = start(docs, quiet=0.8)
    watching.next()
    reports = []
    with (docs / "growing.txt").open("w", encoding="utf-8") as file:
        put(docs, "short.md", "Quiet at once.")
        for number in range(30):
            file.write(f"Line {number}.\n")
            file.flush()
            time.sleep(0.1)
    reports += [watching.next(), watching.next()]
    assert [names(report.added) for report in reports] == [["short.md"], ["growing.txt"]]
    (document,) = [document for document in bot.documents() if document.source.endswith("growing.txt")]
    assert bot.document_text(document.id).endswith("Line 29.\n")


@pytest.mark.parametrize("named", [".", "lora.md"])
def test_an_editor_that_replaces_the_file(start: Start, docs: Path, named: str) -> None:
    watching = start(docs / named)
    watching.next()
    for text in ("第一次保存。", "第二次保存。"):
        put(docs, "lora.md~", "The old text.")
        put(docs, ".lora.md.swp", "vim")
        put(docs, "4913", "vim")
        (docs / "4913").unlink()
        put(docs, "lora.md.tmp", text).rename(docs / "lora.md")
        assert names(watching.next().updated) == ["lora.md"]
    assert watching.is_silent()


def test_what_an_ingestion_leaves_out_starts_no_run(start: Start, docs: Path) -> None:
    (docs / ".git").mkdir()
    ingester = Scripted()
    watching = start(docs, other=ingester, suffixes=frozenset({".md"}))
    watching.next()
    for name in (
        ".hidden.md",
        ".git/notes.md",
        "~$report.md",
        "a.md~",
        "a.md.swp",
        "a.pdf.part",
        "b.crdownload",
        "c.bin",
    ):
        put(docs, name, "x")
    put(docs.parent, "beside.md", "x")
    assert watching.is_silent()
    assert len(ingester.calls) == 1


def test_a_folder_that_is_moved_in_comes_with_all_that_is_in_it(start: Start, docs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "deep"
    other.mkdir(parents=True)
    put(other, "a.md", "Moved in.")
    with zipfile.ZipFile(other / "b.zip", "w") as archive:
        archive.writestr("内.md", "压缩包里的文字。")
    watching = start(docs)
    watching.next()
    (tmp_path / "other").rename(docs / "other")
    assert names(watching.next().added) == ["a.md", "内.md"]


def test_a_file_is_followed_and_its_neighbours_are_not(start: Start, docs: Path) -> None:
    watching = start(docs / "lora.md", docs / "sub" / "bpe.md")
    assert len(watching.next().added) == 2
    put(docs, "other.md", "Not asked for.")
    assert watching.is_silent()
    put(docs / "sub", "bpe.md", "Other merges.")
    assert names(watching.next().updated) == ["bpe.md"]


# -- what vanishes ---------------------------------------------------------------------------------------------------


def test_with_sync_what_vanishes_is_removed(start: Start, docs: Path) -> None:
    watching = start(docs, sync=True)
    watching.next()
    shutil.rmtree(docs / "sub")
    assert names(watching.next().removed) == ["bpe.md"]


def test_without_sync_what_vanishes_stays(start: Start, docs: Path) -> None:
    ingester = Scripted()
    watching = start(docs, other=ingester)
    watching.next()
    (docs / "lora.md").unlink()
    assert watching.is_silent()
    assert len(ingester.calls) == 1


@pytest.mark.parametrize("sync", [False, True])
def test_a_folder_that_vanishes_and_comes_back(
    start: Start, bot: RagBot, docs: Path, tmp_path: Path, sync: bool
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    put(other, "stays.md", "Always there.")
    watching = start(docs, other, sync=sync)
    assert len(watching.next().added) == 3
    docs.rename(tmp_path / "away")
    time.sleep(0.6)
    put(tmp_path / "away", "meanwhile.md", "写于别处。")
    put(other, "stays.md", "Still there.")
    assert names(watching.next().updated) == ["stays.md"]
    assert len(bot.documents()) == 3  # a drive that is unplugged takes nothing along
    (tmp_path / "away").rename(docs)
    assert names(watching.next().added) == ["meanwhile.md"]
    put(docs, "after.md", "It is followed again.")
    assert names(watching.next().added) == ["after.md"]
    shutil.rmtree(docs)
    docs.mkdir()
    put(docs, "anew.md", "Another folder of that name.")
    assert names(watching.next().added) == ["anew.md"]


# -- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_locked_knowledge_base_is_tried_again(start: Start, docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest.watching, "RETRY", 0.2)
    locked = LockedError("process 7 is writing")
    ingester = Scripted(locked, locked, None, locked, locked)
    watching = start(docs, other=ingester)
    watching.next()
    assert watching.errors == [locked]  # told once
    put(docs, "new.md", "New.")
    assert names(watching.next().added) == ["new.md"]
    assert len(ingester.calls) == 6


def test_another_error_is_told_and_the_files_are_read_with_the_next(start: Start, docs: Path) -> None:
    full = StorageError("the disk is full")
    ingester = Scripted(None, full)
    watching = start(docs, other=ingester)
    watching.next()
    put(docs, "one.md", "One.")
    assert watching.is_silent()
    assert watching.errors == [full] and len(ingester.calls) == 2
    put(docs, "two.md", "Two.")
    assert names(watching.next().added) == ["one.md", "two.md"]


def test_an_error_of_the_first_run_ends_it(start: Start, tmp_path: Path) -> None:
    watching = start(tmp_path / "nowhere.md")
    with pytest.raises(SourceError, match=r"nowhere\.md does not exist"):
        watching.next()


def test_a_folder_may_be_empty_at_first(start: Start, tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    watching = start(tmp_path / "inbox")
    assert watching.next() == IngestReport()
    put(tmp_path / "inbox", "first.md", "收件箱里的第一份文件。")
    assert names(watching.next().added) == ["first.md"]


def test_every_run_has_the_same_options(start: Start, docs: Path) -> None:
    ingester = Scripted()
    watching = start(docs, other=ingester, acl=["amy"], sync=True)
    watching.next()
    path = put(docs, "new.md", "New.")
    watching.next()
    first, second = ingester.calls
    assert (first["only"], second["only"]) == (None, {path})
    assert [call["acl"] for call in ingester.calls] == [["amy"], ["amy"]]
    assert [call["sync"] for call in ingester.calls] == [True, True]
    assert first["paths"] == second["paths"] == (docs,)


def test_pages_of_the_web_are_fetched_once(start: Start, docs: Path) -> None:
    ingester = Scripted()
    watching = start("https://example.org/page", docs, other=ingester)  # type: ignore[arg-type]
    watching.next()
    put(docs, "new.md", "New.")
    watching.next()
    assert [call["paths"] for call in ingester.calls] == [("https://example.org/page", docs), (docs,)]


# -- how it is told --------------------------------------------------------------------------------------------------


def test_polling_where_the_system_tells_nothing(
    start: Start, docs: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = watchfiles.watch

    def limited(*paths: Path, force_polling: bool | None, **options: Any) -> Any:
        if not force_polling:
            raise OSError("OS file watch limit reached")
        return real(*paths, force_polling=True, **options)

    monkeypatch.setattr(watchfiles, "watch", limited)
    watching = start(docs)
    watching.next()
    assert len(watching.next().skipped) == 2  # the watch is set again after a second, and what lies there looked at
    put(docs, "new.md", "New.")
    assert names(watching.next().added) == ["new.md"]
    assert "polled instead" in caplog.text


def test_polling_on_demand(start: Start, docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHFILES_FORCE_POLLING", "1")
    watching = start(docs)
    watching.next()
    put(docs, "new.md", "New.")
    assert names(watching.next().added) == ["new.md"]
    time.sleep(1.1)  # polling looks at whole seconds of a file's time
    put(docs, "lora.md", "改过的文字。")
    assert names(watching.next().updated) == ["lora.md"]


@pytest.mark.skipif(sys.platform != "linux", reason="names are UTF-8 elsewhere")
def test_a_name_that_is_not_utf_8_ends_nothing(start: Start, docs: Path) -> None:
    (docs / "loop").symlink_to(docs)  # polling would not stand it, and a look at all each second is no quiet
    watch = start(docs, quiet=1.5)
    watch.next()
    (docs / os.fsdecode(b"\xff.md")).write_text("Nobody reads this.")
    assert [Path(failure.source).name for failure in watch.next().failed] == ["?.md"]
    put(docs, "new.md", "New words.")
    assert names(watch.next().added) == ["new.md"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_folder_that_is_a_link_keeps_its_name(start: Start, docs: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(docs)
    watching = start(link)
    watching.next()
    put(docs, "new.md", "New.")
    assert watching.next().added == (str(link / "new.md"),)


def test_what_changes_during_a_run_is_not_lost(start: Start, docs: Path) -> None:
    class Slow(Scripted):
        def ingest(self, *paths: Any, **options: Any) -> IngestReport:
            if options["only"] is None:
                put(docs, "during.md", "Written while the first run read.")
                time.sleep(1)
            return super().ingest(*paths, **options)

    watching = start(docs, other=Slow())
    watching.next()
    assert names(watching.next().added) == ["during.md"]


def test_a_file_that_changes_without_a_notice_is_not_quiet(tmp_path: Path) -> None:
    path = put(tmp_path, "a.md", "One.")
    pending = ingest.watching._Pending(0.3)
    pending.add([path])
    time.sleep(0.4)
    put(tmp_path, "a.md", "One and two.")
    assert pending.take() == frozenset()
    time.sleep(0.4)
    assert pending.take() == {path}


def test_quiet_files_wait_for_others_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = put(tmp_path, "a.md", "一。"), put(tmp_path, "b.md", "二。")
    pending = ingest.watching._Pending(0.3)
    pending.add([first])
    time.sleep(0.4)
    pending.add([second])
    assert pending.take() == frozenset()
    monkeypatch.setattr(ingest.watching, "PATIENCE", 0)
    assert pending.take() == {first}
