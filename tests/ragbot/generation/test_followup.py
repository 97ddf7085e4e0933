"""Follow-up questions."""

from __future__ import annotations

import pytest

from ragbot.documents import Message
from ragbot.generation.followup import standalone

TALK = [Message("user", "What is LoRA?"), Message("assistant", "A method. [1]")]


@pytest.mark.parametrize(
    "question",
    [
        "What does it cost?",
        "那它的缺点是什么呢",
        "Why?",
        "为什么",
        "为什么呢？",
        "多少？",
        "How much?",
        "How about QLoRA and the like?",
        "And QLoRA?",
        "QLoRA 呢？",
        "这是谁提出的？",
        "他是什么时候提出的？",
        "和他们合作的人有谁？",
        "What is it good for in IT?",
        "那是谁在哪一年提出的方法？",
        "那么多久更新一次文档里的价格？",
        "那篇论文的第一作者在哪所大学工作？",
    ],
)
def test_follow_ups_get_the_last_question(question: str) -> None:
    assert standalone(question, TALK) == f"What is LoRA? {question}"


@pytest.mark.parametrize(
    "question",
    [
        "Which harbours were dredged in 1911?",
        "长江流经哪些大城市，最后注入哪里",
        "今天天气怎么样？",
        "什么是 RLAIF？",
        "LoRA 的秩应该怎样选择？",
        "与其他机制相比有什么不同？",
        "What is the difference between LoRA and QLoRA?",
        "什么是吉他？",
        "Who wrote the paper that won?",
        "BPE?",
        "Who leads the IT department of the company?",
        "How do I reach IT support in Berlin?",
        "维他命C有什么作用？",
        "阿托伐他汀的副作用有哪些？",
        "他莫昔芬应该怎样服用？",
        "马耳他的首都在哪里？",
        "排他锁和共享锁有什么区别？",
        "那不勒斯在哪个国家？",
        "那曲市的海拔是多少？",
    ],
)
def test_questions_that_stand_alone(question: str) -> None:
    assert standalone(question, TALK) == question


def test_without_history() -> None:
    assert standalone("Why?", []) == "Why?"
    assert standalone("Why?", [Message("assistant", "Hello")]) == "Why?"
