"""What the vector index costs and finds at several sizes, beside an exact search.

    python -m eval.benchmarks.vector_sizes                       # 10,000 and 100,000 vectors, 5 minutes on 2 cores
    python -m eval.benchmarks.vector_sizes --sizes 1000000       # 15 minutes, 4 GB of memory and 5 GB of disk
    python -m eval.benchmarks.vector_sizes --sizes 100000 --kinds flat codes    # the kinds beside each other

Sentences of the question sets are embedded by the bundled model. The rest are made of these: two of one language mixed
(up to 0.4 of the second), with noise of the covariance of that language (length 0.35 of its mean deviation), brought to
unit length. The questions of the sets are the queries. Filters leave a random share of the ids; ``topic`` leaves what
was made of 5% of the sentences, so that it lies together. Times are those of ``nearest`` as the retriever calls it (100
of all and of each language) with the exact scores of what it found; ``cpu_ms`` is the mean work of one, which other
programs disturb less.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from eval.benchmarks.setup import arguments, log, read_sets
from ragbot.index.segment import Ints
from ragbot.index.vectors.faiss import FaissIndex
from ragbot.models.embedders.base import Vectors, normalized
from ragbot.models.embedders.e5_onnx import BundledE5

#: Sentences that are embedded of each set, and questions.
SENTENCES, QUESTIONS = 1_500, 40
TOP = 10
#: What the retriever asks for.
DEPTH = 100
#: Vectors that are made, applied and compared at once, as the catalog gives them.
BATCH = 5_000
#: Whether codes are searched.
KINDS = {"flat": False, "codes": True}
SHARES = (0.5, 0.05, 0.005)
COLUMNS = (
    "vectors kind build_s bytes_MB open_s memory_MB change_s written_MB p50_ms p95_ms cpu_ms recall@10 groups filter_50% "
    "filter_5% filter_0.5% topic_5% p95_filtered_ms"
).split()


def main() -> None:
    """Print one table."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=[10_000, 100_000], help="numbers of vectors")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, help="kinds to compare (default: chosen by size)")
    parser.add_argument("--folder", type=Path, help="where the files are made (default: the temporary folder)")
    options = parser.parse_args()
    base, languages, queries = embedded(options)
    print("| " + " | ".join(COLUMNS) + " |")
    print("| --- " * len(COLUMNS) + "|")
    for size in options.sizes:
        with tempfile.TemporaryDirectory(prefix="ragbot-bench-", dir=options.folder) as folder:
            vectors, origin = grown(base, languages, size, Path(folder) / "all.f32")
            truth = Truth(vectors, [languages[i] for i in origin.tolist()], origin, queries)
            for kind in options.kinds or [None]:
                row = measured(vectors, truth, queries, Path(folder) / f"index-{kind}", KINDS.get(kind))
                print("| " + " | ".join(str(row[name]) for name in COLUMNS) + " |", flush=True)


def embedded(options: argparse.Namespace) -> tuple[Vectors, list[str], Vectors]:
    """Sentences of the sets, their languages, and questions, as vectors."""
    embedder, texts, languages, asked = BundledE5(), list[str](), list[str](), list[str]()
    for question_set in read_sets(options, "paragraph"):
        language = question_set.name.rpartition("_")[2]
        sentences = [
            sentence.strip()
            for document in question_set.documents.values()
            for sentence in document.text.replace("。", "。\n").replace(". ", ".\n").split("\n")
            if len(sentence) > 15
        ][:SENTENCES]
        texts += sentences
        languages += [language] * len(sentences)
        asked += [question.text for question in question_set.questions[:QUESTIONS]]
    log(f"embedding {len(texts)} sentences and {len(asked)} questions")
    return embedder.encode_documents(texts), languages, np.stack([embedder.encode_query(text) for text in asked])


def grown(base: Vectors, languages: list[str], size: int, path: Path) -> tuple[Vectors, Ints]:
    """So many vectors (in a file), and the sentence that each was made of first."""
    rng = np.random.default_rng(7)
    names = np.array(languages)
    out = np.memmap(path, np.float32, mode="w+", shape=(size, base.shape[1]))
    origin = rng.integers(0, len(base), size)
    origin[: len(base)] = np.arange(len(base))[:size]
    factor = {}
    for name in dict.fromkeys(languages):
        values, axes = np.linalg.eigh(np.cov(base[names == name], rowvar=False))
        root = np.sqrt(np.maximum(values, 0))[:, None] * axes.T  # normal noise @ root has the covariance
        factor[name] = (0.35 * root).astype(np.float32)
    for begin in range(0, size, BATCH):
        of = origin[begin : begin + BATCH]
        rows = base[of].copy()
        for name, root in factor.items():
            own = np.flatnonzero((names[of] == name) & (np.arange(begin, begin + len(of)) >= len(base)))
            other = base[rng.choice(np.flatnonzero(names == name), len(own))]
            rows[own] += rng.uniform(0, 0.4, (len(own), 1)).astype(np.float32) * (other - rows[own])
            rows[own] += rng.standard_normal((len(own), len(root)), np.float32) @ root
        out[begin : begin + len(of)] = normalized(rows)
    return out, origin


class Truth:
    """Exact inner products, and who may be found."""

    def __init__(self, vectors: Vectors, languages: list[str], origin: Ints, queries: Vectors) -> None:
        rng = np.random.default_rng(11)
        names = np.array(languages)
        self.languages = languages
        self.groups = {name: np.flatnonzero(names == name) for name in dict.fromkeys(languages)}
        self.filters = {
            f"filter_{share:.1%}".replace(".0%", "%"): np.flatnonzero(rng.random(len(names)) < share)
            for share in SHARES
        }
        self.filters["topic_5%"] = np.flatnonzero(np.isin(origin, np.unique(origin)[: len(np.unique(origin)) // 20]))
        self.scores = np.concatenate(
            [vectors[begin : begin + 50_000] @ queries.T for begin in range(0, len(vectors), 50_000)]
        ).T

    def recall(self, query: int, found: Ints, allowed: Ints | None = None) -> float:
        """Share of the nearest that was found; equal scores count as found."""
        own = self.scores[query] if allowed is None else self.scores[query][allowed]
        k = min(TOP, len(own))
        bound = np.partition(own, -k)[-k]
        return min(float((self.scores[query][found] >= bound - 1e-6).sum()), k) / k


def measured(vectors: Vectors, truth: Truth, queries: Vectors, folder: Path, codes: bool | None) -> dict[str, Any]:
    """One row of the table."""
    folder.mkdir()
    index = FaissIndex(vectors.shape[1], codes=codes)
    started = time.perf_counter()
    for begin in range(0, len(vectors), BATCH):
        ids = range(begin, min(begin + BATCH, len(vectors)))
        index.apply(begin + 1, [], ids, np.array(vectors[begin : ids.stop]), truth.languages[begin : ids.stop])
    index.save(folder)
    build = time.perf_counter() - started
    size = folder_bytes(folder)
    log(f"{len(vectors)} vectors, {index.description}: built in {build:.1f} s")
    del index
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        # A process of its own, so that the memory is that of an open index and nothing else.
        opened = pool.submit(searched, folder, vectors.shape[1], queries, truth.filters, codes).result()
        changed = pool.submit(change, folder, vectors.shape[1], len(vectors), codes).result()
    tops, groups, filtered = opened.pop("tops"), opened.pop("nearest"), opened.pop("filtered")
    everyone = range(len(queries))
    return {
        "vectors": len(vectors),
        "build_s": f"{build:.1f}",
        "bytes_MB": f"{size / 1e6:.0f}",
        **opened,
        **changed,
        "recall@10": f"{np.mean([truth.recall(i, tops[i]) for i in everyone]):.3f}",
        "groups": " ".join(
            f"{np.mean([truth.recall(i, np.intersect1d(groups[i], ids), ids) for i in everyone]):.3f}"
            for ids in truth.groups.values()
        ),
        **{
            name: f"{np.mean([truth.recall(i, filtered[name][i], ids) for i in everyone]):.3f}"
            for name, ids in truth.filters.items()
        },
    }


def searched(
    folder: Path, dimension: int, queries: Vectors, filters: dict[str, Ints], codes: bool | None
) -> dict[str, Any]:
    """Open an index, ask everything, and say what it took."""
    FaissIndex(dimension).top(queries[0], 1)  # imports are not counted
    before, started = resident(), time.perf_counter()
    index = FaissIndex.load(folder, dimension, 1 << 60, codes=codes)
    opening = time.perf_counter() - started
    tops = [index.top(query, TOP) for query in queries]
    index.nearest(queries[0], DEPTH)  # what is made once a state
    started = time.process_time()
    times, nearest = zip(*(timed(index, query, None) for query in queries), strict=True)
    work, memory = time.process_time() - started, resident() - before
    filtered, slow = {}, list[float]()
    for name, allowed in filters.items():
        pairs = [timed(index, query, allowed) for query in queries]
        slow += [seconds for seconds, _ in pairs]
        filtered[name] = [found for _, found in pairs]
    return {
        "kind": index.description,
        "open_s": f"{opening:.2f}",
        "memory_MB": f"{memory / 1e6:.0f}",
        "p50_ms": f"{1000 * float(np.median(times)):.1f}",
        "p95_ms": f"{1000 * float(np.quantile(times, 0.95)):.1f}",
        "cpu_ms": f"{1000 * work / len(queries):.1f}",
        "p95_filtered_ms": f"{1000 * float(np.quantile(slow, 0.95)):.1f}",
        "tops": tops,
        "nearest": nearest,
        "filtered": filtered,
    }


def change(folder: Path, dimension: int, count: int, codes: bool | None) -> dict[str, str]:
    """Remove three vectors and add three; what it takes to store that, and how much is written."""
    index = FaissIndex.load(folder, dimension, 1 << 60, codes=codes)
    before = {path.name for path in folder.iterdir()}
    rows = normalized(np.random.default_rng(3).normal(size=(3, dimension)))
    started = time.perf_counter()
    index.apply(index.seq + 1, [7, 8, 9], [count, count + 1, count + 2], rows, ["en"] * 3)
    index.save(folder)
    seconds = time.perf_counter() - started
    written = sum(path.stat().st_size for path in folder.iterdir() if path.name not in before | {"vectors.ragbot"})
    return {
        "change_s": f"{seconds:.2f}",
        "written_MB": f"{(written + (folder / 'vectors.ragbot').stat().st_size) / 1e6:.0f}",
    }


def timed(index: FaissIndex, query: Vectors, allowed: Ints | None) -> tuple[float, Ints]:
    """Seconds of a search as the retriever makes it, and what it found."""
    started = time.perf_counter()
    found = index.nearest(query, DEPTH, allowed)
    index.of(query, found)
    return time.perf_counter() - started, found


def resident() -> int:
    """Bytes of memory of this process, mapped files included (Linux)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in it."""
    return sum(path.stat().st_size for path in folder.iterdir())


if __name__ == "__main__":
    main()
