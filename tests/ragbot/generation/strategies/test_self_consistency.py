"""Of several answers the most agreed one is given."""

from __future__ import annotations

import pytest

from ragbot.generation.strategies import STRATEGIES
from ragbot.generation.strategies.base import Request
from ragbot.generation.strategies.self_consistency import TEMPERATURE, most_agreed
from tests.ragbot.generation.strategies.scripted import REFUSAL, Read, Scripted

MOST = STRATEGIES["self-consistency"]
ZH_REFUSAL = "文档中没有这个问题的答案。"


def test_the_most_agreed_in_one_piece(read: Read) -> None:
    shown, pieces, say = read(
        MOST,
        "The lamp is red [1].",
        "It was built in 1911 [1].",
        "It was built in 1911 by Aalto [2].",
        "Built in 1911.",
    )
    assert shown == "It was built in 1911 [1]."
    assert [piece for piece in pieces if piece] == [shown]
    assert say.temperatures == [TEMPERATURE] * 4
    assert TEMPERATURE > 0 and say.closed == 4


def test_chinese_goes_by_characters(read: Read) -> None:
    shown, _, _ = read(MOST, "显存不够用 [1]。", "秩通常取八 [1]。", "秩一般取八 [2]。", refusal=ZH_REFUSAL)
    assert shown == "秩通常取八 [1]。"


def test_the_first_of_equals(read: Read) -> None:
    assert read(MOST, "red lamp", "green door", "blue sky")[0] == "red lamp"
    assert read(MOST, "red lamp [1]", "green door", "Red lamp [2].", "green door")[0] == "red lamp [1]"
    assert read(MOST, "only one")[0] == "only one"


def test_markers_are_no_words(read: Read) -> None:
    # By words alone the last two agree; the markers of the first two must not count for them.
    assert read(MOST, "red [1] [2] [3]", "green [1] [2] [3]", "blue sky", "blue sea")[0] == "blue sky"


@pytest.mark.parametrize("refusal", [REFUSAL, ZH_REFUSAL])
def test_refusals_are_votes(read: Read, refusal: str) -> None:
    bare = refusal.strip(".。")
    # They count as one in every form, silence included, and win against answers that contradict each other.
    assert read(MOST, "red lamp", bare, "green door", f" {refusal} [1]", "", refusal=refusal)[0] == refusal
    assert read(MOST, "red lamp", f"{refusal} Sorry.", "green door", "  ", refusal=refusal)[0] == refusal
    assert read(MOST, refusal, "红灯 lamp", "红灯 lamp", "红灯 lamp", refusal, refusal=refusal)[0] == "红灯 lamp"


def test_a_refusal_lends_no_weight_to_an_answer_that_sounds_like_it(read: Read) -> None:
    near = "The documents do answer this: red [1]."
    assert read(MOST, "green door", near, REFUSAL)[0] == "green door"


@pytest.mark.parametrize("pulled", [1, 9])
def test_closing_stops_the_model_while_it_draws(pulled: int) -> None:
    say = Scripted(["one two three", "four five six"], 2)
    pieces = most_agreed(Request(say, REFUSAL, 2))
    assert [next(pieces) for _ in range(pulled)] == [""] * pulled
    pieces.close()  # type: ignore[attr-defined]  # a generator
    assert say.closed == len(say.temperatures) == (1 if pulled == 1 else 2)
