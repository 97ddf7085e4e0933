"""Contexts, and what is wanted of a reader in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from ragbot.generation.reading import MOST_PASSAGES, NONE
from ragbot.training.reader.clauses import clause
from ragbot.training.reader.contexts import Asked, Group, Mix, Pack, Packer, Place

ONLY_GOLD = Mix(gold=1.0, foreign=0.0, altered=0.0, without=0.0)
ONLY_FOUND = replace(ONLY_GOLD, gold=0.0)


def packs(groups: list[Group], mix: Mix, count: int = 40) -> list[Pack]:
    packer = Packer(groups, mix)
    return [packer.pack(number % len(groups), f"seed {number}") for number in range(count)]


def passages(pack: Pack) -> list[str]:
    return pack.context.split("\n\n")


@pytest.mark.parametrize("mix", [Mix(), ONLY_GOLD, ONLY_FOUND, replace(ONLY_FOUND, without=1.0)])
def test_it_is_refused_exactly_where_no_passage_holds_the_answer(groups: list[Group], mix: Mix) -> None:
    wanted = {q.text: q.answers for group in groups for q in group.questions}
    seen = set()
    for pack in packs(groups, mix):
        for question, (text, number) in zip(pack.questions, pack.answers, strict=True):
            holding = [
                i for i, passage in enumerate(passages(pack), 1) if any(a in passage for a in wanted.get(question, ()))
            ]
            assert (number == NONE) == (not holding) == (not text)
            if number != NONE:
                assert number in holding and text in wanted[question]
            seen.add(number != NONE)
    assert seen == {True, False}


def test_passages_with_the_answer_are_taken_out_at_times(groups: list[Group]) -> None:
    def refused(mix: Mix) -> int:
        return sum(number == NONE for pack in packs(groups, mix) for _, number in pack.answers)

    assert refused(replace(ONLY_FOUND, without=1.0)) > refused(ONLY_FOUND)


@pytest.mark.parametrize(
    ("language", "front"), [("en", "Basin 1\nBasin 1 was opened"), ("zh", "第1号港池\n第1号港池于1901年开放。")]
)
def test_passages_are_numbered_with_their_titles(make_group: Callable[..., Group], language: str, front: str) -> None:
    (pack,) = packs([make_group(1, language)], ONLY_GOLD, 1)
    assert pack.context.startswith(f"[1] {front}") and pack.language == language


def test_where_nobody_can_tell_it_is_left_out(make_group: Callable[..., Group]) -> None:
    group = make_group(1)
    elsewhere = Place("en/9", 0, 40, "Elsewhere", "The year 1901 is told of here as well, too.")
    group = replace(group, retrieved=((elsewhere,), (elsewhere,)))
    for pack in packs([group], ONLY_FOUND):
        assert group.questions[0].text not in pack.questions  # its words stand there, but not where they were marked
        assert (group.questions[1].text, ("", NONE)) in list(zip(pack.questions, pack.answers, strict=True))


def test_foreign_questions_are_put_and_refused(groups: list[Group]) -> None:
    home = {q.text: group.document for group in groups for q in group.questions}
    foreign = 0
    for number, pack in enumerate(packs(groups, replace(ONLY_GOLD, foreign=1.0))):
        group = groups[number % len(groups)]
        for question, (_, at) in zip(pack.questions, pack.answers, strict=True):
            if home[question] != group.document:
                foreign += 1
                assert at == NONE and question.isascii() == (group.language == "en")  # in the language of the context
    assert foreign > 10


def test_altered_questions_are_refused(groups: list[Group]) -> None:
    known = {q.text for group in groups for q in group.questions}
    changed = [
        (question, answer)
        for pack in packs(groups, replace(ONLY_GOLD, altered=1.0))
        for question, answer in zip(pack.questions, pack.answers, strict=True)
        if question not in known
    ]
    assert changed and all(answer == ("", NONE) for _, answer in changed)
    assert {question.isascii() for question, _ in changed} == {True, False}


def test_the_same_for_the_same_seed(groups: list[Group]) -> None:
    assert packs(groups, Mix()) == packs(groups, Mix())
    packer = Packer(groups)
    assert any(packer.pack(0, f"a{i}") != packer.pack(0, f"b{i}") for i in range(10))


def test_room_bounds_the_passages_and_chinese_has_a_third(make_group: Callable[..., Group]) -> None:
    for language, count in (("en", 9), ("zh", 3)):
        long = [
            Place("x", i, i + 1, "t", ("long words " * 9 if language == "en" else "很长的段落" * 20)[:99])
            for i in range(20)
        ]
        group = replace(make_group(1, language), retrieved=((), tuple(long)))
        for pack in packs([group], replace(ONLY_FOUND, characters=(900, 900)), 5):
            assert len(passages(pack)) == count <= MOST_PASSAGES


def test_of_several_wordings_one_of_middle_length_is_wanted(make_group: Callable[..., Group]) -> None:
    group = make_group(1)
    text = group.gold.text
    wordings = ("1901", "in 1901", "was opened in 1901")
    spans = tuple((group.document, text.index(w), text.index(w) + len(w)) for w in wordings)
    asked = Asked("q", "When?", wordings, spans)
    (pack,) = packs([replace(group, questions=(asked,), retrieved=((),))], ONLY_GOLD, 1)
    assert pack.answers == (("in 1901", 1),)


def test_many_questions_are_drawn_from_and_silent_ones_do_not_crowd_out(make_group: Callable[..., Group]) -> None:
    group = make_group(1)
    answered = [replace(group.questions[0], id=str(i), text=f"When {i}?") for i in range(30)]
    silent = [replace(group.questions[1], id=f"s{i}", text=f"Who {i}?") for i in range(30)]
    group = replace(group, questions=tuple(answered + silent), retrieved=((),) * 60)
    drawn = packs([group], replace(ONLY_GOLD, questions=8), 6)
    for pack in drawn:
        refused = sum(number == NONE for _, number in pack.answers)
        assert len(pack.questions) == 8 and refused == 4
    assert any(one.questions != other.questions for one, other in pairwise(drawn))


def test_an_answer_comes_from_the_place_that_is_shown_whatever_the_order_of_the_wordings() -> None:
    text = "In 1911, the keeper lit it; by nineteen eleven all ships knew."
    other = "The lamp was lit in the autumn of that year."
    wording = "the autumn of that year"
    begin, at = len(text) + 2, len(text) + 2 + other.index(wording)
    # Two places of "1911" would be three spans beside two wordings: their order says nothing.
    question = Asked(
        "q", "When was it lit?", ("1911", wording), (("a", 3, 7), ("a", 3, 7), ("a", at, at + len(wording)))
    )
    group = Group("s", "a", "en", Place("a", begin, begin + len(other), "Light", other), (question,), ((),))
    (pack,) = packs([group], ONLY_GOLD, 1)
    assert pack.answers == (("the autumn of that year", 1),)


def test_of_a_sentence_that_is_marked_as_evidence_the_wording_in_it_is_the_answer() -> None:
    text = "灯塔建于1890年，由石头砌成。"
    question = Asked("q", "灯塔哪年建成？", ("1890年",), (("a", 0, len(text)),))
    group = Group("s", "a", "zh", Place("a", 0, len(text), "灯塔", text), (question,), ((),))
    (pack,) = packs([group], ONLY_GOLD, 1)
    assert pack.answers == (("1890年", 1),)


def test_traditional_contexts_are_simplified_with_their_questions_and_answers() -> None:
    text = "東門港於一九〇一年開放，後來擴建。"
    question = Asked("q", "東門港何時開放？", ("一九〇一年",), (("zh/1", 4, 9),))
    group = Group("own", "zh/1", "zh", Place("zh/1", 0, len(text), "東門港", text), (question,), ((),))
    (pack,) = packs([group], replace(ONLY_GOLD, simplified=1.0), 1)
    assert "[1] 东门港\n东门港于一九〇一年开放，后来扩建。" in pack.context
    assert pack.questions == ("东门港何时开放？",)
    assert pack.answers == (("一九〇一年", 1),)
    assert {pack.context for pack in packs([group], replace(ONLY_GOLD, simplified=0.5))} == {
        pack.context,
        packs([group], ONLY_GOLD, 1)[0].context,
    }
    english = replace(group, language="en")
    assert packs([english], replace(ONLY_GOLD, simplified=1.0), 1) == packs([english], ONLY_GOLD, 1)


def test_answers_as_whole_clauses_in_simplified_characters_only() -> None:
    text = "灯塔建于1890年，由石头砌成；1901年灯塔投入使用。"
    begin = text.index("1901年")
    question = Asked("q", "灯塔何时投入使用？", ("1901年",), (("a", begin, begin + 5),))
    group = Group("own", "a", "zh", Place("a", 0, len(text), "灯塔", text), (question,), ((),))
    mix = replace(ONLY_GOLD, clauses=(("own", 1.0),))
    assert packs([group], mix, 1)[0].answers == (("1901年灯塔投入使用", 1),)
    assert packs([replace(group, set="other")], mix, 1)[0].answers == (("1901年", 1),)
    some = {pack.answers[0][0] for pack in packs([group], replace(mix, clauses=(("own", 0.5),)))}
    assert some == {"1901年", "1901年灯塔投入使用"}
    traditional = "燈塔建於1890年，後來擴建。"
    asked = Asked("q", "燈塔建於何時？", ("1890年",), (("a", 4, 9),))
    other = Group("own", "a", "zh", Place("a", 0, len(traditional), "燈塔", traditional), (asked,), ((),))
    assert packs([other], mix, 1)[0].answers == (("1890年", 1),)
    assert packs([other], replace(mix, simplified=1.0), 1)[0].answers == (("灯塔建于1890年", 1),)


@pytest.mark.parametrize(
    ("text", "answer", "found"),
    [
        ("他在1561年考中进士，授知县。", "1561年", "他在1561年考中进士"),
        ("他考中进士。1561年授知县。", "1561年", "1561年授知县"),
        ("1561年", "1561年", "1561年"),
        ("甲，乙丙，丁", "乙丙", "乙丙"),
        ("先有甲，后有乙。", "甲，后有乙", "先有甲，后有乙"),
        ("甲" * 70 + "乙", "乙", "乙"),  # no answer to a question for a few words
        ("甲乙。丙", "乙。", "甲乙。"),
    ],
)
def test_the_clause_around_an_answer(text: str, answer: str, found: str) -> None:
    begin = text.index(answer)
    assert clause(text, begin, begin + len(answer)) == found
