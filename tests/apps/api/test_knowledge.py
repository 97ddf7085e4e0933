"""Knowledge bases over HTTP: made, filled by jobs, read, searched, deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from ragbot.workspace.jobs import Jobs
from ragbot.workspace.keys_records import Rights
from tests.apps.api.knowledge_client import BASE, application, calling, finished, key, served

EN = b"# Harbour\n\nThe harbour of Aalto was dredged in 1911. Its lighthouse is painted green.\n"
ZH = "# 长江\n\n长江全长六千三百公里。它流经重庆和武汉，最后注入东海。\n".encode()


@pytest.fixture
def api(tmp_path: Path, corpus: Path) -> FastAPI:
    return application(tmp_path, corpus)


@pytest.fixture
def address(api: FastAPI) -> Iterator[str]:
    with served(api) as url:
        yield url


@pytest.fixture
def http(address: str) -> Iterator[httpx.Client]:
    with calling(address) as opened:
        yield opened


@pytest.fixture
def kb(http: httpx.Client) -> str:
    """The default knowledge base, which holds the corpus."""
    names = [row["name"] for row in http.get(BASE).json()["data"] if row["default"]]
    return str(names[0])


def test_made_filled_read_deleted(http: httpx.Client, api: FastAPI) -> None:
    made = http.post(BASE, json={"name": "论文"})
    assert made.status_code == 201, made.text
    assert made.json() == {
        "object": "knowledge_base",
        "name": "论文",
        "default": False,
        "documents": 0,
        "chunks": 0,
        "usable": True,
    }
    here = f"{BASE}/论文"
    assert http.post(BASE, json={"name": "论文"}).status_code == 409
    empty = http.get(f"{here}/documents").json()
    assert (empty["total"], empty["data"], empty["next_offset"]) == (0, [], None)
    sent = http.post(
        f"{here}/uploads",
        files=[("files", ("../港口.md", EN)), ("files", ("river.md", ZH)), ("files", ("bad.pdf", b"no pdf"))],
        data={"tags": ["Ports", "Rivers"], "collection": "Geo"},
    )
    assert sent.status_code == 202, sent.text
    done = finished(http, sent.json())
    assert done["state"] == "done"
    assert done["counts"] == {"added": 2, "failed": 1}
    assert sent.headers["location"].endswith(done["id"])
    (failed,) = http.get(f"{here}/jobs/{done['id']}/files", params={"outcome": "failed"}).json()["data"]
    assert failed["source"].endswith("/uploads/bad.pdf")
    assert failed["reason"]
    folder = api.state.bots.folder("论文") / "uploads"
    assert sorted(path.name for path in folder.iterdir()) == ["river.md", "港口.md"]  # the bad one is not kept
    listed = http.get(f"{here}/documents", params={"tags": "ports", "limit": 1}).json()
    assert (listed["total"], len(listed["data"]), listed["next_offset"]) == (2, 1, 1)
    assert [one["title"] for one in http.get(f"{here}/documents", params={"contains": "港口"}).json()["data"]] == [
        "Harbour"
    ]
    found = http.get(f"{here}/documents", params={"languages": "zh"}).json()["data"][0]
    assert (found["title"], found["tags"], found["collection"]) == ("长江", ["ports", "rivers"], "geo")
    text = http.get(f"{here}/documents/{found['id']}/text").json()
    assert "六千三百公里" in text["text"]
    part = http.get(f"{here}/documents/{found['id']}/text", params={"start": 2, "length": 2}).json()
    assert (part["text"], part["total"]) == (text["text"][2:4], text["total"])
    for one in http.get(f"{here}/documents/{found['id']}/chunks").json()["data"]:
        assert text["text"][one["start"] : one["end"]] == one["text"]
    assert http.delete(f"{here}/documents/{found['id']}").status_code == 204
    assert http.get(f"{here}/documents/{found['id']}").status_code == 404
    assert [path.name for path in folder.iterdir()] == ["港口.md"]
    for confirm in (None, "x"):
        refused = http.delete(here, params={"confirm": confirm} if confirm else {})
        assert refused.status_code == 400
    assert http.delete(here, params={"confirm": "论文"}).status_code == 204
    assert http.get(here).status_code == 404
    assert not folder.parent.exists()
    assert [path.name for path in api.state.bots.home.iterdir() if path.name.startswith(".")] == []
    assert [job for job in Jobs(api.state.workspace).all() if job.kb == str(folder.parent)] == []
    assert http.post(BASE, json={"name": "论文"}).status_code == 201  # the name is free again


def test_search_with_and_without_reasons(http: httpx.Client, kb: str) -> None:
    plain = http.post(f"{BASE}/{kb}/search", json={"query": "lighthouse harbour", "top_k": 2}).json()
    assert plain["hits"][0]["source"].endswith("plain.txt")
    told = http.post(f"{BASE}/{kb}/search", json={"query": "lighthouse harbour", "top_k": 2, "explain": True}).json()
    assert [hit["id"] for hit in told["hits"]] == [hit["id"] for hit in plain["hits"]]
    assert "lighthouse" in told["hits"][0]["matched"]
    assert {part["name"] for part in told["hits"][0]["components"]} >= {"dense", "lexical", "fused"}
    none = http.post(f"{BASE}/{kb}/search", json={"query": "x", "where": {"types": ["pdf"]}}).json()
    assert none["hits"] == []
    for bad in ({"query": "  "}, {"query": "x", "top_k": 0}, {"query": "x", "wher": {}}):
        assert http.post(f"{BASE}/{kb}/search", json=bad).status_code == 400


def test_similar_topics_duplicates(http: httpx.Client, kb: str) -> None:
    document = http.get(f"{BASE}/{kb}/documents").json()["data"][0]
    similar = http.get(f"{BASE}/{kb}/documents/{document['id']}/similar", params={"top_k": 2}).json()["data"]
    assert document["id"] not in {row["document"]["id"] for row in similar}
    topics = http.get(f"{BASE}/{kb}/topics", params={"count": 2}).json()
    assert sum(topic["chunks"] for topic in topics["data"]) == topics["chunks"]
    assert http.get(f"{BASE}/{kb}/duplicates").json()["documents"] == 4


@pytest.mark.parametrize("route", ["search", "topics", "duplicates", "similar"])
def test_what_takes_long_stands_in_line(api: FastAPI, http: httpx.Client, kb: str, route: str) -> None:
    gate = api.state.parts.gate
    gate.queue = 0
    document = http.get(f"{BASE}/{kb}/documents").json()["data"][0]["id"]

    def call() -> httpx.Response:
        if route == "search":
            return http.post(f"{BASE}/{kb}/search", json={"query": "harbour"})
        return http.get(f"{BASE}/{kb}/{f'documents/{document}/similar' if route == 'similar' else route}")

    assert call().status_code == 200
    gate._free._value = 0  # every slot is taken
    refused = call()
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert http.get(f"{BASE}/{kb}/documents").status_code == 200  # what is quick is answered all the same
    gate._free._value = gate.slots
    assert call().status_code == 200


def test_what_a_client_has_is_not_sent_again(http: httpx.Client, kb: str) -> None:
    here = f"{BASE}/{kb}/documents"
    first = http.get(here)
    assert http.get(here, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    number = first.json()["data"][0]["id"]
    one = http.get(f"{here}/{number}")
    changed = http.put(
        f"{here}/{number}/access", json={"groups": [" board ", "board"]}, headers={"If-Match": one.headers["etag"]}
    )
    assert changed.json()["access"] == ["board"]
    assert http.get(here, headers={"If-None-Match": first.headers["etag"]}).status_code == 200
    old = {"If-Match": one.headers["etag"]}
    assert http.put(f"{here}/{number}/access", json={"groups": []}, headers=old).status_code == 412
    assert http.delete(f"{here}/{number}", headers=old).status_code == 412
    assert http.delete(f"{here}/{number}", headers={"If-Match": changed.headers["etag"]}).status_code == 204


def test_a_request_sent_twice_is_one_job(http: httpx.Client, kb: str) -> None:
    def send(content: bytes = EN, token: str = "t-1") -> httpx.Response:
        return http.post(
            f"{BASE}/{kb}/uploads", files=[("files", ("a.md", content))], headers={"Idempotency-Key": token}
        )

    first = send()
    assert send().json()["id"] == first.json()["id"]
    finished(http, first.json())
    assert send().json()["state"] == "done"
    assert send(ZH).status_code == 422
    assert send(ZH, "t-2").json()["id"] != first.json()["id"]
    assert len(http.get(f"{BASE}/{kb}/jobs").json()["data"]) == 2


def test_events_follow_a_job_to_its_end(http: httpx.Client, kb: str) -> None:
    job = http.post(f"{BASE}/{kb}/uploads", files=[("files", ("a.md", EN))]).json()
    with http.stream("GET", f"{BASE}/{kb}/jobs/{job['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        data = [line[6:] for line in stream.iter_lines() if line.startswith("data: ")]
    last = json.loads(data[-1])
    assert (last["id"], last["state"], last["counts"]) == (job["id"], "done", {"added": 1})
    assert http.delete(f"{BASE}/{kb}/jobs/{job['id']}").status_code == 204
    assert http.get(f"{BASE}/{kb}/jobs/{job['id']}").status_code == 404
    assert http.post(f"{BASE}/{kb}/jobs/{job['id']}/cancel").status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/x",
        "http://user:pw@example.org/",
        "http://example.org:22/",
        "http://0x7f.1/",
        "x",
    ],
)
def test_urls_that_are_none(http: httpx.Client, kb: str, url: str) -> None:
    refused = http.post(f"{BASE}/{kb}/jobs", json={"urls": [url]})
    assert refused.status_code == 400
    assert http.get(f"{BASE}/{kb}/jobs").json()["data"] == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/v1/models", "http://169.254.169.254/latest", "http://[::1]/x"]
)
def test_private_addresses_are_not_reached(http: httpx.Client, kb: str, url: str, address: str) -> None:
    url = url.format(port=address.rpartition(":")[2])
    done = finished(http, http.post(f"{BASE}/{kb}/jobs", json={"urls": [url]}).json())
    assert done["counts"] == {"failed": 1}
    (row,) = http.get(f"{BASE}/{kb}/jobs/{done['id']}/files").json()["data"]
    assert "private network" in row["reason"] or "never connected" in row["reason"]


def test_an_owner_who_allows_private_hosts_allows_them_to_nobody_else(corpus: Path, tmp_path: Path) -> None:
    from tests.apps.api.conftest import fill
    from tests.apps.api.serving import app_of, settings

    own = settings(tmp_path / "other").model_copy(deep=True)
    own.ingest.allow_private = True
    app = app_of(own)
    fill(app, corpus)
    with served(app) as url, calling(url) as http:
        name = app.state.bots.default
        done = finished(http, http.post(f"{BASE}/{name}/jobs", json={"urls": [f"{url}/healthz"]}).json())
        assert done["counts"] == {"failed": 1}


def test_forms_that_are_none(http: httpx.Client, kb: str, api: FastAPI) -> None:
    here = f"{BASE}/{kb}/uploads"
    assert http.post(here, json={}).status_code == 415
    assert http.post(here, data={"tags": "x"}).status_code in {400, 415}
    assert http.post(here, files=[("file", ("a.md", EN))]).status_code == 400
    assert http.post(here, files=[("files", ("a.md", b""))]).status_code == 400
    broken = http.post(here, content=b"--x\r\nnonsense", headers={"content-type": "multipart/form-data; boundary=x"})
    assert broken.status_code == 400
    assert http.post(here, content=b"x", headers={"content-type": "multipart/form-data"}).status_code == 400
    assert not list((api.state.bots.folder(kb) / "uploads").glob("*"))


def test_a_file_that_is_too_large_leaves_nothing(http: httpx.Client, kb: str, api: FastAPI) -> None:
    api.state.parts.settings.ingest.max_file_mb = 1
    many = [("files", ("a.md", EN)), ("files", ("big.md", b"x" * (1 << 20) + b"y"))]
    refused = http.post(f"{BASE}/{kb}/uploads", files=many)
    assert refused.status_code == 400
    assert "larger than 1 MiB" in refused.text
    assert not list((api.state.bots.folder(kb) / "uploads").glob("*"))


def test_an_interrupted_job_goes_on_with_the_server(api: FastAPI, corpus: Path) -> None:
    from dataclasses import replace

    from ragbot.workspace.jobs_records import JobRequest

    jobs, name = Jobs(api.state.workspace), api.state.bots.default
    (corpus / "new.md").write_bytes(EN)
    job = jobs.submit(api.state.bots.folder(name), JobRequest((str(corpus / "new.md"),)))
    with jobs.workspace.writing() as db:
        jobs.write_row(db, replace(job, state="running", attempts=1))
    with served(api) as url, calling(url) as http:
        done = finished(http, {"id": job.id, "knowledge_base": name})
        assert (done["state"], done["attempts"], done["counts"]) == ("done", 2, {"added": 1})


def test_nothing_is_received_from_a_stranger(address: str, api: FastAPI, kb: str) -> None:
    key(api, "somebody")
    with calling(address) as http:
        refused = http.post(f"{BASE}/{kb}/uploads", files=[("files", ("a.md", EN))])
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    with calling(address, key(api, "reader", Rights("read", groups=None))) as http:
        assert http.post(f"{BASE}/{kb}/uploads", files=[("files", ("a.md", EN))]).status_code == 403
    assert not list((api.state.bots.folder(kb) / "uploads").glob("*"))


ODD = (
    "\\ud800",
    "\\u0000",
    "%",
    "'; DROP TABLE jobs; --",
    "\\u202e",
    "\U0001f680",
    "a" * 300,
    "[",
    "*?[",
    "../x",
    "  ",
    "",
)


def test_odd_texts_are_nobodys_failure(http: httpx.Client, kb: str) -> None:
    here = f"{BASE}/{kb}"
    number = http.get(f"{here}/documents").json()["data"][0]["id"]
    bodies = {
        ("POST", BASE): '{"name": "§"}',
        (
            "POST",
            f"{here}/search",
        ): '{"query": "§", "explain": true, "where": {"sources": ["§"], "tags": ["§"], "types": ["§"]}}',
        ("POST", f"{here}/jobs"): '{"urls": ["§"], "access": ["§"], "tags": ["§"], "collection": "§"}',
        ("PUT", f"{here}/documents/{number}/access"): '{"groups": ["§"]}',
    }
    headers = {"Content-Type": "application/json"}
    for odd in ODD:
        for (method, url), body in bodies.items():
            content = body.replace("§", odd.replace('"', '\\"')).encode()
            answer = http.request(method, url, content=content, headers=headers)
            assert answer.status_code < 500, (url, odd, answer.text)
        text = json.loads(f'"{odd}"')
        if not text.isprintable():
            continue
        for params in ({"contains": text}, {"sources": text}, {"since": text}, {"offset": text}, {"limit": text}):
            assert http.get(f"{here}/documents", params=params).status_code < 500
        for url in (f"{here}/jobs/{text}", f"{here}/jobs/{text}/files", f"{here}/documents/{text}", f"{BASE}/{text}"):
            assert http.get(url).status_code < 500, url
        sent = http.post(
            f"{here}/uploads",
            files=[("files", (text or "x", EN))],
            data={"access": text, "tags": text, "collection": text},
            headers={"Idempotency-Key": text} if text.isascii() and text.strip() else {},
        )
        assert sent.status_code < 500, (odd, sent.text)
    for value in ("-1", "9" * 30, "1e3", "NaN"):
        for url in (f"{here}/documents/{value}", f"{here}/documents/{number}/text?start={value}&length={value}"):
            assert http.get(url).status_code in {400, 404}, url
        assert http.get(f"{here}/topics", params={"count": value}).status_code == 400
    for job in http.get(f"{here}/jobs").json()["data"]:
        finished(http, job)
