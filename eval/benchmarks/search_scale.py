"""How fast a search is, and what it costs, from ten thousand to a million chunks.

    python -m eval.benchmarks.search_scale --folder DIR                            # 10,000 and 100,000 chunks
    python -m eval.benchmarks.search_scale --folder DIR --sizes 10000 100000 1000000 --picture growth.png

Each size is a knowledge base as the library makes it (catalog, vectors, lexical index), filled through the catalog's
``put_document``. Up to 100,000 chunks are passages of the question sets' articles, cut at many sizes and offsets and
really embedded by the bundled model; what is beyond is made of these (:mod:`eval.benchmarks.search_scale_texts` says
how). ``--folder`` keeps the embeddings (some 40 minutes on 2 cores) and the knowledge bases (a million: 15 minutes, 6 GB
of disk), so that a second run only measures.

The questions are those of the sets, asked one after the other through ``RagBot.search`` with no reranker, in a process
of its own per size. The start is not counted: the first questions, others than those that are timed, warm the caches of
the process. The columns in milliseconds: the whole search at P50 and P95; the processor's time for it, which other
programs disturb less; then the P50 of the processor's time for its parts, the query's embedding among them.
``recall@10`` compares the vector index with an exact search over all, ``by_language`` within each language. Memory is
that of the open knowledge base after all questions, without the embedder: what the process holds itself, and what it
has mapped of files, which the system may take back. ``open_s`` has the files in the page cache. The recall at a million takes minutes: ``--measure time``
leaves it out, and ``--measure recall`` measures nothing else.
"""

from __future__ import annotations

import argparse
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from eval.benchmarks.search_scale_build import Material, built, material
from eval.benchmarks.search_scale_measure import measured
from eval.benchmarks.search_scale_picture import draw
from eval.benchmarks.setup import arguments, log, read_sets

#: Questions of each set: the first that are asked, which are not counted, and those that are.
WARM, COUNTED = 15, 75
SETS = ["squad2_en", "cmrc_zh", "drcd_zht", "covid_en"]
COLUMNS = (
    "chunks open_s p50_ms p95_ms cpu_p50 cpu_p95 embed dense lexical catalog recall@10 by_language own_MB mapped_MB catalog_MB index_MB"
).split()


def main() -> None:
    """Print one table, and draw the picture."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.set_defaults(sets=SETS)
    parser.add_argument("--sizes", nargs="+", type=int, default=[10_000, 100_000], help="numbers of chunks")
    parser.add_argument("--folder", type=Path, required=True, help="where embeddings and knowledge bases are kept")
    parser.add_argument("--picture", type=Path, help="a PNG of how each grows")
    parser.add_argument("--measure", choices=["all", "time", "recall"], default="all", help="the recall takes minutes")
    parser.add_argument("--build-only", action="store_true", help="make what is missing in the folder, and stop")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    found = prepared(options)
    warm, counted = asked(options)
    rows = []
    if not options.build_only:
        print("| " + " | ".join(COLUMNS) + " |")
        print("| --- " * len(COLUMNS) + "|")
    for size in sorted(options.sizes):
        folder = built(options.folder, found, size)
        if options.build_only:
            continue
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            # A process of its own, so that its memory is that of one knowledge base.
            row = pool.submit(measured, folder, size, warm, counted, measure=options.measure).result()
        rows.append(row)
        print("| " + " | ".join(row.get(name, "") for name in COLUMNS) + " |", flush=True)
    if rows and options.picture:
        draw(rows, options.picture)
        log(f"drew {options.picture}")


def prepared(options: argparse.Namespace) -> Material:
    """The embedded passages, as many as the largest size asks for."""
    articles = [article for question_set in read_sets(options) for article in question_set.documents.values()]
    return material(articles, max(options.sizes), options.folder)


def asked(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Questions to warm up, and questions to count, spread over each set and in a mixed order."""
    warm, counted = list[str](), list[str]()
    for question_set in read_sets(options):
        texts = [question.text for question in question_set.questions]
        chosen = [texts[i] for i in np.linspace(0, len(texts) - 1, WARM + COUNTED).astype(int).tolist()]
        order = np.random.default_rng(3).permutation(len(chosen)).tolist()
        warm += [chosen[i] for i in order[:WARM]]
        counted += [chosen[i] for i in order[WARM:]]
    return warm, [counted[i] for i in np.random.default_rng(4).permutation(len(counted)).tolist()]


if __name__ == "__main__":
    main()
