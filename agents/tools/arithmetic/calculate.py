"""From a text to its value: the one way into this package."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from agents.tools.arithmetic.lexer import normalised, tokens
from agents.tools.arithmetic.parser import Parser
from agents.tools.arithmetic.phrases import reworded
from agents.tools.arithmetic.values import Value


def calculate(text: str, today: Callable[[], date] = date.today) -> Value:
    """What an expression comes to.

    Args:
        text: at most 1,000 characters, English or Chinese.
        today: what ``today`` and days without a year refer to.

    Raises:
        CalculationError: it has no result; :func:`agents.tools.arithmetic.texts.failure_text` says why.
    """
    return Parser(tokens(reworded(normalised(text)), today), today).value()
