"""Retrieval beside LangChain's, LlamaIndex's and txtai's over the same embedder, each article a document.

    python -m eval.benchmarks.retrieval_rivals [--folder DIR] [--sets …] [--systems …] [--again]
    python -m eval.benchmarks.retrieval_rivals --report DIR

All articles of a set are in the collection; questions with an answer about test articles are asked. Measured are answer
recall within the first 500 and 1,000 characters of the hits (in order, not joined: the gold span stands in the gold
document within them) and MRR@10 (the first hit that holds the gold span), with 95% intervals that resample articles;
then ours against each, paired by question. What a system found is kept question by question in the folder, and vectors
beside it by the hash of their text: a run that was stopped goes on where it was, and ``--again`` measures anew what
``--sets`` and ``--systems`` name. ``--report`` makes the tables and the pictures of what a folder holds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from eval.benchmarks.retrieval_rivals_base import Group, System
from eval.benchmarks.retrieval_rivals_others import GROUPS as OTHERS
from eval.benchmarks.retrieval_rivals_ours import GROUPS as OURS
from eval.benchmarks.retrieval_rivals_picture import write_pictures
from eval.benchmarks.retrieval_rivals_report import report
from eval.benchmarks.retrieval_rivals_results import measure, path_of, read_results
from eval.benchmarks.setup import SETS, arguments, log, read_sets
from eval.benchmarks.stored_vectors import StoredEmbedder
from eval.datasets.base import QuestionSet
from eval.files import write_text, writing
from ragbot.errors import MissingExtraError, ModelNotFoundError, RagbotError
from ragbot.models.embedders.base import Embedder
from ragbot.models.registry import load_embedder
from ragbot.settings import load_settings

GROUPS: Sequence[Group] = (*OURS, *OTHERS)
SYSTEMS: Sequence[System] = [system for group in GROUPS for system in group.systems]


def main(words: Sequence[str] | None = None) -> None:
    """Measure what the folder does not have yet, then make tables and pictures of all that it has."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.set_defaults(sets=[*SETS, "covid_en"])
    parser.add_argument("--folder", type=Path, default=Path("retrieval_rivals"), help="where results are kept")
    names = [system.name for system in SYSTEMS]
    parser.add_argument("--systems", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--again", action="store_true", help="also measure what the folder has already")
    parser.add_argument("--report", type=Path, metavar="DIR", help="measure nothing; tables and pictures of DIR")
    options = parser.parse_args(words)
    folder = options.report or options.folder
    if options.report is None:
        folder.mkdir(parents=True, exist_ok=True)
        with writing(folder):
            embedder = StoredEmbedder(load_embedder(load_settings()[0].embedder), folder / "vectors")
            for question_set in read_sets(options):
                measure_set(question_set, embedder, options)
    results = read_results(folder)
    text = report(results, SYSTEMS)
    write_text(folder / "report.md", text)
    print(text)
    for path in write_pictures(results, SYSTEMS, folder):
        log(f"wrote {path}")


def measure_set(question_set: QuestionSet, embedder: Embedder, options: argparse.Namespace) -> None:
    """Measure the systems that were asked for and are not there yet; those that cannot be are left out, with a line."""
    # CMRC has a question without a word, which LlamaIndex refuses.
    questions = [
        question for question in question_set.part("test").questions if question.gold and question.text.strip()
    ]
    if not questions:
        log(f"{question_set.name} has no question with an answer about a test article: nothing to measure")
        return
    about = {"articles": len(question_set.documents), "embedder": embedder.fingerprint.as_dict()}
    for group in GROUPS:
        wanted = [
            system
            for system in group.systems
            if system.name in options.systems
            and (options.again or not path_of(options.folder, question_set.name, system).exists())
        ]
        if not wanted:
            continue
        started = time.perf_counter()
        try:
            with group.open(question_set.documents, embedder) as searches:
                log(f"{question_set.name}: opened {group.systems[0].name} in {time.perf_counter() - started:.0f} s")
                for system in wanted:
                    result = measure(options.folder, question_set.name, system, searches[system.name], questions, about)
                    means = ", ".join(f"{name} {sum(of) / len(of):.3f}" for name, of in result.values.items())
                    log(f"{question_set.name} {system.name} (n={len(questions)}): {means}")
        except (MissingExtraError, ModelNotFoundError) as error:
            log(f"{question_set.name}: left out: {', '.join(system.label for system in wanted)}: {error}")


if __name__ == "__main__":
    try:
        main()
    except RagbotError as error:
        raise SystemExit(f"{error}") from None
    except KeyboardInterrupt:
        raise SystemExit("stopped; the same command goes on from here") from None
