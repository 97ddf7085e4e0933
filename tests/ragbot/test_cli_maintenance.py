"""``ragbot kb verify``, ``repair``, ``compact``, ``export`` and ``import`` on the command line."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.ragbot.conftest import Cli


@pytest.fixture
def filled(cli: Cli, folder: Path) -> Cli:
    assert cli("ingest", str(folder)).code == 0
    return cli


@pytest.fixture
def damaged(filled: Cli, tmp_path: Path) -> Cli:
    db = sqlite3.connect(tmp_path / "data" / "kb" / "default" / "catalog.sqlite3")
    with db:
        db.execute("UPDATE documents SET text = text || 'x' WHERE source LIKE '%bpe.md'")
    db.close()
    return filled


def test_a_whole_one(filled: Cli) -> None:
    result = filled("kb", "verify")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("2 documents, ")
    assert result.out.endswith("all is well\n")
    assert filled("kb", "verify", "--json").json["problems"] == []
    assert "nothing was wrong" in filled("kb", "repair").out


def test_damage_is_one_line_and_exit_code_1_until_it_is_repaired(damaged: Cli, folder: Path) -> None:
    result = damaged("kb", "verify")
    assert result.code == 1
    line, total = result.out.splitlines()
    assert "bpe.md): its text is damaged" in line
    assert "→ ragbot kb repair, then ingest it again" in line
    assert total.endswith("1 problem(s)")
    report = damaged("kb", "verify", "--json")
    assert (report.code, report.json["problems"][0]["source"]) == (1, str(folder / "bpe.md"))
    assert f"removed, to be ingested again: {folder / 'bpe.md'}" in damaged("kb", "repair").out
    assert damaged("kb", "verify").code == 0
    again = damaged("ingest", str(folder), "--json").json
    assert (again["added"], again["skipped"]) == ([str(folder / "bpe.md")], [str(folder / "lora.md")])


def test_export_import_and_compact(filled: Cli, tmp_path: Path) -> None:
    before = filled("search", "Philip Gage", "--json").json["hits"]
    result = filled("kb", "export", "backup.zip")
    assert result.code == 0
    assert "2 documents" in result.out
    assert "holds every text" in result.err
    assert filled("kb", "import", "backup.zip").code == 2  # the default is there
    assert filled("kb", "import", "backup.zip", "--kb", "copy", "--json").json["documents"] == 2
    after = filled("search", "Philip Gage", "--kb", "copy", "--json").json["hits"]
    assert [hit["score"] for hit in after] == [hit["score"] for hit in before]
    assert filled("kb", "remove", "docs/bpe.md", "--kb", "copy").code == 0
    result = filled("kb", "compact", "--kb", "copy")
    assert (result.code, result.err) == (0, "")
    assert " before, " in result.out
    (tmp_path / "backup.zip").write_bytes(b"PK no more")
    refused = filled("kb", "import", "backup.zip", "--kb", "third", "--json")
    assert (refused.code, refused.json["error"]["type"]) == (1, "CorruptError")


@pytest.mark.parametrize("words", [["verify"], ["repair"], ["compact"], ["export", "e.zip"]])
def test_without_a_knowledge_base(cli: Cli, words: list[str]) -> None:
    result = cli("kb", *words, "--kb", "nope", "--json")
    assert (result.code, result.json["error"]["type"]) == (2, "SourceError")


def test_no_model_is_loaded(damaged: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("ragbot.bot.load_embedder", refuse)
    for words in (["verify"], ["repair"], ["compact"], ["export", "e.zip"], ["import", "e.zip", "--kb", "new"]):
        assert damaged("kb", *words).code == int(words == ["verify"])


def test_what_takes_long_says_how_far_it_is(filled: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragbot.console.maintenance.PAUSE", 0.0)
    assert "reading documents … 1 of 2" in filled("kb", "verify").err
    assert filled("kb", "verify", "--quiet").err == ""
