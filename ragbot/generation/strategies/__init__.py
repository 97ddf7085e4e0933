"""How a chat model is asked for an answer, and how its reply is read: one file each, and a row of the table."""

from __future__ import annotations

from collections.abc import Mapping

from ragbot.errors import SettingsError
from ragbot.generation.strategies.base import Strategy
from ragbot.generation.strategies.chain_of_thought import reason_first
from ragbot.generation.strategies.direct import direct
from ragbot.generation.strategies.self_consistency import most_agreed
from ragbot.generation.strategies.structured import from_json

#: By the name that the setting ``generation.strategy`` knows them by.
STRATEGIES: Mapping[str, Strategy] = {
    "zero-shot": Strategy("answer", direct),
    "few-shot": Strategy("answer-few-shot", direct),
    "chain-of-thought": Strategy("answer-chain-of-thought", reason_first, extra_tokens=256),
    "self-consistency": Strategy("answer", most_agreed),
    "structured": Strategy("answer-structured", from_json, extra_tokens=48),
}


def strategy_called(name: str) -> Strategy:
    """The strategy of that name. Raises SettingsError where there is none."""
    if name not in STRATEGIES:
        raise SettingsError(f"there is no strategy {name!r}: generation.strategy is one of {', '.join(STRATEGIES)}")
    return STRATEGIES[name]
