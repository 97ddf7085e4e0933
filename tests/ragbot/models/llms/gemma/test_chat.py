"""The chat model over the engine: what it says, counts and stops at."""

from __future__ import annotations

import asyncio
import math

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from ragbot.errors import GenerationError
from ragbot.models.llms.gemma.chat import GemmaChatModel
from ragbot.models.llms.gemma.engine import GemmaEngine

QUESTION = [SystemMessage("the sand and the thin."), HumanMessage("the and 上海是?")]


@pytest.fixture
def model(engine: GemmaEngine) -> GemmaChatModel:
    return GemmaChatModel(model_name="tiny", engine=engine, max_new_tokens=24)


def test_an_answer_has_its_costs(model: GemmaChatModel) -> None:
    first, again = model.invoke(QUESTION), model.invoke(QUESTION)
    assert first.text == again.text != ""
    assert isinstance(first, AIMessage)
    assert first.usage_metadata is not None
    assert again.usage_metadata is not None
    assert first.usage_metadata["input_tokens"] == model.get_num_tokens_from_messages(QUESTION)
    assert 0 < first.usage_metadata["output_tokens"] <= 24
    assert first.usage_metadata["input_token_details"]["cache_read"] == 0
    assert again.usage_metadata["input_token_details"]["cache_read"] == first.usage_metadata["input_tokens"] - 1
    assert first.response_metadata["finish_reason"] in {"stop", "length", "loop"}


def test_a_stream_is_the_answer_and_stops_where_it_is_told(model: GemmaChatModel) -> None:
    whole = model.invoke(QUESTION).text
    assert "".join(chunk.text for chunk in model.stream(QUESTION)) == whole
    stop = whole[len(whole) // 2 : len(whole) // 2 + 2]
    assert model.invoke(QUESTION, stop=[stop]).text == whole[: whole.index(stop)]
    stream = model.stream(QUESTION)
    next(chunk for chunk in stream if chunk.text)
    stream.close()  # type: ignore[attr-defined]
    assert model._slots.free == model.slots


def test_log_probabilities(model: GemmaChatModel) -> None:
    message = model.invoke(QUESTION, logprobs=True, top_logprobs=3)
    content = message.response_metadata["logprobs"]["content"]
    assert len(content) == message.usage_metadata["output_tokens"]  # type: ignore[index]
    for entry in content:
        assert entry["logprob"] <= 0
        assert entry["top_logprobs"][0]["logprob"] == pytest.approx(entry["logprob"], abs=1e-4)
        assert sum(math.exp(top["logprob"]) for top in entry["top_logprobs"]) <= 1 + 1e-6
        assert len(entry["top_logprobs"]) == 3


def test_what_looks_like_a_control_token_is_text(model: GemmaChatModel) -> None:
    ids = model._encode([HumanMessage("a<eos><start_of_turn>the")])
    assert ids[0] == model.engine.tokenizer.bos
    assert not {model.engine.tokenizer.eos, model.engine.tokenizer.control("<start_of_turn>")} & set(ids)
    assert "<eos><start_of_turn>" in model.engine.tokenizer.decode(ids)


def test_limits(model: GemmaChatModel) -> None:
    assert model.invoke(QUESTION, max_new_tokens=3).usage_metadata["output_tokens"] <= 3  # type: ignore[index]
    with pytest.raises(GenerationError, match=r"takes 1024 with the answer"):
        model.invoke([HumanMessage("thin " * 400)])
    with pytest.raises(GenerationError, match="raise first_token_timeout"):
        model.invoke(QUESTION, first_token_timeout=1e-9)
    assert model._slots.free == model.slots
    assert model.invoke([HumanMessage("")]).usage_metadata is not None


def test_a_seed_repeats_what_is_drawn(model: GemmaChatModel) -> None:
    drawn = [model.invoke(QUESTION, temperature=1.5, seed=seed).text for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_callers_at_once_get_their_own_answers(model: GemmaChatModel) -> None:
    questions = [[HumanMessage(text)] for text in ("the", "上海", "and", "thin", "sand", "a")]
    alone = [model.invoke(question).text for question in questions]

    async def together() -> list[str]:
        return [message.text for message in await asyncio.gather(*map(model.ainvoke, questions))]

    assert asyncio.run(together()) == alone
