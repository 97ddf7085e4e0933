"""Names are never paths: every form, in every place where a route takes one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from apps.api.bots import Bots, UnknownKnowledgeBaseError
from ragbot.errors import UserError
from ragbot.models.testing import HashEmbedder
from tests.apps.api.forms import FORMS
from tests.apps.api.serving import settings
from tests.apps.api.test_chat import EN, asked

SECRET = "the password is swordfish"


@pytest.fixture(scope="module", autouse=True)
def bait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file where the paths would lead."""
    path = tmp_path_factory.getbasetemp() / "secret"
    path.write_text(SECRET, encoding="utf-8")
    return path


def raw(text: str) -> str:
    """A form in an address as it stands, as far as an address can hold it."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="/%.;:@$&()*+,=!'~-_")


def sent(http: httpx.Client, place: str, form: str) -> httpx.Response:
    kind = {"content-type": "application/json"}
    encoded = quote(form.encode("utf-8", "surrogatepass"), safe="")
    bodies: dict[str, tuple[str, Any]] = {
        "chat model": ("/v1/chat/completions", asked(EN) | {"model": f"ragbot/{form}"}),
        "agent model": ("/v1/agent", {"question": EN, "model": f"ragbot/{form}"}),
        "embedding model": ("/v1/embeddings", {"model": form, "input": "a"}),
        "source": ("/v1/chat/completions", asked(EN, ragbot={"where": {"sources": [form]}, "hits": True})),
        "tool": ("/v1/agent", {"question": EN, "tools": [form]}),
        "feedback": ("/v1/feedback", {"id": form, "rating": "up"}),
    }
    if place in bodies:
        path, body = bodies[place]
        return http.post(path, content=json.dumps(body), headers=kind)
    if place == "request id":
        return http.get("/v1/models", headers={"x-request-id": encoded})
    if place == "key":
        held = form.encode("ascii", "ignore").translate(None, bytes(range(32))).strip()
        return http.get("/v1/models", headers={"authorization": b"Bearer x" + held})
    prefix = PREFIXES[place]
    return http.request("DELETE" if "feedback" in place else "GET", prefix + (encoded if len(form) % 2 else raw(form)))


PREFIXES = {
    "model in a path": "/v1/models/ragbot/", "feedback in a path": "/v1/feedback/", "manual": "/docs/",
    "kb": "/v1/knowledge-bases/",
}  # fmt: skip
#: Where a form is a name that nothing has.
NAMING = {"chat model", "agent model", "embedding model", "feedback", "model in a path", "feedback in a path"}
PLACES = [
    "chat model", "agent model", "embedding model", "source", "tool", "feedback", "request id", "key", "model in a path",
    "feedback in a path", "manual", "kb",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_no_form_leads_anywhere(http: httpx.Client, place: str) -> None:
    assert len(FORMS) >= 200
    for form in FORMS:
        response = sent(http, place, form)
        assert response.status_code < 500, (form, response.text)
        assert SECRET not in response.text, form
        assert "root:" not in response.text, form
        if place in NAMING:
            # The client itself takes dots out of an address, and may come to another route.
            path, prefix = response.request.url.path, PREFIXES.get(place, "")
            elsewhere = "path" in place and (not path.startswith(prefix) or path == prefix)
            assert elsewhere or response.status_code in {400, 404, 405}, (form, response.status_code)
        if place == "source" and response.status_code == 200:
            hits = response.json()["ragbot"]["hits"]
            assert not hits or set(form) <= {"*", "?"}, form


@pytest.mark.parametrize("form", FORMS)
def test_no_form_is_a_knowledge_base(tmp_path: Path, form: str) -> None:
    bots = Bots(settings(tmp_path / "data"), embedder=HashEmbedder())
    with pytest.raises(UnknownKnowledgeBaseError):
        bots.folder(form or "/")
    try:
        made = bots.create(form)
    except UserError:
        return
    finally:
        bots.close()
    # A strange name may be a name; then its folder stands where such folders stand.
    assert made.parent == bots.home
    assert made.resolve().parent == bots.home.resolve()
