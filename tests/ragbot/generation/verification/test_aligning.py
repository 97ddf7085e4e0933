"""Sentences tied by meaning: an embedder that knows translations, one that knows nothing, and one that fails."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ragbot.documents import Document, Passage
from ragbot.errors import GenerationError
from ragbot.generation.verification.aligning import Aligner, Scale
from ragbot.generation.verification.reading import Reading
from ragbot.generation.verification.verifier import Verifier
from ragbot.generation.verification.writer import Writer
from ragbot.generation.verification.yardstick import SENTENCES
from ragbot.models.embedders.base import Progress, Vectors, normalized
from ragbot.models.testing import HashEmbedder

EN = "Byte-pair encoding was published by Philip Gage in 1994. Merged models have no added latency. Bananas ripen slowly."
ZH = "字节对编码由 Philip Gage 于 1994 年发表。合并后的模型没有额外延迟。香蕉成熟得很慢。"
TOPICS = (("1994", "1995", "Gage", "发表"), ("atency", "延迟", "delay"), ("anana", "香蕉", "fruit"))


class Knowing(HashEmbedder):
    """Knows what the sentences of the yardstick and of these tests are about, whatever their language."""

    def __init__(self) -> None:
        super().__init__(64)
        self.calls: list[list[str]] = []
        self.broken = False

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        if self.broken:
            raise GenerationError("the server is away")
        self.calls.append(list(texts))
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> Vectors:
        about = [number for number, words in enumerate(TOPICS) if any(word in text for word in words)]
        about += [len(TOPICS) + number for number, wordings in enumerate(SENTENCES) if text in wordings]
        vector = np.zeros(64, np.float32)
        vector[63 if text.isascii() else 62] = 2.0  # what all sentences of a language have in common
        vector[about or [40]] = 1.0
        return normalized(vector)[0]


def passage(number: int, text: str) -> Passage:
    document = Document(number, f"/{number}", "", "md", "en" if text.isascii() else "zh", None, "h")
    return Passage(document, text, 0, len(text), None, (), 1.0)


def verdict(claim: str, text: str, embedder: HashEmbedder | None = None) -> tuple[str, list[str], list[str]]:
    found = Verifier([passage(1, text)], "", aligner=Aligner(embedder or Knowing())).verify(claim, [1])
    return (
        found.status,
        [text[tie.start : tie.end] for tie in found.ties],
        [finding.kind for finding in found.findings],
    )


@pytest.mark.parametrize(
    ("claim", "text", "quote"),
    [
        ("字节对编码是 Philip Gage 于 1994 年发表的。", EN, "Byte-pair encoding was published by Philip Gage in 1994."),
        ("模型合并之后并无额外的延迟。", EN, "Merged models have no added latency."),
        ("Byte-pair encoding was published by Philip Gage in 1994.", ZH, "字节对编码由 Philip Gage 于 1994 年发表。"),
        ("After merging, models show no additional latency.", ZH, "合并后的模型没有额外延迟。"),
    ],
)
def test_another_language(claim: str, text: str, quote: str) -> None:
    assert verdict(claim, text) == ("unchecked", [quote], [])
    assert Verifier([passage(1, text)], "").verify(claim, [1]).status != "supported"


@pytest.mark.parametrize(
    ("claim", "text", "kind"),
    [
        ("字节对编码是 Philip Gage 于 1995 年发表的。", EN, "date"),
        ("字节对编码是 John Smith 于 1994 年发表的。", EN, "name"),
        ("模型合并之后会有额外的延迟。", EN, "negation"),
        ("香蕉成熟得很快。", EN, "opposite"),
        ("Byte-pair encoding was published by Philip Gage in 1995.", ZH, "number"),
        ("After merging, models show additional latency.", ZH, "negation"),
        ("Bananas are fruit that ripens fast.", ZH, "opposite"),
        ("大象能记住朋友几十年。", EN, "unfounded"),
        ("Elephants remember their friends for decades.", ZH, "unfounded"),
    ],
)
def test_what_is_wrong_across_languages(claim: str, text: str, kind: str) -> None:
    status, _, kinds = verdict(claim, text)
    assert (status, set(kinds)) == ("unsupported", {kind})


def test_other_words_in_the_same_language() -> None:
    claim = "Once weights were folded in, users notice nothing of any extra delay."
    assert Verifier([passage(1, EN)], "").verify(claim, [1]).status == "unsupported"
    assert verdict(claim, EN)[:2] == ("supported", ["Merged models have no added latency."])


def test_what_repeats_its_source_with_a_change_is_not_saved_by_its_meaning() -> None:
    status, _, kinds = verdict("Byte-pair encoding was published by Philip Gage in 1995.", EN)
    assert (status, kinds) == ("unsupported", ["number"])


def test_an_embedder_without_a_sense_for_it_changes_nothing() -> None:
    aligner = Aligner(HashEmbedder())
    assert aligner.across is None and aligner.within is None
    claim = "字节对编码是 Philip Gage 发表的。"
    assert verdict(claim, EN, HashEmbedder())[0] == Verifier([passage(1, EN)], "").verify(claim, [1]).status


def test_only_what_words_do_not_tie_is_embedded_and_only_once() -> None:
    embedder = Knowing()
    aligner = Aligner(embedder)
    verifier = Verifier([passage(1, EN)], "", aligner=aligner)
    verifier.verify("Bananas ripen slowly.", [1])
    assert embedder.calls == []
    verifier.verify("模型合并之后并无额外的延迟。", [1])
    yardstick, sentences = embedder.calls
    assert len(yardstick) == 4 * len(SENTENCES) and len(sentences) == 4
    Verifier([passage(1, EN)], "", aligner=aligner).verify("香蕉成熟得很快。", [1])
    assert embedder.calls[2:] == [["香蕉成熟得很快。"]]


def test_the_vectors_that_are_kept_are_bounded() -> None:
    embedder = Knowing()
    aligner = Aligner(embedder, kept=2)
    first = aligner.cosines(Reading("延迟。"), [Reading("Latency."), Reading("A banana.")])
    assert first[0] > first[1]
    assert aligner.cosines(Reading("延迟。"), [Reading("Latency."), Reading("A banana.")]) == pytest.approx(first)
    assert len(embedder.calls) == 3 and len(aligner._vectors) == 2


def test_an_embedder_that_fails_leaves_the_words(caplog: pytest.LogCaptureFixture) -> None:
    embedder = Knowing()
    embedder.broken = True
    verifier = Verifier([passage(1, EN)], "", aligner=Aligner(embedder))
    assert verifier.verify("字节对编码是 Philip Gage 于 1994 年发表的。", [1]).status == "unchecked"
    assert "the server is away" in caplog.text
    caplog.clear()
    assert verifier.verify("字节对编码由 Philip Gage 发表。", [1]).status == "unchecked" and not caplog.text


def test_a_writer_cites_across_languages() -> None:
    writer = Writer([passage(1, EN)], "", aligner=Aligner(Knowing()))
    text = "".join(writer.write(["模型合并之后并无额外的延迟。香蕉成熟", "得很快。"]))
    assert text == "模型合并之后并无额外的延迟 [1]。香蕉成熟得很快。"
    assert [claim.status for claim in writer.claims] == ["unchecked", "unsupported"]
    assert [citation.quote for citation in writer.citations] == ["Merged models have no added latency."]


def test_the_scale() -> None:
    scale = Scale(0.25, 0.75)
    assert [scale.level(cosine) for cosine in (0.25, 0.5, 0.75, 0.875, 1.0)] == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert Scale(0.0, 1.0).level(1.0) == 2.0
