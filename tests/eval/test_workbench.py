"""Knowledge bases to measure on: exactly the documents, built once for each way of cutting, the oldest forgotten."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

import eval.workbench
from eval.datasets.base import QuestionSet
from eval.remembering import RememberingEmbedder
from eval.workbench import Workbench
from ragbot.documents import ParsedDocument
from ragbot.models.embedders.base import Progress, Vectors
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings


class Counting(HashEmbedder):
    """Counts what it embeds."""

    texts: list[str]

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        self.__dict__.setdefault("texts", []).extend(texts)
        return super().encode_documents(texts, progress)


def test_exactly_the_documents_and_built_once(workbench: Workbench, questions: QuestionSet) -> None:
    settings = Settings()
    with workbench.bot(questions.documents, settings) as bot:
        assert [document.source for document in bot.documents()] == ["en.md", "zh.md"]
        first = bot.kb.folder
    with workbench.bot(questions.documents, replace_weight(settings)) as bot:
        assert bot.kb.folder == first  # how it is searched changes no folder
        assert bot.retriever.options.dense_weight == 0.1
    fewer = {"en.md": questions.documents["en.md"]}
    with workbench.bot(fewer, settings) as bot:
        assert bot.kb.folder != first and len(bot.documents()) == 1
    smaller = Settings(**{**settings.model_dump(), "chunking": {"chunk_tokens": 16, "chunk_tokens_zh": 16}})
    with workbench.bot(questions.documents, smaller) as bot:
        assert bot.kb.folder != first and len(bot.kb.lexical) > 2
    changed = {**questions.documents, "en.md": replace(questions.documents["en.md"], text="Another text.")}
    with workbench.bot(changed, settings) as bot:
        assert bot.kb.folder != first


def replace_weight(settings: Settings) -> Settings:
    return Settings(**{**settings.model_dump(), "retrieval": {"dense_weight": 0.1}})


def test_the_oldest_are_forgotten(
    workbench: Workbench, questions: QuestionSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eval.workbench, "KEPT", 1)
    folders = []
    for n in range(4):
        documents = {f"{n}.md": ParsedDocument(f"Text number {n}.", language="en")}
        with workbench.bot(documents, Settings()) as bot:
            folders.append(bot.kb.folder)
        age = time.time() - eval.workbench.IN_USE_SECONDS - 100 + n
        if n != 1:  # somebody may still be at work on this one
            os.utime(bot.kb.folder / "used", (age, age))
    assert [folder.exists() for folder in folders] == [False, True, False, True]


def test_remembering() -> None:
    inner = Counting()
    embedder = RememberingEmbedder(inner, most=3)
    told: list[int] = []
    vectors = embedder.encode_documents(["a", "b", "a"], told.append)
    assert inner.texts == ["a", "b"] and sum(told) == 3
    assert np.array_equal(vectors, HashEmbedder().encode_documents(["a", "b", "a"]))
    embedder.encode_documents(["b", "a"])
    assert inner.texts == ["a", "b"]
    embedder.encode_documents(["c", "d", "b"])  # over the limit: what this call does not need is forgotten
    embedder.encode_documents(["a"])
    assert inner.texts == ["a", "b", "c", "d", "a"]
    assert embedder.encode_documents([]).shape == (0, 64)
    assert np.array_equal(embedder.encode_query("x"), inner.encode_query("x"))
    assert embedder.count_tokens(["four words stand here"]) == inner.count_tokens(["four words stand here"])
