"""Terms: what a question must share with a document to find it by words."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbot.index.analysis import terms


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("GPT-4", "the model gpt-4 was released"),
        ("gpt", "GPT-4 and others"),
        ("北京", "他住在北京市海淀区"),
        ("北京大学", "毕业于北京大学物理系"),
        ("ＬｏＲＡ", "LoRA"),
        ("naïve", "NAÏVE"),
        ("v1.2.3", "released v1.2.3 yesterday"),
        ("3,000", "about 3,000 people"),
        ("don't", "they don't know"),
        ("微调LoRA", "用LoRA微调"),
        ("𠮷野家", "去𠮷野家吃饭"),
        ("Straße", "STRASSE"),
    ],
)
def test_shared(question: str, document: str) -> None:
    assert set(terms(question)) & set(terms(document))


def test_compound_gives_whole_and_parts() -> None:
    assert terms("GPT-4") == ["gpt-4", "gpt", "4"]


def test_chinese_gives_words_and_all_bigrams() -> None:
    found = terms("机器学习")
    assert {"机器", "器学", "学习"} <= set(found)


@pytest.mark.parametrize("text", ["", "  \n", "。，！？", "!!!", "🎉"])
def test_nothing_to_find(text: str) -> None:
    assert terms(text) == []


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    assert all(isinstance(term, str) and term for term in terms(text))
    assert terms(text) == terms(text)


@given(st.text("中文学习ab1-. ", max_size=40), st.text("中文学习ab1-. ", max_size=40))
def test_parts_set_apart_keep_their_terms(first: str, second: str) -> None:
    assert terms(f"{first}\n{second}") == terms(first) + terms(second)


@pytest.mark.parametrize("hostile", ["a" * 500_000, "a-" * 250_000, "中" * 300_000, "." * 500_000, "a.b,c'd" * 50_000])
def test_time_is_bounded(hostile: str) -> None:
    started = time.process_time()
    terms(hostile)
    assert time.process_time() - started < 10
