from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.cmrc import cmrc_exact_match, cmrc_f1, cmrc_tokens

pytest.importorskip("nltk")

TEXT = st.text("北京上海 。，ab1.", max_size=12)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("约 0.37 比特。", ["约", "0.37", "比", "特"]),
        ("GPT-4的答案：《A》", ["gpt4", "的", "答", "案", "a"]),
        ("等……", ["等", "……"]),  # the one mark on CMRC's list that its script never finds
        ("它快. It isn't slow. So", ["它", "快", ".", "it", "is", "n't", "slow", ".", "so"]),
        ("in 2023. the u.s. rate", ["in", "2023.", "the", "u.s.", "rate"]),
        ("see p. 5 of it", ["see", "p.", "5", "of", "it"]),
        ("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』", []),
        ("甲,乙", ["甲", ",", "乙"]),
        ("see fig. 3", ["see", "fig", ".", "3"]),
        ("", []),
    ],
)
def test_tokens(text: str, tokens: list[str]) -> None:
    assert cmrc_tokens(text) == tokens


@pytest.mark.parametrize(
    ("prediction", "answers", "exact_match", "f1"),
    [
        ("“约５秒”。", ["约５秒"], 1.0, 1.0),
        ("大约五秒钟", ["约五秒"], 0.0, 0.75),
        ("北京在中国北方", ["北方", "中国北方"], 0.0, 8 / 11),
        ("甲乙丙丁", ["丁丙乙甲"], 0.0, 0.25),  # the order counts, unlike SQuAD's
        ("甲乙丙甲", ["甲乙戊丙甲"], 0.0, 4 / 9),  # one run in common, not all that is common
        ("", [""], 1.0, 0.0),
        ("", ["甲"], 0.0, 0.0),
        ("甲", [], 0.0, 0.0),
    ],
)
def test_by_hand(prediction: str, answers: list[str], exact_match: float, f1: float) -> None:
    assert cmrc_exact_match(prediction, answers) == exact_match
    assert cmrc_f1(prediction, answers) == pytest.approx(f1)


@given(TEXT, TEXT)
def test_bounds_and_symmetry(left: str, right: str) -> None:
    f1 = cmrc_f1(left, [right])
    assert 0 <= f1 <= 1
    assert f1 == cmrc_f1(right, [left])
    assert cmrc_f1(left, [left]) == float(bool(cmrc_tokens(left)))
    assert cmrc_exact_match(left, [left]) == 1
