"""Answers of the bundled engine that keep to a JSON schema, whatever the network would rather say."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from ragbot.errors import SettingsError
from ragbot.models.llms.constraints import Constraints
from ragbot.models.llms.gemma.chat import GemmaChatModel
from ragbot.models.llms.gemma.engine import GemmaEngine
from ragbot.models.llms.gemma.tokenizer import GemmaTokenizer

SCHEMA: dict[str, Any] = {
    "anyOf": [
        {
            "type": "object",
            "properties": {
                "tool": {"enum": ["计算器", "clock"]},
                "arguments": {
                    "type": "object",
                    "properties": {"text": {"type": "string", "maxLength": 12}, "count": {"type": "integer"}},
                    "required": ["text"],
                    "additionalProperties": False,
                },
            },
            "required": ["tool", "arguments"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"answer": {"type": "string", "maxLength": 8}},
            "required": ["answer"],
            "additionalProperties": False,
        },
    ]
}
QUESTION = [HumanMessage("the and 上海是?")]


def form(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "step", "schema": schema}}


@pytest.fixture
def model(engine: GemmaEngine) -> GemmaChatModel:
    return GemmaChatModel(model_name="tiny", engine=engine, max_new_tokens=200)


@pytest.mark.parametrize("lookup", [True, False])
@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_random_weights_write_what_the_schema_asks_for(engine: GemmaEngine, temperature: float, lookup: bool) -> None:
    model = GemmaChatModel(model_name="tiny", engine=engine, max_new_tokens=300, lookup=lookup)
    for seed in range(4):
        reply = model.invoke(QUESTION, response_format=form(SCHEMA), temperature=temperature, seed=seed)
        assert reply.response_metadata["finish_reason"] == "stop"
        found = json.loads(reply.text)
        assert set(found) in ({"tool", "arguments"}, {"answer"})
        if "tool" in found:
            assert found["tool"] in {"计算器", "clock"}
            assert len(found["arguments"]["text"]) <= 12
        else:
            assert len(found["answer"]) <= 8


def test_plain_text_stays_plain(model: GemmaChatModel) -> None:
    assert model.invoke(QUESTION, response_format={"type": "text"}).text == model.invoke(QUESTION).text


def test_what_is_no_response_format(model: GemmaChatModel) -> None:
    with pytest.raises(SettingsError, match=r"response_format is .*json_object.*: give"):
        model.invoke(QUESTION, response_format={"type": "json_object"})
    with pytest.raises(SettingsError, match="cannot be followed"):
        model.invoke(QUESTION, response_format=form({"type": "nothing"}))


def test_no_step_is_a_dead_end(model: GemmaChatModel) -> None:
    """Walks at random through the schema: Chinese, emoji by bytes, escapes; each walk ends in an object."""
    tokenizer: GemmaTokenizer = model.engine.tokenizer
    constraints = Constraints(lambda: model._vocabulary().tokenizer(), "bundled-llm")
    bound = {"type": "object", "properties": {"t": {"type": "string", "maxLength": 6}}, "required": ["t"]}
    schema = {**bound, "additionalProperties": False}
    for seed in range(60):
        chance, constraint = random.Random(seed), constraints.of(schema)
        written = b""
        for _ in range(200):
            token = int(chance.choice(list(constraint.allowed())))
            if token == tokenizer.eos:
                break
            written += tokenizer.bytes_of[token]
            constraint.push(token)
        else:
            pytest.fail(f"no end: {written!r}")
        assert len(json.loads(written.decode())["t"]) <= 6


def test_any_text_can_be_written(model: GemmaChatModel) -> None:
    tokenizer: GemmaTokenizer = model.engine.tokenizer
    text = json.dumps({"answer": '上海 \\"é😀\n'}, ensure_ascii=False)
    constraint = Constraints(lambda: model._vocabulary().tokenizer(), "bundled-llm").of(SCHEMA)
    for token in tokenizer.encode(text):
        allowed = set(map(int, constraint.allowed()))
        assert token in allowed, tokenizer.bytes_of[token]
        assert not allowed & {tokenizer.control("<start_of_turn>"), tokenizer.bos}
        constraint.push(token)
    assert list(constraint.allowed()) == [tokenizer.eos]
