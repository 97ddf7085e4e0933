"""Spans of a page's text among the characters of the PDF's own page."""

from __future__ import annotations

import pytest

from ragbot.showing.page_locating import letters_of, locate


def found(text: str, quote: str, page: str, at: int = 0) -> list[str]:
    letters, _ = letters_of(page)
    start = text.index(quote, at)
    return [letters[a:b] for a, b in locate(text, (start, start + len(quote)), letters)]


def test_white_space_hyphens_and_borders_do_not_count() -> None:
    page = "Low-rank adap\x02\r\ntation freezes\r\nthe weights. Name Price\r\nnut 3"
    assert found("Low-rank adaptation freezes the weights.", "adaptation freezes the", page) == ["adaptationfreezesthe"]
    assert found("| Name | Price |\n| --- | --- |\n| nut | 3 |", "| nut | 3 |", page) == ["nut3"]


def test_ligatures_and_radicals_are_what_they_mean() -> None:
    letters, origins = letters_of("ﬁn⼤")
    assert letters == "fin大" and origins == [0, 0, 1, 2]
    assert found("fine 大", "大", "ﬁne ⼤") == ["大"]


def test_of_equal_passages_the_one_with_the_same_surroundings() -> None:
    text = "Red is warm. It is a colour. Blue is cold. It is a colour. The end."
    letters, _ = letters_of(text)
    second = text.index("It is a colour", 30)
    ((start, _),) = locate(text, (second, second + 14), letters)
    assert letters[:start].endswith("Blueiscold.")
    header = "Header It is a colour " + text
    letters, _ = letters_of(header)
    ((start, _),) = locate(text, (second, second + 14), letters)
    assert letters[:start].endswith("Blueiscold.")


def test_without_any_surroundings_the_order_decides() -> None:
    letters, _ = letters_of("aaaa")
    assert [locate("a a a a", (at, at + 1), letters)[0][0] for at in (0, 2, 4, 6)] == [0, 1, 2, 3]


def test_a_span_in_pieces_is_covered_piece_by_piece() -> None:
    page = "第一列的开头在这里 另一列的句子 第一列的结尾也在这里"
    text = "第一列的开头在这里第一列的结尾也在这里"
    assert found(text, text, page) == ["第一列的开头在这里", "第一列的结尾也在这里"]


@pytest.mark.parametrize("page", ["", "完全是别的文字，一个词也不相同", "only a few letters are the same here"])
def test_what_is_not_there_is_not_found(page: str) -> None:
    assert found("低秩适配冻结了原有的权重矩阵", "冻结了原有的权重矩阵", page) == []


def test_a_span_without_letters() -> None:
    letters, _ = letters_of("a b")
    assert locate("a  b", (1, 3), letters) == []
    assert locate("ab", (1, 1), letters) == []


def test_long_pages_are_no_matter() -> None:
    text = "".join(f"句子{n}说的是第{n}件事。" for n in range(5_000))
    letters, _ = letters_of(text)
    start = text.index("句子4000")
    ((a, b),) = locate(text, (start, start + 30), letters)
    assert letters[a:b] == text[start : start + 30]
