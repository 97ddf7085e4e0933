from __future__ import annotations

import pytest

from eval.metrics.answers import answer_scores, contains

pytest.importorskip("nltk")
pytest.importorskip("rouge_score")


@pytest.mark.parametrize(
    ("prediction", "answers", "language"),
    [
        ("约 5 秒。[1][2]", ["约 5 秒"], "zh"),
        ("The 213 million [1].", ["213 million"], "en"),
        ("隐马尔可夫模型", ["别的", "隐马尔可夫模型"], "zh"),
        ("東京 [1]", ["東京"], "ja"),
    ],
)
def test_right_answers(prediction: str, answers: list[str], language: str) -> None:
    scores = answer_scores(prediction, answers, language)
    rouge_l = scores.pop("rouge_l")
    assert scores == {"exact_match": 1.0, "f1": 1.0, "contains": 1.0}
    assert rouge_l == 1.0 or language == "en"  # ROUGE keeps articles


def test_the_language_picks_the_rules() -> None:
    chinese, spaced = (answer_scores("北京 上海", ["上海 北京"], language)["f1"] for language in ("zh", "en"))
    assert (chinese, spaced) == (0.5, 1.0)


@pytest.mark.parametrize("language", ["zh", "en", ""])
@pytest.mark.parametrize("answers", [[], [""], ["。"]])
def test_without_an_answer_only_silence_is_right(language: str, answers: list[str]) -> None:
    for prediction, value in (("", 1.0), (" [1]", 1.0), ("不知道", 0.0), ("unknown", 0.0)):
        assert set(answer_scores(prediction, answers, language).values()) == {value}


def test_an_empty_prediction_is_wrong_where_there_is_an_answer() -> None:
    for language in ("zh", "en"):
        assert set(answer_scores("", ["甲 a1"], language).values()) == {0.0}


@pytest.mark.parametrize(
    ("text", "answer", "language", "value"),
    [
        ("It has 213 Million parameters.", "the 213 million", "en", 1.0),
        ("It has 2130 million", "213", "en", 0.0),
        ("overfitting", "fitting", "en", 0.0),
        ("two of three", "two three", "en", 0.0),
        ("anything", "the", "en", 0.0),
        ("答案是：约5秒左右", "约 5 秒", "zh", 1.0),
        ("能够访问私有数据、会接触", "私有数据，会接触", "zh", 1.0),
        ("发表于2010年", "10", "zh", 0.0),
        ("大约 3.5 元", "5 元", "zh", 0.0),
        ("用ＧＰＴ－４做的", "GPT-4", "zh", 1.0),
        ("資料", "资料", "zh", 0.0),
        ("东京", "東京", "ja", 0.0),
        ("東京都にある", "東京", "ja", 1.0),
        ("随便", "。", "zh", 0.0),
        ("", "。", "zh", 0.0),
    ],
)
def test_contains(text: str, answer: str, language: str, value: float) -> None:
    assert contains(text, [answer], language) == value
    assert contains(text, ["not there 没有", answer], language) == value
