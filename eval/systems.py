"""Systems to evaluate: ours, and any LangChain retriever. Anything else is a function from Question to Response."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from eval.datasets.base import Question
from eval.responses import Hit, Quote, Response, System
from ragbot.bot import RagBot
from ragbot.documents import ScoredChunk

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever

Mode = Literal["answer", "search"]
#: Hits that the ranking metrics need at least.
DEPTH = 10


def ragbot_system(bot: RagBot, mode: Mode = "answer") -> System:
    """Our own: whole answers, or searches alone (in a fraction of the time, and without a confidence)."""
    return _searcher(bot) if mode == "search" else _answerer(bot)


def langchain_retriever(retriever: BaseRetriever) -> System:
    """A LangChain retriever.

    The source is taken from each document's metadata: ``source``, and ``start_index`` where a splitter was told to
    add it (the offset of the text); without the latter, hits are judged by their text.
    """

    def search(question: Question) -> Response:
        started = time.perf_counter()
        found = retriever.invoke(question.text)
        seconds = time.perf_counter() - started
        hits = []
        for document in found:
            start = int(document.metadata.get("start_index", -1))
            end = start + len(document.page_content) if start >= 0 else -1
            hits.append(Hit(str(document.metadata.get("source", "")), document.page_content, start, end))
        return Response(hits=tuple(hits), timings={"search": seconds, "total": seconds})

    return search


def _answerer(bot: RagBot) -> System:
    def ask(question: Question) -> Response:
        answer = bot.ask(question.text)
        return Response(
            text=answer.text,
            short=answer.short,
            abstained=answer.abstained,
            confidence=answer.confidence,
            language=answer.language,
            hits=_hits(answer.hits),
            quotes=tuple(Quote(c.marker, c.source, c.start, c.end, c.quote) for c in answer.citations),
            timings=dict(answer.timings),
            usage=dict(answer.usage),
        )

    return ask


def _searcher(bot: RagBot) -> System:
    def search(question: Question) -> Response:
        started = time.perf_counter()
        found = bot.search(question.text, max(DEPTH, bot.settings.retrieval.top_k))
        seconds = time.perf_counter() - started
        return Response(hits=_hits(found), timings={"search": seconds, "total": seconds})

    return search


def _hits(found: tuple[ScoredChunk, ...] | list[ScoredChunk]) -> tuple[Hit, ...]:
    return tuple(
        Hit(hit.chunk.document.source, hit.chunk.text, hit.chunk.start, hit.chunk.end, float(hit.score))
        for hit in found
    )
