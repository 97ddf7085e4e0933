"""Terms: what a question must share with a document to find it by words."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbot.index.analysis import STEM_MARK, terms


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("GPT-4", "the model gpt-4 was released"),
        ("gpt", "GPT-4 and others"),
        ("GPT4", "the model GPT-4 was released"),
        ("北京", "他住在北京市海淀区"),
        ("北京大学", "毕业于北京大学物理系"),
        ("ＬｏＲＡ", "LoRA"),
        ("naïve", "NAÏVE"),
        ("v1.2.3", "released v1.2.3 yesterday"),
        ("SKU-8841", "sku-8841, red"),
        ("3,000", "about 3,000 people"),
        ("3000", "about 3,000 people"),
        ("３０００", "约3,000人"),
        ("1998", "一九九八年"),
        ("don't", "they don’t know"),
        ("Einstein", "Einstein's theory"),
        ("e-mail", "an email"),
        ("paged attention", "PagedAttention"),
        ("user name", "getUserName()"),
        ("max tokens", "set max_tokens to 5"),
        ("微调LoRA", "用LoRA微调"),
        ("𠮷野家", "去𠮷野家吃饭"),
        ("Straße", "STRASSE"),
        ("cafe", "Café"),
        ("Lodz", "Łódź"),
        ("migrating", "birds migrate"),
        ("后面的发展", "後面的發展"),
        ("看着", "看著"),
        ("台湾", "臺灣"),
    ],
)
def test_shared(question: str, document: str) -> None:
    assert set(terms(question)) & set(terms(document))
    assert set(terms(document)) & set(terms(question))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("在電腦裡輸入簡體與繁體", "在电脑里输入简体与繁体"),
        ("頭髮與發展、乾燥與乾坤", "头发与发展、干燥与干坤"),
        ("Crème brûlée", "creme brulee"),
        ("ＧＰＴ－４", "gpt-4"),
        ("it’s", "it's"),
        ("12,345.6", "12345.6"),
    ],
)
def test_the_same_terms(one: str, other: str) -> None:
    assert terms(one) == terms(other) != []


def test_compound_gives_whole_and_parts() -> None:
    assert terms("GPT-4") == ["gpt4", "gpt", f"gpt{STEM_MARK}", "4"]
    assert terms("v1.2.3") == ["v1.2.3", "v1", "2", "3"]
    assert terms("C++ and C#")[::3] == ["c++"]
    assert "c#" in terms("C#.")


def test_a_word_and_its_stem_are_two_terms() -> None:
    assert terms("Generalizations") == ["generalizations", f"general{STEM_MARK}"]
    assert terms("the") == ["the"]  # function words have none
    assert terms("Привет") == ["привет"]
    assert not set(terms("general")) & {f"generalizations{STEM_MARK}"}


def test_short_humps_are_no_words() -> None:
    assert terms("LoRA") == ["lora", f"lora{STEM_MARK}"]
    assert {"http", "server"} <= set(terms("HTTPServer"))


@pytest.mark.parametrize("text", ["がんばれ", "ガギグ", "й", "한국어"])
def test_other_scripts_keep_their_marks(text: str) -> None:
    assert terms(text) == [text]


def test_chinese_gives_words_and_all_bigrams() -> None:
    found = terms("机器学习")
    assert {"机器", "器学", "学习"} <= set(found)


@pytest.mark.parametrize("text", ["", "  \n", "。，！？", "!!!", "🎉", "~", "'s"])
def test_nothing_to_find(text: str) -> None:
    assert [term for term in terms(text) if term != "s"] == []


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    assert all(isinstance(term, str) and term for term in terms(text))
    assert terms(text) == terms(text)


@given(st.text("中文學习ab1-.'é ", max_size=40), st.text("中文学習ab1-.'é ", max_size=40))
def test_parts_set_apart_keep_their_terms(first: str, second: str) -> None:
    assert terms(f"{first}\n{second}") == terms(first) + terms(second)


def test_threads_get_the_same_stems() -> None:
    words = [f"word{letter}{other}ings" for letter in "abcdefghijklmnop" for other in "abcdefghijklmnop"]
    found: list[list[str]] = []
    threads = [threading.Thread(target=lambda: found.append(terms(" ".join(words)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [terms(" ".join(words))] * 4


@pytest.mark.parametrize(
    "hostile",
    ["a" * 500_000, "a-" * 250_000, "中" * 300_000, "." * 500_000, "a.b,c'd" * 50_000, "aB" * 250_000, "一" * 300_000],
)
def test_time_is_bounded(hostile: str) -> None:
    started = time.process_time()
    terms(hostile)
    assert time.process_time() - started < 10
