"""Answers that are copied: whatever is chosen among the allowed tokens, the answer stands in the passage."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from ragbot.generation.copying import Copying, characters, flattened

END = 0
WORDS = [
    " the",
    " 19",
    "19",
    "11",
    "1",
    "9",
    " Har",
    "Har",
    "bour",
    " harbour",
    "港",
    "口",
    "港口",
    "年",
    " ",
    "(",
    " (",
    ".",
]


BYTES = {number: bytes([number - 1]) for number in range(1, 257)}
BYTES_OF = {**BYTES, **{257 + at: word.encode() for at, word in enumerate(WORDS)}}
NUMBERS = {piece: tuple(n for n, other in BYTES_OF.items() if other == piece) for piece in BYTES_OF.values()}
#: A tokenizer of a few words, and of all bytes.
PIECES = SimpleNamespace(eos=END, bytes_of=BYTES_OF, pieces=NUMBERS)


def copying(text: str) -> Copying:
    return Copying(text, cast(Any, PIECES))


def allowed(rule: Copying) -> set[bytes]:
    return {BYTES_OF.get(token, b"END") for token in rule.allowed()}


def push(rule: Copying, word: str) -> None:
    token = NUMBERS[word.encode()][-1]
    assert token in rule.allowed()
    rule.push(token)


def test_an_answer_begins_with_any_word_of_the_passage_and_a_space_before_it() -> None:
    found = allowed(copying("the\nHarbour (1911)"))
    assert {b"Har", b" Har", b" 19", b"19", b"(", b" ("} <= found
    assert not {b" harbour", b"bour", b"11", b"END", b"9", b" "} & found


def test_it_goes_on_as_the_passage_does() -> None:
    rule = copying("Harbour 1911. Harmony 1912.")
    push(rule, " Har")
    assert allowed(rule) == {b"bour", b"b", b"m"}
    push(rule, "bour")
    assert allowed(rule) == {b" ", b" 19", b"END"}


def test_white_space_of_the_passage_counts_as_one_space() -> None:
    rule = copying("Harbour\n\n  1911")
    push(rule, "Har")
    push(rule, "bour")
    push(rule, " 19")
    assert b"11" in allowed(rule)


def test_numbers_and_words_are_not_cut_and_chinese_may_end_anywhere() -> None:
    number = copying("19110")
    push(number, "19")
    push(number, "11")
    assert allowed(number) == {b"0"}
    chinese = copying("港口年")
    push(chinese, "港")
    assert {b"END", "口".encode()} <= allowed(chinese)
    half = copying("港口")
    half.push(NUMBERS["港".encode()[:1]][0])
    assert b"END" not in allowed(half)


def test_at_the_end_of_the_passage_and_with_none_only_the_end_is_left() -> None:
    rule = copying("港")
    push(rule, "港")
    assert allowed(rule) == {b"END"}
    assert allowed(copying(" \n")) == {b"END"}


@given(st.text("Har bour19(港口年é😀\n.", max_size=40), st.integers(0, 1000))
def test_every_walk_ends_with_a_stretch_of_the_passage(text: str, seed: int) -> None:
    rule = copying(text)
    chosen = b""
    draw = random.Random(seed)
    while (token := draw.choice(rule.allowed())) != END:
        chosen += BYTES_OF[token]
        rule.push(token)
    assert chosen.decode().removeprefix(" ") in " ".join(text.split())
    assert bool(chosen) == bool(text.split())


@given(st.text(st.sampled_from("a1 \n\t\u3000é港𠀀\x1f"), max_size=30))
def test_each_byte_of_a_flattened_text_has_its_character(text: str) -> None:
    flat, found = flattened(text), characters(text)
    assert len(found) == len(flat)
    for at, character in enumerate(text):
        if not character.isspace():
            assert bytes(byte for byte, of in zip(flat, found, strict=True) if of == at).rstrip() == character.encode()
    for byte, of in zip(flat, found, strict=True):
        assert byte != ord(" ") or text[of + 1].isspace()
