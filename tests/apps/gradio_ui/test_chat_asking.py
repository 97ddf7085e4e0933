"""An answer moment by moment: whole, failed, stopped; each is stored as what it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from apps.gradio_ui import chat_asking
from apps.gradio_ui.chat_asking import Question, Running, moments
from apps.gradio_ui.site import Site
from ragbot.bot import RagBot
from ragbot.errors import GenerationError
from ragbot.index.filters import Filter


@pytest.fixture
def bot(site: Site) -> Iterator[RagBot]:
    with site.bots.using() as opened:
        yield opened


def asked(site: Site, bot: RagBot, text: str = "LoRA 训练什么？") -> Question:
    return Question(site.visitor(None).conversation(bot, ""), text, Filter())


def test_a_whole_answer(site: Site, bot: RagBot) -> None:
    question = asked(site, bot)
    first, *_, last = moments(question)
    assert (first.text, first.answered) == ("", None)
    assert last.answered is not None
    number, answer = last.answered
    assert answer.text == last.text
    assert answer.hits
    (turn,) = question.conversation.turns
    assert (turn.id, turn.state, turn.text) == (number, "complete", answer.text)


def breaking(error: Exception) -> Any:
    def stream(*_: Any, **__: Any) -> Any:
        raise error

    return stream


def test_an_error_of_ours_stands_in_the_turn(site: Site, bot: RagBot, monkeypatch: pytest.MonkeyPatch) -> None:
    question = asked(site, bot)
    monkeypatch.setattr(question.conversation, "_ask", breaking(GenerationError("the model is down")))
    assert [moment.error for moment in moments(question)] == [None, None]
    (turn,) = question.conversation.turns
    assert (turn.state, turn.error) == ("failed", "the model is down")


def test_any_other_error_is_told(site: Site, bot: RagBot, monkeypatch: pytest.MonkeyPatch) -> None:
    question = asked(site, bot)
    monkeypatch.setattr(question.conversation, "_ask", breaking(ZeroDivisionError("odd")))
    *_, last = moments(question)
    assert isinstance(last.error, ZeroDivisionError)


def test_stopping_stores_what_there_is(site: Site, bot: RagBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_asking, "_PACE", 0.0)
    question = asked(site, bot)
    with closing(moments(question)) as seen:
        next(seen)
        moment = next(seen)
    (turn,) = question.conversation.turns
    assert turn.state == "interrupted"
    assert turn.text == moment.text


def test_stopping_by_the_flag(site: Site, bot: RagBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_asking, "_PACE", 0.0)
    question, running = asked(site, bot), Running()
    running.stop("", question.conversation.id)  # nothing is under way
    with running.begun("", question.conversation.id) as stopped:
        seen = moments(question, stopped)
        next(seen)
        running.stop("other", question.conversation.id)
        assert not stopped.is_set()
        assert not running.wait("", question.conversation.id, 0.01)
        running.stop("", question.conversation.id)
        assert list(seen) == []
    assert running.wait("", question.conversation.id, 0.01)
    assert [turn.state for turn in question.conversation.turns] == ["interrupted"]
