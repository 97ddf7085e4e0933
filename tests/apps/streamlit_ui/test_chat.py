"""The page of conversations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.streamlit_ui.site import Site
from ragbot.errors import GenerationError
from ragbot.models.testing import ScriptedChatModel
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.feedback import FeedbackStore, evaluation_set
from tests.apps.streamlit_ui.conftest import Opened
from tests.apps.streamlit_ui.looking import asked, button, html_of, settled, words_of

ENGLISH = "What lets vLLM serve many requests at once?"
CHINESE = "QLoRA 把基座模型量化为几比特？"


def turns_of(site: Site) -> Any:
    conversations = Conversations(site.workspace)
    (info,) = conversations.all()
    return info, conversations.turns(info.id)


def test_a_conversation_from_its_first_question_to_its_end(
    page: Opened, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = page("chat")
    assert "Ask about your documents" in words_of(tested)
    assert "No conversations yet" in words_of(tested)

    # A question is answered with citations, and stored.
    asked(tested, ENGLISH)
    info, (turn,) = turns_of(site)
    assert "paged" in turn.text and turn.citations
    assert "paged" in html_of(tested) and f'data-scope="turn {turn.id}"' in html_of(tested)
    assert "data-citation" in html_of(tested)
    assert info.id in tested.query_params["c"]
    assert any(one.label.startswith("What lets vLLM") for one in tested.sidebar.button)

    # A citation opens its source at the passage.
    told = {"scope": f"turn {turn.id}", "citation": "1", "index": "0"}
    with monkeypatch.context() as patch:
        patch.setattr("apps.streamlit_ui.chat_turns.clicked", lambda *_, **__: told)
        tested.run()
        assert 'id="rb-focus"' in html_of(tested)

    # A thumb is stored, and words beside it.
    tested.feedback[0].set_value(1).run()
    assert FeedbackStore(site.workspace).of([turn])[turn.id].rating == "up"
    tested.text_area(key=f"comment-{turn.id}").set_value("exactly")
    button(tested, f"FormSubmitter:why-form-{turn.id}").click().run()
    assert FeedbackStore(site.workspace).of([turn])[turn.id].comment == "exactly"
    (record,) = evaluation_set(Conversations(site.workspace), [info])
    assert record["evidence"] and record["comment"] == "exactly"

    # The same question once more, and then another one in its place: what was before stays beside it.
    button(tested, "again-").click().run()
    settled(tested)
    tested.text_area(key=f"edited-{turns_of(site)[1][0].id}").set_value(CHINESE)
    button(tested, "FormSubmitter:edit-form-").click().run()
    settled(tested)
    _, (now,) = turns_of(site)
    assert (now.question, len(Conversations(site.workspace).alternatives(now))) == (CHINESE, 3)
    assert "3 / 3" in words_of(tested)
    button(tested, f"other-{now.id}--1").click().run()
    assert turns_of(site)[1][0].question == ENGLISH

    # Another name, and gone.
    tested.text_input(key=f"title-{info.id}").set_value("缓存 & caches").run()
    assert turns_of(site)[0].title == "缓存 & caches"
    tested.checkbox(key=f"sure-{info.id}").check().run()
    button(tested, "delete").click().run()
    assert Conversations(site.workspace).count() == 0
    assert "No conversations yet" in words_of(tested)


def test_a_chinese_page_and_what_was_said_found_again(page: Opened, site: Site) -> None:
    tested = page("chat", language="zh-CN")
    assert "就您的文档提问" in words_of(tested)
    asked(tested, CHINESE)
    info, (turn,) = turns_of(site)
    assert turn.citations and "把握" in html_of(tested)
    tested.text_input(key="find").set_value("基座").run()
    assert any(one.label.startswith("QLoRA") for one in tested.sidebar.button)
    tested.text_input(key="find").set_value("海豚").run()
    assert "没有提到“海豚”的对话" in words_of(tested)

    # Loading the page again shows the same conversation; an address of one that is gone shows a new one.
    again = page("chat")
    assert turn.text[:10] not in html_of(again)
    again.query_params["c"] = info.id
    del again.session_state["conversation"]
    again.run()
    assert "data-citation" in html_of(again)
    del again.session_state["conversation"]
    again.query_params["c"] = "0123456789ab"
    assert "data-citation" not in html_of(again.run())


def test_without_documents_it_says_how_to_add_some(page: Opened) -> None:
    tested = page("chat", kb="other")
    assert "There are no documents yet" in words_of(tested)


@pytest.fixture
def scripted(site: Site, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the further model ``scripted`` says; to be filled."""
    replies: list[Any] = []
    site.bots.settings.ui.models.append("scripted")
    monkeypatch.setattr("ragbot.bot.chat_model", lambda *_: ScriptedChatModel(replies))
    return replies


def test_an_answer_that_is_stopped_is_kept_as_far_as_it_came(page: Opened, site: Site, scripted: list[Any]) -> None:
    scripted.append("word " * 50_000)
    tested = page("chat", wish_llm="scripted")
    tested.chat_input[0].set_value(ENGLISH).run()
    assert tested.chat_input[0].disabled
    button(tested, "stop").click().run()
    settled(tested)
    _, (turn,) = turns_of(site)
    assert turn.state == "interrupted"
    assert "Stopped" in html_of(tested)
    assert not tested.chat_input[0].disabled


def test_a_model_that_fails_is_told_with_the_turn(page: Opened, site: Site, scripted: list[Any]) -> None:
    scripted.append(GenerationError("the model at x is <down>; start it"))
    tested = page("chat", wish_llm="scripted")
    asked(tested, ENGLISH)
    _, (turn,) = turns_of(site)
    assert turn.state == "failed"
    shown = html_of(tested)
    assert "start&#32;it" in shown or "start it" in shown
    assert "<down>" not in shown


def test_ratings_are_exported_as_a_question_set(page: Opened, site: Site) -> None:
    tested = page("chat")
    asked(tested, ENGLISH)
    tested.feedback[0].set_value(0).run()
    conversations = Conversations(site.workspace)
    (record,) = evaluation_set(conversations, conversations.all())
    assert json.loads(json.dumps(record))["rating"] == "down"
    assert any(one.label == "Ratings as questions" for one in tested.sidebar.download_button)
