"""Who may come in: the owner where there is no key, and else whoever has a valid one."""

from __future__ import annotations

import pytest

from apps.api.principal import OWNER
from apps.gradio_ui import login
from apps.gradio_ui.login import COOKIE, Login
from apps.gradio_ui.site import Site
from ragbot.workspace.keys import Keys
from ragbot.workspace.keys_records import Rights


def cookie(token: str | None) -> str:
    assert token
    return f"theme=dark; {COOKIE}={token}"


def test_nobody_logs_in_until_there_is_a_key(site: Site) -> None:
    assert not site.login.required
    assert site.login.principal("") == OWNER
    Keys(site.workspace).create("ana", Rights("write"))
    assert site.login.required
    for cookies in ("", COOKIE, f"{COOKIE}=", f"{COOKIE}=guess", "\x00;=;;", 'a="'):
        assert site.login.principal(cookies) is None


def test_a_public_address_always_asks(site: Site) -> None:
    assert Login(site.workspace, always=True).principal("") is None


def test_a_key_opens_a_session_until_it_is_revoked(site: Site) -> None:
    keys = Keys(site.workspace)
    key, secret = keys.create("ana", Rights("write", ("default",), ("staff",)))
    assert site.login.begin("no key") is None
    token = site.login.begin(f" {secret!s}\n")
    found = site.login.principal(cookie(token))
    assert found is not None
    assert (found.name, found.key_id, found.groups) == ("ana", key.id, ("staff",))
    assert found.scopes == {"read", "write"}
    assert str(secret) not in (token or "")
    keys.revoke(key.id)
    assert site.login.principal(cookie(token)) is None
    assert site.login.begin(str(secret)) is None


def test_a_session_ends_by_logging_out_and_by_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = Keys(site.workspace).create("ana", Rights())
    first = site.login.begin(str(secret))
    site.login.end(cookie(first))
    assert site.login.principal(cookie(first)) is None
    monkeypatch.setattr(login, "LASTS", -1.0)
    assert site.login.principal(cookie(site.login.begin(str(secret)))) is None


def test_sessions_are_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = Keys(site.workspace).create("ana", Rights())
    monkeypatch.setattr(login, "_MOST", 2)
    tokens = [site.login.begin(str(secret)) for _ in range(3)]
    assert [site.login.principal(cookie(token)) is not None for token in tokens] == [False, True, True]
