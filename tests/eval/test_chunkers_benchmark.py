"""The benchmark of chunkers: kept vectors, other libraries' splitters as chunkers, what is measured, and its tables."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from eval.benchmarks.chunkers import measure, thinned
from eval.benchmarks.chunkers_report import report
from eval.benchmarks.foreign_splitters import FOREIGN, located, make_foreign
from eval.benchmarks.stored_vectors import StoredEmbedder
from eval.datasets.base import Question, QuestionSet, Span
from ingest.chunkers.registry import make_chunker
from ragbot.documents import ParsedDocument
from ragbot.models.embedders.base import Progress, Vectors
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings


class Counted(HashEmbedder):
    """Counts what it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        self.texts += texts
        return super().encode_documents(texts, progress)


def test_vectors_are_kept_even_if_the_file_was_cut_short(tmp_path: Path) -> None:
    file = tmp_path / "vectors"
    first = StoredEmbedder(Counted(), file)
    vectors = first.encode_documents(["one", "二", "one"])
    question = first.encode_query("one")
    with file.open("ab") as broken:
        broken.write(b"half a record")
    inner = Counted()
    again = StoredEmbedder(inner, file)
    assert np.array_equal(
        again.encode_documents(["二", "one", "three"]), [*vectors[[1, 0]], *Counted().encode_documents(["three"])]
    )
    assert np.array_equal(again.encode_query("one"), question)
    again.encode_query("二")  # embedded as a passage, not as a question: their vectors may differ
    assert "three" in inner.texts and not {"one", "二"} & set(inner.texts)
    whole = StoredEmbedder(Counted(), file)
    assert np.array_equal(whole.encode_documents(["one"])[0], vectors[0])


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_splitters_of_others_are_placed_in_the_document(name: str, language: str) -> None:
    if name.startswith("llama"):
        pytest.importorskip("llama_index.core")
    sentence = {"en": "The same sentence again, and again. ", "zh": "同样的句子，一遍又一遍。"}[language]
    document = ParsedDocument("\n\n".join(sentence * 6 for _ in range(9)), language=language)
    spans = make_foreign(name, HashEmbedder().count_tokens, 40).split(document)
    assert len(spans) > 5 and spans == sorted(set(spans))
    position = 0
    for start, end in spans:  # they may overlap, and leave nothing out
        assert (
            not document.text[position:start].strip()
            and max(HashEmbedder().count_tokens([document.text[start:end]])) <= 44
        )
        position = max(position, end)
    assert not document.text[position:].strip()
    overlapping = any(one[1] > other[0] for one, other in itertools.pairwise(spans))
    assert not (name.endswith("-0") and overlapping)


def test_what_a_splitter_made_up_is_refused() -> None:
    assert located("a b a b", ["a", "b a", " b "]) == [(0, 1), (2, 5), (6, 7)]
    assert located("甲乙。甲乙。甲乙。", ["甲乙。甲乙。", "甲乙。甲乙。"]) == [(0, 6), (3, 9)]
    with pytest.raises(ValueError, match="does not stand"):
        located("a b", ["a", "c"])


def question_set() -> QuestionSet:
    texts = {
        f"s/{n}": f"Intro {n}.\n\nThe tower {n} is {n}5 metres high. 塔{n}高{n}5米。\n\nThe end {n}." for n in range(6)
    }
    questions = []
    for n in range(6):
        at = texts[f"s/{n}"].index(f"{n}5 metres")
        gold = ((Span(f"s/{n}", at, at + 9),),)
        questions.append(Question(f"q{n}", f"How high is tower {n}?", (f"{n}5 metres",), gold=gold, document=f"s/{n}"))
    parts = {"train": frozenset({"s/0", "s/1", "s/3"}), "dev": frozenset({"s/2"}), "test": frozenset({"s/4", "s/5"})}
    return QuestionSet("s", tuple(questions), {s: ParsedDocument(t, language="en") for s, t in texts.items()}, parts)


def test_a_part_of_the_articles() -> None:
    thin = thinned(question_set(), 3)
    assert set(thin.documents) == {"s/0", "s/3"} and [q.id for q in thin.questions] == ["q0", "q3"]
    assert thin.parts == {"train": {"s/0", "s/3"}, "dev": frozenset(), "test": frozenset()}


def line(chunker: str, size: int, right: Sequence[int], name: str = "cmrc_zh") -> dict[str, object]:
    questions = [[n, "test" if n > 7 else "choose"] for n in range(12)]
    metrics = (*(f"answer_recall@{n}" for n in (500, 1000, 2000)), "mrr@10", "passages@1000", "passages@2000")
    values = {metric: [float(n in right) for n in range(12)] for metric in metrics}
    return {
        "set": name,
        "articles": 12,
        "chunker": chunker,
        "size": size,
        "chunks": 9,
        "questions": questions,
        "values": values,
    }


def test_measured_and_reported() -> None:
    found = question_set()
    embedder = HashEmbedder()
    measured = measure(found, found.questions, make_chunker("sentences", embedder, 30, 30), embedder, Settings())
    assert measured.chunks == 18
    assert set(measured.values) >= {"answer_recall@500", "passages@2000", "mrr@10"}
    assert all(len(values) == 6 for values in measured.values.values())
    assert sum(measured.values["mrr@10"]) > 3 and sum(measured.values["answer_recall@2000"]) == 6


def test_the_last_measurement_stands_and_is_compared() -> None:
    default = line("recursive", 192, [0, 1])
    tables = report([line("headings", 192, []), line("headings", 192, [0, 1, 2, 3, 4, 5, 8, 9]), default])
    assert "| headings | 192 | .750 (default .250) | +0.5000 [" in tables
    assert "| .500 (default .000) | +0.5000 [" in tables
    assert tables.count("| headings | 192 |") == 3  # in the tables of both parts, and in the comparison
    assert "nothing to compare with yet" in tables  # English
