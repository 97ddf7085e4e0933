"""What the chat shows of a conversation, with hostile texts in every field."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from apps.gradio_ui import chat_view as view
from ragbot.documents import Answer, Citation
from ragbot.workspace.records import ConversationInfo, Feedback, turn_of

NASTY = '</div><script>x()</script>"><img src=x onerror=x()> ${alert(1)} {{value}} *a* [b](c) \x00\ud800\u202e'
CITATION = Citation(1, NASTY, NASTY, 2, NASTY, 0, 5, NASTY, 7)
TURN = replace(turn_of(Answer(NASTY, f"{NASTY} [1]", (CITATION,), False, 0.9, "en")), id=3, conversation="ab")
INFO = ConversationInfo("0123456789ab", NASTY, "/kb", "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_of_a_text_is_markup(language: str) -> None:
    talk = view.Talk((TURN,), {3: [3]}, {3: Feedback(3, "up", NASTY)})
    shown = [
        view.turns_html(talk, language),
        view.pending_html(NASTY, NASTY, (), language),
        view.welcome_html(NASTY, NASTY, [NASTY], NASTY),
        view.list_html([INFO], INFO.id, language),
        view.files_html(INFO, NASTY, True, language),
    ]
    for html in shown:
        assert not re.search(r"<script|<img|\$\{|\{\{|\x00|\ud800|\u202e", html)
        text = re.sub(r"<[^<>]*>", "", html)
        assert not re.search(r"[<>*`$]", text)
        assert "onerror=x" not in html


def test_a_turn_has_its_buttons() -> None:
    html = view.turns_html(view.Talk((TURN,), {3: [1, 3, 9]}, {3: Feedback(3, "down")}), "en")
    assert 'data-turn="3"' in html
    assert re.findall(r'data-act="(\w+)"', html) == ["again", "revise", "rate", "rate", "swap", "swap"]
    assert re.findall(r'data-other="(\d+)"', html) == ["1", "9"]
    assert re.findall(r'data-rating="(\w+)" aria-pressed="(\w+)"', html) == [("up", "false"), ("down", "true")]
    assert "2 of 3" in html


def test_what_was_not_answered_cannot_be_rated() -> None:
    failed = replace(TURN, state="failed", text="", error="no model", citations=())
    html = view.turns_html(view.Talk((failed,)), "en")
    assert "no model" in html
    assert 'data-act="rate"' not in html
    assert 'data-act="again"' in html


def test_the_part_before_a_turn() -> None:
    talk = view.Talk((TURN, replace(TURN, id=4), replace(TURN, id=5)))
    assert [turn.id for turn in talk.before(4).turns] == [3]
    assert talk.before(0) == talk


def test_the_list_is_bounded_and_marks_the_one_that_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    infos = [replace(INFO, id=f"{number:012x}", title=f"talk {number}") for number in range(5)]
    html = view.list_html(infos, infos[1].id, "zh")
    assert html.count("aria-current") == 1
    assert re.search(rf'data-conversation="{infos[1].id}"[^>]* aria-current="true"', html)
    monkeypatch.setattr(view, "MOST", 3)
    assert "另有 2 个" in view.list_html(infos, "", "zh")
    assert "None yet" in view.list_html([], "", "en").replace("&#46;", ".")
