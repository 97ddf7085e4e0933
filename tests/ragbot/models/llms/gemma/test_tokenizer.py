"""The tokenizer: text is text, and comes back."""

from __future__ import annotations

import random

import pytest

from ragbot.errors import ModelNotFoundError
from ragbot.models.llms.detokenizing import Detokenizer
from ragbot.models.llms.gemma import tokenizer
from ragbot.models.llms.gemma.files import GemmaFiles
from ragbot.models.llms.gemma.tokenizer import GemmaTokenizer

TEXTS = ["the  sand\n\n\nand <b>the</b>", "上海是市。 the 上海", "é😀𠮷 naïve", " ", "", "a\n\n\n\n\nb", "\tx"]


@pytest.fixture
def spoken(folders: GemmaFiles) -> GemmaTokenizer:
    return GemmaTokenizer(folders.base)


@pytest.mark.parametrize("text", TEXTS)
def test_text_comes_back(spoken: GemmaTokenizer, text: str) -> None:
    assert spoken.decode(spoken.encode(text)) == text


def test_pieces_are_joined_by_their_rank(spoken: GemmaTokenizer) -> None:
    assert [spoken.decode([token]) for token in spoken.encode("in the上海")] == ["in", " the", "上海"]


@pytest.mark.parametrize("name", ["<eos>", "<bos>", "<start_of_turn>", "<pad>"])
def test_control_tokens_in_a_text_are_text(spoken: GemmaTokenizer, name: str) -> None:
    ids = spoken.encode(f"a {name} 上海")
    assert spoken.control(name) not in ids
    assert spoken.decode(ids) == f"a {name} 上海"
    assert spoken.decode([spoken.control(name), *ids]) == f"a {name} 上海"


@pytest.mark.parametrize("text", TEXTS)
def test_the_pieces_of_a_text_are_its_bytes(spoken: GemmaTokenizer, text: str) -> None:
    pieces = [spoken.bytes_of[token] for token in spoken.encode(text)]
    assert b"".join(pieces) == text.encode()
    assert all(token in spoken.pieces[piece] for token, piece in zip(spoken.encode(text), pieces, strict=True))
    assert spoken.control("<eos>") not in spoken.bytes_of and spoken.control("<bos>") not in spoken.bytes_of


def test_a_lone_surrogate_becomes_a_question_mark(spoken: GemmaTokenizer) -> None:
    assert spoken.decode(spoken.encode("a\ud800b")) == "a?b"


def test_streamed_characters_are_whole(spoken: GemmaTokenizer) -> None:
    text = "é😀 上海 𠮷!"
    ids = spoken.encode(text)
    assert len(ids) > len(text)  # bytes of characters that the vocabulary lacks
    stream = Detokenizer(spoken.decode)
    pieces = [stream.push(token) for token in ids]
    assert "\ufffd" not in "".join(pieces)
    assert "".join(pieces) + stream.flush() == text


def test_merges_are_in_the_order_of_ids_and_never_make_a_control_token() -> None:
    vocabulary = {"<eos>": 0, "ab": 1, "abc": 2, "a": 3, "b": 4, "c": 5, "bc": 6, "<eos": 7, ">": 8}
    assert tokenizer.merges(vocabulary, ["<eos>"]) == [("a", "b"), ("ab", "c"), ("a", "bc"), ("b", "c")]
    assert ("<eos", ">") in tokenizer.merges(vocabulary, [])


def test_another_kind_of_tokenizer_is_told(folders: GemmaFiles) -> None:
    with pytest.raises(ModelNotFoundError, match="'gpt2'"):
        tokenizer.build({"tokenizer.ggml.model": "gpt2"}, folders.base)


def test_random_text_comes_back(spoken: GemmaTokenizer) -> None:
    source = random.Random(1)
    parts = [*"  \n<b>th上é😀.", "the", "<eos>", "\n\n\n"]
    for _ in range(300):
        text = "".join(source.choices(parts, k=source.randint(1, 20)))
        assert spoken.decode(spoken.encode(text)) == text
