"""What a rewritten question must keep."""

from __future__ import annotations

import pytest

from ragbot.documents import Message
from ragbot.generation.rewriting.checks import lost, numbers_of, part_of, related, shared

EN = [Message("user", "What is LoRA?"), Message("assistant", "A method of fine-tuning with a low rank.")]
ZH = [Message("user", "LoRA 是什么？"), Message("assistant", "一种低秩微调方法。")]


@pytest.mark.parametrize(
    ("text", "question", "history"),
    [
        ("How does LoRA differ from QLoRA?", "How does it differ from QLoRA?", EN),
        ("Which rank does LoRA take?", "Which rank?", EN),
        ("LoRA 的秩是多少？", "它的秩是多少？", ZH),
        ("LoRA 在 2021 年用了什么方法？", "2021 年呢？", ZH),
        ("LoRA 是什么方法？", "BPE?", [*ZH]),
    ],
)
def test_good_ones(text: str, question: str, history: list[Message]) -> None:
    assert lost(text, question, history) == ""


@pytest.mark.parametrize(
    ("text", "question", "history", "reason"),
    [
        ("What about LoRA?", "And in 2023 with GPT-4?", EN, "leaves out 2023, gpt-4"),
        ("Which rank does LoRA take, 64?", "Which rank?", EN, "brings in 64"),
        ("LoRA 的秩是多少？", "Which rank does it have?", EN, "another language"),
        ("Which rank does LoRA have?", "它的秩是多少？", ZH, "another language"),
        ("I am sorry, but I cannot help with that request.", "Which rank?", EN, "something else"),
        ("今天北京的天气非常好，适合出门散步。", "它的秩是多少？", ZH, "something else"),
        ("?", "Why?", EN, "something else"),
    ],
)
def test_bad_ones(text: str, question: str, history: list[Message], reason: str) -> None:
    assert reason in lost(text, question, history)


def test_relations() -> None:
    assert related("the rank of LoRA", "LoRA rank") and related("LoRA 的秩怎么选", "Which rank does LoRA take?")
    assert not related("a walk in the park", "LoRA rank") and not related("今天天气", "低秩矩阵")
    assert part_of("Which rank does LoRA take?", "Which rank does LoRA take, and which alpha?")
    assert not part_of("Which harbours were dredged?", "Which rank does LoRA take?")
    assert not part_of("Which rank does LoRA take in 2023?", "Which rank does LoRA take?")
    assert part_of("LoRA 的秩是多少？", "LoRA 的秩是多少，α 取多大？")
    assert shared("", "x") == 0.0


def test_numbers() -> None:
    assert numbers_of("GPT-4, v1.2.3 and 3,000 in 2023.") == {"gpt-4", "v1.2.3", "3,000", "2023"}
    assert numbers_of("70亿参数，r=8") == {"70", "8"}
    assert numbers_of("none") == set()
