"""Files and pages that are handed over become a job, or an error that leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from ragbot.bot import RagBot
from ragbot.composing.intake import Asker, report_of, submit, submit_again
from ragbot.documents import ParsedDocument
from ragbot.errors import SourceError, UserError
from ragbot.index.filters import Filter
from ragbot.index.labels import Labels, tags_of
from ragbot.workspace.jobs import Jobs
from ragbot.workspace.jobs_runner import JobRunner
from ragbot.workspace.store import Workspace


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    workspace = Workspace(tmp_path / "data" / "workspace.sqlite3")
    yield Jobs(workspace)
    workspace.close()


def kept(bot: RagBot) -> list[str]:
    return sorted(path.name for path in (bot.kb.folder / "uploads").glob("*"))


def sent(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_files_are_kept_and_brought_in_with_their_labels(bot: RagBot, jobs: Jobs, tmp_path: Path) -> None:
    good, bad = sent(tmp_path, "x.bin", "# 港口\n\n港口在夜里很安静。"), sent(tmp_path, "bad.pdf", "%PDF-1.7 broken")
    job = submit(bot, jobs, [good, bad], names=["../../港口.md", "bad.pdf"], labels=Labels(tags=("Meer",)))
    assert good.exists()
    assert kept(bot) == ["bad.pdf", "港口.md"]
    done = JobRunner(jobs, lambda folder: nullcontext(bot)).run(job.id)
    assert done.state == "done"
    report = report_of(jobs, done)
    assert [Path(source).name for source in report.added] == ["港口.md"]
    assert [Path(failure.source).name for failure in report.failed] == ["bad.pdf"]
    assert report.failed[0].reason and report.chunks >= 1 and report.seconds > 0
    assert kept(bot) == ["港口.md"]
    (document,) = [one for one in bot.documents() if one.source.endswith("港口.md")]
    assert tags_of(document.metadata) == ("meer",)


@pytest.mark.parametrize("url", ["ftp://example.org/a", "http://user:pass@example.org/", "http://a b/", "例子"])
def test_an_address_that_nobody_can_fetch_keeps_nothing(bot: RagBot, jobs: Jobs, tmp_path: Path, url: str) -> None:
    with pytest.raises(UserError):
        submit(bot, jobs, [sent(tmp_path, "a.md", "text")], [url])
    assert kept(bot) == [] and jobs.all() == []


def test_one_file_that_cannot_be_kept_takes_the_others_back(bot: RagBot, jobs: Jobs, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="empty"):
        submit(bot, jobs, [sent(tmp_path, "a.md", "text"), sent(tmp_path, "b.md", "")])
    with pytest.raises(UserError, match="nothing"):
        submit(bot, jobs)
    assert kept(bot) == [] and jobs.all() == []


def test_a_page_that_the_asker_may_not_see_is_not_theirs_to_replace(bot: RagBot, jobs: Jobs) -> None:
    bot.ingest_documents({"https://example.org/a": ParsedDocument("text")}, acl=["bosses"])
    with pytest.raises(UserError, match="key"):
        submit(bot, jobs, urls=["https://example.org/a"], asker=Asker("k", Filter(principals=("guests",))))
    job = submit(bot, jobs, urls=["https://example.org/a", " https://example.org/a ", ""], asker=Asker("k"))
    assert (job.request.paths, job.owner) == (("https://example.org/a",), "k")


def test_a_document_is_read_again(bot: RagBot, jobs: Jobs, tmp_path: Path) -> None:
    path = sent(tmp_path, "again.md", "# One\n\nThe first text.")
    bot.ingest(path)
    path.write_text("# One\n\nThe second text.", encoding="utf-8")
    job = submit_again(bot, jobs, str(path))
    assert JobRunner(jobs, lambda folder: nullcontext(bot)).run(job.id).counts == {"updated": 1}
    path.unlink()
    with pytest.raises(SourceError, match="not there any more"):
        submit_again(bot, jobs, str(path))
    bot.ingest_documents({"made up": ParsedDocument("text")}, acl=["bosses"])
    with pytest.raises(SourceError, match="by a program"):
        submit_again(bot, jobs, "made up")
    with pytest.raises(SourceError, match="no document"):
        submit_again(bot, jobs, "made up", Asker("k", Filter(principals=())))
