"""Characters that mean the same to a search."""

from __future__ import annotations

import opencc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbot.index.analysis_fold import fold, simplified


def test_every_traditional_character_becomes_what_opencc_makes_of_it() -> None:
    characters = (
        "萬與專業東絲兩嚴喪個豐臨為麗舉義烏樂喬習鄉書買亂爭虧雲亞產畝親億僅從侖倉儀們價眾優會傘偉傳傷倫偽體餘傭僑"
    )
    assert fold(characters) == opencc.OpenCC("t2s").convert(characters)


@pytest.mark.parametrize(
    "text", ["的一是不了在人有我他这中大来上国", "plain ASCII, 3.14 C++", "〇", "がぎぐ", "й", "한국어"]
)
def test_what_needs_no_folding_stays(text: str) -> None:
    assert fold(text) == text


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("É", "E"),
        ("ǅ", "Dz"),
        ("Ø", "O"),
        ("ß", "ß"),
        ("ﬁ", "fi"),
        ("e\u0301", "e"),
        ("q\u0301", "q"),
        ("İ", "I"),
        ("ı", "i"),
        ("’", "'"),
        ("著", "着"),
        ("①", "1"),
    ],
)
def test_folded(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text(max_size=50))
def test_twice_is_once(text: str) -> None:
    once = fold(text)
    assert fold(once) == once


def test_simplified_characters_stand_where_traditional_ones_stood() -> None:
    assert simplified("臺灣的圖書館 (1901) é") == "台湾的图书馆 (1901) é"
    assert simplified("plain") == "plain"
