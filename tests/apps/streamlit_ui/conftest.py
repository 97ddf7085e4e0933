"""The app over small knowledge bases, its pages run without a browser by Streamlit's own test runner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from apps.api.bots import Bots
from apps.streamlit_ui import app
from apps.streamlit_ui.launch import SCRIPT
from apps.streamlit_ui.site import Site, offer
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings

#: Seconds that a run of a page may take: shared machines are slow at times.
PATIENCE = 280

assert app.main  # what the pages import is there before the clock of a run starts

#: ``page(name, **state)``: a page by the name of its module, with the state that is given; ``app`` is the whole script.
Opened = Callable[..., AppTest]


@pytest.fixture
def bots(tmp_path: Path, corpus: Path) -> Iterator[Bots]:
    """Two knowledge bases: ``default`` over ``corpus``, and ``other``, which is empty; nothing is refused as unlikely."""
    settings = Settings(
        data_dir=tmp_path / "data",
        llm="extractive",
        generation={"min_confidence": 0.0},  # type: ignore[arg-type]  # pydantic makes it of the dict
    )
    made = Bots(settings, embedder=HashEmbedder())
    for name in ("default", "other"):
        made.create(name)
    with made.using() as bot:
        bot.ingest(corpus)
    yield made
    made.close()


@pytest.fixture
def site(bots: Bots) -> Iterator[Site]:
    """What the pages work with."""
    made = Site(bots)
    offer(made)
    st.cache_resource.clear()
    yield made
    offer(None)
    made.close()


@pytest.fixture
def page(site: Site) -> Opened:
    """Opens a page."""

    def opened(name: str = "app", language: str = "en", **state: Any) -> AppTest:
        if name == "app":
            tested = AppTest.from_file(SCRIPT, default_timeout=PATIENCE)
        else:
            script = f"from apps.streamlit_ui import {name}\n{name}.show()\n"
            tested = AppTest.from_string(script, default_timeout=PATIENCE)
        tested.context = {"locale": language}
        for key, value in state.items():
            tested.session_state[key] = value
        return tested.run()

    return opened
