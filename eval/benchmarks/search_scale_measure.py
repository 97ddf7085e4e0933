"""One row of :mod:`eval.benchmarks.search_scale`: open a knowledge base, ask everything, and say what it took."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ragbot.bot import RagBot
from ragbot.index.catalog import FILE_NAME
from ragbot.index.filters import Filter
from ragbot.index.segment import Ints
from ragbot.models.embedders.base import Embedder, Vectors
from ragbot.models.embedders.e5_onnx import BundledE5
from ragbot.sections.retrieval import RetrievalSettings
from ragbot.settings import Settings

TOP = 10
#: What the retriever asks for.
DEPTH = 100
_BATCH = 20_000
#: The clock is for the search itself; a reranker's time does not depend on the collection's size.
WITHOUT_RERANKER = Settings(retrieval=RetrievalSettings(reranker="none"))
#: The calls of a search by the part that they belong to.
PARTS = {
    "dense": ("vectors", ("nearest", "of", "scales")),
    "lexical": ("lexical", ("score", "document_frequencies")),
    "catalog": ("catalog", ("chunks",)),
}
Measure = Literal["all", "time", "recall"]


def measured(
    folder: Path,
    size: int,
    warm: Sequence[str],
    questions: Sequence[str],
    embedder: Embedder | None = None,
    measure: Measure = "all",
) -> dict[str, str]:
    """The row of the knowledge base in ``folder``; run it in a fresh process.

    Args:
        embedder: default, the bundled one.
        measure: ``time`` leaves the columns of the recall empty, which takes minutes at a million; ``recall`` fills no
            others.
    """
    embedder, row = embedder or BundledE5(), {"chunks": str(size)}
    embedder.encode_query("warm")
    own, mapped = memory()
    started = time.perf_counter()
    with RagBot.open(folder, embedder=embedder, settings=WITHOUT_RERANKER, create=False) as bot:
        opening = time.perf_counter() - started
        if measure != "recall":
            for text in warm:
                bot.search(text)
            row |= clocked(bot, questions, opening)
            after = memory()
            row |= {"own_MB": f"{(after[0] - own) / 1e6:.0f}", "mapped_MB": f"{(after[1] - mapped) / 1e6:.0f}"}
        if measure != "time":
            queries = np.stack([embedder.encode_query(text) for text in questions])
            recall, by_language = recalls(bot, queries)
            row["recall@10"] = f"{recall:.3f}"
            row["by_language"] = " ".join(f"{name} {value:.3f}" for name, value in by_language.items())
    files = {path.name: path.stat().st_size for path in folder.iterdir()}
    row["catalog_MB"] = f"{sum(size for name, size in files.items() if name.startswith(FILE_NAME)) / 1e6:.0f}"
    row["index_MB"] = f"{sum(size for name, size in files.items() if name.endswith('.ragbot')) / 1e6:.0f}"
    return row


def clocked(bot: RagBot, questions: Sequence[str], opening: float) -> dict[str, str]:
    """The columns of the clock; ``opening`` in seconds."""
    times, work, parts = timed(bot, questions)
    return {
        "open_s": f"{opening:.2f}",
        "p50_ms": f"{1000 * float(np.median(times)):.1f}",
        "p95_ms": f"{1000 * float(np.quantile(times, 0.95)):.1f}",
        "cpu_p50": f"{1000 * float(np.median(work)):.1f}",
        "cpu_p95": f"{1000 * float(np.quantile(work, 0.95)):.1f}",
        **{name: f"{1000 * float(np.median(parts[name])):.1f}" for name in ("embed", *PARTS)},
    }


def timed(bot: RagBot, questions: Sequence[str]) -> tuple[list[float], list[float], dict[str, list[float]]]:
    """Seconds of each search, those that this process worked for it, and likewise for its parts."""
    spent: dict[str, float] = defaultdict(float)

    def watched(part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        # The words are looked up while the question is embedded: each by the clock of its thread. Vectors are compared by
        # several threads, and nothing runs beside them.
        clock = time.process_time if part == "dense" else time.thread_time

        def run(*args: Any, **kwargs: Any) -> Any:
            started = clock()
            try:
                return call(*args, **kwargs)
            finally:
                spent[part] += clock() - started

        return run

    owners = {"vectors": bot.kb.vectors, "lexical": bot.kb.lexical, "catalog": bot.kb.catalog}
    watch = [(part, owners[owner], name) for part, (owner, names) in PARTS.items() for name in names]
    watch += [("embed", bot.embedder, "encode_query"), ("catalog", bot.kb, "refresh")]
    for part, owner, name in watch:
        setattr(owner, name, watched(part, getattr(owner, name)))
    times, work, parts = list[float](), list[float](), defaultdict[str, list[float]](list)
    for text in questions:
        spent.clear()
        started, before = time.perf_counter(), time.process_time()
        bot.search(text)
        times.append(time.perf_counter() - started)
        work.append(time.process_time() - before)
        for part in {part for part, _, _ in watch}:
            parts[part].append(spent[part])
    for _, owner, name in watch:
        delattr(owner, name)
    return times, work, parts


def recalls(bot: RagBot, queries: Vectors) -> tuple[float, dict[str, float]]:
    """Share of the ten nearest that the vector index finds: of all, and of each language."""
    ids, scores = list[Ints](), list[Vectors]()
    everything = bot.kb.vectors.ids()
    for begin in range(0, len(everything), _BATCH):
        found, vectors = bot.kb.catalog.vectors_of(everything[begin : begin + _BATCH].tolist())
        ids.append(found)
        scores.append(queries @ vectors.T)
    known, table = np.concatenate(ids), np.concatenate(scores, axis=1)

    def recall(found: Callable[[Vectors], Ints], own: Ints) -> float:
        shares = []
        for query, row in zip(queries, table, strict=True):
            bound = np.partition(row[own], -TOP)[-TOP]
            hits = np.intersect1d(found(query), known[own])
            shares.append(min(int((row[np.searchsorted(known, hits)] >= bound - 1e-6).sum()), TOP) / TOP)
        return float(np.mean(shares))

    groups = {
        name: np.searchsorted(known, bot.kb.catalog.chunk_ids(Filter(languages=(name,))))
        for name in sorted({document.language for document in bot.kb.catalog.documents()})
    }
    index = bot.kb.vectors
    return recall(lambda query: index.top(query, TOP), np.arange(len(known))), {
        name: recall(lambda query: index.nearest(query, DEPTH), own) for name, own in groups.items()
    }


def memory() -> tuple[int, int]:
    """Bytes of this process: its own, and mapped files (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    sizes = {
        name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines) if "Rss" in name
    }
    return sizes["RssAnon"], sizes["RssFile"]
