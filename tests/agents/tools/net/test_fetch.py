"""Pages for the agent: what the model reads, and that no way leads into the private network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from langchain_core.tools import BaseTool

from agents.tools.base import Effect, Result, ToolInputError, ToolOutageError, traits_of
from agents.tools.fetch import PIECE, fetch_page
from ingest.web.fetcher import WebLimits
from ingest.web.reading import WebReader
from ragbot.net.pages import Page, PageError, PageProblem
from tests.ingest.test_web import HOSTILE, PUBLIC, Names, NoNetwork, Reroute, Site, inet, moved, reply

PAGE = """<html lang="zh"><head><title>检索 &amp; 生成</title><meta name="date" content="2026-01-05"></head>
<body><nav>菜单</nav><main><h1>检索增强生成</h1><p>先找到相关的段落，再据此回答。</p></main><script>alert(1)</script></body></html>"""


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


@pytest.fixture(scope="module")
def parsers() -> Iterator[dict[str, Any]]:
    """The process that parses is kept for all tests: it takes long to start."""
    shared: dict[str, Any] = {}
    yield shared
    if "pool" in shared:
        shared["pool"].close()


@pytest.fixture
def reader(site: Site, parsers: dict[str, Any]) -> Iterator[Callable[..., WebReader]]:
    def make(**options: Any) -> WebReader:
        made = WebReader(**{"sleep": lambda _: None, **options})
        made._pool = parsers.get("pool")
        parsers["pool"] = made._parsers()
        return made

    yield make


def call(tool: BaseTool, **arguments: Any) -> Result:
    artifact = tool.invoke({"name": tool.name, "args": arguments, "id": "1", "type": "tool_call"}).artifact
    assert isinstance(artifact, Result)
    return artifact


def pages(text: str, **more: Any) -> tuple[Callable[[str], Page], list[str]]:
    asked: list[str] = []

    def read(url: str) -> Page:
        asked.append(url)
        return Page(url, "Title", text, **more)

    return read, asked


# -- what the model reads --------------------------------------------------------------------------------------------


def test_a_page_from_a_real_server(site: Site, reader: Callable[..., WebReader]) -> None:
    site.routes["/p"] = reply(PAGE, content_type="text/html; charset=utf-8")
    host = site.url.removeprefix("http://")
    found = call(fetch_page(reader(private_hosts=[host])), url=f" {site.url}/p#top ")
    assert found.text == (
        f"Page: 检索 & 生成\nAddress: {site.url}/p\nDate: 2026-01-05\nLanguage: zh\nText (23 characters):\n"
        "检索增强生成\n\n先找到相关的段落，再据此回答。"
    )
    assert found.data == {
        "url": f"{site.url}/p", "title": "检索 & 生成", "language": "zh", "date": "2026-01-05", "kind": "html",
        "start": 0, "end": 23, "characters": 23,
    }  # fmt: skip
    assert call(fetch_page(reader(private_hosts=[host]), "zh"), url=f"{site.url}/p").text.startswith(
        "网页：检索 & 生成\n地址："
    )


def test_without_the_allowance_the_same_server_is_refused(site: Site, reader: Callable[..., WebReader]) -> None:
    site.routes["/p"] = reply(PAGE, content_type="text/html")
    for hosts in ([], ["127.0.0.1"], ["127.0.0.1:1"], ["localhost"]):
        with pytest.raises(ToolInputError, match="is refused: it lies in a private network"):
            fetch_page(reader(private_hosts=hosts)).invoke({"url": f"{site.url}/p"})
    assert site.asked == []


def test_a_long_page_is_read_on_without_a_second_request() -> None:
    text = "".join(f"Line {number} of the page, which is long.\n" for number in range(300))
    read, asked = pages(text)
    tool = fetch_page(read)
    seen, start = "", 0
    for _ in range(10):
        found = call(tool, url="https://example.org/", start=start)
        assert found.data is not None and len(found.text) < traits_of(tool).output_limit
        end = found.data["end"]
        assert end - start <= PIECE and (end == len(text) or text[end - 1] == "\n")
        assert (f"start={end}]" in found.text) == (end < len(text))
        seen, start = seen + text[start:end], end
        if end == len(text):
            break
    assert seen == text and len(asked) == 1
    with pytest.raises(ToolInputError, match=f"behind the end: the page has {len(text)} characters"):
        tool.invoke({"url": "https://example.org/", "start": len(text)})
    with pytest.raises(ToolInputError, match="0 or more"):
        tool.invoke({"url": "https://example.org/", "start": -1})
    assert len(asked) == 1
    call(tool, url="https://example.org/")
    assert len(asked) == 2  # from the beginning, it is asked for again


def test_pages_are_kept_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    read, asked = pages("x" * 9000)
    tool = fetch_page(read)
    call(tool, url="https://example.org/")
    now = time.monotonic()
    monkeypatch.setattr("agents.tools.fetch.time.monotonic", lambda: now + 301)
    call(tool, url="https://example.org/", start=PIECE)
    assert len(asked) == 2
    for number in range(5):
        call(tool, url=f"https://example.org/{number}")
    call(tool, url="https://example.org/0", start=PIECE)
    assert len(asked) == 8


PROBLEMS: dict[PageProblem, type[Exception]] = {
    "address": ToolInputError,
    "refused": ToolInputError,
    "unknown": ToolOutageError,
    "away": ToolOutageError,
    "slow": ToolOutageError,
    "busy": ToolOutageError,
    "redirect": ToolInputError,
    "robots": ToolInputError,
    "status": ToolOutageError,
    "size": ToolInputError,
    "kind": ToolInputError,
    "empty": ToolInputError,
    "damaged": ToolOutageError,
}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_each_problem_is_told_in_both_languages(problem: PageProblem) -> None:
    def read(url: str) -> Page:
        raise PageError(problem, "a message for people", 500)

    for language, offered in (("en", "search_knowledge to look"), ("zh", "请改用 search_knowledge")):
        with pytest.raises(PROBLEMS[problem]) as caught:
            fetch_page(read, language).invoke({"url": "https://example.org/\u202ex"})
        text = str(caught.value)
        assert "https://example.org/x" in text and "for people" not in text
        assert (offered in text) == (PROBLEMS[problem] is ToolOutageError)


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (404, ToolInputError, "404"),
        (410, ToolInputError, "404"),
        (403, ToolOutageError, "programs"),
        (500, ToolOutageError, "500"),
    ],
)
def test_statuses(site: Site, reader: Callable[..., WebReader], status: int, kind: type[Exception], said: str) -> None:
    site.routes["/p"] = reply("no", status)
    with pytest.raises(kind, match=said):
        fetch_page(reader(private_hosts=[site.url[7:]])).invoke({"url": f"{site.url}/p"})


def test_traits_and_schema() -> None:
    tool = fetch_page(pages("x")[0])
    traits = traits_of(tool)
    assert traits.effects == {Effect.NETWORK} and traits.opens == ("url",) and not traits.trusted
    assert set(tool.args) == {"url", "start"}


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", HOSTILE[::3])
def test_hostile_addresses(url: str) -> None:
    reader = WebReader(look_up=inet, network=NoNetwork())
    with pytest.raises((ToolInputError, ToolOutageError)) as caught:
        fetch_page(reader).invoke({"url": url})
    str(caught.value).encode()
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    "place",
    ["http://127.0.0.1:{port}/secret", "http://169.254.169.254/latest/meta-data/", "http://[::ffff:127.0.0.1]/", "http://2130706433/",
     "http://intern.example/", "file:///etc/passwd", "http://user@example.com/"],
)  # fmt: skip
def test_redirects_into_the_private_network(site: Site, reader: Callable[..., WebReader], place: str) -> None:
    site.routes["/p"] = moved(place.format(port=site.port))
    site.routes["/secret"] = reply("the secret", content_type="text/plain")
    network = Reroute(site)
    read = reader(look_up=Names(intern_example=["10.0.0.7"]), network=network)
    with pytest.raises(ToolInputError, match="is refused"):
        fetch_page(read).invoke({"url": "http://example.com/p"})
    assert {host for host, _ in network.connected} == {PUBLIC} and "/secret" not in site.asked


def test_an_allowed_private_host_leads_to_no_other(site: Site, reader: Callable[..., WebReader]) -> None:
    other = Site()
    try:
        other.routes["/secret"] = reply("the secret", content_type="text/plain")
        site.routes["/p"] = moved(f"{other.url}/secret")
        with pytest.raises(ToolInputError, match="is refused"):
            fetch_page(reader(private_hosts=[site.url[7:]])).invoke({"url": f"{site.url}/p"})
        assert other.asked == []
    finally:
        other.close()


def test_a_name_that_changes_its_address_is_connected_to_where_it_was_checked(
    site: Site, reader: Callable[..., WebReader]
) -> None:
    site.routes["/p"] = reply(PAGE, content_type="text/html")
    network = Reroute(site)
    # The page's host is looked up, then robots.txt is asked for, then the page: at what the first look-up found.
    names = Names(rebind_example=[[PUBLIC], [PUBLIC], ["127.0.0.1"]])
    found = call(fetch_page(reader(look_up=names, network=network)), url="http://rebind.example/p")
    assert "检索增强生成" in found.text and len(names.asked) == 2
    assert {host for host, _ in network.connected} == {PUBLIC}
    later = Names(rebind_example=[[PUBLIC], ["127.0.0.1"]])
    with pytest.raises(ToolInputError):
        fetch_page(reader(look_up=later, network=network)).invoke({"url": "http://rebind.example/p"})
    assert {host for host, _ in network.connected} == {PUBLIC} and site.asked.count("/p") == 1


@pytest.mark.parametrize(
    "answer", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1"], ["fe80::1"], ["::ffff:169.254.169.254"]]
)
def test_names_with_a_private_address(answer: Sequence[str]) -> None:
    tool = fetch_page(WebReader(look_up=Names(evil_example=answer), network=NoNetwork()))
    with pytest.raises(ToolInputError, match="is refused"):
        tool.invoke({"url": "https://evil.example/"})


def test_limits_on_size_and_time(site: Site, reader: Callable[..., WebReader]) -> None:
    host = site.url[7:]
    site.routes["/big"] = reply("x" * 5000, content_type="text/plain")
    read = reader(private_hosts=[host], limits=WebLimits(max_bytes=4000, seconds=2.0, patience=0.5, retries=0))
    with pytest.raises(ToolInputError, match="too large"):
        fetch_page(read).invoke({"url": f"{site.url}/big"})
    site.routes["/slow"] = lambda handler: time.sleep(1.5)
    with pytest.raises(ToolOutageError, match="too slow"):
        fetch_page(read).invoke({"url": f"{site.url}/slow"})
    site.routes["/loop"] = moved("/loop")
    with pytest.raises(ToolInputError, match="redirects"):
        fetch_page(read).invoke({"url": f"{site.url}/loop"})
    site.routes["/picture"] = reply(b"\x89PNG\r\n\x1a\n" + b"\0" * 50, content_type="image/png")
    site.routes["/robots.txt"] = reply("User-agent: *\nDisallow: /private", content_type="text/plain")
    with pytest.raises(ToolInputError, match="robots"):
        fetch_page(read).invoke({"url": f"{site.url}/private"})


def test_what_is_no_text(site: Site, reader: Callable[..., WebReader]) -> None:
    site.routes["/empty"] = reply(" \n", content_type="text/html")
    site.routes["/zip"] = reply(b"PK\x03\x04" + b"\0" * 50, content_type="application/zip")
    site.routes["/script"] = reply("<html><body><script>x()</script></body></html>", content_type="text/html")
    tool = fetch_page(reader(private_hosts=[site.url[7:]]))
    for path, kind in (("/empty", ToolInputError), ("/zip", ToolInputError), ("/script", ToolOutageError)):
        with pytest.raises(kind):
            tool.invoke({"url": f"{site.url}{path}"})


@pytest.mark.usefixtures("offline")
def test_no_network() -> None:
    with pytest.raises(ToolOutageError, match=r"there is no network\. Use search_knowledge"):
        fetch_page(WebReader()).invoke({"url": "https://example.org/"})
