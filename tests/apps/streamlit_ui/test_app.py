"""The whole script: who sees what, and errors that nobody expected."""

from __future__ import annotations

from typing import Any

import pytest

from apps.api.principal import Principal, principal_of
from apps.streamlit_ui.site import Site, current, offer
from apps.streamlit_ui.visitor import Visitor, still
from ragbot.errors import UserError
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.keys import Keys
from ragbot.workspace.keys_records import Rights
from ragbot.workspace.records import Turn
from tests.apps.streamlit_ui.conftest import Opened
from tests.apps.streamlit_ui.looking import html_of, words_of


@pytest.fixture
def as_key(site: Site, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Logs in with a key of these rights; the browser's cookie is not there without a browser."""

    def logged_in(**rights: Any) -> Principal:
        key, _ = Keys(site.workspace).create(f"key {len(Keys(site.workspace).all())}", Rights(**rights))
        who = principal_of(key)
        monkeypatch.setattr(
            "apps.door.login.Login.principal",
            lambda *_: who if Keys(site.workspace).get(key.id).state() == "valid" else None,
        )
        return who

    return logged_in


def test_the_first_page_with_its_side_bar(page: Opened) -> None:
    tested = page()
    assert "Ask about your documents" in words_of(tested)
    assert tested.sidebar.selectbox(key="kb").options == ["default", "other"]
    tested.sidebar.selectbox(key="kb").select("other").run()
    assert "There are no documents yet" in words_of(tested)
    assert not tested.exception and not tested.error


def test_without_a_valid_key_nothing_is_shown(page: Opened, site: Site) -> None:
    Keys(site.workspace).create("ana", Rights())
    tested = page()
    assert "Load the page again and log in" in words_of(tested)
    assert not tested.chat_input and not tested.sidebar.button


def test_a_key_opens_its_knowledge_bases_and_no_more(page: Opened, as_key: Any) -> None:
    as_key(scope="read", knowledge_bases=("other",))
    tested = page(kb="default")
    assert not [box for box in tested.sidebar.selectbox if box.key == "kb"]
    assert "There are no documents yet" in words_of(tested)
    assert "Log out" in html_of(tested)
    for name, missing in (("knowledge", "Add documents"), ("evaluation", "New evaluation")):
        shown = page(name, kb="default")
        assert missing not in words_of(shown) + "".join(one.label for one in shown.expander)


def test_what_one_key_said_no_other_one_finds(page: Opened, site: Site, as_key: Any) -> None:
    who = as_key(scope="read")
    Conversations(site.people.workspace(who.owner)).create(str(site.bots.folder("default")), "mine alone")
    info = Conversations(site.workspace).create(str(site.bots.folder("default")), "the owner's")
    Conversations(site.workspace).append(info.id, Turn("secret question", "secret answer"))
    tested = page()
    assert "secret" not in words_of(tested) + html_of(tested)
    tested.query_params["c"] = info.id
    assert "secret" not in words_of(tested.run()) + html_of(tested)


def test_a_revoked_key_does_nothing_more(page: Opened, site: Site, as_key: Any) -> None:
    who = as_key(scope="write")
    done: list[int] = []
    still(done.append)(1)
    still(done.append, "admin")(2)
    Keys(site.workspace).revoke(str(who.key_id))
    still(done.append)(3)
    assert done == [1]


def test_a_page_that_was_started_by_hand_serves_nobody(page: Opened, site: Site) -> None:
    offer(None)
    with pytest.raises(UserError, match="ragbot ui --streamlit"):
        current()
    tested = page()
    assert "ragbot ui --streamlit" in words_of(tested).replace("\\", "")
    assert not tested.chat_input
    offer(site)


def test_an_error_that_nobody_expected_is_told_without_its_traceback(
    page: Opened, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("apps.streamlit_ui.chat_list.draw", broken)
    tested = page("chat")
    assert "details are in the log" in words_of(tested) and "secret detail" not in words_of(tested)
    assert "secret detail" in caplog.text
    assert not tested.exception


def test_rights(site: Site) -> None:
    every = Visitor(site, Principal("x", frozenset({"read", "write", "admin"})), "en")
    some = Visitor(site, Principal("x", frozenset({"read"}), frozenset({"other"}), (), "k1"), "zh")
    assert every.is_owner and not some.is_owner
    assert some.where().principals == () and every.where().principals is None
    with pytest.raises(UserError, match="default"), some.using(name="default"):
        pass
    with pytest.raises(UserError, match="write"), some.using("write", "other"):
        pass
