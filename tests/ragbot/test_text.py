"""Languages and sentence boundaries."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbot.text import answer_language, detect_language, sentence_spans


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("今天天气很好，我们去公园。", "zh"),
        ("The cat sat on the mat and it was happy.", "en"),
        ("これは日本語の文章です。とても短いです。", "ja"),
        ("이것은 한국어 문장입니다.", "ko"),
        ("Der Hund läuft schnell durch den dunklen Wald nach Hause", ""),
        ("使用 GPT-4 和 LoRA 微调", "zh"),
        ("12345 67.8", ""),
        ("", ""),
    ],
)
def test_detect_language(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize(
    ("question", "language"),
    [("什么是 LoRA？", "zh"), ("What is LoRA?", "en"), ("", "en"), ("LoRA", "en"), ("vLLM 怎么用", "zh")],
)
def test_answer_language(question: str, language: str) -> None:
    assert answer_language(question) == language


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("一句话。第二句！第三句？", ["一句话。", "第二句！", "第三句？"]),
        ("他说：“好。”然后走了。", ["他说：“好。”", "然后走了。"]),
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Pi is 3.14 today. Version 1.2.3 is out.", ["Pi is 3.14 today.", "Version 1.2.3 is out."]),
        ("See Dr. Smith, e.g. Monday. Then go.", ["See Dr. Smith, e.g. Monday.", "Then go."]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("# Title\nBody text. More.", ["# Title", "Body text.", "More."]),
        ("- one\n- two\n- three", ["- one", "- two", "- three"]),
        ("1. First item\n2. Second item", ["1. First item", "2. Second item"]),
        ("a b\n\nc d", ["a b", "c d"]),
        ("中文。English follows. 再来一句", ["中文。", "English follows.", "再来一句"]),
        ("Wait... Really?! Yes.", ["Wait...", "Really?!", "Yes."]),
        ("  \n\t ", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@given(st.text('ab 。！.!?\n#-|"”)1', max_size=60))
def test_spans_ascend_and_leave_out_only_white_space(text: str) -> None:
    position = 0
    for start, end in sentence_spans(text):
        assert position <= start < end
        assert not text[position:start].strip()
        assert not text[start].isspace() and not text[end - 1].isspace()
        position = end
    assert not text[position:].strip()


@given(st.text("ab 。.\n#", max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_spans_stay_inside_the_bounds(text: str, a: int, b: int) -> None:
    low, high = sorted((min(a, len(text)), min(b, len(text))))
    inside = [text[start:end] for start, end in sentence_spans(text, low, high)]
    assert "".join("".join(inside).split()) == "".join(text[low:high].split())


@pytest.mark.parametrize(
    "hostile", ["." * 300_000 + "x", "a.\t" * 100_000, " " * 300_000, "\n" * 300_000, ".)" * 150_000, "# " * 150_000]
)
def test_time_grows_with_the_text_and_not_its_square(hostile: str) -> None:
    started = time.process_time()
    list(sentence_spans(hostile))
    assert time.process_time() - started < 5
