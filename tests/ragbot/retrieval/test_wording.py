"""What says the same, and above all what does not: numbers, dates, names and negations are never overlooked."""

from __future__ import annotations

import timeit

import pytest

from ragbot.retrieval.wording import Relation, Wording, likely

EN = (
    "The warranty covers parts and labour for 24 months. It does not cover batteries. "
    "Claims are sent by mail to the office in Leeds."
)
ZH = "本产品的保修期为二十四个月，包括零件和人工费用。电池不在保修范围之内。申请请寄到利兹办事处，由专人负责处理。"
ROWS = "| Port | Depth | Opened |\n| --- | --- | --- |\n| Aalto | 12 m | 1911-05-02 |\n| Bergen | 17 m | 1923-08-19 |\n"
CODE = "def area(r):\n    if r != 0 and r > -1:\n        return 3.14 * r\n    raise ValueError('negative radius: ' + str(r))\n"


def relation(better: str, hit: str, headings: tuple[str, str] = ("", "")) -> Relation | None:
    return Wording(hit, headings[1]).repeats(Wording(better, headings[0]))


@pytest.mark.parametrize(
    ("better", "hit", "expected"),
    [
        (EN, EN, "same"),
        (EN, EN.upper().replace(" ", "\n"), "same"),  # set in lines
        (EN, EN.replace("labour", "la\u00adbour").replace("24", "２４"), "same"),
        (EN, f"> **{EN[:19]}**{EN[19:]}".replace(". ", ".\n"), "same"),
        (ZH, ZH.replace("，", ",").replace("。", "。\n"), "same"),
        (ZH, ZH.replace("利兹", " 利兹 "), "same"),
        (
            ZH,
            "本產品的保修期為二十四個月，包括零件和人工費用。電池不在保修範圍之內。申請請寄到利茲辦事處，由專人負責處理。",
            "same",
        ),
        (EN, EN.partition(". ")[2], "contained"),
        (ZH, ZH.partition("。")[2], "contained"),
        (ROWS, "| Bergen | 17 m | 1923-08-19 |", None),  # short, and under no headings that say of what
        (EN, f"{EN} See also our website.", "near"),
        (ZH, f"转载自本站。{ZH}", "near"),
        (EN, EN.replace(" It does not cover batteries.", ""), "near"),
        # It says more, and the better one stands above it already.
        (EN.partition(". ")[2], EN, None),
    ],
)
def test_says_the_same(better: str, hit: str, expected: Relation | None) -> None:
    assert relation(better, hit) == expected
    if expected:
        assert likely([better, hit]).all()  # the quick look must not hide it


@pytest.mark.parametrize(
    ("better", "old", "new"),
    [
        (EN, "24", "36"),
        (EN, "24", "2.4"),
        (EN, "24", "-24"),
        (EN, "does not", "does"),
        (EN, "Leeds", "Paris"),
        (EN, "covers parts", "covers spare parts"),
        (EN, "Claims are sent by mail to the office in Leeds.", "Claims expire after 30 days."),
        (ZH, "二十四", "三十六"),
        (ZH, "不在", "在"),
        (ZH, "利兹", "巴黎"),
        (ZH, "二十四个月", "24个月"),
        (ROWS, "17 m", "11 m"),
        (ROWS, "1923-08-19", "1923-08-18"),
        (ROWS, "| 12 m | 1911", "| 1 | 2 m 1911"),
        (ROWS, "| Bergen |", "| Bremen |"),
        (CODE, "!=", "=="),
        (CODE, "> -1", "< -1"),
        (CODE, "> -1", "> 1"),
        (CODE, "3.14 * r", "3.14 / r"),
    ],
)
def test_one_difference_is_enough(better: str, old: str, new: str) -> None:
    changed = better.replace(old, new)
    assert changed != better
    assert relation(better, changed) is None
    assert relation(changed, better) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (EN, "The fee is 5 euros."),
        (EN, "Not in Wales."),
        (EN, "It can't be sold."),
        (ZH, "另收五元。"),
        (ZH, "不含税。"),
        (ZH, "仅限本人。"),
    ],
)
def test_an_added_sentence_of_weight_counts(text: str, sentence: str) -> None:
    assert relation(text, f"{text} {sentence}") is None
    assert relation(f"{text} {sentence}", text) in {"contained", "near"}  # the better one says it already


def test_too_much_added() -> None:
    more = "Anybody may write to us, and we answer gladly, as a rule on the same day."
    assert relation(EN, f"{EN} {more}") is None


@pytest.mark.parametrize(("one", "other"), [("10²", "102"), ("x²", "x"), ("1,234", "1.234"), ("(500)", "500")])
def test_marks_of_numbers(one: str, other: str) -> None:
    text = (
        "The committee found that the total, as far as anybody could tell at the time, came to {} in all and no more."
    )
    assert relation(text.format(one), text.format(other)) is None


def test_a_part_of_a_sentence_is_not_contained() -> None:
    sentence = "本产品一经售出概不退换，也就是说顾客无论出于何种原因都不可以要求退还所支付的任何款项或者更换其他商品。"
    assert relation(sentence, sentence.partition("不")[2]) is None


@pytest.mark.parametrize(
    ("short", "one", "other"),
    [("The price is 3 euros.", "Model A", "Model B"), ("价格为三元。", "甲型", "乙型"), ("重量：5 kg", "2023", "2024")],
)
def test_a_short_text_means_nothing_without_its_headings(short: str, one: str, other: str) -> None:
    assert relation(short, short, (one, other)) is None
    assert relation(short, short, (one, one.upper())) == "same"
    assert relation(EN, EN, (one, other)) == "same"


@pytest.mark.parametrize("odd", ["", "   ", "---", "。。。", "\ud83d", "🎉", "\0"])
def test_odd_texts(odd: str) -> None:
    assert likely([odd, EN]).shape == (2, 2)
    assert relation(EN, odd) is None
    assert relation(odd, EN) is None


def test_likely_lets_few_pairs_through() -> None:
    texts = [
        f"{name} was founded in {1900 + n}; {trade} and {n * 7 % 31} mills made it rich."
        for n, (name, trade) in enumerate(
            zip("Aalto Bergen Cadiz Dover Essen".split(), "salt fur wine rope coal".split(), strict=True)
        )
    ]
    texts += [EN, ZH, ROWS, CODE]
    pairs = likely(texts)
    assert pairs.diagonal().all()
    assert (pairs == pairs.T).all()
    assert pairs.sum() == len(texts)


def test_no_texts() -> None:
    assert likely([]).shape == (0, 0)


def test_it_is_quick() -> None:
    texts = [f"{number} {EN} {ZH} {number * 17}" * 2 for number in range(20)]
    likely(texts)
    # 0.2 ms on a free core; the machines that run the tests are shared.
    assert min(timeit.repeat(lambda: likely(texts), number=5, repeat=5)) / 5 < 0.01
