"""Wishes of one question: obeyed by a chat model, refused by name where nothing is sampled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragbot.bot import RagBot
from ragbot.generation.sampling import Sampling, SamplingError, sampled
from ragbot.models.testing import HashEmbedder, ScriptedChatModel
from ragbot.settings import Settings

EN = "By what factor does the throughput rise?"


@pytest.fixture
def model() -> ScriptedChatModel:
    return ScriptedChatModel(lambda _: "Throughput rises by a factor of 20 [1]. And so on.")


@pytest.fixture
def talking(kb_folder: Path, corpus: Path, model: ScriptedChatModel) -> Iterator[RagBot]:
    settings = Settings(generation={"min_confidence": 0.0})  # type: ignore[arg-type]
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm=model, settings=settings) as opened:
        opened.ingest(corpus)
        yield opened


def test_no_wish_changes_nothing(bot: RagBot, talking: RagBot) -> None:
    for chain in (bot.chain, talking.chain):
        assert sampled(chain, Sampling(), 256) is chain


def test_stop_words_end_the_answer(talking: RagBot, model: ScriptedChatModel) -> None:
    answer = sampled(talking.chain, Sampling(stop=(" And",)), 256).ask(EN)
    assert model.stops == [[" And"]]
    assert answer.text.endswith("[1].")
    talking.ask(EN)
    assert model.stops[-1] is None  # of one question alone


def test_temperature_and_length_are_options_of_the_call(talking: RagBot, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    real = ScriptedChatModel._stream

    def spy(self: Any, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
        seen.append(kwargs)
        return real(self, messages, stop, run_manager, **kwargs)

    monkeypatch.setattr(ScriptedChatModel, "_stream", spy)
    sampled(talking.chain, Sampling(0.7, 10), 256).ask(EN)
    sampled(talking.chain, Sampling(None, 1000), 256).ask(EN)  # nobody gets a longer one
    assert seen[0].items() >= {"temperature": 0.7, "max_tokens": 10}.items()
    assert "max_tokens" not in seen[1]


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        (Sampling(temperature=0.1), "temperature"),
        (Sampling(max_tokens=255), "max_tokens"),
        (Sampling(stop=("。",)), "stop"),
    ],
)
def test_what_is_not_sampled_refuses_by_name(bot: RagBot, wish: Sampling, name: str) -> None:
    with pytest.raises(SamplingError, match=f"{name} cannot be obeyed") as caught:
        sampled(bot.chain, wish, 256)
    assert caught.value.name == name


def test_what_asks_for_nothing_is_no_wish(bot: RagBot) -> None:
    assert sampled(bot.chain, Sampling(temperature=0.0, max_tokens=256), 256) is bot.chain


@pytest.mark.parametrize("wish", [Sampling(stop=("x",)), Sampling(max_tokens=5)])
def test_reasoning_is_not_cut_off(kb_folder: Path, corpus: Path, model: ScriptedChatModel, wish: Sampling) -> None:
    settings = Settings(generation={"min_confidence": 0.0, "strategy": "structured"})  # type: ignore[arg-type]
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm=model, settings=settings) as opened:
        with pytest.raises(SamplingError, match="strategy"):
            sampled(opened.chain, wish, 256)
        assert sampled(opened.chain, Sampling(temperature=0.5), 256) is not opened.chain
