"""The agent over an OpenAI-compatible endpoint, a real server on loopback: native tool calls, a schema, and a refusal."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from agents.react import Agent, AgentOptions
from agents.steps import Observation
from tests.agents.doubles import add_tool, call, say

pytest.importorskip("langchain_openai", reason='pip install "ragbot[openai]"')

CALLS = [("add", '{"a": 2, "b": 3}'), ("add", '{"a": 4}')]


class Server:
    """Calls the tools first where it is given tools, and says ``texts`` one after another."""

    def __init__(self, texts: list[str], refuses: bool = False) -> None:
        self.texts, self.refuses = texts, refuses
        self.requests: list[dict[str, Any]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: Any) -> None:
                """Silence."""

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                server.requests.append(body)
                if server.refuses and "tools" in body:
                    self._send(400, "application/json", b'{"error": {"message": "no --tool-call-parser"}}')
                    return
                data = "".join(f"data: {json.dumps(event)}\n\n" for event in server.events(body))
                self._send(200, "text/event-stream", f"{data}data: [DONE]\n\n".encode())

            def _send(self, status: int, kind: str, data: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.send_header("connection", "close")
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def events(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        base = {"id": "1", "created": 1, "model": body["model"], "object": "chat.completion.chunk"}
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        reason = "stop"
        if "tools" in body and not any(message["role"] == "tool" for message in body["messages"]):
            reason = "tool_calls"
            for index, (name, arguments) in enumerate(CALLS):
                function = {"name": name, "arguments": ""}
                deltas.append({"tool_calls": [{"index": index, "id": f"x{index}", "type": "function", "function": function}]})  # fmt: skip
                deltas += [
                    {"tool_calls": [{"index": index, "function": {"arguments": arguments[i : i + 3]}}]}
                    for i in range(0, len(arguments), 3)
                ]
        else:
            text = self.texts.pop(0)
            deltas += [{"content": text[i : i + 4]} for i in range(0, len(text), 4)]
        for delta in deltas:
            yield {**base, "choices": [{"index": 0, "delta": delta}]}
        yield {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
        yield {**base, "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}


def agent_at(server: Server, protocol: str = "auto") -> Agent:
    from ragbot.models.llms.openai import load

    model = load("tiny", base_url=server.url, timeout=20, max_retries=0)
    return Agent(model, [add_tool()], options=AgentOptions(protocol=protocol))  # type: ignore[arg-type]


@pytest.fixture
def server() -> Iterator[Server]:
    opened = Server(["5 and 4 [1][2]"])
    yield opened
    opened.close()


def test_native_tool_calls_in_pieces(server: Server) -> None:
    run = agent_at(server).run("What is 2 + 3, and 4?")
    assert run.calls == (("add", {"a": 2, "b": 3}), ("add", {"a": 4}))
    assert [step.text for step in run.steps if isinstance(step, Observation)] == ["2 + 3 = 5", "4 + 0 = 4"]
    assert run.text == "5 and 4 [1][2]" and run.tokens == 20
    first, second = server.requests
    assert first["tools"][0]["function"]["name"] == "add"
    assert [message["role"] for message in second["messages"]] == ["system", "user", "assistant", "tool", "tool"]
    ids = [item["id"] for item in second["messages"][2]["tool_calls"]]
    assert ids == [message["tool_call_id"] for message in second["messages"][3:]]


def test_the_schema_goes_along_in_the_text_protocol(server: Server) -> None:
    server.texts = [call("add", a=2, b=3), say("5")]
    assert agent_at(server, "text").run("二加三是多少？").text == "5 [1]"
    asked = server.requests[0]["response_format"]
    assert asked["type"] == "json_schema" and "anyOf" in asked["json_schema"]["schema"]
    assert "tools" not in server.requests[0]


def test_an_endpoint_that_refuses_tools_is_spoken_to_by_text(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.texts, server.refuses = [call("add", a=2, b=3), say("5")], True
    made = agent_at(server)
    assert made.run("What is 2 + 3?").text == "5 [1]"
    assert "takes no tool calls; going on with the text protocol" in caplog.text
    assert ["tools" in request for request in server.requests] == [True, False, False]
