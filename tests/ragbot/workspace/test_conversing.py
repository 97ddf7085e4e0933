"""A conversation with a bot: stored turn by turn, remembered, edited, interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from ragbot.bot import RagBot
from ragbot.documents import Message
from ragbot.errors import GenerationError, SettingsError, StorageError, UserError
from ragbot.generation.extractive import ExtractiveAnswerer
from ragbot.models.testing import HashEmbedder, ScriptedChatModel
from ragbot.sections.answers import ConversationSettings
from ragbot.settings import Settings
from ragbot.workspace.conversations import Conversations


def settings(tmp_path: Path, **conversation: Any) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        generation={"min_confidence": 0.0},  # type: ignore[arg-type]  # pydantic makes it of the dict
        conversation=ConversationSettings(**conversation),
    )


@pytest.fixture
def bot(tmp_path: Path, kb_folder: Path, corpus: Path) -> Iterator[RagBot]:
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm="extractive", settings=settings(tmp_path)) as opened:
        opened.ingest(corpus)
        yield opened


def histories(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Message, ...]]:
    """Records what each question is asked with."""
    seen: list[tuple[Message, ...]] = []
    real = RagBot.stream

    def spy(self: RagBot, question: str, history: Any = (), where: Any = None) -> Any:
        seen.append(tuple(history))
        return real(self, question, history, where)

    monkeypatch.setattr(RagBot, "stream", spy)
    return seen


def test_nothing_is_stored_before_the_first_turn(bot: RagBot, tmp_path: Path) -> None:
    conversation = bot.conversation()
    assert conversation.turns == ()
    assert bot.conversations.all() == []
    with pytest.raises(UserError, match="nothing was asked yet"):
        conversation.rate("up")
    with pytest.raises(UserError, match="nothing was asked yet"):
        conversation.regenerate()
    conversation.delete()


def test_no_workspace_is_made_where_nobody_converses(tmp_path: Path, kb_folder: Path) -> None:
    with RagBot.open(kb_folder, embedder=HashEmbedder(), settings=settings(tmp_path)):
        pass
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("question", ["LoRA 的秩通常取多少？", "What was described in 2023?"])
def test_an_answer_is_on_the_disk_when_it_returns(bot: RagBot, question: str, tmp_path: Path) -> None:
    conversation = bot.conversation()
    answer = conversation.ask(question)
    (turn,) = Conversations(bot.conversations.workspace).turns(conversation.id)
    assert (turn.question, turn.text, turn.citations) == (question, answer.text, answer.citations)
    assert (turn.state, turn.model, turn.confidence) == ("complete", "extractive", answer.confidence)
    assert turn.timings["total"] > 0
    for citation in turn.citations:
        assert bot.document_text(citation.document_id)[citation.start : citation.end] == citation.quote
    assert bot.conversations.all()[0].kb == str(bot.kb.folder)


def test_it_goes_on_in_another_process(
    bot: RagBot, kb_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = histories(monkeypatch)
    conversation = bot.conversation()
    conversation.ask("LoRA 的秩通常取多少？")
    with RagBot.open(kb_folder, embedder=HashEmbedder(), settings=settings(tmp_path)) as later:
        again = later.conversation(conversation.id[:5])
        again.ask("为什么？")
        assert seen[1][0].content == "LoRA 的秩通常取多少？"
    assert [turn.question for turn in conversation.turns] == ["LoRA 的秩通常取多少？", "为什么？"]


def test_the_memory_is_bounded_and_its_summary_stored(bot: RagBot, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = histories(monkeypatch)
    conversation = bot.conversation()
    for number in range(6):
        conversation.ask(f"What was described in {2020 + number}?")
    assert [len(history) for history in seen] == [0, 2, 4, 6, 6, 6]
    stored = bot.conversations.summaries(conversation.turns)
    assert sorted(stored) == [1, 2, 3]
    assert stored[3].text.count("→") == 3


def test_streaming_stores_at_the_end(bot: RagBot) -> None:
    conversation = bot.conversation()
    stream = conversation.stream("What was described in 2023?")
    pieces = [next(stream)]
    assert conversation.turns == ()
    pieces += stream
    assert "".join(pieces) == stream.answer.text
    assert conversation.turns == (stream.turn,)


def test_a_stream_that_was_never_begun_leaves_nothing(bot: RagBot) -> None:
    conversation = bot.conversation()
    conversation.stream("x").close()
    assert conversation.turns == ()


def slowly(self: Any, *_: Any) -> Iterator[str]:
    yield "half an "
    yield "answer"


@pytest.mark.parametrize("by", ["close", "interrupt"])
def test_what_was_stopped_is_stored_as_such(bot: RagBot, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    def interrupted(self: Any, *_: Any) -> Iterator[str]:
        yield "half an "
        raise KeyboardInterrupt

    monkeypatch.setattr(ExtractiveAnswerer, "pieces", slowly if by == "close" else interrupted)
    seen = histories(monkeypatch)
    conversation = bot.conversation()
    stream = conversation.stream("LoRA 是什么？")
    if by == "close":
        assert next(piece for piece in stream if piece).strip() == "half an"
        stream.close()
    else:
        with pytest.raises(KeyboardInterrupt):
            list(stream)
    (turn,) = conversation.turns
    assert (turn.state, turn.text.strip(), turn.question) == ("interrupted", "half an", "LoRA 是什么？")
    monkeypatch.setattr(ExtractiveAnswerer, "pieces", slowly)
    conversation.ask("What was described in 2023?")
    assert seen == [(), ()]  # it was not said


def test_a_failure_keeps_the_question(tmp_path: Path, kb_folder: Path, corpus: Path) -> None:
    model = ScriptedChatModel(["Fine [1].", GenerationError("no server"), "Fine again [1]."])
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm=model, settings=settings(tmp_path)) as bot:
        bot.ingest(corpus)
        conversation = bot.conversation()
        conversation.ask("LoRA 的秩通常取多少？")
        with pytest.raises(GenerationError):
            conversation.ask("What was described in 2023?")
        conversation.ask("QLoRA 呢？")
        first, failed, last = conversation.turns
        assert (first.state, failed.state, last.state) == ("complete", "failed", "complete")
        assert "no server" in failed.error
        assert first.model == "ScriptedChatModel"
        assert first.usage["output_tokens"] > 0


def test_regenerated_and_edited(bot: RagBot, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = histories(monkeypatch)
    conversation = bot.conversation()
    for question in ("LoRA 的秩通常取多少？", "What was described in 2023?", "And then?"):
        conversation.ask(question)
    one, two, three = conversation.turns
    seen.clear()
    conversation.regenerate(two.id)
    assert [message.content for message in seen[0]] == [one.question, one.text]
    assert [turn.question for turn in conversation.turns] == [one.question, two.question]
    assert len(conversation.alternatives()) == 2
    conversation.ask("量化到几比特？", instead_of=one.id)
    assert seen[1] == ()
    assert [turn.question for turn in conversation.turns] == ["量化到几比特？"]
    conversation.choose(three.id)
    assert conversation.turns == (one, two, three)
    conversation.regenerate()
    assert conversation.turns[-1].question == "And then?"
    with pytest.raises(UserError, match="has no turn 999"):
        conversation.ask("x", instead_of=999)
    assert len(bot.conversations.all_turns(conversation.id)) == 6


def test_one_that_was_deleted_meanwhile(bot: RagBot) -> None:
    conversation = bot.conversation()
    conversation.ask("LoRA 的秩通常取多少？")
    bot.conversations.delete_all()
    stream = conversation.stream("And then?")
    with pytest.raises(UserError, match="has been deleted"):
        list(stream)
    assert stream.answer.text  # what was answered is not lost
    assert bot.conversations.all() == []


def test_a_full_disk_is_told_and_the_answer_is_there(bot: RagBot, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise StorageError("cannot write: the disk is full")

    conversation = bot.conversation()
    monkeypatch.setattr(Conversations, "append", full)
    stream = conversation.stream("What was described in 2023?")
    with pytest.raises(StorageError):
        list(stream)
    assert stream.answer.text and stream.turn is None


def test_unknown_and_foreign(bot: RagBot, tmp_path: Path, corpus: Path) -> None:
    with pytest.raises(UserError, match="ragbot conversations list"):
        bot.conversation("abc")
    conversation = bot.conversation()
    conversation.ask("LoRA 的秩通常取多少？")
    other = RagBot.open(tmp_path / "other", embedder=HashEmbedder(), settings=settings(tmp_path))
    with other, pytest.raises(UserError, match="go on with --kb"):
        other.conversation(conversation.id)


def test_rating(bot: RagBot) -> None:
    conversation = bot.conversation()
    conversation.ask("LoRA 的秩通常取多少？")
    assert conversation.rate("down", "too long", "8 或 16").turn == conversation.turns[0].id
    with pytest.raises(UserError, match="has no turn 999"):
        conversation.rate("up", turn=999)


def test_old_conversations_go_when_the_workspace_is_opened(bot: RagBot, kb_folder: Path, tmp_path: Path) -> None:
    bot.conversation().ask("LoRA 的秩通常取多少？")
    with bot.conversations.workspace.writing() as db:
        from dataclasses import replace

        from ragbot.workspace.conversations import update_conversation

        update_conversation(db, replace(bot.conversations.all()[0], updated="2020-01-01T00:00:00.000+00:00"))
    with RagBot.open(kb_folder, embedder=HashEmbedder(), settings=settings(tmp_path)) as keeping:
        assert len(keeping.conversations.all()) == 1
    chosen = settings(tmp_path, retention_days=30)
    with RagBot.open(kb_folder, embedder=HashEmbedder(), settings=chosen) as forgetting:
        assert forgetting.conversations.all() == []


def test_a_summary_by_a_model_takes_a_model(tmp_path: Path, kb_folder: Path) -> None:
    chosen = settings(tmp_path, summary="model")
    bot = RagBot.open(kb_folder, embedder=HashEmbedder(), settings=chosen)
    with bot, pytest.raises(SettingsError, match="takes a chat model, and there is none"):
        bot.conversation()


def test_the_chat_model_sees_the_summary_as_an_answer(tmp_path: Path, kb_folder: Path, corpus: Path) -> None:
    def reply(messages: list[BaseMessage]) -> str:
        return "The user asked about LoRA." if "New summary:" in str(messages[-1].content) else "It is so [1]."

    model = ScriptedChatModel(reply)
    chosen = settings(tmp_path, turns=6)
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm=model, settings=chosen) as bot:
        bot.ingest(corpus)
        conversation = bot.conversation()
        for number in range(11):
            conversation.ask(f"What was described in {2020 + number}?")
        (summary,) = bot.conversations.summaries(conversation.turns).values()
        assert (summary.text, summary.method) == ("The user asked about LoRA.", "model")
    last = model.calls[-1]
    shown = [message for message in last[:-1] if "The user asked about LoRA." in str(message.content)]
    assert [message.type for message in shown] == ["ai"]
    assert [message.type for message in last] == ["human", "ai"] * (len(last) // 2) + ["human"]
