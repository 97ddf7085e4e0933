"""Jobs: asked for, done once, in order, cancelled, reported."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ragbot.bot import RagBot
from ragbot.errors import CorruptError, UserError
from ragbot.index.lock import writer_lock
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings
from ragbot.workspace import jobs as jobs_module
from ragbot.workspace.jobs import Jobs
from ragbot.workspace.jobs_recording import Recorder, Stopped
from ragbot.workspace.jobs_records import FileOutcome, Job, JobRequest
from ragbot.workspace.jobs_runner import MOST_ATTEMPTS, JobRunner
from ragbot.workspace.jobs_turn import turn
from ragbot.workspace.store import Workspace
from tests.ragbot.workspace.conftest import bytes_of

Opened = Callable[[Path], AbstractContextManager[RagBot]]


@pytest.fixture
def jobs(path: Path) -> Iterator[Jobs]:
    workspace = Workspace(path)
    yield Jobs(workspace)
    workspace.close()


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    settings = Settings(data_dir=tmp_path / "data", ingest={"parsers": 1})

    @contextmanager
    def open_(folder: Path) -> Iterator[RagBot]:
        with RagBot.open(folder, embedder=HashEmbedder(), settings=settings) as bot:
            yield bot

    return open_


@pytest.fixture
def runner(jobs: Jobs, opened: Opened) -> Iterator[JobRunner]:
    runner = JobRunner(jobs, opened, poll=0.05)
    yield runner
    runner.stop()


@pytest.fixture
def kb(tmp_path: Path) -> Path:
    return tmp_path / "data" / "kb" / "论文"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "lora.md").write_text("# 低秩适配\n\nLoRA 只训练两个低秩矩阵。\n", encoding="utf-8")
    (folder / "vllm.md").write_text("# Serving\n\nvLLM pages its key-value cache.\n", encoding="utf-8")
    (folder / "bad.md").write_text("   ", encoding="utf-8")
    return folder


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_job_is_done_and_reported(jobs: Jobs, runner: JobRunner, kb: Path, docs: Path, opened: Opened) -> None:
    request = JobRequest((str(docs),), access=("board",), tags=("LLM",), collection="Reading")
    job = jobs.submit(kb, request, owner="k1")
    assert (job.state, job.attempts, job.finished) == ("queued", 0, False)
    done = runner.run(job.id)
    assert (done.state, done.error, done.attempts, done.owner) == ("done", "", 1, "k1")
    assert done.counts == {"added": 2, "failed": 1}
    assert done.report["chunks"] == 2
    assert done.progress is not None
    assert (done.progress.files, done.progress.total_files, done.progress.left) == (3, 3, 0.0)
    bad, lora, vllm = jobs.files(job.id)
    assert (bad.source, bad.outcome, bad.reason) == (
        str(docs / "bad.md"),
        "failed",
        "bad.md is empty: there is no text in it to read",
    )
    assert (lora.outcome, vllm.outcome) == ("added", "added")
    assert jobs.files(job.id, "failed") == [bad]
    assert jobs.files(job.id, offset=1, limit=1) == [lora]
    with opened(kb) as bot:
        assert [(document.acl, document.metadata["collection"]) for document in bot.documents()] == [
            (("board",), "reading")
        ] * 2
    again = runner.run(jobs.submit(kb, JobRequest((str(docs),))).id)
    assert again.counts == {"skipped": 2, "failed": 1}
    assert [found.id for found in jobs.all(kb)] == [again.id, job.id]
    assert [found.id for found in jobs.all(owner="k1")] == [job.id]
    assert jobs.all(kb.parent) == []
    assert runner.run(job.id) == jobs.get(job.id)  # a finished one is not done again


def test_nothing_to_read_is_a_failed_job(jobs: Jobs, runner: JobRunner, kb: Path, tmp_path: Path) -> None:
    done = runner.run(jobs.submit(kb, JobRequest((str(tmp_path / "nowhere.md"),))).id)
    assert done.state == "failed"
    assert "nowhere.md" in done.error
    with pytest.raises(UserError, match="nothing to bring in"):
        jobs.submit(kb, JobRequest(()))
    with pytest.raises(UserError, match="there is no job"):
        jobs.get("nope")


def test_a_crash_of_our_own_is_told(jobs: Jobs, kb: Path, docs: Path) -> None:
    @contextmanager
    def broken(_: Path) -> Iterator[RagBot]:
        raise ZeroDivisionError("oh")
        yield

    done = JobRunner(jobs, broken).run(jobs.submit(kb, JobRequest((str(docs),))).id)
    assert (done.state, done.error) == ("failed", "unexpected ZeroDivisionError: oh")


def test_one_token_one_job(jobs: Jobs, runner: JobRunner, kb: Path, docs: Path) -> None:
    request = JobRequest((str(docs),))
    first = jobs.submit(kb, request, "k1", token="t")
    assert jobs.submit(kb, request, "k1", token="t").id == first.id
    runner.run(first.id)
    assert jobs.submit(kb, request, "k1", token="t").state == "done"
    assert jobs.submit(kb, request, "k2", token="t").id != first.id  # another one's token
    with pytest.raises(UserError, match=f"another request .job {first.id}"):
        jobs.submit(kb, JobRequest((str(docs / "lora.md"),)), "k1", token="t")


def test_in_the_background_in_order(jobs: Jobs, runner: JobRunner, kb: Path, docs: Path) -> None:
    waiting = [jobs.submit(kb, JobRequest((str(docs / name),))) for name in ("lora.md", "vllm.md") * 4]
    assert [job.id for job in jobs.all()] == [job.id for job in reversed(waiting)]  # many in one millisecond
    runner.start()
    until(lambda: all(jobs.get(job.id).finished for job in waiting))
    ended = [jobs.get(job.id).updated for job in waiting]
    assert ended == sorted(ended)
    third = jobs.submit(kb, JobRequest((str(docs),)))
    runner.wake()
    until(lambda: jobs.get(third.id).finished)


class Slow:
    """A knowledge base whose ingestion goes on until it is stopped."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.files = 0

    @contextmanager
    def __call__(self, _: Path) -> Iterator[Slow]:
        yield self

    def documents(self) -> list[object]:
        return []

    def ingest(self, *_: str, progress: Callable[[object], None], **__: object) -> object:
        from ingest.progress import Progress

        while True:
            self.files += 1
            progress(Progress(self.files, 10_000, self.files, 10_000, 0, f"f{self.files}", 0, 0, "added"))
            self.begun.set()
            time.sleep(0.01)


def test_cancelled_while_it_waits_and_while_it_runs(
    jobs: Jobs, kb: Path, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragbot.workspace.jobs_recording.PAUSE", 0.02)
    slow = Slow()
    runner = JobRunner(jobs, slow, poll=0.05)  # type: ignore[arg-type]
    first, second = (jobs.submit(kb, JobRequest((str(docs),))) for _ in range(2))
    assert jobs.cancel(second.id).state == "cancelled"
    runner.start()
    assert slow.begun.wait(30)
    until(lambda: jobs.get(first.id).counts.get("added", 0) > 3)
    running = jobs.get(first.id)
    assert running.state == "running"
    assert running.progress is not None
    assert running.progress.current.startswith("f")
    with pytest.raises(UserError, match="cancel it first"):
        jobs.delete([first.id])
    assert jobs.cancel(first.id).cancelling
    until(lambda: jobs.get(first.id).state == "cancelled")
    ended = jobs.get(first.id)
    assert ended.counts["added"] == slow.files  # every file that was through is in the report
    assert jobs.cancel(first.id) == ended
    runner.stop()


def test_a_real_run_is_cancelled_between_two_documents(
    jobs: Jobs, kb: Path, tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragbot.workspace.jobs_recording.PAUSE", 0.0)
    monkeypatch.setattr("ingest.pipeline.BATCH", 1)
    many = tmp_path / "many"
    many.mkdir()
    for number in range(20):
        (many / f"{number:02}.md").write_text(f"# 第 {number} 篇\n\nText number {number}.\n", encoding="utf-8")
    job = jobs.submit(kb, JobRequest((str(many),)))

    class Cancelling(HashEmbedder):
        calls = 0

        def encode_documents(self, *args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls == 3:
                jobs.cancel(job.id)
            return super().encode_documents(*args, **kwargs)

    @contextmanager
    def slow(folder: Path) -> Iterator[RagBot]:
        settings = Settings(data_dir=tmp_path / "data", ingest={"parsers": 1})
        with RagBot.open(folder, embedder=Cancelling(), settings=settings) as bot:
            yield bot

    done = JobRunner(jobs, slow).run(job.id)
    assert (done.state, done.error) == ("cancelled", "")
    with opened(kb) as bot:
        stored = {document.source for document in bot.documents()}
        assert 1 <= len(stored) < 20
        assert {file.source for file in jobs.files(job.id) if file.outcome == "added"} == stored
        assert bot.search("Text number 0", 1)
    rest = JobRunner(jobs, opened).run(jobs.submit(kb, JobRequest((str(many),))).id)
    assert rest.counts == {"added": 20 - len(stored), "skipped": len(stored)}


def test_a_stop_is_no_attempt_and_goes_on(
    jobs: Jobs, kb: Path, docs: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragbot.workspace.jobs_recording.PAUSE", 0.02)
    slow = Slow()
    runner = JobRunner(jobs, slow, poll=0.05)  # type: ignore[arg-type]
    job = jobs.submit(kb, JobRequest((str(docs),)))
    runner.start()
    assert slow.begun.wait(30)
    runner.stop()
    stopped = jobs.get(job.id)
    assert (stopped.state, stopped.attempts) == ("queued", 0)
    assert JobRunner(jobs, opened).run(job.id).state == "done"


def test_it_waits_for_another_writer(
    jobs: Jobs, runner: JobRunner, kb: Path, docs: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragbot.workspace.jobs_runner._RETRY", 0.05)
    monkeypatch.setattr("ragbot.index.knowledge_base.KnowledgeBase.writing.__wrapped__.__defaults__", (0.05,))
    with opened(kb):
        pass
    job = jobs.submit(kb, JobRequest((str(docs),)))
    with writer_lock(kb):
        runner.start()
        time.sleep(0.5)
        assert jobs.get(job.id).state in {"queued", "running"}
    until(lambda: jobs.get(job.id).finished)
    assert (jobs.get(job.id).state, jobs.get(job.id).attempts) == ("done", 1)


def as_if_killed(jobs: Jobs, job: Job, attempts: int = 1, cancelling: bool = False) -> None:
    """What a process leaves that died at work."""
    from dataclasses import replace

    with jobs.workspace.writing() as db:
        jobs.write_row(db, replace(job, state="running", attempts=attempts, cancelling=cancelling))


def test_interrupted_is_told_from_running_by_the_lock(jobs: Jobs, runner: JobRunner, kb: Path, docs: Path) -> None:
    job = jobs.submit(kb, JobRequest((str(docs),)))
    as_if_killed(jobs, job)
    assert jobs.get(job.id).state == "interrupted"
    with turn(jobs.locks, str(kb)) as free:
        assert free
        assert jobs.get(job.id).state == "running"
        assert jobs.all()[0].state == "running"
    with turn(jobs.locks, str(kb.parent)):  # somebody works on another one
        assert jobs.get(job.id).state == "interrupted"
    done = runner.run(job.id)
    assert (done.state, done.attempts) == ("done", 2)


def test_what_an_interrupted_attempt_brought_in_is_not_reported_as_skipped(
    jobs: Jobs, runner: JobRunner, kb: Path, docs: Path, opened: Opened
) -> None:
    job = jobs.submit(kb, JobRequest((str(docs),)))
    with opened(kb) as bot:
        bot.ingest(str(docs / "lora.md"))
    recorder = Recorder(jobs, job, threading.Event())
    recorder._new = {"x": FileOutcome(str(docs / "lora.md"), "added")}
    recorder.write()
    as_if_killed(jobs, job)
    assert runner.run(job.id).counts == {"added": 2, "failed": 1}


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_damaged_one_fails_and_stops_no_other(
    jobs: Jobs, runner: JobRunner, kb: Path, docs: Path, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    damaged, whole = (jobs.submit(kb, JobRequest((str(docs),))) for _ in range(2))
    with jobs.workspace.writing() as db:
        db.execute("UPDATE jobs SET state = ?, request = '{}' WHERE id = ?", (state, damaged.id))
    assert [job.id for job in jobs.all()] == [whole.id]
    assert f"the job {damaged.id}" in caplog.text
    with pytest.raises(CorruptError):
        jobs.get(damaged.id)
    assert runner.run(whole.id).state == "done"
    assert jobs.get(damaged.id).state == "failed"
    assert "is damaged" in jobs.get(damaged.id).error
    with jobs.workspace.writing() as db:
        db.execute("UPDATE jobs SET request = '[' WHERE id = ?", (damaged.id,))
    assert jobs.delete([damaged.id]) == 1


def test_one_that_takes_its_program_with_it_is_given_up(jobs: Jobs, runner: JobRunner, kb: Path, docs: Path) -> None:
    job = jobs.submit(kb, JobRequest((str(docs),)))
    as_if_killed(jobs, job, attempts=MOST_ATTEMPTS)
    done = runner.run(job.id)
    assert done.state == "failed"
    assert "ended 3 times" in done.error


def test_an_interrupted_one_can_be_cancelled(jobs: Jobs, runner: JobRunner, kb: Path, docs: Path) -> None:
    job = jobs.submit(kb, JobRequest((str(docs),)))
    as_if_killed(jobs, job)
    assert jobs.cancel(job.id).state == "cancelled"
    other = jobs.submit(kb, JobRequest((str(docs),)))
    as_if_killed(jobs, other, cancelling=True)  # killed after it was asked to stop
    assert runner.run(other.id).state == "cancelled"


def test_one_that_begins_while_it_is_cancelled_is_asked_to_stop(
    jobs: Jobs, kb: Path, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.submit(kb, JobRequest((str(docs),)))
    with turn(jobs.locks, str(kb)):
        as_if_killed(jobs, job)  # it has just begun: the lock is held
        assert (jobs.cancel(job.id).state, jobs.get(job.id).cancelling) == ("running", True)


def test_the_program_leaves_at_the_next_file(jobs: Jobs, kb: Path) -> None:
    from ingest.progress import Progress

    leaving = threading.Event()
    recorder = Recorder(jobs, jobs.submit(kb, JobRequest(("x.md",))), leaving)
    recorder(Progress(1, 9, 1, 9, 0, "a.md"))
    leaving.set()
    with pytest.raises(Stopped):
        recorder(Progress(2, 9, 2, 9, 0, "b.md"))


def test_rate_and_time_left(jobs: Jobs, kb: Path) -> None:
    from ingest.progress import Progress

    times = [0.0]
    job = jobs.submit(kb, JobRequest(("x.md",)))
    recorder = Recorder(jobs, job, threading.Event(), lambda: times[-1])
    times.append(10.0)
    recorder(Progress(1, 4, 100, 1000, 2, "a.md", worked=10))
    moment = jobs.get(job.id).progress
    assert moment is not None
    assert moment.left is None  # hardly anything was worked on: too early to say
    times.append(20.0)
    recorder(Progress(2, 4, 500, 1000, 9, "b.md", worked=400))
    moment = jobs.get(job.id).progress
    assert moment is not None
    assert (moment.seconds, moment.rate, moment.left) == (20.0, 20.0, 25.0)


def test_old_jobs_go_without_a_trace(
    jobs: Jobs, runner: JobRunner, kb: Path, docs: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "KEPT", 1)
    monkeypatch.setattr(jobs_module, "_MORE", 1)
    first = jobs.submit(kb, JobRequest((str(docs / "lora.md"),), tags=("secretword",)))
    assert b"secretword" in bytes_of(path)
    jobs.cancel(first.id)
    for _ in range(2):
        jobs.cancel(jobs.submit(kb, JobRequest((str(docs / "vllm.md"),))).id)
    jobs.submit(kb, JobRequest((str(docs / "vllm.md"),)))
    assert first.id not in {job.id for job in jobs.all()}
    assert b"secretword" not in bytes_of(path)
    monkeypatch.undo()
    monkeypatch.setattr(jobs_module, "LINES", 3)
    done = [runner.run(jobs.submit(kb, JobRequest((str(docs),))).id) for _ in range(3)]
    jobs.submit(kb, JobRequest((str(docs),)))
    kept = {job.id for job in jobs.all() if job.finished}
    assert kept & {job.id for job in done} == {done[-1].id}  # the newest stays, however long its report is
    assert jobs.delete_all(kb) == len(jobs.all()) + 2
    assert jobs.all() == []
