"""The rules that make questions of sentences: what they ask, in words, and what they leave alone."""

from __future__ import annotations

import pytest

from eval.synth import chinese, english

ENGLISH = [
    (
        "The stone bridge was built by Halvard Brekke in 1883.",
        "In which year was the stone bridge built by Halvard Brekke?",
        "1883",
    ),
    ("The stone bridge was built by Halvard Brekke.", "Who built the stone bridge?", "Halvard Brekke"),
    ("Ostrava Steel opened a second mill in 1921.", "In which year did Ostrava Steel open a second mill?", "1921"),
    (
        "In 1998, Larkin Press published the atlas of rivers.",
        "In which year did Larkin Press publish the atlas of rivers?",
        "1998",
    ),
    (
        "The long viaduct over the Tolm has 14 arches of grey granite.",
        "How many arches of grey granite does the long viaduct over the Tolm have?",
        "14",
    ),
    (
        "There are 12 lighthouses on the coast of Ravna, all of them white.",
        "How many lighthouses are there on the coast of Ravna?",
        "12",
    ),
    (
        "Trains are slower in autumn because wet leaves make the rails slippery.",
        "Why are trains slower in autumn?",
        "wet leaves make the rails slippery",
    ),
    (
        "The Ravna Line is a narrow-gauge railway that joins harbour and quarry.",
        "What is the Ravna Line?",
        "a narrow-gauge railway that joins harbour and quarry",
    ),
    (
        "RQ-7 pulls twelve loaded wagons up the steepest part of the line.",
        "What pulls twelve loaded wagons up the steepest part of the line?",
        "RQ-7",
    ),
    (
        "Models such as RQ-7 (Lindqvist and Moe, 1996) followed.",
        "In which year did Lindqvist and Moe publish RQ-7?",
        "1996",
    ),
    (
        "Moe and colleagues (1999) measured the wear of forty wheels over ten years.",
        "Who measured the wear of forty wheels over ten years?",
        "Moe and colleagues",
    ),
]
CHINESE = [
    ("青塘茶场由林守正在 1956 年创办。", "青塘茶场由林守正在哪一年创办？", "1956 年"),
    ("青塘公司在 2024 年 11 月公布了新的章程。", "青塘公司在什么时候公布了新的章程？", "2024 年 11 月"),
    ("Maruta 等人（2011）在茶场测量了土壤的酸度。", "谁在茶场测量了土壤的酸度？", "Maruta 等人"),
    ("Maruta 等人（2011）在茶场测量了土壤的酸度。", "Maruta 等人哪一年在茶场测量了土壤的酸度？", "2011"),
    ("青塘茶场目前共有 27 名制茶师傅，全部在本地长大。", "青塘茶场目前共有多少名制茶师傅？", "27 名"),
    ("青塘绿茶的含水量降到约 6%。", "青塘绿茶的含水量降到百分之多少？", "6%"),
    ("青塘茶场的仓库容量达到 30 GB 左右。", "青塘茶场的仓库容量达到多少 GB 左右？", "30 GB"),
    ("梯田是一种依山开垦、逐级升高的田地。", "什么是梯田？", "一种依山开垦、逐级升高的田地"),
    ("干燥工序要做两遍，因为山里湿气很重。", "为什么干燥工序要做两遍？", "山里湿气很重"),
    ("由于山里湿气重，干燥工序要比平原多做一遍。", "为什么干燥工序要比平原多做一遍？", "山里湿气重"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "question", "answer"), ENGLISH)
def test_english(sentence: str, question: str, answer: str) -> None:
    asked = {fact.question: sentence[fact.start : fact.end] for fact in english.facts(sentence, 0)}
    assert asked.get(question) == answer, asked


@pytest.mark.parametrize(("sentence", "question", "answer"), CHINESE)
def test_chinese(sentence: str, question: str, answer: str) -> None:
    asked = {fact.question: sentence[fact.start : fact.end] for fact in chinese.facts(sentence, 0)}
    assert asked.get(question) == answer, asked


@pytest.mark.parametrize(
    "sentence",
    [
        "It was described by the inventor in 1923.",
        "This is why the reference has 14 arches of grey granite.",
        "The first one uses 12 pillars.",
        "Suppose the bridge has 14 arches of grey granite.",
        "The scale is s = 1.27 and the bridge has 14 arches.",
        "Moe and colleagues reported a wear of two millimetres, and Brekke one of three on granite.",
        "She thinks that nobody knows.",
    ],
)
def test_english_that_leans_on_its_surroundings_is_left_alone(sentence: str) -> None:
    assert list(english.facts(sentence, 0)) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "它由林守正在 1956 年创办。",
        "这座茶场共有 27 名师傅。",
        "例如茶场共有 27 名制茶师傅。",
        "但茶场共有 27 名制茶师傅。",
        "设面积 s = 27，茶场共有 27 名师傅。",
        "上述两者都不是。",
        "含水量为 6% 时，茶叶最容易保存。",
    ],
)
def test_chinese_that_leans_on_its_surroundings_is_left_alone(sentence: str) -> None:
    assert list(chinese.facts(sentence, 0)) == []


def test_a_clause_that_goes_on_is_asked_as_a_whole() -> None:
    sentence = "Maruta 等人（2011）发现，播下一批种子，茶树的根长得更深。"
    assert "谁发现，播下一批种子，茶树的根长得更深？" in {fact.question for fact in chinese.facts(sentence, 0)}


def test_wordings_differ() -> None:
    sentence = "The Ravna Line is a narrow-gauge railway that joins harbour and quarry."
    asked = {fact.question for variant in range(3) for fact in english.facts(sentence, variant)}
    assert len([question for question in asked if "Ravna Line" in question]) == 3


def test_a_reason_behind_a_relative_clause_is_not_asked_for() -> None:
    sentence = "Ravna is a port whose quays are closed because the war destroyed all of them."
    assert [fact.category for fact in english.facts(sentence, 0)] == ["definition"]
