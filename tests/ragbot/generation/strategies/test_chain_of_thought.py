"""The reader gets the answer, and never a word of the reasoning."""

from __future__ import annotations

import logging

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ragbot.generation.strategies import STRATEGIES
from ragbot.generation.strategies.base import Request
from ragbot.generation.strategies.chain_of_thought import reason_first
from tests.ragbot.generation.strategies.scripted import Read, Scripted

COT = STRATEGIES["chain-of-thought"]


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("<reasoning>why</reasoning>\n<answer>It is so [1].", "It is so [1]."),
        ("<reasoning>先看第一段。</reasoning><answer>秩取八 [1]。</answer>", "秩取八 [1]。"),
        ("<REASONING>why</REASONING><Answer>It is so.</ANSWER> And more.", "It is so."),
        ("why, without a mark <answer>It is so.", "It is so."),
        ("why, half marked</reasoning> It is so.", "It is so."),
        ("<answer>It is so.", "It is so."),
        ("Sure! <reasoning>why</reasoning> <answer>It is so.", "It is so."),
        ("<reasoning>why</reasoning>It is so.", "It is so."),
        # No mark at all: the whole text is the answer.
        ("It is so [1].", "It is so [1]."),
        ("秩取八 [1]。", "秩取八 [1]。"),
        # Marks that are only spoken of in the reasoning announce nothing.
        ("<reasoning>After <answer> I must say why.</reasoning><answer>It is so.", "It is so."),
        ("<think>First <reasoning>, then <answer>.</think><reasoning>why</reasoning><answer>It is so.", "It is so."),
        # Never closed: no answer, unless the mark stands on a line of its own.
        ("<reasoning>why, and why, and", ""),
        ("<reasoning>Then I write <answer> and why, and", ""),
        ("<reasoning>推理还没有结束", ""),
        ("<think>why, and", ""),
        ("<reasoning>why\n<answer>\nIt is so.</answer>", "It is so."),
        ("It is so. <reasoning>why, and", "It is so."),
        ("<answer>It is so. <reasoning>why</reasoning>", "It is so."),
        ("<reasoning>why</reasoning>", ""),
        ("<reasoning>why</reasoning><answer>", ""),
        ("", ""),
        ("  \n", ""),
        # What only looks like a mark is text.
        ("<answer>a < b, x <y> z, <reason", "a < b, x <y> z, <reason"),
        ("<answer>use <br</answer>", "use <br"),
    ],
)
def test_what_is_shown(read: Read, reply: str, answer: str) -> None:
    shown, _, _ = read(COT, reply)
    assert shown.strip() == answer
    assert "why" not in shown and "推理" not in shown


def test_the_answer_streams_and_the_reasoning_is_silence(read: Read) -> None:
    _, pieces, say = read(COT, "<reasoning>why</reasoning><answer>One two three four.")
    if say.size < 10:
        assert pieces[: 26 // say.size] == [""] * (26 // say.size)
        assert len([piece for piece in pieces if piece]) > 5


def test_reasoning_without_an_answer_is_logged(read: Read, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        read(COT, "<reasoning>why</reasoning><answer>So.")
        read(COT, "")
        assert not caplog.messages
        read(COT, "<reasoning>why, and")
    assert "answer_tokens" in caplog.text and "why" not in caplog.text


def test_closing_stops_the_model_while_it_reasons() -> None:
    say = Scripted(["<reasoning>why, and why</reasoning><answer>So."], 2)
    pieces = reason_first(Request(say, "", 1))
    assert next(pieces) == ""
    assert say.closed == 0
    pieces.close()  # type: ignore[attr-defined]  # a generator
    assert say.closed == 1


MARKS = st.sampled_from(
    ["<reasoning>", "</reasoning>", "<think>", "</think>", "<answer>", "</answer>", "<", ">", "x ", "\n", "秩", "</"]
)


@given(st.lists(MARKS, max_size=12).map("".join), st.integers(1, 9))
@example("<reasoning>\n<answer>x", 4)
def test_any_cut_gives_the_same(reply: str, size: int) -> None:
    def whole(size: int) -> str:
        return "".join(reason_first(Request(Scripted([reply], size), "", 1)))

    assert whole(size) == whole(1)


@given(st.lists(MARKS, max_size=8).map("".join), st.lists(MARKS, max_size=8).map("".join))
def test_a_closed_block_is_never_shown(before: str, after: str) -> None:
    if "<" in before:
        return  # what stands before decides what the block is
    reply = f"{before}<reasoning>SECRET</reasoning>{after}"
    assert "SECRET" not in "".join(reason_first(Request(Scripted([reply], 3), "", 1)))
