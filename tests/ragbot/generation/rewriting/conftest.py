"""A real HTTP server that streams one answer as an OpenAI-compatible endpoint does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel

from ragbot.models.llms.openai import load


@dataclass
class Server:
    """``answer`` is what it says, ``status`` its HTTP status; while ``held`` is cleared, it says nothing."""

    answer: str = "What is the rank of LoRA?"
    status: int = 200
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)

    def model(self) -> BaseChatModel:
        return load("m", base_url=self.url, max_retries=0, timeout=20)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()
    state.held.set()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            """Silence."""

        def do_POST(self) -> None:
            state.requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            state.held.wait(20)
            self.send_response(state.status)
            self.send_header("connection", "close")
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            base = {"id": "1", "created": 1, "model": "m", "object": "chat.completion.chunk"}
            events: list[dict[str, Any]] = [
                {"choices": [{"index": 0, "delta": {"role": "assistant", "content": state.answer}}]},
                {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
                {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}},
            ]
            with suppress(BrokenPipeError, ConnectionResetError):
                for event in events:
                    self.wfile.write(f"data: {json.dumps({**base, **event})}\n\n".encode())
                self.wfile.write(b"data: [DONE]\n\n")

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    state.url = f"http://127.0.0.1:{listener.server_port}/v1"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield state
    state.held.set()
    listener.shutdown()
    listener.server_close()
    thread.join()
