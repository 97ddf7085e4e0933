"""Which answers are verified, and what is preferred."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from ragbot.training.reader.contexts import Pack
from ragbot.training.reader.preferences import is_verified, prefer

EN = Pack(
    "[1] Pier\nThe pier is old.\n\n[2] Basin\nThe basin was opened in 1911 by the king.",
    "en",
    ("When was the basin opened?", "Who built the pier?"),
    (("in 1911", 2), ("", 0)),
)
ZH = Pack(
    "[1] 码头\n码头很旧。\n\n[2] 港池\n港池于1911年由国王开放。",
    "zh",
    ("港池何时开放？", "码头由谁建造？"),
    (("1911年", 2), ("", 0)),
)


@pytest.mark.parametrize(
    ("pack", "number", "said", "verified"),
    [
        (EN, 0, "2] in 1911", True),
        (EN, 0, "2] 1911", True),
        (EN, 0, "1] in 1911", False),  # another passage
        (EN, 0, "2] in 1912", False),  # stands nowhere
        (EN, 0, "2] by the king", False),  # stands there, and answers something else
        (EN, 0, "2]", False),
        (EN, 0, "2] Basin", False),  # a title is no text
        (EN, 0, "0]", False),
        (EN, 0, "", False),
        (EN, 1, "0]", True),
        (EN, 1, "0] the king", False),
        (EN, 1, "1] old", False),
        (ZH, 0, "2]1911年", True),
        (ZH, 0, "2]1912年", False),
        (ZH, 0, "1]1911年", False),
        (ZH, 0, "2]国王", False),
        (ZH, 1, "0]", True),
        (ZH, 1, "2]国王", False),
    ],
)
def test_what_the_right_passage_bears_out_is_verified(pack: Pack, number: int, said: str, verified: bool) -> None:
    assert is_verified(said, pack, number) is verified


def test_the_best_verified_answer_is_preferred_to_the_commonest_other_one() -> None:
    said = ["2] 1911", "2] in 1911", "1] old", "2] by the king", "2] by the king"]
    found = prefer(EN, 0, said)
    assert found and (found.chosen, found.rejected) == ("2] in 1911", "2] by the king")
    assert found.question == EN.questions[0] and found.context == EN.context


@pytest.mark.parametrize(("pack", "answer"), [(EN, "2] in 1911"), (ZH, "2]1911年")])
def test_what_is_wanted_is_chosen_where_nothing_is_verified(pack: Pack, answer: str) -> None:
    found = prefer(pack, 0, ["0]", "0]"])
    assert found and (found.chosen, found.rejected) == (answer, "0]")
    silent = prefer(pack, 1, ["0]", "1]x"])
    assert silent and (silent.chosen, silent.rejected) == ("0]", "1]x")


def test_where_all_is_verified_there_is_nothing_to_prefer() -> None:
    assert prefer(EN, 0, ["2] 1911", "2] in 1911"]) is None and prefer(ZH, 1, ["0]"]) is None
