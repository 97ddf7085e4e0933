"""What is written down for generated runs: wordings (``templates``) and what they are filled with (``things``).

Both lie in files by language. A folder stands for one mapping in several files, none of which may say a name twice.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any


@cache
def templates(language: str) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Wordings of questions and answers by template; ``{}`` are the places for values."""
    return _merged(files(__package__).joinpath("templates", language))


@cache
def things(language: str, name: str) -> Mapping[str, Any]:
    """Names, words and subjects: the file ``things/LANGUAGE/NAME.json``, or the files of the folder of this name."""
    folder = files(__package__).joinpath("things", language)
    if folder.joinpath(name).is_dir():
        return _merged(folder.joinpath(name))
    return _read(folder.joinpath(f"{name}.json"))


def question(draw: random.Random, language: str, template: str, **values: object) -> str:
    """One of the wordings of a question."""
    return draw.choice(templates(language)[template]["questions"]).format(**values).strip()


def answer(draw: random.Random, language: str, template: str, **values: object) -> str:
    """One of the wordings of an answer."""
    return draw.choice(templates(language)[template]["answers"]).format(**values)


def _merged(folder: Traversable) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        part = _read(file)
        if twice := found.keys() & part.keys():
            raise ValueError(f"{file.name} says again what another file of its folder says: {', '.join(sorted(twice))}")
        found |= part
    return found


def _read(file: Traversable) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found
