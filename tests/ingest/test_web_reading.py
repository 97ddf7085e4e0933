"""Pages for an agent; what the tool makes of them, and what is refused, is tested in tests/agents/tools/net."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingest.parsing import Limits
from ingest.web.reading import WebReader
from ragbot.net.pages import Page, PageError
from tests.ingest.test_web import PAGE, Site, reply


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


def test_pages_are_read_also_after_a_pause(site: Site) -> None:
    site.routes["/p"] = reply(PAGE, content_type="text/html")
    site.routes["/t.txt"] = reply("十点开会。", content_type="text/plain; charset=utf-8")
    with WebReader("ragbot/9", [site.url[7:].upper()], parsing=Limits(seconds=100.0)) as read:
        assert read(f"{site.url}/p") == Page(f"{site.url}/p", "检索", "检索增强生成先找到相关的段落。", "zh")
        assert site.headers[-1]["user-agent"] == "ragbot/9"
        read.close()
        page = read(f"{site.url}/t.txt")
        assert (page.title, page.text, page.kind) == ("t", "十点开会。", "txt")


def test_each_failure_has_its_kind(site: Site) -> None:
    site.routes["/gone"] = reply("", 410)
    site.routes["/broken.pdf"] = reply(b"%PDF-1.7 and no more", content_type="application/pdf")
    with WebReader(private_hosts=[site.url[7:]], parsing=Limits(seconds=100.0)) as read:
        for path, problem, status in (("/gone", "status", 410), ("/broken.pdf", "damaged", 0)):
            with pytest.raises(PageError) as caught:
                read(site.url + path)
            assert (caught.value.problem, caught.value.status) == (problem, status)
        with pytest.raises(PageError) as caught:
            read("no address")
        assert caught.value.problem == "address"
