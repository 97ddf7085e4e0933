"""What stands before every route: names, origins, sizes, headers."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from tests.apps.api.serving import app_of, client, running, settings
from tests.apps.api.test_chat import EN, PATH, asked

ROUTES = [
    ("GET", "/v1/models"),
    ("GET", "/v1/models/ragbot"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/embeddings"),
    ("POST", "/v1/agent"),
    ("POST", "/v1/feedback"),
    ("DELETE", "/v1/feedback/1"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/v1/knowledge-bases"),
]


def test_every_route_of_ours_is_in_the_table(api: FastAPI) -> None:
    """Those below /v1/knowledge-bases are walked by tests of their own."""
    served = {
        (method.upper(), path)
        for path, methods in api.openapi()["paths"].items()
        for method in methods
        if not path.startswith("/v1/knowledge-bases/")
    }
    listed = {(method, path) for method, path in ROUTES}
    for method, path in served:
        pattern = path.replace("{model}", "ragbot").replace("{id}", "1")
        assert (method, pattern) in listed or path in {"/healthz", "/readyz"} or path == "/v1/knowledge-bases", path


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"]
)
def test_a_page_from_elsewhere_gets_nowhere(http: httpx.Client, method: str, path: str, origin: str) -> None:
    response = http.request(method, path, headers={"origin": origin}, json=asked(EN))
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "foreign_origin"
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "0.0.0.0", "[::2]", "x@127.0.0.1"]
)
def test_a_name_that_was_made_to_point_here_gets_nowhere(http: httpx.Client, method: str, path: str, host: str) -> None:
    response = http.request(method, path, headers={"host": host}, json=asked(EN))
    assert response.status_code == 421
    assert response.json()["error"]["code"] == "unknown_host"


def test_two_hosts_are_none(address: str) -> None:
    port = urlsplit(address).port
    with socket.create_connection(("127.0.0.1", port or 0)) as raw:
        raw.sendall(
            f"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\nConnection: close\r\n\r\n".encode()
        )
        said = b"".join(iter(lambda: raw.recv(4096), b""))
    assert said.split(b" ")[1] in {b"400", b"421"}


def test_probes_ask_by_address(http: httpx.Client) -> None:
    for path in ("/healthz", "/readyz"):
        assert http.get(path, headers={"host": "10.1.2.3:8080"}).status_code == 200


def test_its_own_page_may_ask(http: httpx.Client, address: str) -> None:
    assert http.get("/v1/models", headers={"origin": address}).status_code == 200
    port = urlsplit(address).port
    named = {"host": f"localhost:{port}", "origin": f"http://localhost:{port}"}
    assert http.post(PATH, json=asked(EN), headers=named).status_code == 200


@pytest.fixture
def open_http(tmp_path: Path) -> Iterator[httpx.Client]:
    """A server that the settings open for others."""
    chosen = settings(
        tmp_path / "data",
        cors_origins=["https://app.example"],
        allowed_hosts=["rag.example", "*.intranet"],
        max_body_mb=1,
    )
    with running(app_of(chosen)) as url, client(url) as http:
        yield http


def test_a_page_of_the_settings_may_ask(open_http: httpx.Client) -> None:
    there = {"origin": "https://app.example"}
    preflight = {**there, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    assert open_http.options(PATH, headers=preflight).headers["access-control-allow-origin"] == "https://app.example"
    answer = open_http.get("/v1/models", headers=there)
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-credentials" not in answer.headers
    assert open_http.get("/v1/models", headers={"origin": "https://app.example.evil"}).status_code == 403


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("rag.example", True),
        ("RAG.example:443", True),
        ("a.b.intranet", True),
        ("intranet", False),
        ("xintranet", False),
    ],
)
def test_names_of_the_settings(open_http: httpx.Client, host: str, known: bool) -> None:
    assert open_http.get("/v1/models", headers={"host": host}).status_code == (200 if known else 421)


def test_large_requests(open_http: httpx.Client) -> None:
    body = json.dumps(asked("x" * 1_200_000)).encode()
    kind = {"content-type": "application/json"}
    assert open_http.post(PATH, content=body, headers=kind).status_code == 413
    pieces = (body[start : start + 65536] for start in range(0, len(body), 65536))
    response = open_http.post(PATH, content=pieces, headers=kind)  # chunked: without a length
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too_large"


def test_only_what_takes_files_may_be_as_large_as_they(open_http: httpx.Client) -> None:
    """What is called a form, is not one for every route: none but that of uploads reads more than a request may have."""
    large = {"files": [("files", ("large.md", b"# A\n\n" + b"x " * 600_000))]}
    uploads = "/v1/knowledge-bases/main/uploads"
    for path in (PATH, "/v1/agent", "/v1/knowledge-bases", "/nope"):
        assert open_http.post(path, **large).status_code == 413, path
    for method in ("PUT", "PATCH", "GET"):
        assert open_http.request(method, uploads, **large).status_code == 413, method
    assert open_http.post(uploads, **large).status_code in {202, 404}
    pieces = (b"x" * 65536 for _ in range(20))
    kind = {"content-type": "multipart/form-data; boundary=x"}
    response = open_http.post(PATH, content=pieces, headers=kind)  # without a length
    assert response.status_code == 413


def test_a_form_is_no_json(http: httpx.Client) -> None:
    """What a page can send without asking first (a form, text/plain) is not read as JSON."""
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        response = http.post(PATH, content=json.dumps(asked(EN)), headers={"content-type": kind})
        assert response.status_code == 400


@pytest.mark.parametrize("path", ["/v1/models", "/healthz", "/nope", "/docs", "/openapi.json"])
def test_every_answer_has_the_headers(http: httpx.Client, path: str) -> None:
    headers = http.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in headers
    assert len(headers["x-request-id"]) >= 8


def test_unknown_routes_and_methods_have_openais_shape(http: httpx.Client) -> None:
    for method, path, status in (("GET", "/nope", 404), ("PUT", "/v1/models", 405), ("GET", PATH, 405)):
        response = http.request(method, path)
        assert response.status_code == status
        assert response.json()["error"].keys() == {"message", "type", "param", "code"}


def test_the_manual_loads_nothing_from_elsewhere(http: httpx.Client) -> None:
    assert http.get("/").headers["location"] == "docs"
    page = http.get("/docs").text
    assert "http://" not in page + http.get("/docs/manual.js").text + http.get("/docs/manual.css").text
    assert "https://" not in page + http.get("/docs/manual.js").text + http.get("/docs/manual.css").text
    for name in ("manual.css", "manual.js"):
        assert f"docs/{name}" in page
        assert http.get(f"/docs/{name}").status_code == 200
