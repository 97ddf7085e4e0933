"""Rewriting as the bot, the answer chain and the command line use it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragbot.bot import RagBot
from ragbot.console.knowledge import settings_of
from ragbot.console.options import IndexOptions, SearchOptions
from ragbot.documents import Message
from ragbot.errors import SettingsError
from ragbot.generation.answerers import ChatAnswerer
from ragbot.generation.chain import AnswerChain
from ragbot.generation.extractive import ExtractiveAnswerer
from ragbot.generation.rewriting.by_model import ByModel
from ragbot.generation.rewriting.strategies import STRATEGIES
from ragbot.models.testing import HashEmbedder, ScriptedChatModel
from ragbot.retrieval.feedback import FEEDBACK
from ragbot.settings import Settings, load_settings

QUESTION = "What does continuous batching do?"
HISTORY = [Message("user", "What is the harbour of Aalto?"), Message("assistant", "A harbour [1].")]
Opened = Callable[..., RagBot]


@pytest.fixture
def opened(kb_folder: Path, corpus: Path) -> Any:
    """Opens the corpus with some settings of retrieval, and a model."""
    bots: list[RagBot] = []

    def build(llm: Any = "extractive", **retrieval: Any) -> RagBot:
        changes = {f"retrieval.{key}": value for key, value in retrieval.items()}
        settings: Settings = load_settings({"generation.min_confidence": 0.0, **changes})[0]
        bots.append(RagBot.open(kb_folder, embedder=HashEmbedder(), llm=llm, settings=settings))
        bots[-1].ingest(corpus)
        return bots[-1]

    yield build
    for bot in bots:
        bot.close()


def test_rules_are_the_default(opened: Opened) -> None:
    bot = opened()
    assert bot.settings.retrieval.rewrite == "rules"
    assert bot.search(QUESTION) == bot.retriever.search(QUESTION, 10)
    assert bot.retriever.options.feedback == 0


def test_a_search_in_several_wordings(opened: Opened) -> None:
    model = ScriptedChatModel(["What does batching do?\n长江流经哪些城市"])
    hits = opened(model, rewrite="multi-query", rewrites=2).search("batching requests")
    assert {hit.components["query"] for hit in hits} <= {1.0, 2.0, 3.0}
    assert {"serving.md", "misc.txt"} <= {Path(hit.chunk.document.source).name for hit in hits[:4]}
    assert "2 other wordings" in str(model.calls[0][0].content) and "in Chinese" in str(model.calls[0][0].content)


def test_a_compound_question_finds_both(opened: Opened) -> None:
    hits = opened().search("What colour is the lighthouse of Aalto? 长江流经哪些城市？", 2)
    assert {Path(hit.chunk.document.source).name for hit in hits} == {"plain.txt", "misc.txt"}


def test_none_searches_as_asked(opened: Opened) -> None:
    bot = opened(rewrite="none")
    question = "And what colour is its lighthouse?"
    assert list(bot.ask(question, HISTORY).hits) == bot.retriever.search(question, 10)


def test_feedback_is_an_option_of_the_search(opened: Opened) -> None:
    assert opened(rewrite="feedback").retriever.options.feedback == FEEDBACK
    assert opened(rewrite="feedback").search(QUESTION)


@pytest.mark.parametrize("name", ["multi-query", "hyde"])
def test_what_needs_a_model_and_has_none(opened: Opened, name: str) -> None:
    bot = opened(rewrite=name)
    for use in (bot.search, bot.ask):
        with pytest.raises(SettingsError, match="--llm"):
            use(QUESTION)


@pytest.mark.parametrize("name", ["standalone", "decompose"])
def test_what_goes_by_rules_without_a_model(opened: Opened, name: str) -> None:
    assert opened(rewrite=name).ask("And its lighthouse?", HISTORY).hits


def test_tokens_and_seconds_reach_the_answer(opened: Opened) -> None:
    alone = "What colour is the lighthouse of Aalto harbour?"
    bot = opened(ScriptedChatModel([alone, "It is green [1]."]), rewrite="standalone")
    answer = bot.ask("And what colour is its lighthouse?", HISTORY)
    assert answer.question == "And what colour is its lighthouse?" and answer.text.startswith("It is green")
    model = bot._chat_model()
    assert isinstance(model, ScriptedChatModel)
    assert alone in str(model.calls[1][-1].content)  # the question that is answered
    plain = opened(ScriptedChatModel(["It is green [1]."])).ask(alone, HISTORY)
    assert answer.usage["input_tokens"] > plain.usage["input_tokens"] + 50
    assert answer.usage["output_tokens"] > plain.usage["output_tokens"] + 5
    assert 0 < answer.timings["rewrite"] < answer.timings["total"] and "rewrite" not in plain.timings
    assert answer.timings["rewrite"] + answer.timings["search"] <= answer.timings["total"]


def test_a_refusal_tells_its_tokens_too(opened: Opened) -> None:
    bot = opened(ScriptedChatModel(["What colour is the lighthouse of Aalto harbour?"]))
    rewriter = ByModel(bot._chat_model(), STRATEGIES["standalone"])
    chain = AnswerChain(
        bot.kb, bot.retriever, ExtractiveAnswerer(bot.kb, bot.embedder), min_confidence=1.0, rewriter=rewriter
    )
    answer = chain.ask("And what colour is its lighthouse?", HISTORY)
    assert answer.abstained and answer.usage["input_tokens"] > 0


def test_a_reader_who_stops_while_the_question_is_rewritten(bot: RagBot, server: Any) -> None:
    server.held.clear()
    model = server.model()
    chain = AnswerChain(
        bot.kb, bot.retriever, ChatAnswerer(model, 1000), rewriter=ByModel(model, STRATEGIES["hyde"], seconds=30)
    )
    stream = chain.stream(QUESTION)
    started = time.monotonic()
    assert [next(stream) for _ in range(3)] == ["", "", ""]
    stream.close()
    assert time.monotonic() - started < 5
    server.held.set()


def test_the_second_question_finds_what_the_first_was_about(opened: Opened) -> None:
    history = [Message("user", "长江有多长？"), Message("assistant", "六千三百公里。")]
    hits = opened().ask("注入哪里？", history).hits
    assert Path(hits[0].chunk.document.source).name == "misc.txt"


def test_the_option_is_the_setting() -> None:
    settings = settings_of(IndexOptions(), SearchOptions(rewrite="decompose"))
    assert settings.retrieval.rewrite == "decompose"
    with pytest.raises(SettingsError, match="multi-query"):
        settings_of(IndexOptions(), SearchOptions(rewrite="guess"))
