"""``response_format`` in the other local backends: random weights write JSON that fits the schema."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from langchain_core.messages import HumanMessage

from ragbot.errors import SettingsError
from ragbot.models.llms.calls import Call
from ragbot.models.llms.llamacpp import LlamaCppChatModel
from ragbot.models.llms.transformers import TransformersChatModel

SCHEMA = {
    "type": "object",
    "properties": {"tool": {"enum": ["add", "read"]}, "n": {"type": "integer", "minimum": 0, "maximum": 99}},
    "required": ["tool", "n"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "json_schema": {"name": "step", "schema": SCHEMA, "strict": True}}
QUESTION = [HumanMessage("What is a rank?")]


def check(text: str) -> None:
    found = json.loads(text)
    assert found["tool"] in {"add", "read"} and 0 <= found["n"] <= 99
    assert set(found) == {"tool", "n"}


@pytest.fixture(scope="session")
def byte_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model whose tokens are bytes and a few merges of them."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(['{"tool": "add", "n": 12}', "What is a rank? 上海"], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast) + 4,  # as in real models, the table is wider than the vocabulary
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        initializer_range=0.4,
    )
    folder = tmp_path_factory.mktemp("byte-llama")
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def load_transformers(folder: Path, lookup: int = 0) -> TransformersChatModel:
    return TransformersChatModel.from_name(
        str(folder), device="cpu", dtype="float32", lookup_tokens=lookup, max_new_tokens=80
    )


@pytest.mark.parametrize("lookup", [0, 10])
def test_transformers(byte_llama: Path, lookup: int) -> None:
    model = load_transformers(byte_llama, lookup)
    for options in ({}, {"temperature": 1.5, "seed": 1}, {"temperature": 1.5, "seed": 2}):
        check(model.invoke(QUESTION, response_format=FORM, **options).text)
    first, second = model.batch([QUESTION, QUESTION], response_format=FORM)
    check(first.text)
    assert first.text == second.text
    with pytest.raises(SettingsError, match="response_format"):
        model.invoke(QUESTION, response_format="json")


def test_a_tokenizer_that_cannot_write_json(tiny_llama: Path) -> None:
    """It has no brace: that is told, and nothing hangs."""
    model = load_transformers(tiny_llama)
    with pytest.raises(SettingsError, match="leave response_format out"):
        model.invoke(QUESTION, response_format=FORM)


def test_llamacpp_is_handed_the_schema() -> None:
    """Its server follows it by a grammar of its own."""
    call = Call.of({"response_format": FORM}, None, {"max_new_tokens": 9, "temperature": 0.0})
    server = SimpleNamespace(has_template=lambda: False)
    model = LlamaCppChatModel(model_name="tiny", server=server)
    assert model._request([1], call)["json_schema"] == SCHEMA
    plain = Call.of({}, None, {"max_new_tokens": 9, "temperature": 0.0})
    assert "json_schema" not in model._request([1], plain)
