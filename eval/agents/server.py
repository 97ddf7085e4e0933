"""A real HTTP server on loopback that answers by routes, remembers what it was asked, and fails as services do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

#: Seconds after which a service that hangs gives up by itself.
_HANGS = 20.0
#: A nonsense body for each fault that answers at once: status, body, content type.
_BODIES: Mapping[str, tuple[bytes, str]] = {
    "broken": (b'{"results": [{"title": "x", ', "application/json"),
    "html": (b"<!doctype html><title>Sign in</title>", "text/html"),
    "shape": (b'{"results": {"a": 1}, "web": 3, "current": []}', "application/json"),
    "rows": (
        b'{"results": [1, null, "x"], "web": {"results": [1, null]}, "current": {}, "hourly": 1}',
        "application/json",
    ),
    "nesting": (b"[" * 200_000, "application/json"),
}


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked of the server."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class LocalServer:
    """The server, from when it is made until :meth:`close`; a context manager. Subclasses answer in :meth:`respond`.

    Faults: a status such as ``503``; ``429 SECONDS``; ``slow``, ``drip`` (a byte now and then), ``closed``, ``huge``;
    ``broken``, ``html``, ``shape``, ``rows``, ``nesting`` (bodies that are not what was agreed). Any other fault
    (``empty``) is left to :meth:`respond`.
    """

    def __init__(self) -> None:
        self.asked: list[Request] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                """Silence."""

            def do_GET(self) -> None:
                with suppress(ConnectionError):
                    outer._answer(self)

            do_POST = do_GET

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def fault_of(self, request: Request) -> str:
        """What goes wrong with this request; nothing by default."""
        return ""

    def respond(self, handler: Any, request: Request, fault: str) -> bool:
        """Answer a request with :func:`send`; False where there is nothing at its path."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop at once."""
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, handler: Any) -> None:
        handler.close_connection = True
        parts = urlsplit(handler.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Request(handler.command, unquote(parts.path), query, headers, body)
        self.asked.append(request)
        fault = self.fault_of(request)
        if fault and self._failed(handler, fault):
            return
        if not self.respond(handler, request, fault):
            send(handler, 404, b"not found", "text/plain")

    def _failed(self, handler: Any, fault: str) -> bool:
        """Whether the fault was all that there is to send."""
        if fault.isdecimal():
            send(handler, int(fault), b'{"error": "no"}')
        elif fault.startswith("429 "):
            send(handler, 429, b'{"error": "slow down"}', retry_after=fault.split()[1])
        elif fault == "slow":
            self.stopped.wait(_HANGS)
        elif fault in ("drip", "huge"):
            self._endless(handler, fault)
        elif fault == "closed":
            handler.connection.close()
        elif fault in _BODIES:
            send(handler, 200, *_BODIES[fault])
        else:
            return False
        return True

    def _endless(self, handler: Any, fault: str) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "application/json")
        handler.end_headers()
        if fault == "huge":
            for _ in range(2000):
                handler.wfile.write(b" " * 65536)
            return
        until = time.monotonic() + _HANGS
        while time.monotonic() < until and not self.stopped.wait(0.1):
            handler.wfile.write(b" ")


def send(handler: Any, status: int, body: bytes, content_type: str = "application/json", **headers: str) -> None:
    """A whole response; ``headers`` with underscores for hyphens."""
    handler.send_response(status)
    for name, value in {"content_type": content_type, "content_length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def send_json(handler: Any, value: Mapping[str, Any]) -> None:
    """A JSON object as the response."""
    send(handler, 200, json.dumps(value, ensure_ascii=False).encode())
