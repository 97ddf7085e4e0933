"""A server with the routes of knowledge bases, and callers with keys."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import Depends, FastAPI

from apps.api import knowledge
from apps.api.common import admitted
from ragbot.workspace.keys import Keys
from ragbot.workspace.keys_records import Rights
from tests.apps.api.conftest import fill
from tests.apps.api.serving import PATIENCE, app_of, client, running, settings

BASE = "/v1/knowledge-bases"


def with_routes(app: FastAPI) -> FastAPI:
    """``app`` with our routes, if it has not got them."""
    if f"{BASE}/{{kb}}" not in app.openapi()["paths"]:
        app.openapi_schema = None
        app.include_router(knowledge.router, dependencies=[Depends(admitted)])
    return app


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of ``app``, at work."""
    with running(with_routes(app)) as url:
        yield url


def application(tmp_path: Path, corpus: Path) -> FastAPI:
    """An application of its own; its default knowledge base holds ``corpus``."""
    app = with_routes(app_of(settings(tmp_path / "data")))
    fill(app, corpus)
    return app


def key(app: FastAPI, name: str, rights: Rights | None = None) -> str:
    """A new key."""
    return str(Keys(app.state.workspace).create(name, rights or Rights("admin", groups=None))[1])


@contextmanager
def calling(address: str, secret: str = "") -> Iterator[httpx.Client]:
    """A client that sends a key."""
    with client(address, headers={"Authorization": f"Bearer {secret}"} if secret else {}) as opened:
        yield opened


def finished(http: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """A job when it has come to its end."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found: dict[str, Any] = http.get(f"{BASE}/{job['knowledge_base']}/jobs/{job['id']}").raise_for_status().json()
        if found["state"] in {"done", "failed", "cancelled"}:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
