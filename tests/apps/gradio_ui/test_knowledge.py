"""The knowledge tab without a browser: what it shows, who sees what, and what is deleted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.context import Context

from apps.api.principal import OWNER, Principal
from apps.gradio_ui import knowledge_bases, knowledge_document, knowledge_intake, knowledge_listing
from apps.gradio_ui.frame import Frame
from apps.gradio_ui.knowledge_html import bases_html, document_head, finished_html, working_html
from apps.gradio_ui.knowledge_intake import asker_of, owner_of, written_tags
from apps.gradio_ui.knowledge_listing import Wanted
from apps.gradio_ui.site import Site, Visitor
from apps.gradio_ui.text import LANGUAGES
from ragbot.bot import RagBot
from ragbot.documents import Document, FailedSource, IngestReport, ParsedDocument
from ragbot.errors import KnowledgeBaseError, SourceError, UserError
from ragbot.models.testing import HashEmbedder
from ragbot.workspace.jobs import Jobs
from ragbot.workspace.jobs_records import FileOutcome, Job, JobProgress, JobRequest

HOSTILE = "</p><script>x</script>&\"' ![](http://evil.example) \u202e\x00\ud800 字" + "長" * 3000
MOMENT = "2026-03-01T12:00:00+00:00"
GUEST = Principal("guest", frozenset({"read"}), None, ("guests",), "k1")


def harmless(html: str) -> bool:
    """No tag of the text's own, and nothing that a UTF-8 page cannot hold."""
    html.encode()
    return "<script" not in html and "<img" not in html and "\u202e" not in html and "evil.example" not in html


@pytest.fixture
def frame(site: Site) -> Iterator[Frame]:
    """A page that is not served. Gradio makes an event loop that nobody closes where none is running: at the beginning of
    a page, and at its end, which is left out."""

    async def page() -> Frame:
        blocks = gr.Blocks()
        blocks.__enter__()
        return Frame(site, blocks, gr.Tabs(), gr.Dropdown(), gr.State(0))

    yield asyncio.run(page())
    Context.root_block = Context.block = None


def job(state: Any, **more: Any) -> Job:
    return Job("ab12", "/kb", "", JobRequest((f"/x/{HOSTILE}.md", "/x/b.md")), MOMENT, MOMENT, state, **more)


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_stands_in_a_job_is_text(language: str) -> None:
    failed = [FileOutcome(HOSTILE, "failed", HOSTILE)]
    progress = JobProgress(1, 2, 10, 20, 3, HOSTILE, 4.0, 5.0, 6.0)
    for state in ("queued", "running", "interrupted"):
        shown = working_html([(job(state, progress=progress), failed)], language)
        assert harmless(shown) and 'data-cancel="ab12"' in shown, state
    report = IngestReport(added=(HOSTILE,), failed=(FailedSource(HOSTILE, HOSTILE),), chunks=2)
    for state in ("done", "failed", "cancelled"):
        shown = finished_html([(job(state, error=HOSTILE), report)] * 2, language)
        assert harmless(shown) and shown.count("<details") >= 2 and shown.count(" open>") >= 1, state
    assert working_html([], language) == finished_html([], language) == ""


def test_a_job_that_is_being_stopped_is_not_stopped_twice() -> None:
    assert " disabled" in working_html([(job("running", cancelling=True), [])], "en")
    assert " disabled" not in working_html([(job("running"), [])], "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_document_and_the_bases_are_text(language: str) -> None:
    metadata = {"tags": f'["{re.sub(chr(34), "", HOSTILE)}"]', "collection": HOSTILE}
    document = Document(1, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, "", (HOSTILE,), metadata)
    assert harmless(document_head(document, 3, language))
    shown = bases_html([(HOSTILE, 1200, 3), ("b", None, None)], "b", language)
    assert harmless(shown) and "1,200" in shown


def test_tags_are_written_with_commas_of_both_scripts() -> None:
    assert written_tags("Meer，港口 ; meer,, x y ") == ("meer", "港口", "x y")


def test_jobs_belong_to_those_who_asked(site: Site) -> None:
    assert owner_of(Visitor(site, OWNER, "en")) is None
    assert owner_of(Visitor(site, GUEST, "en")) == "k1"
    assert asker_of(Visitor(site, OWNER, "en")).allow_private is None
    assert asker_of(Visitor(site, GUEST, "en")).allow_private is False


def test_the_list_is_of_what_the_visitor_may_see(frame: Frame, site: Site) -> None:
    listing = knowledge_listing.lay_out(frame)
    with site.bots.using("default") as bot:
        bot.ingest_documents({"secret.md": ParsedDocument("text", "Secret", "md", "en")}, acl=["bosses"])
        total = len(bot.documents())
        own = listing.standing(bot, Visitor(site, OWNER, "en"))
        assert "Secret" in own[listing.table] and listing.contains not in own
        wanted = own[listing.wanted]
        assert wanted == Wanted(str(bot.kb.folder)) and not wanted.filtered
        guest = listing.standing(bot, Visitor(site, GUEST, "en"), wanted)
        assert "Secret" not in guest[listing.table] and guest[listing.table].count("data-document") == total - 1
        assert listing.contains not in guest  # what is being typed is not overwritten
        none = listing.standing(bot, Visitor(site, OWNER, "zh"), replace(wanted, contains="nowhere"))
        assert "没有符合条件的文档" in none[listing.table] and none[listing.filters]["visible"]
    with site.bots.using("other") as bot:
        empty = listing.standing(bot, Visitor(site, OWNER, "en"), replace(wanted, contains="x"))
        assert empty[listing.wanted] == Wanted(str(bot.kb.folder)) and empty[listing.contains] == ""
        assert "Drop files" in empty[listing.table] and not empty[listing.pager]["visible"]
        assert "Drop files" not in listing.standing(bot, Visitor(site, GUEST, "en"))[listing.table]


def test_pages(frame: Frame, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowledge_listing, "PAGE", 3)
    listing = knowledge_listing.lay_out(frame)
    with site.bots.using("other") as bot:
        bot.ingest_documents({f"{n}.md": ParsedDocument(f"text {n}", f"T{n}") for n in range(7)})
        visitor, folder = Visitor(site, OWNER, "en"), str(bot.kb.folder)
        first = listing.standing(bot, visitor, Wanted(folder))
        assert first[listing.pager]["visible"] and first[listing.after]["interactive"]
        assert not first[listing.before]["interactive"]
        last = listing.standing(bot, visitor, Wanted(folder, offset=6))
        assert last[listing.table].count("data-document") == 1 and not last[listing.after]["interactive"]
        bot.remove("6.md")
        last = listing.standing(bot, visitor, Wanted(folder, offset=6))
        assert last[listing.wanted].offset == 3 and last[listing.table].count("data-document") == 3


def test_a_document_is_opened_by_those_who_may_see_it(frame: Frame, site: Site) -> None:
    opened = knowledge_document.lay_out(frame)
    with site.bots.using("default") as bot:
        bot.ingest_documents({"secret.md": ParsedDocument("The secret text.", "Secret")}, acl=["bosses"])
        (secret,) = [document for document in bot.documents() if document.title == "Secret"]
        shown = opened.standing(bot, Visitor(site, OWNER, "en"), secret.id, chunks=True)
        assert "The secret text" in re.sub(
            r"&#(\d+);", lambda m: chr(int(m[1])), re.sub("<[^>]+>", "", shown[opened.text])
        )
        assert shown[opened.change]["visible"] and shown[opened.shown] == (secret.id, None)
        with pytest.raises(SourceError):
            opened.standing(bot, Visitor(site, GUEST, "en"), secret.id, chunks=False)
        other = next(document for document in bot.documents() if not document.acl)
        assert not opened.standing(bot, Visitor(site, GUEST, "en"), other.id, chunks=False)[opened.change]["visible"]


def test_readers_see_no_jobs(frame: Frame, site: Site) -> None:
    intake = knowledge_intake.lay_out(frame)
    with site.bots.using("other") as bot:
        Jobs(site.workspace).submit(bot.kb.folder, JobRequest(("/gone.md",)), owner="k1")
        assert intake.standing(bot, Visitor(site, GUEST, "en"))[intake.group]["visible"] is False
        assert intake.standing(bot, Visitor(site, GUEST, "en"))[intake.working] == ""
        assert intake.standing(bot, Visitor(site, OWNER, "en"))[intake.group]["visible"] is True


def test_a_base_is_deleted_with_its_jobs_but_not_while_one_is_at_work(frame: Frame, site: Site) -> None:
    folder, jobs = site.bots.folder("other"), Jobs(site.workspace)
    jobs.submit(folder, JobRequest(("/gone.md",)))
    knowledge_bases.deleted(frame, "other")
    assert not folder.exists() and jobs.all(folder) == [] and site.bots.names() == ["default"]
    with pytest.raises(SourceError):
        knowledge_bases.deleted(frame, "../default")


def test_a_base_elsewhere_stays(frame: Frame, tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(site.bots), "home", property(lambda self: tmp_path / "elsewhere"))
    with pytest.raises(UserError, match="outside"):
        knowledge_bases.deleted(frame, "default")


def test_a_job_of_another_base_is_done_there_and_nowhere_else(site: Site, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "default"  # the name of one of ours
    with RagBot.open(elsewhere, embedder=HashEmbedder(), settings=site.settings):
        pass
    with site.bots.at(elsewhere) as bot:
        assert bot.kb.folder == elsewhere and bot.documents() == []
    with site.bots.at(site.bots.folder("default")) as bot:
        assert bot.documents()
    with pytest.raises(KnowledgeBaseError), site.bots.at(tmp_path / "gone"):
        pass
