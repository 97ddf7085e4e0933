"""Conversations as the text of a file, in each form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragbot.bot import RagBot
from ragbot.errors import UserError
from ragbot.models.testing import HashEmbedder
from ragbot.sections.answers import GenerationSettings
from ragbot.settings import Settings
from ragbot.workspace.exporting import FORMATS, exported
from ragbot.workspace.feedback import FeedbackStore
from ragbot.workspace.opening import open_conversations


def test_each_form(kb_folder: Path, corpus: Path, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", generation=GenerationSettings(min_confidence=0.0))
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm="extractive", settings=settings) as bot:
        bot.ingest(corpus)
        _check(bot)


def _check(bot: RagBot) -> None:
    talk = bot.conversation()
    talk.ask("LoRA 训练什么？")
    talk.rate("up", expected="两个低秩矩阵")
    infos = bot.conversations.all()
    assert json.loads(exported(bot.conversations, infos, "json"))["conversations"][0]["id"] == talk.id
    assert "LoRA 训练什么？" in exported(bot.conversations, infos, "markdown")
    (line,) = exported(bot.conversations, infos, "questions").splitlines()
    assert json.loads(line)["answers"] == ["两个低秩矩阵"]
    assert FeedbackStore(bot.conversations.workspace).count() == 1
    assert talk.take_back()
    assert not talk.take_back()
    assert FeedbackStore(bot.conversations.workspace).count() == 0
    assert exported(bot.conversations, infos, "questions") == ""


def test_nothing_and_no_such_form(tmp_path: Path) -> None:
    conversations = open_conversations(Settings(data_dir=tmp_path))
    assert json.loads(exported(conversations, [], "json"))["conversations"] == []
    with pytest.raises(UserError, match=", ".join(FORMATS)):
        exported(conversations, [], "pdf")
    conversations.workspace.close()
