"""``ragbot keys``: what is printed, where, and what is refused."""

from __future__ import annotations

import pytest

from ragbot.workspace.keys_secrets import parse
from tests.ragbot.conftest import Cli


def test_create_prints_the_secret_alone(cli: Cli) -> None:
    made = cli("keys", "create", "ann", "--scope", "write", "--kb", "papers", "--group", "board", "--expires", "90d")
    assert made.code == 0, made.err
    secret = parse(made.out.strip())
    assert secret is not None
    assert secret.secret not in made.err
    assert "write · papers · board" in made.err
    assert "lets nobody in without a key" in made.err
    assert "lets nobody in" not in cli("keys", "create", "bob").err
    listed = cli("keys", "list")
    assert [line.split()[1] for line in listed.out.splitlines()] == ["bob", "ann"]
    assert "documents without an access list" in listed.out
    assert "never used" in listed.out


def test_json(cli: Cli) -> None:
    made = cli("keys", "create", "ann", "--requests", "60", "--tokens", "9000", "--all-documents", "--json").json
    assert made["key"]["rights"] == {
        "scope": "read",
        "knowledge_bases": None,
        "groups": None,
        "requests_per_minute": 60,
        "tokens_per_minute": 9000,
    }
    turned = cli("keys", "rotate", "ann", "--grace", "2h", "--json").json
    assert turned["replaced"]["id"] == made["key"]["id"]
    assert turned["replaced"]["expires"] is not None
    assert turned["secret"] != made["secret"]
    assert cli("keys", "revoke", turned["key"]["id"], "--json").json["revoked"][0]["state"] == "revoked"
    assert [key["name"] for key in cli("keys", "list", "--json").json["keys"]] == ["ann"]
    assert cli("keys", "list", "--all", "--json").json["total"] == 2
    assert "secret" not in cli("keys", "list", "--all", "--json").out


@pytest.mark.parametrize(("language", "words"), [("zh", "还没有密钥"), ("en", "No keys yet")])
def test_the_empty_list(cli: Cli, monkeypatch: pytest.MonkeyPatch, language: str, words: str) -> None:
    monkeypatch.setenv("RAGBOT_LANGUAGE", language)
    assert words in cli("keys", "list").out


def test_chinese(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGBOT_LANGUAGE", "zh")
    made = cli("keys", "create", "王芳", "--kb", "论文")
    assert "只显示这一次" in made.err
    assert "没有访问列表的文档" in cli("keys", "list").out
    assert "已吊销：王芳" in cli("keys", "revoke", "王芳").out
    assert "没有有效的密钥" in cli("keys", "list").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["create", "ann", "--scope", "root"], "read, write, admin"),
        (["create", "ann", "--kb", "../x"], "cannot name a knowledge base"),
        (["create", "ann", "--expires", "soon"], "90d, 12h, or a day"),
        (["create", "ann", "--expires", "2020-01-01"], "over already"),
        (["create", "ann", "--group", "a", "--all-documents"], "leave one of the two out"),
        (["create", ""], "needs a name"),
        (["revoke", "nobody"], "ragbot keys list"),
        (["rotate", "nobody"], "ragbot keys list"),
        (["rotate", "old", "--grace", "0d"], "such as 90d"),
    ],
)
def test_refused(cli: Cli, words: list[str], message: str) -> None:
    cli("keys", "create", "old")
    done = cli("keys", *words)
    assert done.code == 2
    assert message in done.err
    assert len(cli("keys", "list", "--json").json["keys"]) == 1


def test_where_one_of_several_is_unknown_none_is_revoked(cli: Cli) -> None:
    cli("keys", "create", "ann")
    assert cli("keys", "revoke", "ann", "nobody").code == 2
    assert len(cli("keys", "list", "--json").json["keys"]) == 1
