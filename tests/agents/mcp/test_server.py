"""ragbot's MCP server with the official client: in this process, and in real ones over standard streams and HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import types
from mcp.client.session import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import McpError
from mcp.shared.memory import create_connected_server_and_client_session
from pydantic import AnyUrl

from agents.mcp.server.app import make_server
from agents.mcp.server.folders import checked
from agents.mcp.server.handlers import Handlers
from agents.mcp.server.job import CancelledByClientError, Job
from ragbot.bot import RagBot
from ragbot.errors import SourceError, UserError
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings
from tests.agents.mcp.serving import NoisyEmbedder
from tests.conftest import EN, ZH

ROOT = Path(__file__).parents[3]
KEY = "a-key-for-tests"
#: Starting a process takes seconds, and more where the machine is busy.
PATIENCE = 120


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "tests.agents.mcp.serving", "mcp", "serve", *words]


def environment(folder: Path, **more: str) -> dict[str, str]:
    (folder / "ragbot.toml").touch()
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAGBOT_") or "CACHE" in name},
        "PYTHONPATH": str(ROOT),
        "RAGBOT_CONFIG": str(folder / "ragbot.toml"),
        "RAGBOT_DATA_DIR": str(folder / "data"),
        "RAGBOT_GENERATION__MIN_CONFIDENCE": "0",
        "RAGBOT_LLM": "extractive",
        **more,
    }


def start_http(folder: Path, *words: str, **more: str) -> tuple[subprocess.Popen[str], str]:
    """A server over HTTP, and its address."""
    process = subprocess.Popen(
        command("--http", "--port", "0", *words),
        env=environment(folder, **more),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    for line in process.stdout:
        found = re.search(r"at (http://\S+/mcp) ", line)
        if found:
            return process, found[1]
    raise AssertionError("the server did not start")


@dataclass
class Client:
    """A session with the server, for tests that do not await."""

    session: ClientSession
    portal: BlockingPortal
    docs: Path

    def call(self, name: str, **arguments: Any) -> types.CallToolResult:
        return self.portal.call(self.session.call_tool, name, arguments)

    def text(self, name: str, **arguments: Any) -> str:
        result = self.call(name, **arguments)
        (block,) = result.content
        assert isinstance(block, types.TextContent) and not result.isError, block
        return block.text

    def data(self, name: str, **arguments: Any) -> dict[str, Any]:
        result = self.call(name, **arguments)
        assert not result.isError and result.structuredContent is not None
        return result.structuredContent

    def refused(self, name: str, **arguments: Any) -> str:
        result = self.call(name, **arguments)
        (block,) = result.content
        assert isinstance(block, types.TextContent) and result.isError
        return block.text


@pytest.fixture(scope="module", params=["memory", "stdio", "http"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp(request.param)
    docs = folder / "docs"
    docs.mkdir()
    (docs / "lora.md").write_text(ZH, encoding="utf-8")
    (docs / "serving.md").write_text(EN, encoding="utf-8")
    (folder / "outside.md").write_text("A secret.\n", encoding="utf-8")
    words = ("--ingest-from", str(docs), "--kb", str(folder / "kb"))
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        transport: Any
        if request.param == "memory":
            settings = Settings(generation={"min_confidence": 0.0})  # type: ignore[arg-type]
            bot = RagBot.open(folder / "kb", embedder=NoisyEmbedder(), llm="extractive", settings=settings)
            stack.enter_context(bot)
            server = make_server(bot, [docs], "0")
            transport = create_connected_server_and_client_session(server)
        elif request.param == "stdio":
            first, *others = command(*words)
            parameters = StdioServerParameters(command=first, args=others, env=environment(folder), cwd=ROOT)
            transport = stdio_client(parameters)
        else:
            process, url = start_http(folder, *words, RAGBOT_MCP__KEY=KEY)
            stack.callback(lambda: (process.kill(), process.wait(), process.stdout and process.stdout.close()))
            http = httpx.AsyncClient(headers={"authorization": f"Bearer {KEY}"}, timeout=60, trust_env=False)
            stack.enter_context(portal.wrap_async_context_manager(http))
            transport = streamable_http_client(url, http_client=http)
        session = stack.enter_context(portal.wrap_async_context_manager(transport))
        if request.param != "memory":
            session = portal.call(ClientSession, session[0], session[1])
            stack.enter_context(portal.wrap_async_context_manager(session))
            hello = portal.call(session.initialize)
            assert hello.serverInfo.name == "ragbot" and "quote is exact" in (hello.instructions or "")
        made = Client(session, portal, docs)
        made.data("ingest", paths=[str(docs)])
        yield made


# -- what is served --------------------------------------------------------------------------------------------------


def test_tools(client: Client) -> None:
    tools = {tool.name: tool for tool in client.portal.call(client.session.list_tools).tools}
    assert set(tools) == {"search", "ask", "ingest", "list_documents", "read_document"}
    assert str(client.docs) in (tools["ingest"].description or "")
    assert all(tool.annotations and tool.annotations.readOnlyHint == (name != "ingest") for name, tool in tools.items())


@pytest.mark.parametrize(
    ("question", "source", "words"),
    [
        ("低秩矩阵的秩取多少", "lora.md", "秩通常取 8 或 16"),
        ("How does continuous batching admit a request?", "serving.md", "Continuous batching"),
    ],
)
def test_search(client: Client, question: str, source: str, words: str) -> None:
    data = client.data("search", question=question, top_k=2)
    best = data["hits"][0]
    assert best["source"].endswith(source) and words in best["text"] and len(data["hits"]) <= 2
    text = client.data("read_document", document=best["uri"], length=50_000)["text"]
    assert text[best["start"] : best["end"]] == best["text"]
    shown = client.text("search", question=question, top_k=2)
    assert shown.startswith("[1] ") and f"({source})" in shown.splitlines()[0]


def test_search_in_some_documents_only(client: Client) -> None:
    data = client.data("search", question="低秩矩阵", sources=["serving.md"])
    assert {hit["source"].rpartition("/")[2] for hit in data["hits"]} <= {"serving.md"}


@pytest.mark.parametrize("question", ["LoRA 训练什么？", "When was the paged key-value cache described?"])
def test_an_answer_quotes_exactly(client: Client, question: str) -> None:
    data = client.data("ask", question=question)
    assert not data["abstained"] and data["citations"] and data["question"] == question
    for citation in data["citations"]:
        text = client.data("read_document", document=str(citation["document_id"]), length=50_000)["text"]
        assert text[citation["start"] : citation["end"]] == citation["quote"]
    shown = client.text("ask", question=question)
    assert ("来源：" if data["language"] == "zh" else "Sources:") in shown and data["citations"][0]["quote"] in shown


def test_documents_are_listed_and_read(client: Client) -> None:
    data = client.data("list_documents")
    assert data["total"] >= 2 and {"lora.md", "serving.md"} <= {
        row["source"].rpartition("/")[2] for row in data["documents"]
    }
    assert client.data("list_documents", contains="LORA.md")["total"] == 1
    assert "No document's title" in client.text("list_documents", contains="qqq")
    assert client.text("list_documents", limit=1).endswith("(more: offset=1)")
    whole = client.data("read_document", document="lora.md", length=50_000)
    piece = client.data("read_document", document=whole["title"], start=3, length=4)
    assert piece["text"] == whole["text"][3:7] and piece["total"] == len(whole["text"])
    assert "behind the end" in client.refused("read_document", document="lora.md", start=10**6)
    assert "did you mean lora.md" in client.refused("read_document", document="lorra.md")
    assert "there is no document 'zzzzzzzz'" in client.refused("read_document", document="zzzzzzzz")


def test_whole_numbers_may_have_a_point(client: Client) -> None:
    assert client.data("read_document", document="lora.md", start=3.0, length=4.0)["text"] == ZH[3:7]
    assert client.data("list_documents", limit=1.0, offset=0.0)["offset"] == 0
    assert len(client.data("search", question="LoRA", top_k=1.0)["hits"]) == 1
    assert "integer" in client.refused("list_documents", limit=1.5)


def test_resources(client: Client) -> None:
    found = client.portal.call(client.session.list_resources).resources
    (lora,) = (resource for resource in found if resource.name == "lora.md")
    (content,) = client.portal.call(client.session.read_resource, lora.uri).contents
    assert isinstance(content, types.TextResourceContents) and "LoRA 冻结原有权重" in content.text
    for uri in ("ragbot://documents/999999", "ragbot://documents/x", "file:///etc/passwd"):
        with pytest.raises(McpError, match="document"):
            client.portal.call(client.session.read_resource, AnyUrl(uri))
    templates = client.portal.call(client.session.list_resource_templates).resourceTemplates
    assert [template.uriTemplate for template in templates] == ["ragbot://documents/{id}"]


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("search", {}, "question"),
        ("search", {"question": ""}, "short|empty"),
        ("search", {"question": "  "}, "the question is empty"),
        ("search", {"question": "x", "top_k": 10**9}, "maximum"),
        ("search", {"question": "x" * 4001}, "long"),
        ("search", {"question": "x", "wrong": 1}, "wrong"),
        ("read_document", {"document": "lora.md", "start": -1}, "minimum"),
        ("ingest", {"paths": []}, "non-empty|short"),
        ("nope", {}, "there is no tool 'nope'; there are search, ask"),
    ],
)
def test_arguments_that_cannot_be_right(client: Client, name: str, arguments: dict[str, Any], said: str) -> None:
    assert re.search(said, client.refused(name, **arguments))


# -- bringing documents in -------------------------------------------------------------------------------------------


def test_what_lies_in_the_folder_is_brought_in_with_progress(client: Client) -> None:
    (client.docs / "new").mkdir(exist_ok=True)
    (client.docs / "new" / "tides.txt").write_text("The tide at Brest rises by seven metres.\n", encoding="utf-8")
    steps: list[tuple[float, float | None, str | None]] = []

    async def ingest() -> types.CallToolResult:
        async def progress(done: float, total: float | None, message: str | None) -> None:
            steps.append((done, total, message))

        return await client.session.call_tool("ingest", {"paths": ["new"]}, progress_callback=progress)

    result = client.portal.call(ingest)
    assert result.structuredContent and result.structuredContent["added"] == [str(client.docs / "new" / "tides.txt")]
    until = time.monotonic() + 5
    while not steps and time.monotonic() < until:  # a notification may arrive after the result
        time.sleep(0.02)
    assert steps[-1][:2] == (1, 1) and "tides.txt" in (steps[-1][2] or "")
    assert client.text("ingest", paths=["new"]) == "0 added, 0 updated, 1 unchanged, 0 failed."
    assert "seven metres" in client.text("search", question="tide at Brest")


def test_nothing_from_elsewhere_is_brought_in(client: Client) -> None:
    outside = client.docs.parent / "outside.md"
    link, folder = client.docs / "link.md", client.docs / "linked"
    link.symlink_to(outside)
    folder.mkdir()
    (folder / "inner.md").symlink_to(outside)
    try:
        for path in (
            str(outside),
            "../outside.md",
            "linked/../../outside.md",
            "link.md",
            "linked",
            str(client.docs.parent),
            "/etc/passwd",
        ):
            assert re.search("outside of|leads out of", client.refused("ingest", paths=["lora.md", path])), path
        for path in ("https://example.org/a.md", "file:///etc/passwd", "http://169.254.169.254/"):
            assert "is no path" in client.refused("ingest", paths=[path])
        assert "cannot be read" in client.refused("ingest", paths=["missing.md"])
    finally:
        link.unlink()
        (folder / "inner.md").unlink()
        folder.rmdir()
    assert client.data("list_documents", contains="outside")["total"] == 0


def test_a_request_is_cancelled_at_once(client: Client) -> None:
    async def cancelled() -> tuple[float, str]:
        number, said = client.session._request_id, ""
        began = anyio.current_time()

        async def cancel() -> None:
            await anyio.sleep(0.5)
            note = types.CancelledNotification(params=types.CancelledNotificationParams(requestId=number))
            await client.session.send_notification(types.ClientNotification(note))

        async with anyio.create_task_group() as group:
            group.start_soon(cancel)
            arguments = {"question": "How slow is it?"}
            request = types.CallToolRequest(params=types.CallToolRequestParams(name="ask", arguments=arguments))
            try:
                await client.session.send_request(types.ClientRequest(request), types.CallToolResult)
            except McpError as error:
                said = str(error)
        return anyio.current_time() - began, said

    seconds, said = client.portal.call(cancelled)
    assert "cancelled" in said and seconds < 6  # the work takes eight seconds
    assert client.data("list_documents")["total"] >= 2


# -- the handlers, without a process ---------------------------------------------------------------------------------


def test_without_folders_nothing_can_be_brought_in(bot: RagBot) -> None:
    assert "ingest" not in Handlers(bot).table()


@pytest.mark.parametrize(
    ("question", "said"),
    [("月球上有几座火山？", "（文档中没有这个问题的答案"), ("Who won the cup?", "(The documents do not answer")],
)
def test_a_refusal_is_said(kb_folder: Path, corpus: Path, question: str, said: str) -> None:
    settings = Settings(generation={"min_confidence": 1.0})  # type: ignore[arg-type]
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm="extractive", settings=settings) as bot:
        bot.ingest(corpus)
        text, data = Handlers(bot).ask({"question": question}, Job())
        assert data["abstained"] and said in text


def test_an_empty_knowledge_base(kb_folder: Path) -> None:
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm="extractive", settings=Settings()) as bot:
        handlers = Handlers(bot)
        assert handlers.search({"question": "什么？"}, Job())[0] == "知识库中还没有文档。"
        assert handlers.list_documents({}, Job()) == (
            "There are no documents in this knowledge base yet.", {"total": 0, "documents": []}
        )  # fmt: skip
        assert handlers.ask({"question": "什么？"}, Job())[1]["abstained"]


def test_cancelled_work_stops_at_its_next_step(bot: RagBot, corpus: Path) -> None:
    job = Job()
    job.cancel()
    for work in (
        lambda: Handlers(bot).search({"question": "x"}, job),
        lambda: Handlers(bot).ask({"question": "x"}, job),
    ):
        with pytest.raises(CancelledByClientError):
            work()
    (corpus / "later.md").write_text("# Later\n\nA text.\n", encoding="utf-8")
    job = Job(lambda done, total, message: job.cancel())  # after the first document
    (corpus / "latest.md").write_text("# Latest\n\nA text.\n", encoding="utf-8")
    with pytest.raises(CancelledByClientError):
        Handlers(bot, [corpus]).ingest({"paths": ["."]}, job)
    assert Handlers(bot, [corpus]).ingest({"paths": ["."]}, Job())[1]["failed"] == []  # and the next one goes on


def test_documents_of_one_name(bot: RagBot, corpus: Path) -> None:
    (corpus / "other").mkdir()
    (corpus / "other" / "lora.md").write_text("# Another\n", encoding="utf-8")
    bot.ingest(corpus)
    with pytest.raises(SourceError, match=r"several documents called 'lora\.md'"):
        Handlers(bot).read_document({"document": "lora.md"}, Job())
    source = str(corpus / "other" / "lora.md")
    assert Handlers(bot).read_document({"document": source}, Job())[1]["source"] == source


def test_paths_start_at_the_first_folder(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
        (folder / "x.md").touch()
    assert checked(["x.md", str(second / "x.md"), "."], [first, second]) == [
        str(first / "x.md"), str(second / "x.md"), str(first)
    ]  # fmt: skip
    with pytest.raises(SourceError, match="outside"):
        checked(["../b/x.md"], [first])


# -- processes -------------------------------------------------------------------------------------------------------


def test_standard_output_holds_nothing_but_messages(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "serving.md").write_text(EN, encoding="utf-8")
    process = subprocess.Popen(
        command("--ingest-from", str(docs), "--kb", str(tmp_path / "kb"), "-vv"),
        env=environment(tmp_path), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    assert process.stdin and process.stdout
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    requests: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": "ingest", "arguments": {"paths": ["."]}}},
        {"id": 3, "method": "tools/call", "params": {"name": "search", "arguments": {"question": "缓存 cache"}}},
    ]
    answers = []
    for request in requests:
        process.stdin.write(json.dumps({"jsonrpc": "2.0", **request}) + "\n")
        process.stdin.flush()
        if "id" in request:
            answers.append(json.loads(process.stdout.readline()))
    process.stdin.write("this is no JSON\n")
    out, err = process.communicate(timeout=PATIENCE)  # the end of the input is the end of the server
    assert process.returncode == 0
    assert [answer["id"] for answer in answers] == [1, 2, 3] and not any("error" in answer for answer in answers)
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in out.splitlines())
    assert "a library says hello" in err and "本地库也说话" in err


def test_ctrl_c_ends_the_server_at_once(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("--kb", str(tmp_path / "kb"), "--ingest-from", str(tmp_path)),
        env=environment(tmp_path), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr and process.stdin
    line = process.stderr.readline()
    while "speaks MCP" not in line:
        assert line, "it ended by itself"
        line = process.stderr.readline()
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    process.wait(PATIENCE)  # before its input is closed, which ends it, too
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and "Traceback" not in err


def test_http_asks_for_the_key_and_for_a_host_that_is_ours(tmp_path: Path) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    for key in ("", KEY):
        process, url = start_http(
            tmp_path, "--kb", str(tmp_path / "kb"), "--ingest-from", str(tmp_path), RAGBOT_MCP__KEY=key
        )
        try:
            with httpx.Client(headers=headers, trust_env=False, timeout=30) as client:
                given = {"authorization": f"Bearer {key}"} if key else {}
                for wrong in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {KEY}"}) if key else ():
                    assert client.post(url, json=call, headers=wrong).status_code == 401
                assert client.post(url, json=call, headers={**given, "host": "evil.example"}).status_code == 421
                assert (
                    client.post(url, json=call, headers={**given, "origin": "http://evil.example"}).status_code == 403
                )
                assert client.post(url, json=call, headers=given).status_code not in {401, 403, 421}
                assert client.get(url.replace("/mcp", "/other"), headers=given).status_code == 404
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)
            assert process.stdout
            process.stdout.close()


def test_no_key_for_others_no_server() -> None:
    from agents.mcp.server.http import serve_http

    with pytest.raises(UserError, match="RAGBOT_MCP__KEY"):
        serve_http(None, "0.0.0.0", 0, "", lambda url: None)  # type: ignore[arg-type]
