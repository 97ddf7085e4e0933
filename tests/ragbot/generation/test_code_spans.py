"""Code in an answer keeps its brackets, and its text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbot.generation.code_spans import LONGEST, hidden, shown
from ragbot.generation.markers import Markers


def marked(text: str, size: int = 0) -> str:
    """What becomes of a text whose markers 1 to 3 are those of sources, in pieces of ``size`` characters."""
    pieces = [text[at : at + size] for at in range(0, len(text), size)] if size else [text]
    markers = Markers(lambda _, number: number if number <= 3 else None)
    return "".join(shown(piece) for piece in markers.filter(hidden(pieces)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The value is read with `row[2]` [1].", "The value is read with `row[2]` [1]."),
        ("用`行[7]`读取 [1]。", "用`行[7]`读取 [1]。"),
        (
            "```python\nx = a[1]\ny = a[7]\n```\nIt adds [7] them [2].",
            "```python\nx = a[1]\ny = a[7]\n```\nIt adds them [2].",
        ),
        ("~~~\na[7]\n~~~\nb [7]", "~~~\na[7]\n~~~\nb"),
        ("  ```\na[7]\n````\nb [7]", "  ```\na[7]\n````\nb"),
        ("``a ` b[7]`` and [7]", "``a ` b[7]`` and"),
        ("A ` that nobody closed [7].", "A ` that nobody closed."),
        ("A ` here [7].\n\nAnd ` there [7].", "A ` here.\n\nAnd ` there."),
        ("No fence: ``` a[7] [1]", "No fence: ``` a [1]"),
        ("```\nnever closed a[7]", "```\nnever closed a[7]"),
        ("It is 【1】 and `a【7】`.", "It is [1] and `a【7】`."),
        (f"`{'a' * LONGEST}[7]` [7]", f"`{'a' * LONGEST}` "),
        ("", ""),
    ],
)
@pytest.mark.parametrize("size", [0, 1, 2, 7])
def test_markers_are_found_outside_of_code(text: str, said: str, size: int) -> None:
    assert marked(text, size).rstrip() == said.rstrip()


@given(st.lists(st.sampled_from(["`", "``", "```", "\n", "\n\n", "a[1]", " ", "x", "~~~", ""]), max_size=30))
def test_nothing_is_lost_and_pieces_make_no_difference(pieces: list[str]) -> None:
    whole = "".join(pieces)
    assert "".join(map(shown, hidden(pieces))) == whole
    assert "".join(hidden(pieces)) == "".join(hidden([whole]))


def test_what_stands_for_brackets_cannot_be_brought_in() -> None:
    assert "".join(hidden(["a\ue0c0b"])) == "a[b"
