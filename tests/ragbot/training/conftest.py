"""A random Gemma 3 of two layers, one of each kind, and toy groups of questions in two languages."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragbot.training.reader.contexts import Asked, Group, Place

TEXTS = [
    "The harbour was opened in 1911.",
    "Question: When was it opened?",
    "Answer: [1] 1911",
    "港口于1911年开放。",
    "问题：答案：",
]


def tokenizer() -> Any:
    """Bytes and a few merges, so that it takes any text; each digit is a token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(  # type: ignore[assignment]
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<pad>", "<eos>", "<bos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<pad>",
        eos_token="<eos>",
        bos_token="<bos>",
        clean_up_tokenization_spaces=False,
    )


def network(window: int = 16) -> Any:
    """Gemma 3 with a layer that sees ``window`` tokens and one that sees all; heads wider than their share."""
    import torch
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    torch.manual_seed(0)
    config = Gemma3TextConfig(
        vocab_size=len(tokenizer()),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        layer_types=["sliding_attention", "full_attention"],
        sliding_window=window,
        max_position_embeddings=2048,
        bos_token_id=2,
        eos_token_id=1,
        pad_token_id=0,
        query_pre_attn_scalar=16,
    )
    model = Gemma3ForCausalLM(config)
    for parameter in model.parameters():  # far from zero, so that what is seen makes a difference
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


@pytest.fixture(scope="session")
def tiny_gemma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model and its tokenizer."""
    folder = tmp_path_factory.mktemp("tiny-gemma")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network().save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def group(number: int, language: str = "en") -> Group:
    """Two questions about a paragraph, the second without an answer; the search finds it, and another document's."""
    year = str(1900 + number)
    name, source = f"Basin {number}", f"{language}/{number}"
    if language == "zh":
        name, text = f"第{number}号港池", f"第{number}号港池于{year}年开放。"
        asked, silent = f"第{number}号港池哪年开放？", f"第{number}号港池由谁建造？"
    else:
        text, asked, silent = f"{name} was opened in {year}.", f"When was {name} opened?", f"Who built {name}?"
    start = text.index(year)
    gold = Place(source, 0, len(text), name, text)
    other = Place(f"{language}/other", 0, 9, "Other", "The pier is long." if language == "en" else "码头很长。")
    return Group(
        set=f"toy_{language}",
        document=source,
        language=language,
        gold=gold,
        questions=(
            Asked(f"{source}/0", asked, (year,), ((source, start, start + 4),)),
            Asked(f"{source}/1", silent, (), ()),
        ),
        retrieved=((other, gold), (gold, other)),
    )


@pytest.fixture(scope="session")
def make_network() -> Callable[..., Any]:
    """``make_network(window=16)``: the random Gemma 3."""
    return network


@pytest.fixture(scope="session")
def make_tokenizer() -> Callable[[], Any]:
    """``make_tokenizer()``: bytes and a few merges."""
    return tokenizer


@pytest.fixture(scope="session")
def make_group() -> Callable[..., Group]:
    """``make_group(number, language)``: two questions about a paragraph."""
    return group


@pytest.fixture
def groups() -> list[Group]:
    """Four groups in each language."""
    return [group(number, language) for language in ("en", "zh") for number in range(4)]
