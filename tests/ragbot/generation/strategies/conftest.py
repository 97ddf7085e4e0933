"""Strategies without a knowledge base and without a model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragbot.generation.strategies.base import Request, Strategy
from tests.ragbot.generation.strategies.scripted import REFUSAL, Read, Scripted


@pytest.fixture(params=[1, 3, 1000], ids=lambda size: f"pieces of {size}")
def read(request: pytest.FixtureRequest) -> Read:
    """Reads replies with a strategy: the whole text, the pieces, and the script."""

    def run(strategy: Strategy, *replies: str, refusal: str = REFUSAL) -> tuple[str, list[str], Scripted]:
        say = Scripted(list(replies), request.param)
        pieces: Iterator[str] = strategy.read(Request(say, refusal, len(replies)))
        shown = list(pieces)
        return "".join(shown), shown, say

    return run
