"""Other people's keys, documents and knowledge bases, on every route: no way in, and nothing told."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from ragbot.documents import ParsedDocument
from ragbot.workspace.jobs import Jobs
from ragbot.workspace.jobs_records import JobRequest
from ragbot.workspace.keys import Keys
from ragbot.workspace.keys_records import Rights
from tests.apps.api.knowledge_client import BASE, application, calling, finished, key, served

SECRET = "Zephyrine"
TEXT = f"# Plan\n\nThe vLLM requests belong to {SECRET}. 低秩矩阵归{SECRET}所有。\n"
QUESTIONS = ("To whom do the vLLM requests belong?", "低秩矩阵归谁所有？")


@pytest.fixture
def api(tmp_path: Path, corpus: Path) -> FastAPI:
    return application(tmp_path, corpus)


@pytest.fixture
def setting(api: FastAPI) -> dict[str, Any]:
    """The default knowledge base with a document for the board, one knowledge base of others, and keys."""
    bots = api.state.bots
    with bots.using() as bot:
        document = ParsedDocument(TEXT, f"Plan {SECRET}", "md", "en")
        bot.ingest_documents({"plan.md": document}, acl=("board",))
        hidden = next(one.id for one in bot.documents() if one.acl)
    bots.create("others")
    with bots.using("others") as bot:
        bot.ingest_documents({"plan.md": document})
    kb = bots.default
    job = Jobs(api.state.workspace).submit(bots.folder(kb), JobRequest((f"/{SECRET}.md",)))
    Jobs(api.state.workspace).cancel(job.id)
    names = {
        "staff": Rights("write", (kb,), ("staff",)),
        "board": Rights("write", (kb,), ("board",)),
        "reader": Rights("read", (kb,), None),
        "admin": Rights("admin", (kb,), None),
        "root": Rights("admin", None, None),
    }
    return {
        "kb": kb,
        "home": bots.home,
        "hidden": hidden,
        "job": job.id,
        "keys": {name: key(api, name, rights) for name, rights in names.items()},
    }


@pytest.fixture
def address(api: FastAPI, setting: dict[str, Any]) -> Iterator[str]:
    with served(api) as url:
        yield url


def request_of(path: str, method: str, setting: dict[str, Any], **other: str) -> dict[str, Any]:
    """A request of a route, as its caller would make it."""
    kb = other.get("kb", setting["kb"])
    document, job = other.get("document_id", setting["hidden"]), other.get("job_id", setting["job"])
    url = path.replace("{kb}", kb).replace("{document_id}", str(document)).replace("{job_id}", job)
    body: Any = {
        f"{BASE}": {"name": "fresh"},
        f"{BASE}/{{kb}}/search": {"query": QUESTIONS[0], "top_k": 50},
        f"{BASE}/{{kb}}/jobs": {"urls": ["http://127.0.0.1:1/"]},
        f"{BASE}/{{kb}}/documents/{{document_id}}/access": {"groups": []},
    }.get(path)
    made: dict[str, Any] = {"method": method.upper(), "url": url}
    if path.endswith("/uploads"):
        made["files"] = [("files", ("x.md", b"# X\n\nA text.\n"))]
    elif method != "get" and body is not None:
        made["json"] = body
    if method == "delete" and path.endswith("{kb}"):
        made["params"] = {"confirm": kb}
    return made


def routes(api: FastAPI) -> list[tuple[str, str]]:
    """Every route of knowledge bases."""
    from tests.apps.api.knowledge_client import with_routes

    paths = with_routes(api).openapi()["paths"]
    return [(path, method) for path, methods in paths.items() if path.startswith(BASE) for method in methods]


def test_without_a_valid_key_no_route_answers(api: FastAPI, address: str, setting: dict[str, Any]) -> None:
    revoked = Keys(api.state.workspace).create("gone", Rights("admin", None, None))
    Keys(api.state.workspace).revoke(revoked[0].id)
    found = routes(api)
    assert len(found) >= 17
    answers = set()
    for secret in ("", "x", str(revoked[1]), setting["keys"]["root"][:-1] + "~"):
        with calling(address, secret) as http:
            for path, method in found:
                answer = http.request(**request_of(path, method, setting))
                assert answer.status_code == 401, (path, method)
                assert answer.headers["www-authenticate"].startswith('Bearer realm="ragbot"')
                answers.add(answer.text)
    assert len(answers) == 1  # not known, revoked, mistyped: all the same


def test_the_key_is_looked_at_before_the_body(api: FastAPI, address: str) -> None:
    """No byte of a body is waited for from somebody who has no key."""
    host, port = address.removeprefix("http://").split(":")
    described = api.openapi()["paths"].items()
    found = [(path, method) for path, methods in described for method, of in methods.items() if "requestBody" in of]
    assert {"/v1/chat/completions", "/v1/embeddings", "/v1/agent"} <= {path for path, _ in found} and len(found) >= 8
    for path, method in found:
        head = f"{method.upper()} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(f"{head}Content-Length: 100000\r\n\r\n".encode())
            assert connection.recv(20).startswith(b"HTTP/1.1 401"), (path, method)


def test_a_scope_is_asked_for(api: FastAPI, address: str, setting: dict[str, Any]) -> None:
    reads = {
        f"{BASE}": "get",
        f"{BASE}/{{kb}}": "get",
        f"{BASE}/{{kb}}/documents": "get",
        f"{BASE}/{{kb}}/documents/{{document_id}}": "get",
        f"{BASE}/{{kb}}/documents/{{document_id}}/text": "get",
        f"{BASE}/{{kb}}/documents/{{document_id}}/chunks": "get",
        f"{BASE}/{{kb}}/documents/{{document_id}}/similar": "get",
        f"{BASE}/{{kb}}/search": "post",
        f"{BASE}/{{kb}}/topics": "get",
        f"{BASE}/{{kb}}/duplicates": "get",
    }
    admins = {(BASE, "post"), (f"{BASE}/{{kb}}", "delete")}
    with calling(address, setting["keys"]["reader"]) as http:
        for path, method in routes(api):
            status = http.request(**request_of(path, method, setting)).status_code
            assert status == (200 if reads.get(path) == method else 403), (path, method, status)
    with calling(address, setting["keys"]["board"]) as http:
        for path, method in admins:
            assert http.request(**request_of(path, method, setting)).status_code == 403


def test_a_knowledge_base_of_others_is_none(api: FastAPI, address: str, setting: dict[str, Any]) -> None:
    for name in ("staff", "admin"):
        with calling(address, setting["keys"][name]) as http:
            assert [row["name"] for row in http.get(BASE).json()["data"]] == [setting["kb"]]
            for path, method in routes(api):
                if "{kb}" not in path:
                    continue
                theirs = http.request(**request_of(path, method, setting, kb="others"))
                missing = http.request(**request_of(path, method, setting, kb="nowhere"))
                assert (theirs.status_code, missing.status_code) == (404, 404), (path, method)
                assert theirs.text.replace("others", "…") == missing.text.replace("nowhere", "…")
            assert http.post(BASE, json={"name": "others"}).status_code == 403
            assert http.post(BASE, json={"name": "nowhere"}).status_code == 403
    with calling(address, setting["keys"]["root"]) as http:
        assert "others" in http.get(BASE).text


def test_a_hidden_document_is_on_no_route(api: FastAPI, address: str, setting: dict[str, Any]) -> None:
    answered = {}
    for name in ("staff", "board"):
        text = ""
        with calling(address, setting["keys"][name]) as http:
            for path, method in routes(api):
                if method == "delete" or path.endswith(("/events", "/access", "/uploads", "/cancel")):
                    continue
                text += f"\n{path} {http.request(**request_of(path, method, setting)).text}"
            for question in QUESTIONS:
                for explain in (False, True):
                    body = {"query": question, "top_k": 100, "explain": explain}
                    text += http.post(f"{BASE}/{setting['kb']}/search", json=body).text
            for contains in (SECRET, "plan"):
                text += http.get(f"{BASE}/{setting['kb']}/documents", params={"contains": contains}).text
        answered[name] = text
    assert SECRET not in answered["staff"].replace(f"/{SECRET}.md", "")
    assert SECRET not in answered["staff"]  # nor the job of somebody else
    assert answered["board"].count(SECRET) > 10


@pytest.mark.parametrize("part", ["", "/text", "/chunks", "/similar", "/access"])
def test_hidden_and_missing_documents_are_the_same(address: str, setting: dict[str, Any], part: str) -> None:
    with calling(address, setting["keys"]["staff"]) as http:
        answers = []
        for number in (setting["hidden"], 9999):
            url = f"{BASE}/{setting['kb']}/documents/{number}{part}"
            answer = http.put(url, json={"groups": []}) if part == "/access" else http.get(url)
            answers.append((answer.status_code, answer.text.replace(str(number), "…")))
        assert answers[0] == answers[1]
        assert answers[0][0] == 404
        assert http.delete(f"{BASE}/{setting['kb']}/documents/{setting['hidden']}").status_code == 404
    with calling(address, setting["keys"]["board"]) as http:
        assert http.get(f"{BASE}/{setting['kb']}/documents/{setting['hidden']}").status_code == 200


def test_openai_routes_obey_too(address: str, setting: dict[str, Any]) -> None:
    found = {}
    for name in ("staff", "board"):
        with calling(address, setting["keys"][name]) as http:
            text = ""
            for question in QUESTIONS:
                message = {"role": "user", "content": question}
                body = {"model": "ragbot", "messages": [message], "ragbot": {"hits": True}}
                text += http.post("/v1/chat/completions", json=body).raise_for_status().text
                text += http.post("/v1/chat/completions", json={**body, "stream": True}).raise_for_status().text
            models = [row["id"] for row in http.get("/v1/models").json()["data"]]
            assert "ragbot/others" not in models
            refused = http.post("/v1/chat/completions", json={**body, "model": "ragbot/others"})
            assert refused.status_code == 404
            found[name] = text
    assert SECRET not in found["staff"]
    assert SECRET in found["board"]


def test_the_same_bytes_do_not_tell_of_a_hidden_copy(api: FastAPI, address: str, setting: dict[str, Any]) -> None:
    kb = setting["kb"]
    send: dict[str, Any] = {"files": [("files", ("a.md", b"# A\n\nThe same bytes.\n"))]}
    with calling(address, setting["keys"]["board"]) as board:
        mine = finished(board, board.post(f"{BASE}/{kb}/uploads", **send, data={"access": "board"}).json())
        assert mine["counts"] == {"added": 1}
    with calling(address, setting["keys"]["staff"]) as staff:
        theirs = finished(staff, staff.post(f"{BASE}/{kb}/uploads", **send).json())
        assert theirs["counts"] == {"added": 1}  # as if there were none
        assert staff.get(f"{BASE}/{kb}/jobs/{mine['id']}").status_code == 404
        assert [job["id"] for job in staff.get(f"{BASE}/{kb}/jobs").json()["data"]] == [theirs["id"]]
    with api.state.bots.using() as bot:
        lists = [one.acl for one in bot.documents() if "uploads/a" in one.source]
    assert sorted(lists) == [(), ("board",)]


def test_a_hidden_page_is_neither_read_again_nor_opened(api: FastAPI, address: str, setting: dict[str, Any]) -> None:
    url = "http://example.org/page"
    with api.state.bots.using() as bot:
        bot.ingest_documents({url: ParsedDocument(TEXT, "Page", "html", "en")}, acl=("board",))
    with calling(address, setting["keys"]["staff"]) as http:
        refused = http.post(f"{BASE}/{setting['kb']}/jobs", json={"urls": [url], "access": []})
        assert refused.status_code == 403
    with api.state.bots.using() as bot:
        assert next(one.acl for one in bot.documents() if one.source == url) == ("board",)


def test_nobody_locks_himself_out(address: str, setting: dict[str, Any]) -> None:
    url = f"{BASE}/{setting['kb']}/documents/{setting['hidden']}/access"
    with calling(address, setting["keys"]["board"]) as http:
        assert http.put(url, json={"groups": ["staff"]}).status_code == 400
        assert http.put(url, json={"groups": ["staff", "board"]}).json()["access"] == ["board", "staff"]
        assert http.put(url, json={"groups": [" "]}).status_code == 400
        upload = http.post(
            f"{BASE}/{setting['kb']}/uploads", files=[("files", ("x.md", b"# X"))], data={"access": "staff"}
        )
        assert upload.status_code == 400
    with calling(address, setting["keys"]["staff"]) as http:
        assert SECRET in http.get(url.removesuffix("/access") + "/text").text  # it holds at once


@pytest.mark.parametrize("groups", [None, ("board",)])
def test_only_who_sees_all_documents_deletes_all(api: FastAPI, address: str, groups: Any, setting: Any) -> None:
    secret = key(api, "more", Rights("admin", ("others",), groups))
    with calling(address, secret) as http:
        done = http.delete(f"{BASE}/others", params={"confirm": "others"})
        assert done.status_code == (204 if groups is None else 403)


def test_readers_do_not_see_access_lists(address: str, setting: dict[str, Any]) -> None:
    url = f"{BASE}/{setting['kb']}/documents/{setting['hidden']}"
    with calling(address, setting["keys"]["reader"]) as http:
        assert "access" not in http.get(url).json()
    with calling(address, setting["keys"]["admin"]) as http:
        assert http.get(url).json()["access"] == ["board"]


def test_a_key_in_the_wrong_place_is_none(address: str, setting: dict[str, Any]) -> None:
    secret = setting["keys"]["root"]
    attempts: list[dict[str, Any]] = [
        {"headers": {"Authorization": f"Basic {secret}"}},
        {"headers": {"Authorization": secret}},
        {"headers": {"X-Api-Key": secret}},
        {"params": {"key": secret, "api_key": secret, "access_token": secret}},
        {"cookies": {"Authorization": f"Bearer {secret}"}},
        {"headers": {"Authorization": f"Bearer {secret}, Bearer x"}},
    ]
    with httpx.Client(base_url=address, trust_env=False, timeout=30) as http:
        for attempt in attempts:
            cookies = attempt.pop("cookies", None)
            if cookies:
                attempt["headers"] = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
            assert http.get(BASE, **attempt).status_code == 401, attempt
        assert http.get(BASE, headers={"authorization": f"bearer  {secret}"}).status_code == 200


TRAVERSALS = [
    "..%2f..%2fetc",
    "%2e%2e",
    "..%5c..%5c",
    "....//",
    "/etc/passwd",
    "%00",
    "default%00",
    "default%2f..%2fothers",
    "~root",
    "C:%5c",
    "%252e%252e",
    "\u2025",
    "%c0%ae%c0%ae",
    ".hidden",
    "others%20",
    "with space",
    "others.",
    "\uff0e\uff0e",
]


def test_names_that_are_paths(address: str, setting: dict[str, Any]) -> None:
    with calling(address, setting["keys"]["root"]) as http:
        for name in TRAVERSALS:
            for tail in ("", "/documents", "/jobs", "/topics", "/documents/1/text"):
                answer = http.get(f"{BASE}/{name}{tail}")
                # A client takes dots away before it sends an address: then another route answers.
                assert answer.status_code in {307, 400, 404, 405} or not answer.url.path.startswith(f"{BASE}/"), (
                    answer.url
                )
                assert answer.status_code < 500
            made = http.post(BASE, json={"name": name})
            assert made.status_code == 400, (name, made.text)
    assert not list(setting["home"].parent.glob("*etc*"))
