"""One question as its asker wants it: model, hits, strictness, the agent; and where its conversation is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agents.steps import FinalAnswer, Step
from ragbot.bot import RagBot
from ragbot.composing.turns import AGENT, TurnOptions, asking
from ragbot.errors import GenerationError, UserError
from ragbot.models import registry
from ragbot.models.testing import HashEmbedder, ScriptedChatModel
from ragbot.sections.answers import GenerationSettings
from ragbot.sections.ui import UISettings
from ragbot.settings import Settings
from ragbot.workspace.store import Workspace

QUESTION = "LoRA 训练什么？"


def scripted(name: str, **_: Any) -> ScriptedChatModel:
    """What the registry calls."""
    return ScriptedChatModel([f"{name}: LoRA 只训练两个低秩矩阵 [1]。"] * 9)


@pytest.fixture
def bot(kb_folder: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RagBot]:
    """A bot that may also be asked for ``scripted:one``."""
    monkeypatch.setitem(registry.CHAT_MODELS, "scripted", "scripted")
    monkeypatch.setattr(registry, "_resolve", lambda _: scripted)
    settings = Settings(
        data_dir=tmp_path / "data",
        generation=GenerationSettings(min_confidence=0.0),
        ui=UISettings(models=["scripted:one"]),
    )
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm="extractive", settings=settings) as opened:
        opened.ingest(corpus)
        yield opened


def test_another_model_answers_and_is_named(bot: RagBot) -> None:
    assert {"extractive", "scripted:one"} <= set(bot.models)
    talk = bot.conversation(options=TurnOptions(model="scripted:one", strictness="off"))
    assert talk.ask(QUESTION).text.startswith("one: ")
    assert talk.turns[0].model == "scripted:one"
    plain = bot.conversation(talk.id, options=TurnOptions())
    assert not plain.ask(QUESTION).text.startswith("one: ")
    assert plain.turns[1].model == "extractive"


def test_a_model_that_is_not_offered_is_refused(bot: RagBot) -> None:
    with pytest.raises(UserError, match=r"there is no model 'openai:x' to choose; there are: extractive, scripted:one"):
        bot.chain_for(TurnOptions(model="openai:x"))


def test_hits_and_strictness(bot: RagBot) -> None:
    assert len(bot.chain_for(TurnOptions(top_k=1)).ask(QUESTION).hits) == 1
    chain = bot.chain_for(TurnOptions(strictness="strict"))
    assert (chain.strictness, chain.top_k) == ("strict", bot.chain.top_k)
    assert bot.chain_for(TurnOptions()) == bot.chain


def test_a_conversation_in_a_workspace_of_its_own(bot: RagBot, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "own" / "workspace.sqlite3")
    talk = bot.conversation(workspace=workspace)
    talk.ask(QUESTION)
    assert [info.id for info in bot.conversations_of(workspace).all()] == [talk.id]
    assert bot.conversations.all() == []
    assert bot.conversation(talk.id, workspace=workspace).turns
    with pytest.raises(UserError):
        bot.conversation(talk.id)
    workspace.close()


class Steps(Iterator[Step]):
    """An agent's stream that says ``steps``, or breaks."""

    def __init__(self, steps: list[Step], error: Exception | None = None) -> None:
        self.run: Any = SimpleNamespace(id="ab", question=QUESTION, language="zh", error="", tokens=3, answer=None)
        self.cancelled = False
        self._steps, self._error = iter(steps), error

    def __next__(self) -> Step:
        if self._error:
            raise self._error
        step = next(self._steps)
        if isinstance(step, FinalAnswer):
            self.run.answer = step
        return step

    def cancel(self) -> None:
        self.cancelled = True


def agent_saying(stream: Steps) -> Any:
    return SimpleNamespace(stream=lambda *_: stream)


def test_the_agent_answers_and_its_steps_are_told(bot: RagBot, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Step] = []
    stream = Steps([Step(turn=1), FinalAnswer(text="两个低秩矩阵。")])
    monkeypatch.setattr(bot, "agent", lambda **_: agent_saying(stream))
    talk = bot.conversation(options=TurnOptions(agent=True), watch=seen.append)
    assert talk.ask(QUESTION).text == "两个低秩矩阵。"
    assert [type(step) for step in seen] == [Step, FinalAnswer]
    assert talk.turns[0].model == AGENT


def test_an_agent_without_an_answer_has_failed(bot: RagBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot, "agent", lambda **_: agent_saying(Steps([Step()])))
    talk = bot.conversation(options=TurnOptions(agent=True))
    with pytest.raises(GenerationError, match="ragbot agent --resume ab"):
        talk.ask(QUESTION)
    assert talk.turns[0].state == "failed"
    monkeypatch.setattr(bot, "agent", lambda **_: agent_saying(Steps([], GenerationError("down"))))
    with pytest.raises(GenerationError, match="down"):
        asking(bot, TurnOptions(agent=True))(QUESTION, (), None).__next__()


def test_leaving_stops_the_agent(bot: RagBot, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Steps([Step(), Step(), FinalAnswer(text="x")])
    monkeypatch.setattr(bot, "agent", lambda **_: agent_saying(stream))
    with closing(asking(bot, TurnOptions(agent=True))(QUESTION, (), None)) as pieces:
        next(pieces)
    assert stream.cancelled
