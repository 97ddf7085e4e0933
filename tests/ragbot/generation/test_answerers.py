"""Strategies and token counts, through the chain and the bot, with a chat model that says what it was told to say."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import pytest
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk
from pydantic import Field

from ragbot.bot import RagBot
from ragbot.documents import Answer
from ragbot.errors import GenerationError, SettingsError
from ragbot.generation.answerers import ChatAnswerer
from ragbot.generation.chain import AnswerChain
from ragbot.generation.prompts import render
from ragbot.generation.strategies import STRATEGIES
from ragbot.models.embedders.base import estimate_tokens
from ragbot.models.testing import HashEmbedder, ScriptedChatModel
from ragbot.sections.answers import StrategyName
from ragbot.settings import load_settings

EN, ZH = "What does continuous batching do?", "QLoRA 做了什么？"
SAMPLES = 3
#: What a model that does as it is told replies, and what the reader gets of it.
REPLIES = {
    "zero-shot": ["{}"],
    "few-shot": ["{}"],
    "chain-of-thought": ["<reasoning>HIDDEN</reasoning>\n<answer>{}</answer>"],
    "self-consistency": ["HIDDEN words of another answer", "{}", "{}"],
    "structured": ['{{"answer": "{}", "citations": [1], "answerable": true}}'],
}
SAID = {EN: "It admits a request as soon as another has finished [1].", ZH: "QLoRA 把基座模型量化为 4 比特 [1]。"}
strategies = pytest.mark.parametrize("strategy", STRATEGIES)
questions = pytest.mark.parametrize("question", [EN, ZH], ids=["en", "zh"])


class Watched(ScriptedChatModel):
    """Keeps the options of each call, and of each stream that has ended whether it came to its end."""

    options: list[dict[str, Any]] = Field(default_factory=list)
    ended: list[bool] = Field(default_factory=list)

    def _stream(self, messages: list[BaseMessage], *args: Any, **options: Any) -> Iterator[ChatGenerationChunk]:
        self.options.append(options)
        over = False
        try:
            yield from super()._stream(messages, *args)
            over = True
        finally:
            self.ended.append(over)


def chain(bot: RagBot, strategy: str, *replies: Any, samples: int = SAMPLES) -> tuple[AnswerChain, Watched]:
    model = Watched(replies=list(replies))
    answerer = ChatAnswerer(model, 1000, strategy, samples)
    return AnswerChain(bot.kb, bot.retriever, answerer, min_confidence=0.0), model


def counted(model: ScriptedChatModel, *replies: str) -> dict[str, int]:
    asked = sum(estimate_tokens(str(message.text)) for call in model.calls for message in call)
    return {"input_tokens": asked, "output_tokens": sum(map(estimate_tokens, replies))}


def test_the_setting_and_the_table_know_the_same_names() -> None:
    assert get_args(StrategyName) == tuple(STRATEGIES) == tuple(REPLIES)
    with pytest.raises(SettingsError, match=r"'zero'.*zero-shot, few-shot"):
        ChatAnswerer(ScriptedChatModel([]), 1000, "zero")


@strategies
@questions
def test_an_answer(bot: RagBot, strategy: str, question: str) -> None:
    replies = [reply.format(SAID[question]) for reply in REPLIES[strategy]]
    asked, model = chain(bot, strategy, *replies)
    stream = asked.stream(question)
    pieces = list(stream)
    answer = stream.answer
    assert "".join(pieces) == answer.text == SAID[question]
    assert not answer.abstained and len(answer.citations) == 1
    (citation,) = answer.citations
    assert citation.quote == bot.document_text(citation.document_id)[citation.start : citation.end]
    assert answer.usage == counted(model, *replies)
    assert [options.get("temperature") for options in model.options] == (
        [0.7] * SAMPLES if strategy == "self-consistency" else [None]
    )
    assert model.ended == [True] * len(replies)


@strategies
@questions
def test_the_prompt_is_the_strategys_own(bot: RagBot, strategy: str, question: str) -> None:
    asked, model = chain(bot, strategy, *[""] * SAMPLES)
    answer = asked.ask(question)
    language = {EN: "en", ZH: "zh"}[question]
    assert answer.abstained and answer.text == render("refusal", language)
    (prompt,) = {str(message.content) for call in model.calls for message in call}
    instructions = render(STRATEGIES[strategy].prompt, language, refusal=answer.text, context="|", question=question)
    assert prompt.startswith(instructions.partition("|")[0])
    # Every passage stands between tags of its own; those of the worked examples come before them.
    assert prompt.count('<passage number="') == prompt.count("</passage>") > instructions.count("</passage>")


@strategies
def test_only_what_is_shown_is_text(bot: RagBot, strategy: str) -> None:
    replies = [reply.format(SAID[EN]) for reply in REPLIES[strategy]]
    asked, _ = chain(bot, strategy, *replies)
    stream = asked.stream(EN)
    shown = ""
    for piece in stream:
        shown += piece
        assert SAID[EN].startswith(shown)


@strategies
@pytest.mark.parametrize(
    "garbage", ["", "\n \n", "<reasoning>on and", '{"answer": "It', "```json\n{}\n```", "[99]", "{{{{", "<answer>"]
)
def test_garbage_is_an_answer_or_a_refusal(bot: RagBot, strategy: str, garbage: str) -> None:
    asked, model = chain(bot, strategy, *[garbage] * SAMPLES)
    stream = asked.stream(EN)
    assert "".join(stream) == stream.answer.text
    assert stream.answer.text.strip()
    assert stream.answer.usage["output_tokens"] == estimate_tokens(garbage) * len(model.calls)


@strategies
@pytest.mark.parametrize("pulled", [0, 1, 2])
def test_closing_stops_the_model(bot: RagBot, strategy: str, pulled: int) -> None:
    replies = [reply.format(SAID[EN]) for reply in REPLIES[strategy]]
    asked, model = chain(bot, strategy, *replies)
    stream = asked.stream(EN)
    for _ in range(pulled):
        next(stream)
    stream.close()
    assert model.ended == [False] * bool(pulled)  # at once, and not because its reply was over
    with pytest.raises(RuntimeError):
        _ = stream.answer


@strategies
def test_a_failing_model(bot: RagBot, strategy: str) -> None:
    asked, model = chain(bot, strategy, ConnectionError("refused"))
    stream = asked.stream(EN)
    with pytest.raises(GenerationError, match=r"chat model failed.*extractive"):
        list(stream)
    with pytest.raises(RuntimeError):
        _ = stream.answer
    assert model.ended == [False]


def test_no_vote_without_every_sample(bot: RagBot) -> None:
    asked, _ = chain(bot, "self-consistency", "So [1].", "So [1].", ValueError("busy"))
    with pytest.raises(GenerationError, match="busy"):
        asked.ask(EN)


def test_a_structured_refusal_and_a_text_instead(bot: RagBot) -> None:
    asked, _ = chain(bot, "structured", '{"answer": "", "citations": [], "answerable": false}', SAID[ZH])
    refused, answered = asked.ask(ZH), asked.ask(ZH)
    assert (refused.abstained, refused.text) == (True, render("refusal", "zh"))
    assert (answered.abstained, answered.text, len(answered.citations)) == (False, SAID[ZH], 1)


def test_citations_of_the_object_that_name_nothing_are_dropped(bot: RagBot) -> None:
    asked, _ = chain(bot, "structured", '{"answer": "It admits a request.", "citations": [1, 99]}')
    answer = asked.ask(EN)
    assert answer.text == "It admits a request. [1]"
    assert [citation.marker for citation in answer.citations] == [1]


# -- token counts ------------------------------------------------------------------------------------------------


class Piecemeal(ScriptedChatModel):
    """Tells its tokens in parts, as some services do, or not at all; ``usage_metadata`` of chunks adds up."""

    parts: list[tuple[int, int] | None]

    def _stream(self, messages: list[BaseMessage], *args: Any, **options: Any) -> Iterator[ChatGenerationChunk]:
        for part in self.parts:
            usage = part and UsageMetadata(input_tokens=part[0], output_tokens=part[1], total_tokens=sum(part))
            yield ChatGenerationChunk(message=AIMessageChunk(content="So ", usage_metadata=usage or None))


@pytest.mark.parametrize(
    ("parts", "usage"),
    [
        ([(9, 0), None, (0, 4)], {"input_tokens": 9, "output_tokens": 4}),
        ([(9, 1), (0, 3)], {"input_tokens": 9, "output_tokens": 4}),
        ([None, None], {}),
    ],
)
def test_counts_are_those_that_the_model_tells(bot: RagBot, parts: list[Any], usage: dict[str, int]) -> None:
    answerer = ChatAnswerer(Piecemeal(replies=[], parts=parts), 1000)
    assert AnswerChain(bot.kb, bot.retriever, answerer, min_confidence=0.0).ask(EN).usage == usage


def test_nothing_is_counted_where_no_model_was_asked(bot: RagBot, kb_folder: Path) -> None:
    assert bot.ask(EN).usage == {}  # extractive
    asked, model = chain(bot, "zero-shot")
    assert asked.ask("").usage == {}
    assert AnswerChain(bot.kb, bot.retriever, ChatAnswerer(model, 1), min_confidence=0.0).ask(EN).usage == {}


@strategies
def test_questions_at_once_do_not_mix(bot: RagBot, strategy: str) -> None:
    """Each gets its own answer and its own count."""

    def reply(messages: list[BaseMessage]) -> str:
        number = int(str(messages[-1].text).rpartition("number ")[2].partition("?")[0])
        return REPLIES[strategy][-1].format(f"It is {'so ' * number}[1].")

    answerer = ChatAnswerer(ScriptedChatModel(reply), 1000, strategy, SAMPLES)
    asked = AnswerChain(bot.kb, bot.retriever, answerer, min_confidence=0.0)
    wanted = [f"What does batching do with number {number}?" for number in range(1, 13)]

    def told(answer: Answer) -> tuple[Any, ...]:
        return answer.question, answer.text, answer.citations, answer.usage

    alone = [told(asked.ask(question)) for question in wanted]
    with ThreadPoolExecutor(6) as pool:
        together = [told(answer) for answer in pool.map(asked.ask, wanted)]
    assert together == alone
    assert len({row[1] for row in alone}) == len(wanted)
    assert alone[0][3]["output_tokens"] < alone[-1][3]["output_tokens"]


# -- settings ----------------------------------------------------------------------------------------------------


def test_the_bot_hands_the_settings_on(kb_folder: Path, corpus: Path) -> None:
    model = Watched(replies=lambda _: "It admits a request [1].")
    wanted = {"min_confidence": 0.0, "strategy": "self-consistency", "samples": 2}
    settings, _ = load_settings({f"generation.{key}": value for key, value in wanted.items()})
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm=model, settings=settings) as bot:
        bot.ingest(corpus)
        answer = bot.ask(EN)
    assert len(model.calls) == 2
    assert answer.usage == counted(model, *["It admits a request [1]."] * 2)


@strategies
@pytest.mark.parametrize(("llm", "limit"), [("bundled", "max_new_tokens"), ("openai:m", "max_tokens")])
def test_what_is_written_beside_the_answer_has_room_of_its_own(
    kb_folder: Path, monkeypatch: pytest.MonkeyPatch, strategy: str, llm: str, limit: str
) -> None:
    given: list[dict[str, Any]] = []

    def load(_: str, **options: Any) -> ScriptedChatModel:
        given.append(options)
        return ScriptedChatModel([])

    monkeypatch.setattr("ragbot.generation.chat_models.load_chat_model", load)
    settings, _ = load_settings({"generation.strategy": strategy, "generation.answer_tokens": 100})
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm=llm, settings=settings) as bot:
        _ = bot.chain
    (options,) = given
    assert options[limit] == 100 + {"chain-of-thought": 256, "structured": 48}.get(strategy, 0)
