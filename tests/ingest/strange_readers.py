"""Readers that go wrong. They are none of LlamaIndex, whose import takes long, but have what one needs."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Item:
    text: Any
    metadata: dict[str, Any] = field(default_factory=dict)


class Plain:
    def load_data(self, file: Path) -> Any:
        return [Item(file.read_text(encoding="utf-8"))]


class Hanging:
    def load_data(self, file: Path) -> Any:
        time.sleep(600)


class Leaving:
    def load_data(self, file: Path) -> Any:
        os._exit(3)


class Eating:
    def load_data(self, file: Path) -> Any:
        return [Item(str(len(bytearray(1 << 32))))]


class Lying:
    def load_data(self, file: Path) -> Any:
        return "a string and no list"


class Strange:
    def load_data(self, file: Path) -> Any:
        return [{"text": "a dictionary and no document"}]


class Numbers:
    def load_data(self, file: Path) -> Any:
        return [Item(7)]


class Empty:
    def load_data(self, file: Path) -> Any:
        return [Item(" ")]


class Needy:
    def __init__(self, key: str) -> None:
        """It cannot be made without a key."""

    def load_data(self, file: Path) -> Any:
        return []


def function(file: Path) -> Any:
    """No class."""
