"""``ragbot ingest --access``, ``ragbot kb access`` and ``ragbot mcp serve --group``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ragbot.conftest import Cli


def lists(cli: Cli) -> list[list[str]]:
    return [document["acl"] for document in cli("kb", "documents", "--json").json["documents"]]


def test_given_kept_and_taken_away(cli: Cli, folder: Path) -> None:
    assert cli("ingest", str(folder), "--access", " board ", "--access", "法务", "--access", "board").code == 0
    assert lists(cli) == [["board", "法务"]] * 2
    cli("ingest", str(folder))  # says nothing about it
    assert lists(cli) == [["board", "法务"]] * 2
    cli("ingest", str(folder), "--access", "")  # as with tags
    assert lists(cli) == [[]] * 2
    cli("ingest", str(folder), "--acl", "old name of the option")
    assert lists(cli) == [["old name of the option"]] * 2


def test_of_one_document(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("ingest", str(folder))
    assert "seen by everyone" in cli("kb", "access", "lora.md").out
    assert cli("kb", "access", "lora.md", "legal", "board", "--json").json["access"] == ["board", "legal"]
    assert lists(cli) == [[], ["board", "legal"]]
    assert "seen by board, legal" in cli("kb", "access", "lora.md").out
    monkeypatch.setenv("RAGBOT_LANGUAGE", "zh")
    assert "仅 board, legal 可见" in cli("kb", "access", "lora.md").out
    assert "所有人可见" in cli("kb", "access", "lora.md", "--everyone").out
    assert lists(cli) == [[], []]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["kb", "access", "nowhere.md"], "there is no document"),
        (["kb", "access", "lora.md", "a", "--everyone"], "leave one of the two out"),
        (["kb", "access", "lora.md", " "], "cannot stand in an access list"),
        (["ingest", "docs", "--access", "a\x01b"], "cannot stand in an access list"),
    ],
)
def test_refused(cli: Cli, folder: Path, words: list[str], message: str) -> None:
    cli("ingest", str(folder))
    done = cli(*words)
    assert done.code == 2
    assert message in done.err
    assert lists(cli) == [[], []]


def test_clients_of_a_group_bring_nothing_in(cli: Cli, folder: Path) -> None:
    pytest.importorskip("mcp")
    cli("ingest", str(folder))
    done = cli("mcp", "serve", "--group", "board", "--ingest-from", str(folder))
    assert done.code == 2
    assert "leave one out" in done.err
