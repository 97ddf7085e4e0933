"""Feedback on answers, and the question set made of it, which ``ragbot eval`` reads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eval.datasets.jsonl import read_jsonl
from ragbot.documents import ParsedDocument
from ragbot.errors import CorruptError, UserError
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.feedback import FeedbackStore, evaluation_set
from ragbot.workspace.records import Feedback, Turn
from tests.ragbot.workspace.conftest import CITATION, KB, TURN, Open, bytes_of, said


@pytest.fixture
def feedback(conversations: Conversations) -> FeedbackStore:
    return FeedbackStore(conversations.workspace)


def test_it_is_kept_and_replaced_and_taken_back(
    conversations: Conversations, feedback: FeedbackStore, path: Path
) -> None:
    turn = conversations.append("a" * 12, TURN, new_in=KB)
    assert feedback.of([turn]) == feedback.of([]) == {}
    feedback.put(Feedback(turn.id, "up"))
    feedback.put(Feedback(turn.id, "down", "缺了单位", "8 到 16"))
    kept = feedback.of([turn])[turn.id]
    assert (kept.rating, kept.comment, kept.expected) == ("down", "缺了单位", "8 到 16")
    assert kept.given
    assert feedback.remove(turn.id) and not feedback.remove(turn.id)
    assert "缺了单位".encode() not in bytes_of(path)
    with pytest.raises(UserError, match="no turn 999"):
        feedback.put(Feedback(999, "up"))


def test_it_goes_with_its_conversation(conversations: Conversations, feedback: FeedbackStore) -> None:
    turn = conversations.append("a" * 12, TURN, new_in=KB)
    feedback.put(Feedback(turn.id, "up"))
    conversations.delete_all()
    assert feedback.of([turn]) == {}


def test_a_flipped_bit_is_told(conversations: Conversations, feedback: FeedbackStore) -> None:
    turn = conversations.append("a" * 12, TURN, new_in=KB)
    feedback.put(Feedback(turn.id, "up", "right"))
    with conversations.workspace.writing() as db:
        db.execute("UPDATE feedback SET comment = 'wrong'")
    with pytest.raises(CorruptError, match="rate the turn again"):
        feedback.of([turn])
    feedback.put(Feedback(turn.id, "up", "right"))
    assert feedback.of([turn])[turn.id].comment == "right"


def test_the_question_set(conversations: Conversations, feedback: FeedbackStore, tmp_path: Path) -> None:
    document = "# 低秩适配\n\nLoRA 冻结原有权重。秩通常取 8 或 16。\n"
    start = document.index(CITATION.quote)
    citation = replace(CITATION, start=start, end=start + len(CITATION.quote))
    good = conversations.append("a" * 12, replace(TURN, citations=(citation,)), new_in=KB)
    follows = conversations.append("a" * 12, said("那 alpha 呢？", "32"))
    refused = conversations.append("a" * 12, Turn("What is the price?", "Not in the documents.", abstained=True))
    wrongly = conversations.append("a" * 12, Turn("量化到几比特？", "文档里没有。", abstained=True, language="zh"))
    conversations.append("a" * 12, said("never rated"))
    for turn, rating, comment, expected in (
        (good, "up", "", ""),
        (follows, "down", "wrong\nunit", ""),
        (refused, "up", "", ""),
        (wrongly, "down", "", "4 比特"),
    ):
        feedback.put(Feedback(turn.id, "up" if rating == "up" else "down", comment, expected))
    records = evaluation_set(conversations, conversations.all())
    file = tmp_path / "rated.jsonl"
    file.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    questions = read_jsonl(file, {CITATION.source: ParsedDocument(document)}).questions
    assert [question.answerable for question in questions] == [True, True, False, True]
    assert questions[0].document == CITATION.source
    (((span,),),) = (questions[0].gold,)
    assert document[span.start : span.end] == CITATION.quote
    assert questions[1].text == "LoRA 的秩通常取多少？ 那 alpha 呢？"  # it stands alone
    assert questions[1].tags == {"rating": "down", "comment": "wrong\nunit"}
    assert questions[3].answers == ("4 比特",)
    assert len({question.id for question in questions}) == 4


def test_the_set_of_nothing(conversations: Conversations, reopen: Open) -> None:
    assert evaluation_set(conversations, conversations.all()) == []
    conversations.append("a" * 12, TURN, new_in=KB)
    assert evaluation_set(conversations, conversations.all()) == []
