"""Tiny cross-encoders with random weights, made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def make_cross_encoder(tmp_path_factory: pytest.TempPathFactory, tiny_tokenizer: Any) -> Callable[..., Path]:
    """``make(kind, labels, seed)``: the folder of a random cross-encoder, ``bert`` or ``xlm-roberta``."""
    import torch
    from tokenizers import Tokenizer, processors
    from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedTokenizerFast

    def make(kind: str = "bert", labels: int = 1, seed: int = 0) -> Path:
        torch.manual_seed(seed)
        tokenizer = Tokenizer.from_str(tiny_tokenizer.backend_tokenizer.to_str())
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=[("<s>", 1), ("</s>", 2)]
        )
        names = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "unk_token": "<unk>"}
        config = AutoConfig.for_model(
            kind,
            vocab_size=len(tiny_tokenizer),
            hidden_size=64,
            num_hidden_layers=3,
            num_attention_heads=4,
            intermediate_size=160,
            max_position_embeddings=130 if kind == "xlm-roberta" else 128,
            type_vocab_size=1 if kind == "xlm-roberta" else 2,
            num_labels=labels,
            pad_token_id=0,
            initializer_range=0.15,
            classifier_dropout=0.0,
        )
        folder = tmp_path_factory.mktemp("cross") / f"tiny-{kind}"
        AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
        inputs = ["input_ids", "attention_mask"] + ["token_type_ids"] * (kind == "bert")
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, pad_token="<pad>", model_max_length=128, model_input_names=inputs, **names
        ).save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def cross_bert(make_cross_encoder: Callable[..., Path]) -> Path:
    return make_cross_encoder("bert")


@pytest.fixture(scope="session")
def cross_xlmr(make_cross_encoder: Callable[..., Path]) -> Path:
    return make_cross_encoder("xlm-roberta")


@pytest.fixture(scope="session")
def built_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder of this session's own, so that each model is exported once."""
    return tmp_path_factory.mktemp("rerankers")


@pytest.fixture
def cache(built_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(built_cache))
    return built_cache
