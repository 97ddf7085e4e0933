"""The evaluation tab without a browser: plans, rights, what is shown, and the report's address."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

from apps.api.principal import OWNER, Principal
from apps.door.login import COOKIE
from apps.gradio_ui.evaluation_files import Reports, runs_of
from apps.gradio_ui.evaluation_html import report_link, view_html
from apps.gradio_ui.evaluation_plan import about_of, choices, lending, options_of, plan_of
from apps.gradio_ui.evaluation_rights import may_evaluate
from apps.gradio_ui.site import Site, Visitor
from apps.gradio_ui.text import LANGUAGES
from eval.background import View
from eval.datasets.base import Question
from eval.records import Row
from eval.responses import Response as Said
from eval.sets import SAMPLE_DOCUMENTS, add_set
from ragbot.errors import SourceError, UserError
from ragbot.workspace.keys import Keys
from ragbot.workspace.keys_records import Rights

HOSTILE = "</p><script>x</script>&\"' \u202e\x00\ud800 字"
ADMIN = Principal("a", frozenset({"read", "write", "admin"}), None, None, "k1")
LINE = json.dumps({"id": "1", "question": "灯塔有多高？"}, ensure_ascii=False).encode()


def test_whoever_does_not_see_all_evaluates_nothing() -> None:
    assert may_evaluate(OWNER) and may_evaluate(ADMIN)
    assert not may_evaluate(replace(ADMIN, groups=("staff",)))
    assert not may_evaluate(replace(ADMIN, knowledge_bases=frozenset({"default"})))
    assert not may_evaluate(replace(ADMIN, scopes=frozenset({"read", "write"})))


def test_a_plan_of_the_fields(site: Site) -> None:
    visitor = Visitor(site, OWNER, "zh")
    add_set(site.settings, "我的.jsonl", LINE)
    listed = choices(visitor)
    assert listed[0] == ("我的.jsonl · 自有 · 1 个问题", "own:我的.jsonl")
    assert "ours:sample.jsonl" in [value for _, value in listed]
    plan = plan_of(visitor, "other", "own:我的.jsonl", "kb", "search", 5.0)
    assert (plan.kb, plan.documents, plan.mode, plan.limit) == (str(site.bots.folder("other")), None, "search", 5)
    plan = plan_of(visitor, "other", "ours:sample.jsonl", "sample", "answer", None)
    assert (plan.kb, plan.documents, plan.mode, plan.limit) == (None, SAMPLE_DOCUMENTS, "answer", 0)
    for value in (None, "", "own:"):
        with pytest.raises(UserError, match="问题集"):
            plan_of(visitor, "other", value, "kb", "answer", 0)
    for value in ("own:gone.jsonl", "ours:../../pyproject.toml", "ours:/etc/passwd"):
        with pytest.raises(SourceError):
            plan_of(visitor, "other", value, "kb", "answer", 0)


def test_our_own_sets_are_about_the_sample() -> None:
    assert [about_of(value) for value in (None, "own:a.jsonl", "ours:sample.jsonl")] == ["kb", "kb", "sample"]


def test_settings_as_a_person_writes_them() -> None:
    written = 'retrieval.top_k = 5\n\n# a remark\n  llm="openai:x=y" \n'
    assert options_of(None, "en") == options_of("", "en") == {}  # an empty field is None in Gradio
    assert options_of(written, "en") == {"retrieval.top_k": "5", "llm": "openai:x=y"}
    with pytest.raises(UserError, match="top_k 5"):
        options_of("retrieval.top_k 5", "en")


def test_the_embedder_is_lent_by_the_base_that_is_asked(site: Site) -> None:
    visitor = Visitor(site, OWNER, "en")
    lend = lending(visitor, site.bots.folder("other"))
    assert lend is not None
    with lend() as embedder:
        assert embedder.fingerprint.name == "hash"
    assert lending(visitor, None) is None and lending(visitor, "/nowhere") is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_how_a_run_stands_is_text(language: str) -> None:
    for state in ("preparing", "asking", "done", "stopped", "failed"):
        view = View(HOSTILE, HOSTILE, state, 3, 9, 1, 2, 4, 50.0, 30.0, 3, HOSTILE if state == "failed" else "")
        for one in (view, replace(view, run="", total=0, total_files=0, stopping=True)):
            html = view_html(one, language)
            html.encode()
            assert "<script" not in html and "\u202e" not in html, state
    assert view_html(None, language) == ""
    link = report_link('a"><script>', "b&c", language)
    assert "<script" not in link and 'target="_blank"' in link


def get(site: Site, path: str, cookies: str = "") -> httpx.Response:
    transport = httpx.ASGITransport(Reports(PlainTextResponse("the page"), site))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get(path, headers={"cookie": cookies} if cookies else {})

    return asyncio.run(ask())


@pytest.fixture
def runs(site: Site) -> list[str]:
    store = runs_of(site.settings)
    manifest: dict[str, Any] = {
        "mode": "answer", "dataset": {"name": "tower", "sha256": "", "questions": 6, "documents": 1}, "settings": {},
        "seed": 0, "workers": 1, "models": {"llm": "extractive"}, "versions": {}, "machine": {},
    }  # fmt: skip
    names = []
    for name, found in (("first", 0.0), ("second", 1.0)):
        with store.create(manifest, name) as writer:
            for n in range(6):
                question = Question(f"q{n}", f"How high is tower {n}?", document=f"{n}.md", language="en")
                writer.append(Row(question, Said("47", confidence=0.5), {"mrr@10": found}))
            writer.finish()
        names.append(name)
    return names


def test_the_report_is_a_page_that_reaches_nothing(site: Site, runs: list[str]) -> None:
    pytest.importorskip("jinja2")
    answer = get(site, "/evaluation/second/report.html?lang=zh&against=first")
    assert answer.status_code == 200 and "How high is tower 5?" in answer.text and "first" in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts") and "allow-same-origin" not in policy
    assert get(site, "/evaluation/second/report.html?against=../../x").status_code == 200  # compared with nothing


@pytest.mark.parametrize(
    "path",
    [
        "/evaluation/gone/report.html",
        "/evaluation/../report.html",
        "/evaluation/..%2F..%2Fetc/report.html",
        "/evaluation/%2e%2e/report.html",
        "/evaluation/.hidden/report.html",
    ],
)
def test_no_other_file_is_a_report(site: Site, runs: list[str], path: str) -> None:
    answer = get(site, path)
    assert answer.status_code == 404 or answer.text == "the page"


def test_a_key_that_does_not_see_all_opens_no_report(site: Site, runs: list[str]) -> None:
    def cookie(rights: Rights) -> str:
        _, secret = Keys(site.workspace).create(f"key {len(Keys(site.workspace).all())}", rights)
        return f"{COOKIE}={site.login.begin(str(secret))}"

    assert get(site, "/evaluation/second/report.html", cookie(Rights("read", groups=None))).status_code == 403
    assert get(site, "/evaluation/second/report.html").status_code == 401  # nobody at all, now that there are keys
    pytest.importorskip("jinja2")
    assert get(site, "/evaluation/second/report.html", cookie(Rights("admin", groups=None))).status_code == 200


def test_the_link_leads_to_the_address_of_the_report(site: Site, runs: list[str]) -> None:
    assert "evaluation" in report_link(runs[0], "", "en") and Path(runs_of(site.settings).root / runs[0]).is_dir()
