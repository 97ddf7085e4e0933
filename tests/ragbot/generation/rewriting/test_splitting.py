"""Compound questions, taken apart without a model."""

from __future__ import annotations

import pytest

from ragbot.documents import Message
from ragbot.generation.rewriting.base import rewrite
from ragbot.generation.rewriting.splitting import Splitting, split
from ragbot.retrieval.queries import Query


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("What is LoRA and how does QLoRA save memory?", ["What is LoRA", "how does QLoRA save memory?"]),
        ("Who wrote the paper? Which year did GPT-2 appear?", ["Who wrote the paper", "Which year did GPT-2 appear"]),
        (
            "LoRA 的秩怎么选，以及 QLoRA 用多少比特量化？",
            ["LoRA 的秩怎么选", "QLoRA 用多少比特量化"],
        ),
        ("RMSNorm 由谁提出？层归一化怎么计算？", ["RMSNorm 由谁提出", "层归一化怎么计算"]),
        ("誰寫了這本書，以及這座橋什麼時候建成？", ["誰寫了這本書", "這座橋什麼時候建成"]),
        ("长江有多长，武汉有多少人口？", ["长江有多长", "武汉有多少人口"]),
    ],
)
def test_parts(question: str, parts: list[str]) -> None:
    assert [part.rstrip("?？") for part in split(question)] == [part.rstrip("?？") for part in parts]


@pytest.mark.parametrize(
    "question",
    [
        "What is the difference between LoRA and QLoRA?",
        "Which cities, rivers and lakes are named?",
        "When and where was it held?",
        "In 1990, what happened in Rome?",
        "北京和上海分别有多少人口？",
        "在 GPT-3 上，LoRA 把参数减少到多少？",
        "《谁是凶手？谁知道》的作者是谁？",
        "When American car makers brought out small cars, which policy ended?",
        "幾千年來，電只是玩物，直到哪位學者才有嚴謹的研究?",
        "Why?",
        "",
        "?" * 500,
    ],
)
def test_one_part_only(question: str) -> None:
    assert split(question) == []


@pytest.mark.parametrize(
    ("question", "part"),
    [
        (
            "Who built the old bridge? Where is Vire? And when was it closed?",
            ["Who built the old bridge", "Where is Vire"],
        ),
        ("长江有多长？武汉在哪里？它流经哪些城市？", ["长江有多长", "武汉在哪里"]),
        ("Who built the old bridge? And when was it closed?", []),
        ("长江有多长？它流经哪些城市？", []),
    ],
)
def test_a_part_that_points_back_is_not_searched_for_alone(question: str, part: list[str]) -> None:
    assert split(question) == part


def test_the_whole_comes_first_and_parts_are_bounded() -> None:
    question = "What is LoRA and how does QLoRA save memory and who wrote GPT-2?"
    rewritten = rewrite(Splitting(2, 0.5), question)
    assert rewritten.queries == (
        Query(question),
        Query("What is LoRA", 0.5),
        Query("how does QLoRA save memory", 0.5),
    )
    assert (rewritten.question, rewritten.seconds, rewritten.fallback, rewritten.usage) == (question, 0.0, "", {})


def test_a_follow_up_is_made_whole_first() -> None:
    history = [Message("user", "What is LoRA?"), Message("assistant", "A method.")]
    rewritten = rewrite(Splitting(), "And who proposed QLoRA?", history)
    assert rewritten.question == "What is LoRA? And who proposed QLoRA?"
    assert [query.text for query in rewritten.queries] == [
        rewritten.question,
        "What is LoRA",
        "And who proposed QLoRA?",
    ]
