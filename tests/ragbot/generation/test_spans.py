"""Which stretch is chosen among those that may answer, and how these are found."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any, ClassVar, cast

import numpy as np
import pytest

from ragbot.generation.copying import flattened
from ragbot.generation.span_evidence import MEASURED, OTHERS, sentences, weighed
from ragbot.generation.span_search import search
from ragbot.generation.spans import Sentence, Span, Weights, chosen
from ragbot.models.embedders.base import Embedder
from ragbot.models.registry import load_embedder

END = 1


class Letters:
    """A tokenizer whose tokens are bytes, and some words."""

    bos, eos = 2, END
    words: ClassVar = (" the", " 19", "19", "11", " port", "port", "港口")
    bytes_of: ClassVar = {
        **{code + 10: bytes([code]) for code in range(256)},
        **{300 + at: word.encode() for at, word in enumerate(words)},
    }
    pieces: ClassVar = {piece: (number,) for number, piece in bytes_of.items()}

    def encode(self, text: str) -> list[int]:
        raw, ids = text.encode(), []
        while raw:
            size = next(size for size in range(6, 0, -1) if raw[:size] in self.pieces)
            ids.append(self.pieces[raw[:size]][0])
            raw = raw[size:]
        return ids


class Peeking:
    """Expects answers with given chances, each written as the tokenizer writes it."""

    def __init__(self, answers: dict[str, float], leading: str = "") -> None:
        self.ways = [([*LETTERS.encode(leading + text), END], chance) for text, chance in answers.items()]
        self.passes = 0

    def __call__(self, ids: Sequence[int], wanted: Sequence[Sequence[int]]) -> Any:
        self.passes, rows = self.passes + 1, len(wanted)
        logits = np.full((rows, 400), -30.0, np.float32)
        for row in range(rows):
            so_far = list(ids[: len(ids) - rows + 1 + row])
            following: dict[int, float] = {}
            for way, chance in self.ways:
                if way[: len(so_far)] == so_far and len(way) > len(so_far):
                    following[way[len(so_far)]] = following.get(way[len(so_far)], 0) + chance
            for token, chance in following.items():
                logits[row, token] = math.log(chance / sum(following.values()))
        return [logits[row, list(tokens)] for row, tokens in enumerate(wanted)]


LETTERS = Letters()
TEXT = "The port was\nopened in 1911 by the king. 港口 1911 年。"


def found(answers: dict[str, float], text: str = TEXT, limit: int = 60) -> dict[str, float]:
    whole = flattened(text)
    spans = search(Peeking(answers), text, cast(Any, LETTERS), limit)
    chances: dict[str, float] = {}
    for span in spans:
        said = whole[span.begin : span.end].decode()
        chances[said] = chances.get(said, 0.0) + math.exp(span.log_probability)
    return {text: chance for text, chance in chances.items() if chance > 1e-4}


@pytest.mark.parametrize(
    "answers",
    [
        {"opened in 1911": 0.5, "in 1911": 0.3, "in 1911 by the king": 0.2},
        {"1911 by": 0.6, "1911 年": 0.3, "the king": 0.1},
        {"The port was opened in 1911 by the king. 港口 1911 年。": 1.0},
        {"港口": 0.7, "opened": 0.3},
    ],
)
def test_every_answer_is_found_with_its_chance(answers: dict[str, float]) -> None:
    assert found(answers) == pytest.approx(answers, rel=1e-3)


def test_the_first_word_may_be_written_with_the_space_before_it() -> None:
    whole = flattened(TEXT)
    for said in ("port was", "the king", "1911"):
        spans = search(Peeking({said: 1.0}, " "), TEXT, cast(Any, LETTERS), 60)
        best = max(spans, key=lambda one: one.log_probability)
        assert whole[best.begin : best.end].decode() == said


def test_what_stands_twice_is_one_answer() -> None:
    assert found({"1911": 0.8, "1911 by": 0.2}) == pytest.approx({"1911": 0.8, "1911 by": 0.2}, rel=1e-3)


def test_all_places_of_the_same_words_share_their_chance() -> None:
    text = "In 1911 it rained. It was 19110 m high, built in 1911. 1911年建成。"
    spans = search(Peeking({"1911": 1.0}), text, cast(Any, LETTERS), 60)
    whole = flattened(text).decode()
    assert [whole[: len(flattened(text)[: span.begin].decode())].count("1911") for span in spans] == [0, 2, 3]
    assert all(math.exp(span.log_probability) == pytest.approx(1 / 3) for span in spans)
    many = search(Peeking({"a": 1.0}), "a " * 50, cast(Any, LETTERS), 60)
    assert len(many) == 12 and len({span.begin for span in many}) == 12


def test_the_best_beginnings_are_enough() -> None:
    words = [f"w{chr(97 + at)}" for at in range(20)]
    text = " ".join(words)
    answers = {word: 2.0**-at for at, word in enumerate(words)}
    got = found({word: chance / sum(answers.values()) for word, chance in answers.items()}, text)
    assert list(got) == words[:6]
    assert found({words[3]: 0.98, words[4]: 0.02}, text) == pytest.approx({words[3]: 0.98})


@pytest.mark.parametrize("limit", [1, 3, 7, 30])
def test_an_answer_has_at_most_so_many_tokens(limit: int) -> None:
    for text in ("The port was opened in 1911.", "a " * 60, "same words " * 30):
        said = " ".join(text.split())
        spans = search(Peeking({said: 1.0}), text, cast(Any, LETTERS), limit)
        assert spans
        for one in spans:
            *whole, _ = said[one.begin : one.end].rpartition(" ")
            assert len(LETTERS.encode("".join(whole))) <= limit


def test_a_reader_without_any_idea_answers_something() -> None:
    peek = Peeking({})
    for text in ("a", TEXT, " ".join(map(str, range(400)))):
        assert search(peek, text, cast(Any, LETTERS), 20)
    assert peek.passes < 200
    assert search(peek, " \n ", cast(Any, LETTERS), 20) == []


def test_spans_are_whole_characters_and_words() -> None:
    random.seed(0)
    for _ in range(30):
        text = "".join(random.choices(["港", "口", "port ", "19", "11 ", "é", "。", "\n"], k=30)).strip()
        whole = flattened(text)
        for span in search(Peeking({}), text, cast(Any, LETTERS), 12):
            said = whole[span.begin : span.end].decode()
            assert said and said in whole.decode()


def span(begin: int, end: int, chance: float) -> Span:
    return Span(begin, end, math.log(chance))


def test_what_has_most_in_common_with_the_others_is_chosen() -> None:
    wrong, close = span(50, 60, 0.3), [span(0, 10, 0.25), span(0, 12, 0.25), span(0, 14, 0.2)]
    assert chosen([wrong, *close], Weights()).span == close[1]
    assert chosen([span(50, 60, 0.9), *close], Weights()).span.begin == 50


def test_agreement_is_what_the_answer_has_in_common_with_all() -> None:
    assert chosen([span(0, 10, 0.5)], Weights()).agreement == pytest.approx(1)
    half = chosen([span(0, 10, 0.3), span(20, 30, 0.2)], Weights())
    assert half.agreement == pytest.approx(0.6) and half.sentence is None
    known = [Sentence(0, 0.8, 0.5), Sentence(15, 0.9, 0.5)]
    assert chosen([span(0, 10, 0.3), span(20, 30, 0.2)], Weights(1.0, 20.0), known).sentence == known[1]


def test_doubts_count_more_at_a_higher_temperature() -> None:
    spans = [span(50, 60, 0.6), span(0, 10, 0.14), span(0, 11, 0.13), span(0, 12, 0.13)]
    assert chosen(spans, Weights(1.0)).span.begin == 50
    assert chosen(spans, Weights(3.0)).span.begin == 0


def test_a_stretch_that_is_written_in_two_ways_counts_twice() -> None:
    spans = [span(0, 10, 0.3), span(50, 60, 0.2), span(50, 60, 0.2)]
    assert chosen(spans, Weights()).span == Span(50, 60, pytest.approx(math.log(0.4)))  # type: ignore[arg-type]


def test_sentences_speak_for_what_begins_in_them() -> None:
    spans = [span(5, 10, 0.6), span(30, 40, 0.4)]
    near = [Sentence(0, 0.80, 0.5), Sentence(20, 0.85, 0.5)]
    assert chosen(spans, Weights(1.0, 0.0, 0.0), near).span.begin == 5
    assert chosen(spans, Weights(1.0, 20.0, 0.0), near).span.begin == 30
    words = [Sentence(0, 0.8, 0.1), Sentence(20, 0.8, 0.9)]
    assert chosen(spans, Weights(1.0, 20.0, 1.0), words).span.begin == 30


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder("bundled")


@pytest.mark.parametrize(
    ("question", "passage", "right"),
    [
        ("How high is the tower?", "The bridge was built in 1911.\nThe tower is 90 m tall. It has a clock.", 1),
        ("塔有多高？", "大桥建于1911年。钟楼高九十米。里面住着三只猫。", 1),
        ("哪一年建橋？", "灯塔高九十米。\n\n大桥建于1911年。", 1),
    ],
)
def test_the_sentence_that_answers_is_nearest(embedder: Embedder, question: str, passage: str, right: int) -> None:
    known = sentences(question, passage, embedder)
    assert max(range(len(known)), key=lambda at: known[at].similarity) == right
    whole = flattened(passage).decode()
    starts = [whole.encode()[one.begin :].decode()[:2] for one in known]
    assert starts[0] == passage[:2] and all(not start[0].isspace() for start in starts)
    assert [one.begin for one in known] == sorted({one.begin for one in known})


def test_only_cosines_that_were_measured_count(embedder: Embedder) -> None:
    assert weighed(embedder)[0] == MEASURED
    weights, evidence = weighed(None)
    assert weights == OTHERS and weights.similarity == 0
    known = evidence("How high is the tower?", "The bridge is long. The tower is high.")
    assert [one.similarity for one in known] == [0, 0] and known[1].coverage > known[0].coverage
