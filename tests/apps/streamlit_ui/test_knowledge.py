"""The page of knowledge bases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apps.streamlit_ui.knowledge_add import tag_list
from apps.streamlit_ui.site import Site
from ragbot.index.labels import tags_of
from ragbot.workspace.jobs_records import JobRequest
from tests.apps.streamlit_ui.conftest import Opened
from tests.apps.streamlit_ui.looking import button, html_of, words_of


def done(site: Site) -> Any:
    """The newest job, when it was done."""
    job = site.jobs.all()[0]
    return site.runner.run(job.id)


def titles(site: Site, kb: str = "default") -> list[str]:
    with site.bots.using(kb) as bot:
        return [Path(document.source).name for document in bot.documents()]


def test_files_and_tags_become_a_job_with_a_report(page: Opened, site: Site) -> None:
    tested = page("knowledge", kb="other")
    assert "There are no documents yet" in html_of(tested)
    button(tested, "FormSubmitter:add-0").click().run()
    assert "Choose files" in words_of(tested)

    files = [
        ("茶.md", "# 茶\n\n龙井茶产于杭州。".encode(), "text/markdown"),
        ("bad.pdf", b"%PDF-1.7 nothing", "application/pdf"),
    ]
    tested.file_uploader(key="files-0").set_value(files)
    tested.text_input(key="tags-0").set_value("tea， 绿茶")
    button(tested, "FormSubmitter:add-0").click().run()
    assert not tested.error, words_of(tested)
    job = site.jobs.all()[0]
    assert job.request.tags == ("tea", "绿茶")
    assert {Path(path).name for path in job.request.paths} == {"茶.md", "bad.pdf"}

    # It goes on without the page, and says what became of each file.
    assert done(site).state == "done"
    tested.run()
    assert titles(site, "other") == ["茶.md"]
    shown = html_of(tested)
    assert "茶" in shown and "bad&#46;pdf" in shown
    tested = page("knowledge", language="zh", kb="other")
    assert "已完成" in "".join(one.label for one in tested.expander)


def test_a_job_at_work_is_shown_and_cancelled(page: Opened, site: Site, corpus: Path) -> None:
    job = site.jobs.submit(site.bots.folder("default"), JobRequest((str(corpus),)))
    tested = page("knowledge")
    assert "Waiting" in words_of(tested)
    button(tested, f"cancel-{job.id}").click().run()
    assert site.jobs.get(job.id).state == "cancelled"
    tested.run()
    assert "Cancelled" in "".join(one.label for one in tested.expander)
    button(tested, f"forget-{job.id}").click().run()
    assert site.jobs.all() == []


def test_documents_are_found_opened_changed_and_removed(
    page: Opened, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = page("knowledge")
    assert html_of(tested).count("data-document") == 4
    tested.text_input(key="contains").set_value("LORA").run()
    assert html_of(tested).count("data-document") == 1
    tested.text_input(key="contains").set_value("nothing like it").run()
    assert "No document fits" in words_of(tested)
    tested.text_input(key="contains").set_value("").run()

    with site.bots.using() as bot:
        document = next(one for one in bot.documents() if one.source.endswith("lora.md"))
    told = {"scope": "document", "document": str(document.id)}
    monkeypatch.setattr("apps.streamlit_ui.knowledge_list.clicked", lambda *_, **__: told)
    tested.run()
    assert "QLoRA" in html_of(tested)
    with monkeypatch.context() as patch:  # in a browser, only the dialog is drawn anew
        patch.setattr("apps.streamlit_ui.knowledge_document.forget_place", lambda **_: None)
        tested.toggle(key="source_chunks").set_value(True).run()
        assert "rb-chunk" in html_of(tested)
    next(one for one in tested.text_input if one.label == "Tags" and not (one.key or "").startswith("tags-")).set_value(
        "a, b"
    )
    button(tested, "FormSubmitter:labels-form").click().run()
    with site.bots.using() as bot:
        changed = bot.kb.catalog.document(document.id)
        assert changed is not None and tags_of(changed.metadata) == ("a", "b")
    tested.run()
    button(tested, "read-again").click().run()
    assert site.jobs.all()[0].request.paths == (document.source,)
    tested.run()
    button(tested, "remove-yes").click().run()
    assert "lora.md" not in titles(site)


def test_knowledge_bases_are_made_and_deleted(page: Opened, site: Site) -> None:
    tested = page("knowledge")
    tested.text_input(key="kb-name").set_value("茶 叶/..")
    button(tested, "FormSubmitter:kb-new").click().run()
    assert "cannot name a knowledge base" in words_of(tested)
    tested.text_input(key="kb-name").set_value("茶叶")
    button(tested, "FormSubmitter:kb-new").click().run()
    assert "茶叶" in site.bots.names()

    tested = page("knowledge", kb="茶叶")
    tested.text_input(key="kb-typed").set_value("other")
    button(tested, "FormSubmitter:kb-delete").click().run()
    assert "Nothing was deleted" in words_of(tested) and "茶叶" in site.bots.names()
    tested.text_input(key="kb-typed").set_value("茶叶")
    button(tested, "FormSubmitter:kb-delete").click().run()
    assert site.bots.names() == ["default", "other"]


def test_tags_as_they_are_written() -> None:
    assert tag_list("a, b，c、d；e;") == ("a", "b", "c", "d", "e")
    assert tag_list(" , ") == ()
