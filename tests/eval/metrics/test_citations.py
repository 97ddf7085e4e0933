from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.citations import byte_exact, citation_precision, citation_recall, holds, unsupported_share

Place = tuple[str, int, int]
PLACES = st.tuples(st.sampled_from(["a", "文"]), st.integers(0, 20), st.integers(1, 10)).map(
    lambda p: (p[0], p[1], p[1] + p[2])
)


@pytest.mark.parametrize(
    ("citation", "sentence", "value"),
    [
        (("a", 10, 20), ("a", 10, 20), True),
        (("a", 10, 20), ("b", 10, 20), False),
        (("a", 0, 100), ("a", 10, 20), True),
        (("a", 12, 14), ("a", 10, 20), True),
        (("a", 15, 40), ("a", 10, 20), True),
        (("a", 16, 40), ("a", 10, 20), False),
        (("a", 20, 40), ("a", 10, 20), False),
        (("a", 15, 15), ("a", 10, 20), False),
    ],
)
def test_holds(citation: Place, sentence: Place, value: bool) -> None:
    assert holds(citation, sentence) == holds(sentence, citation) == value


def test_precision_and_recall_by_hand() -> None:
    gold = [[("a", 0, 10), ("b", 50, 60)], [("文", 5, 9)]]
    assert citation_precision([("b", 50, 60), ("a", 30, 40)], gold) == 0.5
    assert citation_recall([("b", 50, 60), ("a", 30, 40)], gold) == 0.5
    assert citation_recall([("b", 50, 60), ("a", 0, 10)], gold) == 0.5  # one item, cited twice
    assert citation_precision([("b", 50, 60), ("a", 0, 10)], gold) == 1.0
    assert citation_recall([("a", 0, 60), ("文", 0, 9)], gold) == 1.0
    assert citation_recall([], gold) == 0.0
    assert citation_precision([("a", 0, 1)], []) == 0.0
    assert math.isnan(citation_precision([], gold)) and math.isnan(citation_recall([("a", 0, 1)], []))


@given(st.lists(PLACES, min_size=1, max_size=5), st.lists(st.lists(PLACES, min_size=1, max_size=3), min_size=1))
def test_bounds_and_perfection(citations: list[Place], gold: list[list[Place]]) -> None:
    assert 0 <= citation_precision(citations, gold) <= 1
    assert 0 <= citation_recall(citations, gold) <= 1
    assert citation_recall([item[-1] for item in gold], gold) == citation_precision([gold[0][0]], gold) == 1
    assert (citation_precision(citations, gold) > 0) == (citation_recall(citations, gold) > 0)


def cut(*sentences: str) -> tuple[str, list[tuple[int, int]]]:
    """A text and its sentences; a sentence in braces is a gap that belongs to none."""
    text, spans = "", []
    for sentence in sentences:
        if not sentence.startswith("{"):
            spans.append((len(text), len(text) + len(sentence)))
        text += sentence.strip("{}")
    return text, spans


@pytest.mark.parametrize(
    ("sentences", "value"),
    [
        (["In 2023 [1]. ", "Next [2]."], 0.0),
        (["In 2023.", "{ [1] }", "Next."], 0.5),  # between the two
        (["In 2023. ", "[1] Next [2]."], 0.0),  # the splitter gave it to the next sentence
        (["In 2023. ", "[1] Next."], 0.5),
        (["始于 2023 年。", "[1][2]", "其后不明。"], 0.5),  # or made it one of its own
        (["始于 2023 年。", "[1]其后不明。[3]"], 0.5),  # 3 stands for no citation
        (["[1] says so."], 0.0),
        (["[1] says so. ", "And [2] more. ", "No."], 1 / 3),
        (["甲。", "乙。", "丙。[1, 2]"], 2 / 3),
        (["One [1]. ", "---", " [2]\n"], 0.0),
    ],
)
def test_unsupported_share(sentences: list[str], value: float) -> None:
    assert unsupported_share(*cut(*sentences), markers={1, 2}) == pytest.approx(value)


def test_no_sentences_no_share() -> None:
    assert math.isnan(unsupported_share("", [], {1}))
    assert math.isnan(unsupported_share("[1]。", [(0, 4)], {1}))
    assert unsupported_share("甲。[1]", [(0, 2)], []) == 1.0


def test_byte_exact() -> None:
    text = "显存占用😀很小。"
    assert byte_exact("😀很", text, 4, 6)
    assert not byte_exact("😀 很", text, 4, 6)
    assert not byte_exact("很小", text, 4, 6)
    assert not byte_exact("", text, 4, 4)
    assert not byte_exact("小。", text, 6, 99)
    assert not byte_exact("。", text, -1, 8)
