"""``ragbot kb reembed`` and ``ragbot ingest --context`` on the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ragbot.models.testing import HashEmbedder
from tests.models.conftest import Endpoint, Reply
from tests.ragbot.conftest import Cli


class Other(HashEmbedder):
    def __init__(self) -> None:
        super().__init__(32, max_tokens=4)
        self.fingerprint = replace(self.fingerprint, name="other")


@pytest.fixture
def filled(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    assert cli("ingest", str(folder)).code == 0
    monkeypatch.setattr(
        "ragbot.bot.load_embedder", lambda spec, **_: Other() if spec == "other:model" else HashEmbedder()
    )
    return cli


def test_reembed(filled: Cli) -> None:
    result = filled("kb", "reembed", "--embedder", "other:model")
    assert result.code == 0
    assert "embedded with other (32 dimensions) instead of hash" in result.out
    assert "texts are longer than other reads" in result.err
    assert "`ragbot ingest` cuts the files anew if" in " ".join(result.err.split())
    refused = filled("search", "Philip Gage", "--json")
    assert (refused.code, refused.json["error"]["type"]) == (2, "EmbedderMismatchError")
    assert "--embedder other:model" in refused.json["error"]["message"]
    assert filled("search", "Philip Gage", "--embedder", "other:model", "--json").json["hits"]
    assert "other (32 dimensions" in filled("kb", "info").out
    again = filled("kb", "reembed", "--embedder", "other:model")
    assert "is embedded with other already" in again.out
    assert filled("kb", "reembed", "--embedder", "other:model", "--json").json["unchanged"] is True


def test_interrupted(filled: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Other, "encode_documents", interrupt)
    result = filled("kb", "reembed", "--embedder", "other:model")
    assert result.code == 130
    assert "is as it was, and the same command goes on" in " ".join(result.err.split())
    assert filled("search", "Philip Gage", "--json").json["hits"]


def test_without_a_knowledge_base(cli: Cli) -> None:
    result = cli("kb", "reembed", "--kb", "nope", "--json")
    assert (result.code, result.json["error"]["type"]) == (2, "SourceError")


def test_lines_need_a_chat_model(cli: Cli, folder: Path, tmp_path: Path) -> None:
    result = cli("ingest", str(folder), "--context", "model", "--json")
    assert (result.code, result.json["error"]["type"]) == (2, "SettingsError")
    assert "--llm MODEL" in result.json["error"]["message"]
    assert not (tmp_path / "data").exists()


def test_lines_that_could_not_be_written_are_told(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = Endpoint()
    monkeypatch.setenv("RAGBOT_OPENAI__BASE_URL", endpoint.url)
    words = ("ingest", str(folder), "--context", "model", "--llm", "openai:m")
    endpoint.replies = [Reply(status=404)]
    try:
        result = cli(*words)
        assert result.code == 0
        assert "1 chunk(s) are without a line" in " ".join(result.err.split())
        report = cli(*words, "--json").json
        assert (len(report["updated"]), report["contexts"], report["contexts_failed"]) == (1, 1, 0)
        assert len(cli(*words, "--json").json["skipped"]) == 2
    finally:
        endpoint.close()
