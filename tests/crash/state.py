"""What a knowledge base holds and finds, as values that can be compared between two of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ragbot.bot import RagBot
from ragbot.index.filters import Filter

State = Mapping[str, Any]
#: More hits than there are chunks: no cut between equal scores.
ALL = 1000
TOLERANCE = 1e-6


def observe(bot: RagBot, questions: Sequence[str]) -> dict[str, Any]:
    """Documents with their chunks, the hits of each question, and what is wrong between catalog and indexes.

    No ids: they differ between two ways to the same state.
    """
    catalog = bot.kb.catalog
    hits = {question: _hits(bot, question) for question in questions}
    ids = catalog.chunk_ids(Filter())
    chunks = catalog.chunks(ids.tolist())
    documents: dict[str, Any] = {}
    faults: list[str] = []
    for document in bot.documents():
        if document.source in documents:
            faults.append(f"{document.source} is there twice")
        whole = bot.document_text(document.id)
        own = [chunk for chunk in chunks.values() if chunk.document.id == document.id]
        own.sort(key=lambda chunk: (chunk.ordinal, chunk.id))
        if [chunk.ordinal for chunk in own] != list(range(len(own))):
            faults.append(f"{document.source} has the chunks {[chunk.ordinal for chunk in own]}")
        if any(whole[chunk.start : chunk.end] != chunk.text for chunk in own):
            faults.append(f"{document.source} has a chunk that is not what stands at its place")
        documents[document.source] = {
            "text": whole,
            "title": document.title,
            "chunks": [[chunk.start, chunk.end, list(chunk.headings), chunk.text] for chunk in own],
        }
    faults += _index_faults(bot, ids)
    return {"documents": documents, "hits": hits, "faults": faults}


def _hits(bot: RagBot, question: str) -> list[list[Any]]:
    found = bot.retriever.search(question, ALL)
    return sorted([hit.chunk.document.source, hit.chunk.start, hit.chunk.end, hit.score] for hit in found)


def _index_faults(bot: RagBot, ids: np.ndarray[Any, np.dtype[np.int64]]) -> list[str]:
    kb, faults = bot.kb, []
    if not kb.catalog.seq == kb.lexical.seq == kb.vectors.seq:
        faults.append(f"catalog at {kb.catalog.seq}, words at {kb.lexical.seq}, vectors at {kb.vectors.seq}")
    words = kb.lexical.ids()
    if not np.array_equal(words, ids):
        faults.append(f"the lexical index holds {len(words)} chunks, the catalog {len(ids)}, or others")
    nearest = np.sort(kb.vectors.top(bot.embedder.encode_query("x"), len(ids) + 10))
    if not np.array_equal(nearest, ids) or len(kb.vectors) != len(ids):
        faults.append(f"the vector index holds {len(nearest)} chunks, the catalog {len(ids)}, or others")
    return faults


def differences(found: State, clean: State) -> Iterator[str]:
    """In what a knowledge base differs from one that was built without any accident."""
    yield from found["faults"]
    yield from found.get("problems", ())
    for source in sorted({*found["documents"], *clean["documents"]}):
        if found["documents"].get(source) != clean["documents"].get(source):
            yield f"{source} differs" if source in found["documents"] else f"{source} is missing"
    for question, hits in clean["hits"].items():
        yield from _hit_differences(question, found["hits"][question], hits)


def _hit_differences(question: str, found: Sequence[Sequence[Any]], clean: Sequence[Sequence[Any]]) -> Iterator[str]:
    if [hit[:3] for hit in found] != [hit[:3] for hit in clean]:
        yield f"{question!r} finds {len(found)} passages and not the {len(clean)} of a clean build"
        return
    worst = max((abs(mine[3] - theirs[3]) for mine, theirs in zip(found, clean, strict=True)), default=0.0)
    if not worst <= TOLERANCE:
        yield f"{question!r}: scores differ by {worst}"


def broken_promises(found: State, before: State, after: State, acknowledged: Sequence[str]) -> Iterator[str]:
    """What a kill in the middle of an operation must not leave: loss of what was acknowledged, halves, doubles."""
    yield from found["faults"]
    for source in sorted({*found["documents"], *before["documents"], *after["documents"]}):
        is_now, was, will_be = (state["documents"].get(source) for state in (found, before, after))
        if is_now not in (was, will_be):
            yield f"{source} is neither as before nor as after"
        elif source in acknowledged and is_now != will_be:
            yield f"{source} was acknowledged, and is not there as it was acknowledged"
