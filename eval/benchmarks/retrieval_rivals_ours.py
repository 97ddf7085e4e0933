"""Our own retrieval as a benchmark asks it: whole, with a reranker, without titles, and each of its parts alone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eval.benchmarks.retrieval_rivals_base import SHORT_DEPTH, Group, Search, System
from eval.metrics.ranking import Place
from ragbot.bot import RagBot
from ragbot.documents import Chunk, ParsedDocument
from ragbot.errors import ModelNotFoundError
from ragbot.models.embedders.base import Embedder
from ragbot.settings import Settings, load_settings

Ints = npt.NDArray[np.int64]
#: From a question to chunk ids, best first.
Ranking = Callable[[RagBot, str], Ints]

#: The constant of reciprocal rank fusion, and how deep both rankings go (Cormack, Clarke and Büttcher, SIGIR 2009).
RRF_CONSTANT, RRF_DEPTH = 60, 100
ADAPTERS = Path(__file__).parents[2] / "data" / "adapters"

OURS = System("ours", "ragbot", "the defaults of this version, without a reranker; title in front of what is embedded")
RERANKED = System("ours_reranked", "ragbot + reranker", "the same, with the bundled reranker over its first hits")
UNTITLED = System("ours_untitled", "ragbot, no titles", "the same as ragbot, with nothing in front of a chunk")
DENSE = System("ours_dense", "ragbot: dense", "our chunks, by the cosine alone")
LEXICAL = System("ours_lexical", "ragbot: lexical", "our chunks, by BM25 over words and bigrams alone")
RRF = System(
    "ours_rrf",
    "ragbot: rank fusion",
    f"both rankings to {RRF_DEPTH}, fused by reciprocal rank, constant {RRF_CONSTANT}",
)


@contextmanager
def open_ours(documents: Mapping[str, ParsedDocument], embedder: Embedder) -> Iterator[dict[str, Search]]:
    """The whole and its parts, over one knowledge base."""
    with filled(documents, embedder, plain()) as bot:
        yield {
            OURS.name: partial(whole, bot),
            DENSE.name: partial(by_part, bot, dense),
            LEXICAL.name: partial(by_part, bot, lexical),
            RRF.name: partial(by_part, bot, rank_fusion),
        }


@contextmanager
def open_reranked(documents: Mapping[str, ParsedDocument], embedder: Embedder) -> Iterator[dict[str, Search]]:
    """With the bundled reranker. Raises ModelNotFoundError where there is none, or searches do not use it."""
    with filled(documents, embedder, reranking()) as bot:
        opening = next(document.text for document in documents.values())[:100]
        if not any("rerank" in name for hit in bot.search(opening) for name in hit.components):
            raise ModelNotFoundError("searches do not use the reranker: no hit has a score of it")
        yield {RERANKED.name: partial(whole, bot)}


@contextmanager
def open_untitled(documents: Mapping[str, ParsedDocument], embedder: Embedder) -> Iterator[dict[str, Search]]:
    """With neither title nor headings in front of what is embedded and indexed."""
    with filled(documents, embedder, plain({"chunking.context": "none"})) as bot:
        yield {UNTITLED.name: partial(whole, bot)}


@contextmanager
def filled(documents: Mapping[str, ParsedDocument], embedder: Embedder, settings: Settings) -> Iterator[RagBot]:
    """A bot over these documents, in a temporary folder."""
    with (
        tempfile.TemporaryDirectory(prefix="ragbot-bench-") as folder,
        RagBot.open(Path(folder) / "kb", embedder=embedder, settings=settings) as bot,
    ):
        bot.ingest_documents(documents)
        yield bot


def plain(changes: Mapping[str, object] | None = None) -> Settings:
    """The settings without a reranker, whatever the default is."""
    return load_settings({"retrieval.reranker": "none", **(changes or {})})[0]


def reranking() -> Settings:
    """The settings with the bundled reranker.

    Raises:
        ModelNotFoundError: it has not been trained.
    """
    if not any(ADAPTERS.glob("*rerank*")):
        raise ModelNotFoundError(
            f"{ADAPTERS.parent.name}/{ADAPTERS.name} has no reranker; train one, and run this again"
        )
    return load_settings({"retrieval.reranker": "bundled"})[0]


def whole(bot: RagBot, question: str) -> list[Place]:
    """What a search finds, its hits not joined."""
    return places([hit.chunk for hit in bot.search(question, SHORT_DEPTH)])


def by_part(bot: RagBot, ranking: Ranking, question: str) -> list[Place]:
    """What a ranking of chunk ids finds."""
    ids = ranking(bot, question)[:SHORT_DEPTH].tolist()
    chunks = bot.kb.catalog.chunks(ids)
    return places([chunks[number] for number in ids])


def places(chunks: Sequence[Chunk]) -> list[Place]:
    """Where chunks stand."""
    return [(chunk.document.source, chunk.start, chunk.end) for chunk in chunks]


def dense(bot: RagBot, question: str) -> Ints:
    """Chunk ids by falling cosine."""
    query = bot.embedder.encode_query(question)
    ids = bot.kb.vectors.nearest(query, RRF_DEPTH)
    best: Ints = ids[np.lexsort((ids, -bot.kb.vectors.of(query, ids)))]
    return best[:RRF_DEPTH]


def lexical(bot: RagBot, question: str) -> Ints:
    """Chunk ids by falling BM25 score; those without a term of the question are left out."""
    return bot.kb.lexical.score(question).top(RRF_DEPTH)


def rank_fusion(bot: RagBot, question: str) -> Ints:
    """Chunk ids by the sum of their reciprocal ranks in both; equal sums by id."""
    sums: dict[int, float] = {}
    for ranking in (dense(bot, question), lexical(bot, question)):
        for rank, number in enumerate(ranking.tolist(), start=1):
            sums[number] = sums.get(number, 0.0) + 1 / (RRF_CONSTANT + rank)
    return np.array(sorted(sums, key=lambda number: (-sums[number], number)), np.int64)


GROUPS = (
    Group((OURS, DENSE, LEXICAL, RRF), open_ours),
    Group((RERANKED,), open_reranked),
    Group((UNTITLED,), open_untitled),
)
