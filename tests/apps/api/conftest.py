"""Fixtures of the API's tests: a server over a small corpus, one for all tests of a module that leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.apps.api.serving import app_of, client, running, settings
from tests.conftest import EN, ZH


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``lora.md`` (zh) and ``serving.md`` (en)."""
    folder = tmp_path_factory.mktemp("papers")
    (folder / "lora.md").write_text(ZH, encoding="utf-8")
    (folder / "serving.md").write_text(EN, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def api(papers: Path, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The application; its default knowledge base holds ``papers``."""
    app = app_of(settings(tmp_path_factory.mktemp("data")))
    fill(app, papers)
    return app


@pytest.fixture(scope="module")
def address(api: FastAPI) -> Iterator[str]:
    """Where the application is served."""
    with running(api) as url:
        yield url


@pytest.fixture(scope="module")
def http(address: str) -> Iterator[httpx.Client]:
    """A client of it."""
    with client(address) as opened:
        yield opened


def fill(app: FastAPI, corpus: Path, name: str = "") -> None:
    """Make the knowledge base ``name`` (the default one), and bring ``corpus`` in."""
    bots = app.state.bots
    name = name or bots.default
    if name not in bots.names():
        bots.create(name)
    with bots.using(name) as bot:
        bot.ingest(corpus)
