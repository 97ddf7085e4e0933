"""Sentences of passages are read once, and what is kept of them is bounded."""

from __future__ import annotations

import pytest

from ragbot.generation.verification.cuts import Kept, cut


def test_a_text_is_read_once() -> None:
    cuts = Kept(cut)
    text = "# Heading\nOne sentence. 第二句。"
    first = cuts.of(text)
    assert [text[start:end] for start, end, _ in first] == ["One sentence.", "第二句。"]
    assert [reading.text for _, _, reading in first] == ["One sentence.", "第二句。"]
    assert cuts.of("".join(list(text))) is first
    cuts.forget()
    assert cuts.of(text) is not first


def test_the_texts_asked_for_last_are_kept() -> None:
    cuts = Kept(cut, 20)
    first, second = cuts.of("a" * 8), cuts.of("b" * 8)
    assert cuts.of("a" * 8) is first
    cuts.of("c" * 8)
    assert cuts.of("a" * 8) is first and cuts.of("b" * 8) is not second
    long = "d" * 21
    assert cuts.of(long) is not cuts.of(long)


@pytest.mark.parametrize(("text", "parts"), [("", [""]), ("# 标题", ["# 标题"]), ("---", ["---"])])
def test_where_there_is_no_sentence(text: str, parts: list[str]) -> None:
    assert [text[start:end] for start, end, _ in cut(text)] == parts
