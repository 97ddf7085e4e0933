"""Who calls: with and without keys, where they are required and where not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import HTTPException

from apps.api.principal import OWNER, Principal, allowed, caller
from ragbot.index.filters import Filter
from ragbot.workspace.keys import Keys
from ragbot.workspace.keys_records import Rights
from ragbot.workspace.store import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = Workspace(tmp_path / "workspace.sqlite3")
    yield opened
    opened.close()


def request(workspace: Workspace, authorization: str | None = None, required: bool | None = None) -> Any:
    state = SimpleNamespace(workspace=workspace, keys_required=required)
    headers = {} if authorization is None else {"authorization": authorization}
    return SimpleNamespace(app=SimpleNamespace(state=state), headers=headers, state=SimpleNamespace())


def test_without_any_key_the_owner_calls(workspace: Workspace) -> None:
    assert caller(request(workspace)) is OWNER
    assert OWNER.scopes == {"read", "write", "admin"}
    assert (OWNER.knowledge_bases, OWNER.groups, OWNER.owner) == (None, None, "")
    assert caller(request(workspace, "Bearer none-is-needed")) is OWNER  # the official clients send something


@pytest.mark.parametrize("required", [None, True])
def test_from_the_first_key_on_nobody_comes_in_without(workspace: Workspace, required: bool | None) -> None:
    key, secret = Keys(workspace).create("ann", Rights("write", ("papers",), ("board",), 6, 700))
    found = caller(request(workspace, f"Bearer {secret}", required))
    assert found == Principal("ann", frozenset({"read", "write"}), frozenset({"papers"}), ("board",), key.id, 6, 700)
    assert found.owner == key.id
    Keys(workspace).revoke("ann")
    for sent in (None, "", f"Bearer {secret}", "Bearer", "Bearer x", f"Basic {secret}"):
        with pytest.raises(HTTPException) as refused:
            caller(request(workspace, sent, required))
        assert refused.value.status_code == 401
        assert (refused.value.headers or {})["WWW-Authenticate"].startswith('Bearer realm="ragbot"')


def test_where_keys_are_required_before_there_is_one(workspace: Workspace) -> None:
    with pytest.raises(HTTPException):
        caller(request(workspace, None, True))


def test_where_none_is_required_a_valid_one_still_counts(workspace: Workspace) -> None:
    _, secret = Keys(workspace).create("ann", Rights("read"))
    assert caller(request(workspace, f"Bearer {secret}", False)).name == "ann"
    assert caller(request(workspace, None, False)) is OWNER


def test_what_the_caller_says_of_who_asks_is_replaced() -> None:
    ann = Principal("ann", frozenset({"read"}), groups=("board",))
    assert ann.where(Filter(types=("md",), principals=("root",))) == Filter(types=("md",), principals=("board",))
    assert ann.where() == Filter(principals=("board",))
    assert OWNER.where().principals is None


@pytest.mark.parametrize(
    ("scope", "kb", "status"),
    [
        ("read", "papers", None),
        ("read", None, None),
        ("write", "papers", 403),
        ("read", "others", 404),
        ("write", "others", 404),  # which scope would be missing is not told either
        ("admin", None, 403),
    ],
)
def test_allowed(scope: str, kb: str | None, status: int | None) -> None:
    ann = Principal("ann", frozenset({"read"}), frozenset({"papers"}))
    if status is None:
        allowed(ann, scope, kb)
        return
    with pytest.raises(HTTPException) as refused:
        allowed(ann, scope, kb)
    assert refused.value.status_code == status
