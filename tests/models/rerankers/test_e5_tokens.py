"""Questions and passages as tokens, and where each token stands."""

from __future__ import annotations

import numpy as np
import pytest

from ragbot.models.embedders.e5_onnx import BundledE5
from ragbot.models.rerankers.e5_tokens import MAX_PASSAGE, MAX_QUESTION, PlacedTokenizer


@pytest.fixture(scope="module")
def tokenizer() -> PlacedTokenizer:
    return PlacedTokenizer.bundled()


@pytest.fixture(scope="module")
def embedder() -> BundledE5:
    return BundledE5()


TEXTS = [
    "The tide at the harbour reaches 4.2 m in March.",
    "港口的潮位在三月达到4.2米。",
    "Title ①\nThe  ﬁrst file  is ＡＢＣ.",
    "１９９９年，他出生於臺北。",
    "",
    "   ",
    "a" * 300,
    "<s> is no control piece </s>",
    "emoji 😀 and \udfff alone",
]


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_are_the_embedders(tokenizer: PlacedTokenizer, embedder: BundledE5, text: str) -> None:
    (passage,) = tokenizer.passages([text])
    assert passage.ids.tolist() == embedder._token_ids(["passage: " + text])[0]
    assert (
        tokenizer.question(text).ids.tolist()[: MAX_QUESTION - 1]
        == embedder._token_ids(["query: " + text])[0][: MAX_QUESTION - 1]
    )


@pytest.mark.parametrize("text", TEXTS)
def test_places_cover_the_passage_in_order(tokenizer: PlacedTokenizer, text: str) -> None:
    (passage,) = tokenizer.passages([text])
    offsets = passage.offsets
    assert passage.first + len(offsets) <= len(passage.ids) - 1
    assert (offsets[:, 0] <= offsets[:, 1]).all() and (np.diff(offsets[:, 0]) >= 0).all()
    # Between the places there is nothing but white space.
    covered = np.zeros(len(text), bool)
    for start, end in offsets:
        covered[start:end] = True
    assert "".join(c for c, kept in zip(text, covered, strict=True) if not kept).strip() == ""


def test_a_place_is_the_word_that_the_token_stands_for(tokenizer: PlacedTokenizer) -> None:
    text = "Der ﬁrst ＡＢＣ in 1999年"
    (passage,) = tokenizer.passages([text])
    words = [text[start:end].strip() for start, end in passage.offsets]
    assert "".join(words) == text.replace(" ", "")
    assert words[-1] == "年"


def test_what_is_too_long_is_cut(tokenizer: PlacedTokenizer) -> None:
    (passage,) = tokenizer.passages(["harbour " * 2000])
    assert len(passage.ids) == MAX_PASSAGE and passage.first + len(passage.offsets) == MAX_PASSAGE - 1
    assert len(tokenizer.question("harbour " * 2000).ids) == MAX_QUESTION
    assert passage.ids[-1] == tokenizer.question("harbour").ids[-1]
