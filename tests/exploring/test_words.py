from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ragbot.documents import Chunk, Document
from ragbot.exploring.keywords import TopicWords
from ragbot.exploring.words import best_form, content_words


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("The models use attention; a model's layers.", ["model", "attention", "model", "layer"]),
        ("向量检索的速度很快", ["向量", "检索", "速度"]),
        ("用 LoRA 微调 GPT-4，C++ 和 C# 都行", ["lora", "微调", "gpt-4", "c++", "c#"]),
        ("In 2023 there were 3,000 of them", []),
        ("companies, class, analysis, bus", ["company", "class", "analysis", "bus"]),
        ("ＬＯＲＡ", ["lora"]),
    ],
)
def test_words_that_say_what_a_text_is_about(text: str, keys: list[str]) -> None:
    assert [key for key, _ in content_words(text)] == keys


def test_a_chinese_word_is_whole() -> None:
    assert "型训" not in {key for key, _ in content_words("模型训练需要显存")}


def test_the_form_that_is_used_most() -> None:
    assert best_form(Counter({"lora": 1, "LoRA": 3, "LORA": 1})) == "LoRA"
    assert best_form(Counter({"b": 1, "a": 1})) == "a"


def chunk(number: int, text: str, language: str, title: str, *headings: str) -> Chunk:
    document = Document(number, f"{number}", title, "md", language, None, "")
    return Chunk(number, document, 0, text, 0, len(text), None, headings)


def words_of(*rows: tuple[int, Chunk]) -> TopicWords:
    languages = [item.document.language for _, item in rows]
    words = TopicWords(languages, np.array([topic for topic, _ in rows]))
    for row, (_, item) in enumerate(rows):
        words.add(row, item)
    return words


def test_words_of_one_topic_weigh_more_than_those_of_all() -> None:
    words = words_of(
        (0, chunk(1, "Bread dough and oven, bread and people.", "en", "Kitchen")),
        (0, chunk(2, "Bread rises; people wait.", "en", "Kitchen")),
        (1, chunk(3, "The moon and the tide, people watch.", "en", "Sea")),
        (1, chunk(4, "A tide table; people read.", "en", "Sea")),
    )
    assert words.keywords(0, 2)[0] == "bread"
    assert words.keywords(1, 2)[0] == "tide"


def test_both_languages_of_a_topic_have_their_words() -> None:
    rows = [(0, chunk(i, "bread dough oven", "en", "")) for i in range(3)]
    rows += [(0, chunk(10 + i, "面包 面团 烤箱", "zh", "")) for i in range(3)]
    rows += [(1, chunk(20 + i, "tide moon", "en", "")) for i in range(3)]
    assert {"bread", "面包"} <= set(words_of(*rows).keywords(0, 6))


def test_the_language_of_most_of_a_topic_has_most_of_its_words() -> None:
    rows = [(0, chunk(i, "面包 面团 烤箱 酵母 厨房", "zh", "")) for i in range(9)]
    rows += [(0, chunk(10, "bread dough oven yeast kitchen", "en", ""))]
    rows += [(1, chunk(20 + i, "tide moon", "en", "")) for i in range(9)]
    rows += [(1, chunk(30 + i, "潮汐 月亮", "zh", "")) for i in range(9)]
    assert words_of(*rows).keywords(0, 5) == sorted(["面包", "面团", "烤箱", "酵母", "厨房"])


def test_a_title_is_a_heading_in_the_language_of_most_without_its_number() -> None:
    rows = [(0, chunk(i, "面团在烤箱里变成面包", "zh", "手册", "二、面包与面团")) for i in range(3)]
    rows += [(0, chunk(9, "bread dough", "en", "Bread dough"))]
    rows += [(1, chunk(20 + i, f"tide moon water {i}", "en", "", *["3 Unrelated"][i:])) for i in range(3)]
    assert words_of(*rows).titles() == ["面包与面团", "moon, tide, water"]


def test_titles_differ() -> None:
    rows = [(i % 2, chunk(i, "bread dough", "en", "Bread")) for i in range(6)]
    first, second = words_of(*rows).titles()
    assert first != second
