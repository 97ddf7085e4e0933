"""What chat models say, in every frame that they put around it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbot.generation.rewriting.parsing import passage_of, spoken, texts_of


@pytest.mark.parametrize(
    ("reply", "texts"),
    [
        ("What is LoRA?", ["What is LoRA?"]),
        ("1. One rank\n2) Two ranks\n(3) Three ranks", ["One rank", "Two ranks", "Three ranks"]),
        ("1、秩是什么\n2．秩怎么选\n（3）秩的大小", ["秩是什么", "秩怎么选", "秩的大小"]),
        ("- *One rank*\n* Two ranks\n• “Three ranks”", ["One rank", "Two ranks", "Three ranks"]),
        ("Here are two:\n\nOne rank\nTwo ranks", ["One rank", "Two ranks"]),
        ("好的，下面是改写\n1. 秩是什么\n2. 秩怎么选", ["秩是什么", "秩怎么选"]),
        ("下面是改写：\n秩是什么\n秩怎么选", ["秩是什么", "秩怎么选"]),
        ('```json\n["One rank", "Two ranks"]\n```', ["One rank", "Two ranks"]),
        ('Sure! {"queries": ["One rank", {"question": "Two ranks", "why": "no"}]} Done.', ["One rank", "Two ranks"]),
        ('{"问题": ["秩是什么"]}', ["秩是什么"]),
        ("<think>They ask for\n1. LoRA</think>\nOne rank", ["One rank"]),
        ("<think>They ask and ask", []),
        ("Standalone question: What is it?", ["What is it?"]),
        ("改写后的问题：“秩是什么？”", ["秩是什么？"]),
        ("Question 1: One rank\nQuestion 2: Two ranks", ["One rank", "Two ranks"]),
        ("One rank\none RANK!\n  One   rank.", ["One rank"]),
        ("1990 was the year\n3.5 per cent of it", ["1990 was the year", "3.5 per cent of it"]),
        ("[1] One rank", ["[1] One rank"]),
        ("```\nOne rank\n```", ["One rank"]),
        ("", []),
        ("…\n?!\n- \n1.", []),
        ("[" * 5000, []),
        ("a\ud800b rank", ["a?b rank"]),
    ],
)
def test_lists(reply: str, texts: list[str]) -> None:
    assert texts_of(reply, 5, 40) == texts


def test_bounds() -> None:
    assert texts_of("\n".join(f"line {n}" for n in range(9)), 3, 40) == ["line 0", "line 1", "line 2"]
    assert texts_of("short one\n" + "x" * 41 + "\n" + "y" * 40, 3, 40) == ["short one", "y" * 40]


@pytest.mark.parametrize(
    ("reply", "passage"),
    [
        (
            "Passage: LoRA freezes the weights.\nIt trains two matrices.",
            "LoRA freezes the weights. It trains two matrices.",
        ),
        ("段落：“LoRA 冻结原有权重。”", "LoRA 冻结原有权重。"),
        ('```json\n{"passage": "LoRA freezes."}\n```', "LoRA freezes."),
        ("<think>hm</think>", ""),
    ],
)
def test_passages(reply: str, passage: str) -> None:
    assert passage_of(reply, 80) == passage


@pytest.mark.parametrize("sentence", ["It trains two matrices. ", "它只训练两个低秩矩阵。"])
def test_a_long_passage_ends_with_a_sentence(sentence: str) -> None:
    passage = passage_of(sentence * 50, 200)
    assert len(passage) <= 200 and passage.endswith(sentence.strip()) and len(passage) > 150
    assert len(passage_of("x" * 500, 200)) == 200


def test_reasoning_that_is_still_going_on() -> None:
    assert spoken("<think>abc") == "" and spoken("<THINK>abc</think>d") == "d" and spoken("a < b") == "a < b"


@given(st.text(max_size=300))
def test_anything(reply: str) -> None:
    texts = texts_of(reply, 3, 50)
    assert len(texts) <= 3 and all(1 < len(text) <= 50 and "\n" not in text for text in texts)
    assert len(passage_of(reply, 50)) <= 50
