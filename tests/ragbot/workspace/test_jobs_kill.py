"""kill -9 in the middle of a job: what was committed stays, the job goes on, and nothing is brought in twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ragbot.bot import RagBot
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings
from ragbot.workspace.jobs import Jobs
from ragbot.workspace.jobs_records import JobRequest
from ragbot.workspace.jobs_runner import JobRunner
from ragbot.workspace.store import Workspace

ROOT = Path(__file__).parents[3]
FILES = 40
#: Runs the jobs with an embedder that takes its time and small batches, and tells that it has begun.
WORKER = """
import sys, time
from contextlib import contextmanager
from pathlib import Path
import ingest.pipeline
from ragbot.bot import RagBot
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings
from ragbot.workspace.jobs import Jobs
from ragbot.workspace.jobs_runner import JobRunner
from ragbot.workspace.store import Workspace

ingest.pipeline.BATCH = 2
workspace, job, data = sys.argv[1:]

class Slow(HashEmbedder):
    def encode_documents(self, texts, progress=None):
        time.sleep(0.05)
        return super().encode_documents(texts, progress)

@contextmanager
def opened(folder):
    with RagBot.open(folder, embedder=Slow(), settings=Settings(data_dir=Path(data), ingest={"parsers": 1})) as bot:
        sys.stdout.write("begun\\n")
        sys.stdout.flush()
        yield bot

jobs = Jobs(Workspace(Path(workspace)))
sys.stdout.write(JobRunner(jobs, opened).run(job).state)
"""


@pytest.mark.skipif(os.name == "nt", reason="sends SIGKILL")
def test_after_a_kill_the_job_goes_on(path: Path, tmp_path: Path) -> None:
    docs, kb = tmp_path / "docs", tmp_path / "kb"
    docs.mkdir()
    for number in range(FILES):
        (docs / f"{number:02}.md").write_text(f"# 第 {number} 篇\n\nText number {number}.\n", encoding="utf-8")
    workspace = Workspace(path)
    jobs = Jobs(workspace)
    job = jobs.submit(kb, JobRequest((str(docs),)))
    command = [sys.executable, "-X", "utf8", "-c", WORKER, str(path), job.id, str(tmp_path / "data")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", cwd=ROOT)
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    deadline = time.monotonic() + 120
    while not 3 < jobs.get(job.id).counts.get("added", 0) < FILES:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert jobs.get(job.id).state == "running"  # seen from another process
    process.send_signal(signal.SIGKILL)
    process.stdout.close()
    process.wait(60)
    interrupted = jobs.get(job.id)
    assert interrupted.state == "interrupted"
    told = {file.source for file in jobs.files(job.id) if file.outcome == "added"}
    settings = Settings(data_dir=tmp_path / "data", ingest={"parsers": 1})
    with RagBot.open(kb, embedder=HashEmbedder(), settings=settings) as bot:
        there = {document.source for document in bot.documents()}
    assert told <= there  # nothing that was acknowledged is lost
    assert len(there) < FILES
    runner = JobRunner(jobs, lambda folder: RagBot.open(folder, embedder=HashEmbedder(), settings=settings))
    done = runner.run(job.id)
    assert (done.state, done.attempts) == ("done", 2)
    assert sum(done.counts.values()) == FILES
    assert done.counts["added"] >= len(told) + FILES - len(there)
    with RagBot.open(kb, embedder=HashEmbedder(), settings=settings) as bot:
        assert len(bot.documents()) == FILES
    workspace.close()
