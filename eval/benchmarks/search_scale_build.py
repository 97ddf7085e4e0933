"""The knowledge bases of :mod:`eval.benchmarks.search_scale`: embedded passages, then mixed ones, in bulk."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.benchmarks.search_scale_texts import Mixture, cut
from eval.benchmarks.setup import log
from eval.benchmarks.stored_vectors import StoredEmbedder
from ragbot.documents import ParsedDocument
from ragbot.index.catalog import Catalog
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.records import FileState, NewChunk
from ragbot.models.embedders.base import Fingerprint, Vectors
from ragbot.models.embedders.e5_onnx import BundledE5

#: Passages that are really embedded, at most.
EMBEDDED = 100_000
#: Of a document.
DOCUMENT_PASSAGES = 50
_BATCH = 1_000


@dataclass(frozen=True)
class Material:
    """Embedded passages with their languages, their vectors, and the model."""

    passages: list[tuple[str, str]]
    vectors: Vectors
    fingerprint: Fingerprint


def material(articles: Sequence[ParsedDocument], size: int, folder: Path) -> Material:
    """As many passages as ``size`` needs; their embeddings are kept in ``folder``, and those that are there are used."""
    embedder = StoredEmbedder(BundledE5(), folder / "embeddings.bin")
    # The same list whatever the size: a smaller knowledge base holds the beginning of a larger one.
    passages = cut(articles, EMBEDDED)[: min(size, EMBEDDED)]
    vectors = np.empty((len(passages), embedder.fingerprint.dimension), np.float32)
    told = time.monotonic()
    for begin in range(0, len(passages), _BATCH):
        texts = [text for text, _ in passages[begin : begin + _BATCH]]
        vectors[begin : begin + len(texts)] = embedder.encode_documents(texts)
        if time.monotonic() - told > 60:
            told = time.monotonic()
            log(f"embedded {begin + len(texts):,} of {len(passages):,} passages")
    return Material(passages, vectors, embedder.fingerprint)


def built(folder: Path, found: Material, size: int) -> Path:
    """The folder of a knowledge base of ``size`` chunks, made if it is not there."""
    path = folder / f"kb-{size}"
    kb = KnowledgeBase(path, found.fingerprint)
    try:
        held = kb.catalog.counts()["chunks"]
        if held == size:
            return path
        if held:
            raise SystemExit(f"{path} holds {held} chunks, not {size}: it was left half made; delete it")
        started = time.perf_counter()
        with kb.writing() as catalog:
            for number, (language, texts, vectors) in enumerate(_documents(found, size)):
                _put(catalog, number, language, texts, vectors)
            stored = time.perf_counter()
        done = time.perf_counter()
        log(f"{size:,} chunks: catalog in {stored - started:.0f} s, indexes in {done - stored:.0f} s")
    finally:
        kb.close()
    return path


def _documents(found: Material, size: int) -> Iterator[tuple[str, list[str], Vectors]]:
    """Language, texts and vectors of each document."""
    embedded = min(size, len(found.passages))
    for language in sorted({language for _, language in found.passages}):
        own = [i for i in range(embedded) if found.passages[i][1] == language]
        for begin in range(0, len(own), DOCUMENT_PASSAGES):
            places = own[begin : begin + DOCUMENT_PASSAGES]
            yield language, [found.passages[i][0] for i in places], found.vectors[places]
    missing = size - embedded
    if not missing:
        return
    for language, texts, vectors in Mixture(found.passages, found.vectors).batches():
        for begin in range(0, min(len(texts), missing), DOCUMENT_PASSAGES):
            end = min(begin + DOCUMENT_PASSAGES, missing)
            yield language, texts[begin:end], vectors[begin:end]
        missing -= len(texts)
        if missing <= 0:
            return


def _put(catalog: Catalog, number: int, language: str, texts: Sequence[str], vectors: Vectors) -> None:
    chunks, start = [], 0
    for text in texts:
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        chunks.append(NewChunk(start, start + len(text), None, (), "", digest))
        start += len(text) + 1
    parsed = ParsedDocument("\n".join(texts), language=language)
    catalog.put_document(f"scale/{number}", parsed, FileState(str(number)), chunks, vectors)
