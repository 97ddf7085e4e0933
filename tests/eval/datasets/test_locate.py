"""Quotes are found whatever the line breaks and marks, and the offsets are those of the document."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.datasets.locate import Locator, locate, squeezed


@pytest.mark.parametrize(
    ("text", "needle", "found"),
    [
        (
            "The **KV cache** grows\nwith the  sequence.",
            "KV cache grows with the sequence",
            "KV cache** grows\nwith the  sequence",
        ),
        ("混合检\n索把 `BM25` 与向量结合。", "混合检索把BM25与向量结合", "混合检\n索把 `BM25` 与向量结合"),
        ("plain", "`pl ain`", "plain"),
    ],
)
def test_white_space_and_marks_do_not_count(text: str, needle: str, found: str) -> None:
    place = locate(text, needle)
    assert place is not None and text[slice(*place)] == found


def test_code_points_beyond_the_basic_plane() -> None:
    assert locate("😀𠀀 甲乙", "甲乙") == (3, 5)


@pytest.mark.parametrize(
    ("text", "needle", "place"),
    [
        ("in 2016 it had 16 heads", "16", (15, 17)),
        ("his artist made art", "art", (16, 19)),
        ("a therapist", "the rap", (2, 8)),  # nowhere whole: then where it is
        ("共有16个头", "16", (2, 4)),  # Chinese has no spaces: nothing is cut
        ("大语言模型与模型", "模型", (3, 5)),
    ],
)
def test_whole_words_go_first(text: str, needle: str, place: tuple[int, int]) -> None:
    assert locate(text, needle) == place


def test_range() -> None:
    text = "ab ab ab"
    assert locate(text, "ab", 1) == (3, 5)
    assert locate(text, "ab", 1, 5) == (3, 5)
    assert locate(text, "ab", 1, 4) is None
    assert locate(text, "ab", 6, 8) == (6, 8)
    assert locate(text, "ab", 7) is None


@pytest.mark.parametrize("needle", ["", " \n", "**", "没有", "absent"])
def test_not_found(needle: str) -> None:
    assert locate("some text 有", needle) is None


def test_case() -> None:
    assert Locator("The FACEBOOK app").find("Facebook") is None
    assert Locator("The FACEBOOK app", fold_case=True).find("Facebook") == (4, 12)
    assert Locator("İİ 甲 Ab", fold_case=True).find("AB") == (5, 7)  # İ grows when it is lowered


@given(st.text("ab *`\n1甲乙", min_size=1, max_size=30), st.data())
def test_what_is_found_is_what_was_looked_for(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    needle = text[start:end]
    place = Locator(text).find(needle, start, end)
    if squeezed(needle):
        assert place is not None and start <= place[0] < place[1] <= end
        assert squeezed(text[slice(*place)]) == squeezed(needle)
    else:
        assert place is None
