"""``ragbot models build``: the bundled models of the settings, and no others, are made ready."""

from __future__ import annotations

from typing import Any

import pytest

from ragbot.console import building
from ragbot.errors import StorageError
from ragbot.settings import Settings
from tests.ragbot.conftest import Cli


def roles(**settings: Any) -> list[tuple[str, str]]:
    return [(kind, spec) for kind, spec, _ in building.chosen(Settings(**settings))]


@pytest.fixture
def without_adapters(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for module in ("agents.models", "ragbot.models.llms.choice"):
        monkeypatch.setattr(f"{module}.adapter_folder", lambda name: tmp_path / name)


@pytest.mark.usefixtures("without_adapters")
def test_what_the_settings_choose() -> None:
    assert roles(llm="extractive") == [("embedder", "bundled"), ("reranker", "bundled"), ("agent", "bundled")]
    assert roles(llm="bundled", retrieval={"reranker": "none"}) == [("embedder", "bundled"), ("llm", "bundled")]
    assert roles(llm="reader:mine")[2:] == [("llm", "reader:mine"), ("agent", "bundled")]
    assert roles(llm="openai:qwen3", embedder="BAAI/bge-m3") == []
    assert roles(llm="openai:qwen3", embedder="BAAI/bge-m3", retrieval={"reranker": "bundled"}) == [
        ("reranker", "bundled")
    ]


@pytest.mark.parametrize(
    ("language", "said"), [("en", "embedder: bundled is ready ("), ("zh", "嵌入模型：bundled 已就绪（")]
)
def test_each_is_loaded_and_told(cli: Cli, monkeypatch: pytest.MonkeyPatch, language: str, said: str) -> None:
    loaded: list[str] = []
    monkeypatch.setenv("RAGBOT_LANGUAGE", language)
    monkeypatch.setattr(building, "chosen", lambda settings: [("embedder", "bundled", lambda: loaded.append("x"))])
    result = cli("models", "build")
    assert result.code == 0 and result.out.startswith(said) and loaded == ["x"]
    found = cli("models", "build", "--json").json
    assert [(one["kind"], one["spec"]) for one in found["models"]] == [("embedder", "bundled")]
    assert found["cache"] and found["models"][0]["seconds"] >= 0


def test_nothing_to_build_is_said(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "chosen", lambda settings: [])
    assert "none of their models is bundled" in cli("models", "build").out


def test_a_cache_that_is_full(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise StorageError("cannot build the model x in the cache folder")

    monkeypatch.setattr(building, "chosen", lambda settings: [("embedder", "bundled", full)])
    result = cli("models", "build")
    assert result.code != 0 and "cannot build the model x" in result.err and "ready" not in result.out


def test_the_real_embedder_is_built(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGBOT_RETRIEVAL__RERANKER", "none")
    monkeypatch.setenv("RAGBOT_AGENT__LLM", "openai:qwen3")
    assert [one["kind"] for one in cli("models", "build", "--json").json["models"]] == ["embedder"]
