"""Why an expression has no result: a key of the texts, and what to fill in."""

from __future__ import annotations


class CalculationError(Exception):
    """An expression that cannot be computed.

    Attributes:
        key: which text of :data:`agents.tools.arithmetic.texts.FAILURES` says why.
        values: what stands in it.
    """

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key, values)
        self.key = key
        self.values = values
