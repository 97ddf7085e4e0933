"""The words of the pages, and which language a visitor reads."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

import ragbot.showing
from ragbot.showing.words import LANGUAGES, language_of, say, texts


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_both_languages_say_the_same_things_with_the_same_names() -> None:
    assert list(texts("en")) == list(texts("zh"))
    for key, english in texts("en").items():
        assert names(english) == names(texts("zh")[key]), key
        assert english.strip() and texts("zh")[key].strip()
        assert not re.search("[\u4e00-\u9fff]", english), key


def test_chinese_is_chinese() -> None:
    latin = {key for key, text in texts("zh").items() if not re.search("[\u4e00-\u9fff]", text)}
    assert latin <= {"column_deviations", "joint", "comma"}


def test_every_string_is_used_and_every_key_exists() -> None:
    folder = Path(ragbot.showing.__file__).parent
    source = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    known = set(texts("en"))
    for key in re.findall(r'say\(language, "([a-z_]+)"', source):
        assert key in known, key
    made = (
        "instead_ missing_ component_ relation_ step_ column_ report_ status_ effect_ suspicion_ image_ confidence_ compare_"
    ).split()
    for key in known:
        stem = key.removesuffix("_one")
        assert re.search(f"['\"]{stem}['\"]", source) or any(stem.startswith(start) for start in made), (
            f"{key} is used nowhere"
        )


def test_say_fills_in_and_counts() -> None:
    assert say("en", "page", page=3) == "p. 3"
    assert say("zh-CN", "page", page=3) == "第 3 页"
    assert say("en", "document_count", count=1) == "1 document"
    assert say("en", "document_count", count=2) == "2 documents"
    assert say("en", "looked_for", count="{x}") == "Looked for:"
    with pytest.raises(KeyError):
        say("en", "no such key")


@pytest.mark.parametrize(
    ("header", "setting", "expected"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "auto", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "auto", "en"),
        ("en;q=0.3, zh-TW;q=0.7", "auto", "zh"),
        ("fr-FR, de;q=0.9, zh;q=0.2", "auto", "zh"),
        ("fr", "auto", "en"),
        ("zh;q=0", "auto", "en"),
        ("zh;q=x, en;q=nan", "auto", "en"),
        ("zhuang", "auto", "en"),
        ("", "auto", "en"),
        (None, "auto", "en"),
        (None, "zh", "zh"),
        ("zh", "en", "en"),
    ],
)
def test_language_of(header: str | None, setting: str, expected: str) -> None:
    assert language_of(header, setting) == expected
    assert expected in LANGUAGES
