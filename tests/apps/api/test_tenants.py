"""Keys on the routes of OpenAI's kind: none, a wrong one, one of another knowledge base, one of another group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from ragbot.workspace.keys import Keys
from ragbot.workspace.keys_records import Rights
from tests.apps.api.conftest import fill
from tests.apps.api.serving import app_of, client, running, settings
from tests.apps.api.test_chat import PATH, asked

LIGHT = "What colour is the lighthouse?"
#: Route, method, body; every one needs a key.
ROUTES: dict[str, tuple[str, Any]] = {
    "/v1/chat/completions": ("POST", asked(LIGHT)),
    "/v1/embeddings": ("POST", {"model": "ragbot", "input": "x"}),
    "/v1/models": ("GET", None),
    "/v1/models/ragbot": ("GET", None),
    "/v1/agent": ("POST", {"question": "x"}),
    "/v1/feedback": ("POST", {"id": "1", "rating": "up"}),
    "/v1/feedback/1": ("DELETE", None),
    "/metrics": ("GET", None),
}
Opened = Callable[[str], httpx.Client]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A server with two knowledge bases, and clients: of the first one, of the second one, of its board, of all."""
    folder = tmp_path_factory.mktemp("world")
    (folder / "open.md").write_text("The office opens at nine. It closes at five.", encoding="utf-8")
    (folder / "closed.md").write_text("Its lighthouse is painted green. The keeper is paid in gold.", encoding="utf-8")
    app = app_of(settings(folder / "data"))
    fill(app, folder / "open.md")
    fill(app, folder / "open.md", "second")
    with app.state.bots.using("second") as bot:
        bot.ingest(folder / "closed.md", acl=["board"])
    keys = Keys(app.state.workspace)
    rights = {
        "first": Rights("read", ("default",), None),
        "second": Rights("read", ("second",), ("staff",)),
        "board": Rights("read", ("second",), ("board",)),
        "all": Rights("admin", None, None),
        "slow": Rights("read", None, None, 1),
    }
    secrets = {name: str(keys.create(name, right)[1]) for name, right in rights.items()}
    gone = keys.create("gone", Rights("admin", None, None))
    keys.revoke(gone[0].id)
    secrets |= {"gone": str(gone[1]), "wrong": str(gone[1])[:-3] + "xyz", "": ""}
    with running(app) as url, ExitStack() as stack:

        def opened(name: str) -> httpx.Client:
            headers = {"authorization": f"Bearer {secrets[name]}"} if secrets[name] else {}
            return stack.enter_context(client(url, headers=headers))

        yield opened


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("who", ["", "wrong", "gone"])
def test_without_a_valid_key_there_is_nothing(world: Opened, route: str, who: str) -> None:
    method, body = ROUTES[route]
    response = world(who).request(method, route, json=body)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert response.json()["error"]["type"] == "authentication_error"


def test_health_needs_none(world: Opened) -> None:
    for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
        assert world("").get(path).status_code == 200


def test_another_tenants_knowledge_base_is_not_even_there(world: Opened) -> None:
    first = world("first")
    assert [row["id"] for row in first.get("/v1/models").json()["data"]] == ["ragbot", "ragbot/default", "hash"]
    there, nowhere = (
        first.post(PATH, json={**asked(LIGHT), "model": f"ragbot/{name}"}) for name in ("second", "nowhere")
    )
    assert there.status_code == nowhere.status_code == 404
    assert there.text.replace("second", "") == nowhere.text.replace("nowhere", "")
    assert first.get("/v1/models/ragbot/second").status_code == 404
    assert first.post("/v1/agent", json={"question": "x", "model": "ragbot/second"}).status_code == 404


def test_the_default_of_a_key_without_it_is_no_way_in(world: Opened) -> None:
    second = world("second")
    assert second.post(PATH, json=asked(LIGHT)).status_code == 404
    assert "ragbot" not in [row["id"] for row in second.get("/v1/models").json()["data"]]


@pytest.mark.parametrize("stream", [False, True])
def test_documents_of_other_groups_are_not_answered_from(world: Opened, stream: bool) -> None:
    body = {**asked(LIGHT, stream=stream, ragbot={"hits": True, "top_k": 20}), "model": "ragbot/second"}
    seen = world("board").post(PATH, json=body)
    assert "green" in seen.text
    hidden = world("second").post(PATH, json=body)
    assert hidden.status_code == 200
    assert "green" not in hidden.text
    assert "closed.md" not in hidden.text


def test_what_one_keeps_nobody_else_rates(world: Opened) -> None:
    kept = world("first").post(PATH, json=asked("When does the office open?", store=True)).json()
    rating = {"id": kept["ragbot"]["feedback_id"], "rating": "up"}
    for other in ("board", "all"):
        assert world(other).post("/v1/feedback", json=rating).status_code == 404
        assert world(other).delete(f"/v1/feedback/{rating['id']}").status_code == 404
    assert world("first").post("/v1/feedback", json=rating).status_code == 200


def test_the_limit_of_a_key_wins(world: Opened) -> None:
    slow = world("slow")
    assert slow.get("/v1/models").status_code == 200
    assert slow.get("/v1/models").status_code == 429
    assert world("all").get("/v1/models").status_code == 200
