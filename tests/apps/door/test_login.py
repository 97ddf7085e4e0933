"""Who may come in: the owner where there is no key, and else whoever has a valid one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.api.principal import OWNER
from apps.door import login as sessions
from apps.door.login import COOKIE, Login
from ragbot.workspace.keys import Keys
from ragbot.workspace.keys_records import Rights
from ragbot.workspace.store import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace(tmp_path / "workspace.sqlite3")
    yield made
    made.close()


@pytest.fixture
def login(workspace: Workspace) -> Login:
    """Nobody has to log in until a key is made."""
    return Login(workspace)


def cookie(token: str | None) -> str:
    assert token
    return f"theme=dark; {COOKIE}={token}"


def test_nobody_logs_in_until_there_is_a_key(login: Login, workspace: Workspace) -> None:
    assert not login.required
    assert login.principal("") == OWNER
    Keys(workspace).create("ana", Rights("write"))
    assert login.required
    for cookies in ("", COOKIE, f"{COOKIE}=", f"{COOKIE}=guess", "\x00;=;;", 'a="'):
        assert login.principal(cookies) is None


def test_a_public_address_always_asks(login: Login, workspace: Workspace) -> None:
    assert Login(workspace, always=True).principal("") is None


def test_a_key_opens_a_session_until_it_is_revoked(login: Login, workspace: Workspace) -> None:
    keys = Keys(workspace)
    key, secret = keys.create("ana", Rights("write", ("default",), ("staff",)))
    assert login.begin("no key") is None
    token = login.begin(f" {secret!s}\n")
    found = login.principal(cookie(token))
    assert found is not None
    assert (found.name, found.key_id, found.groups) == ("ana", key.id, ("staff",))
    assert found.scopes == {"read", "write"}
    assert str(secret) not in (token or "")
    keys.revoke(key.id)
    assert login.principal(cookie(token)) is None
    assert login.begin(str(secret)) is None


def test_a_session_ends_by_logging_out_and_by_time(
    login: Login, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = Keys(workspace).create("ana", Rights())
    first = login.begin(str(secret))
    login.end(cookie(first))
    assert login.principal(cookie(first)) is None
    monkeypatch.setattr(sessions, "LASTS", -1.0)
    assert login.principal(cookie(login.begin(str(secret)))) is None


def test_sessions_are_bounded(login: Login, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = Keys(workspace).create("ana", Rights())
    monkeypatch.setattr(sessions, "_MOST", 2)
    tokens = [login.begin(str(secret)) for _ in range(3)]
    assert [login.principal(cookie(token)) is not None for token in tokens] == [False, True, True]
