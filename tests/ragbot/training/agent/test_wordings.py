"""Wordings and what they are filled with: the same in both languages, enough of them, and nothing that cannot be filled."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eval.agents.answers import _MISSING
from ragbot.training.agent.texts import _merged, templates, things

LANGUAGES = ("en", "zh")
#: There is one right answer to these.
EXACT = ("repeat", "shorten")
#: What every answer of these says is that something is not to be had.
FAILING = (
    "weather-away", "unknown-place", "weather-half", "clock-unknown", "web-away", "web-nothing", "page-gone", "page-away",
    "no-rates", "units-different", "table-missing", "document-missing",
)  # fmt: skip


def _places(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name)


def test_both_languages_have_the_same_templates_with_the_same_places() -> None:
    english, chinese = (templates(language) for language in LANGUAGES)
    assert english.keys() == chinese.keys()
    for name in english:
        asked = {_places(text) for one in (english, chinese) for text in one[name]["questions"]}
        assert len(asked) == 1, (name, asked)
        # An answer may repeat what was asked; what was found has to stand in all.
        found = {_places(text) - next(iter(asked)) for one in (english, chinese) for text in one[name]["answers"]}
        assert len(found) == 1, (name, found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_many_ways_to_ask_and_some_to_answer(language: str) -> None:
    for name, one in templates(language).items():
        assert len(set(one["questions"])) == len(one["questions"]) >= 10, name
        assert len(set(one["answers"])) == len(one["answers"]) >= (1 if name in EXACT else 3), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_that_something_is_not_to_be_had_says_so(language: str) -> None:
    for name in FAILING:
        for text in templates(language)[name]["answers"]:
            assert _MISSING[language].search(text), (name, text)
    assert set(FAILING) <= set(templates(language))


def test_what_they_are_filled_with_is_of_one_shape() -> None:
    for name in ("words", "phrases", "tables", "subjects"):
        english, chinese = (things(language, name) for language in LANGUAGES)
        assert english.keys() == chinese.keys()
    for key, fact in _facts("en"):
        other = dict(_facts("zh"))[key]
        assert fact.keys() == other.keys() and len(fact["ask"]) > 1 and len(fact["page"]) > 1, key
        for one in (fact, other):
            assert all("{v}" in text for text in (one["said"], one["short"], *one["page"])), key
            assert all("{name}" in text for text in (one["np"], *one["ask"])) and "{" not in one["bare"], key
    for key, table in things("en", "tables").items():
        other = things("zh", "tables")[key]
        for part in ("groups", "numbers"):
            assert len(table[part]) == len(other[part]), key
        assert all(
            len(set(column["columns"])) > 1 for one in (table, other) for column in (*one["groups"], *one["numbers"])
        )


def _facts(language: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, kind in things(language, "subjects").items():
        if "facts" in kind:
            yield from ((f"{name}/{key}", fact) for key, fact in kind["facts"].items())
        else:
            yield name, kind


def test_files_of_one_folder_say_nothing_twice(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(json.dumps({f"own {name}": 1}), encoding="utf-8")
    assert _merged(tmp_path).keys() == {"own a", "own b"}
    (tmp_path / "c.json").write_text(json.dumps({"own a": 2}), encoding="utf-8")
    with pytest.raises(ValueError, match="own a"):
        _merged(tmp_path)
