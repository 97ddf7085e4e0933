"""The parts of the Gradio app without a browser, over a small knowledge base."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason='the Gradio app needs the extra "ui": pip install "ragbot[ui]"')

from apps.api.bots import Bots
from apps.door.login import Login
from apps.gradio_ui.site import Site
from ragbot.models.testing import HashEmbedder
from ragbot.sections.answers import GenerationSettings
from ragbot.settings import Settings
from ragbot.workspace.opening import workspace_path
from ragbot.workspace.people import People
from ragbot.workspace.store import Workspace


@pytest.fixture
def bots(tmp_path: Path, corpus: Path) -> Iterator[Bots]:
    """Two knowledge bases: ``default`` over ``corpus``, and ``other``, which is empty; nothing is refused as unlikely."""
    generation = GenerationSettings(min_confidence=0.0)
    made = Bots(Settings(data_dir=tmp_path / "home", llm="extractive", generation=generation), embedder=HashEmbedder())
    made.create("default")
    made.create("other")
    with made.using() as bot:
        bot.ingest(corpus)
    yield made
    made.close()


@pytest.fixture
def site(bots: Bots) -> Iterator[Site]:
    """An app that is not served; nobody has to log in until a key is made."""
    workspace = Workspace(workspace_path(bots.settings))
    made = Site(bots, workspace, Login(workspace), People(bots.settings, workspace))
    yield made
    made.close()
