"""Values that can be sent: models write halves of surrogate pairs, which no UTF-8 has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def cleaned(value: Any) -> Any:
    """A value as JSON knows it, with every text and every name in it as it can be sent."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {cleaned(name): cleaned(one) for name, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [cleaned(one) for one in value]
    return value
