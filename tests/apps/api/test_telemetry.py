"""What the server tells of itself: lines of the log, figures, traces; and what it does not tell."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from apps.api import logs
from apps.api.tracing import Tracing
from ragbot.errors import MissingExtraError
from ragbot.models.rerankers.base import Floats, Reranker
from tests.apps.api.conftest import fill
from tests.apps.api.serving import app_of, client, running, settings, until
from tests.apps.api.test_chat import EN, PATH, ZH, asked


@pytest.fixture
def lines() -> Iterator[list[logging.LogRecord]]:
    """The records about requests."""
    found: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record)

    handler = Keep()
    logs.REQUESTS.addHandler(handler)
    logs.REQUESTS.setLevel(logging.INFO)
    yield found
    logs.REQUESTS.removeHandler(handler)


def line_of(record: logging.LogRecord) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(logs.JsonFormatter().format(record))
    return found


@pytest.mark.parametrize("question", [EN, ZH])
def test_a_request_is_one_line_without_text(http: httpx.Client, lines: list[logging.LogRecord], question: str) -> None:
    answer = http.post(PATH, json=asked(question), headers={"x-request-id": "from-the-proxy"})
    assert answer.headers["x-request-id"] == "from-the-proxy"
    (record,) = lines
    text = logs.JsonFormatter().format(record)
    line = json.loads(text)
    assert line.items() >= {
        "event": "request", "id": "from-the-proxy", "method": "POST", "route": PATH, "status": 200, "knowledge_base": "default",
        "model": "extractive", "abstained": False, "level": "info",
    }.items()  # fmt: skip
    assert line["seconds"] > 0
    assert line["stages"]["search"] > 0
    assert "\n" not in text
    for piece in (question, json.dumps(question)[1:-1], "throughput", "Throughput", "\\u91cf"):
        assert piece not in text


def test_questions_are_logged_where_the_settings_say_so(tmp_path: Path, lines: list[logging.LogRecord]) -> None:
    app = app_of(settings(tmp_path / "data", log_text=True))
    app.state.bots.create("default")
    with running(app) as url, client(url) as http:
        http.post(PATH, json=asked(ZH))
    assert line_of(lines[0])["question"] == ZH


def test_refusals_and_unknown_paths_are_lines_too(http: httpx.Client, lines: list[logging.LogRecord]) -> None:
    http.get("/no/such/path")
    http.get("/v1/models", headers={"host": "evil.example"})
    http.get("/healthz")
    assert [(line_of(one)["route"], line_of(one)["status"]) for one in lines] == [("unknown", 404), ("unknown", 421)]


def test_an_id_that_is_none_is_not_repeated(http: httpx.Client) -> None:
    for given in ("short", "with space in it", "x" * 100, "line%0abreak{}"):
        assert http.get("/healthz", headers={"x-request-id": given}).headers["x-request-id"] != given


def test_text_for_people(http: httpx.Client, lines: list[logging.LogRecord]) -> None:
    http.get("/v1/models")
    assert logs.TextFormatter().format(lines[0]).startswith("200 GET /v1/models ")


def test_a_name_cannot_begin_a_new_line() -> None:
    record = logging.LogRecord("apps.api", logging.WARNING, "", 0, "one\ntwo \u2028 \x1b[2J", None, None)
    assert "\n" not in (said := logs.JsonFormatter().format(record))
    assert "\x1b" not in said
    assert json.loads(said)["logger"] == "apps.api"


def test_an_error_nobody_foresaw_is_an_answer(
    api: FastAPI, http: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("with a secret in it")

    monkeypatch.setattr("apps.api.listing._models", broken)
    response = http.get("/v1/models")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal"
    assert "secret" not in response.text
    assert response.headers["x-request-id"] in response.text
    assert "ZeroDivisionError" in caplog.text


def test_the_figures(http: httpx.Client) -> None:
    http.post(PATH, json=asked(EN))
    http.get("/" + "x" * 50)
    text = http.get("/metrics").text
    assert f'ragbot_requests_total{{method="POST",route="{PATH}",status="200"}}' in text
    assert 'ragbot_answers_total{kind="answered"}' in text
    assert 'ragbot_stage_seconds_count{stage="search"}' in text
    assert "ragbot_running 0.0" in text
    assert "xxx" not in text  # paths are any number, and people's


def test_ready_and_alive(http: httpx.Client, api: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    assert http.get("/healthz").json() == {"status": "ok"}
    assert http.get("/readyz").json() == {"status": "ready"}
    from ragbot.errors import StorageError

    def away(*_: object) -> None:
        raise StorageError("the disk /secret/place is away")

    monkeypatch.setattr(type(api.state.workspace), "reading", away)
    response = http.get("/readyz")
    assert (response.status_code, "secret" in response.text) == (503, False)


# -- traces ----------------------------------------------------------------------------------------------------------


class Backwards(Reranker):
    """A reranker for the traces."""

    name = "backwards"

    def score(self, question: str, passages: Any) -> Floats:
        import numpy as np

        return np.arange(len(passages), dtype=np.float32)


def test_a_request_is_a_trace_with_its_stages(tmp_path: Path, corpus: Path) -> None:
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    tracing = Tracing("", exporter)
    app = app_of(settings(tmp_path / "data"), tracing=tracing)
    fill(app, corpus)
    app.state.bots.models.reranker._loaded, app.state.bots.models.reranker._reranker = True, Backwards()
    parent = f"00-{'1' * 32}-{'2' * 16}-01"
    with running(app) as url, client(url) as http:
        assert http.post(PATH, json=asked(EN), headers={"traceparent": parent}).status_code == 200
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert {f"POST {PATH}", "answer", "retrieval", "rerank", "generation"} <= spans.keys()
    root = spans[f"POST {PATH}"]
    assert f"{root.context.trace_id:032x}" == "1" * 32
    assert f"{root.parent.span_id:016x}" == "2" * 16
    assert spans["answer"].parent.span_id == root.context.span_id
    assert spans["rerank"].parent.span_id == spans["retrieval"].context.span_id
    assert spans["retrieval"].parent.span_id == spans["answer"].context.span_id
    said = json.dumps([dict(span.attributes or {}) for span in spans.values()], default=str)
    assert "throughput" not in said.lower()


def test_traces_reach_a_collector(tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason='pip install "ragbot[otel]"')
    received: list[tuple[str, int]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append((self.path, len(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        app = app_of(settings(tmp_path / "data", traces=f"http://127.0.0.1:{collector.server_port}/v1/traces"))
        app.state.bots.create("default")
        with running(app) as url, client(url) as http:
            http.post(PATH, json=asked(ZH))
        until(lambda: received)
        collector.shutdown()
    assert received[0][0] == "/v1/traces"
    assert received[0][1] > 100


@pytest.mark.parametrize(
    "missing", ["opentelemetry.sdk.resources", "opentelemetry.exporter.otlp.proto.http.trace_exporter"]
)
def test_without_the_packages_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"ragbot\[otel\]"):
        Tracing("http://127.0.0.1:1/v1/traces")
