"""Rerankers by name."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ragbot.errors import ModelNotFoundError
from ragbot.models.registry import AUTO_RERANKER, NO_RERANKER, load_reranker
from ragbot.models.rerankers.base import Floats, Reranker
from ragbot.settings import load_settings


class Mine(Reranker):
    def __init__(self, model: str, **options: Any) -> None:
        self.name = f"{model} {options}"

    def score(self, question: str, passages: Sequence[str]) -> Floats:
        return np.zeros(len(passages), np.float32)


def test_a_typo_is_told_from_a_model() -> None:
    with pytest.raises(ModelNotFoundError, match=r"'onx:model' names no reranker. Did you mean 'onnx'\?"):
        load_reranker("onx:model")


def test_none_is_no_model() -> None:
    with pytest.raises(ModelNotFoundError, match="bundled, sentence-transformers, onnx"):
        load_reranker(NO_RERANKER)


def test_an_entry_point_adds_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    point = importlib.metadata.EntryPoint("mine", f"{__name__}:Mine", "ragbot.rerankers")
    monkeypatch.setattr(importlib.metadata.EntryPoint, "load", lambda self: Mine)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point] if group == "ragbot.rerankers" else [])
    reranker = load_reranker("mine:model", depth=3)
    assert reranker.name == "model {'depth': 3}"
    assert reranker.count_tokens("what", ["上海", "word word word"]) == [3, 5]


def test_the_settings_ask_for_the_measured_one() -> None:
    settings, _ = load_settings()
    assert (settings.retrieval.reranker, settings.retrieval.rerank_candidates) == (AUTO_RERANKER, 20)
