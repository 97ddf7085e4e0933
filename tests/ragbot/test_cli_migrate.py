"""``ragbot kb migrate``, and where the store of a knowledge base is named."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from ragbot.settings import load_settings, value_of

needs_chroma = pytest.mark.skipif(not importlib.util.find_spec("chromadb"), reason="no chromadb")


@needs_chroma
def test_migrate_says_what_it_did(cli: Any, folder: Path) -> None:
    cli("ingest", str(folder))
    before = cli("search", "LoRA 低秩矩阵", "--json").json
    done = cli("kb", "migrate", "--store", "chroma")
    assert done.code == 0 and "moved from faiss to chroma; nothing was embedded again" in done.out
    again = cli("kb", "migrate", "--store", "chroma")
    assert again.code == 0 and "in chroma already; nothing was done" in again.out
    assert cli("search", "LoRA 低秩矩阵", "--json").json == before
    assert cli("kb", "info", "--json").json["vector_store"] == "chroma"
    assert "vector store" in cli("kb", "info").out
    assert "vectors in chroma" in cli("doctor").out
    assert cli("kb", "verify").code == 0
    assert cli("kb", "compact").code == 0
    assert cli("kb", "remove", str(folder / "bpe.md")).code == 0
    assert cli("kb", "verify").code == 0
    back = cli("kb", "migrate", "--store", "faiss", "--json").json
    assert (back["before"], back["after"], back["left"]) == ("chroma", "faiss", "")


def test_stores_that_cannot_be_used(cli: Any, folder: Path) -> None:
    cli("ingest", str(folder))
    wrong = cli("kb", "migrate", "--store", "chorma")
    assert wrong.code == 2 and "Did you mean 'chroma'" in wrong.err
    unset = cli("kb", "migrate", "--store", "chroma-server")
    assert unset.code == 2 and "vectors.chroma_url" in unset.err
    assert cli("kb", "info", "--json").json["vector_store"] == "faiss"
    assert cli("kb", "verify").code == 0


@needs_chroma
def test_a_new_knowledge_base_in_the_store_of_the_settings(
    cli: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGBOT_VECTORS__STORE", "chroma")
    assert cli("ingest", str(folder)).code == 0
    monkeypatch.delenv("RAGBOT_VECTORS__STORE")
    assert cli("kb", "info", "--json").json["vector_store"] == "chroma"
    assert cli("search", "byte-pair encoding", "--json").code == 0


def test_the_token_is_not_shown() -> None:
    settings, _ = load_settings({"vectors.chroma_token": "t0ken-secret"})
    assert "t0ken" not in repr(settings) + str(value_of(settings, "vectors.chroma_token"))
    from ragbot.bot import store_options

    assert store_options(settings).chroma_token == "t0ken-secret"
    assert "t0ken" not in repr(store_options(settings))
