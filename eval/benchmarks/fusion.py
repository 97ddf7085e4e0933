"""Terms, fusion and languages of the hybrid search, each choice against what else could be done.

    python -m eval.benchmarks.fusion [--part test] [--tables terms bm25 weights fusions languages] [--vectors FILE]

Choices were made on ``--part train dev``; what is reported is ``--part test``. Each article is a document. The first
column of a table's differences is against the row "as it is" (or the first row): paired, resampling articles, p by
flipping the signs of whole articles; bold below 0.05. All chunks are ranked, not only a search's candidates.
"""

from __future__ import annotations

import tempfile
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from eval.benchmarks.fusion_collection import METRICS, Bm25, Collection
from eval.benchmarks.fusion_languages import bench_questions, corpus_questions
from eval.benchmarks.fusion_scores import FUSIONS, LANGUAGE_FUSIONS, WEIGHTS, Fusion, ours
from eval.benchmarks.fusion_terms import ANALYSES
from eval.benchmarks.retrieval_rivals_ours import filled, plain
from eval.benchmarks.setup import arguments, log, read_sets
from eval.benchmarks.stored_vectors import StoredEmbedder
from eval.compare import paired
from eval.datasets.base import Question, QuestionSet
from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.index.analysis import terms
from ragbot.index.lexical import K1, B
from ragbot.models.embedders.base import Embedder
from ragbot.models.registry import load_embedder
from ragbot.settings import load_settings

TABLES = ("terms", "bm25", "weights", "fusions", "languages")
ALL = ("squad2_en", "covid_en", "cmrc_zh", "drcd_zht")
#: k1 and b: as they are, Lucene's, Anserini's, and lower ones for short chunks of one length.
CONSTANTS = ((K1, B), (1.2, 0.75), (0.9, 0.4), (0.6, 0.3), (0.4, 0.2))
#: Questions of their own language in a mixed collection, of each set.
MIXED = 150
CORPUS = Path(__file__).parents[2] / "data" / "corpus"

#: By row, for each question the METRICS.
Results = dict[str, list[tuple[float, float, float]]]


def main() -> None:
    """Print the tables."""
    parser = arguments(__doc__.splitlines()[0])
    parser.set_defaults(sets=list(ALL))
    parser.add_argument("--part", choices=["train", "dev", "test"], nargs="+", default=["test"])
    parser.add_argument("--tables", choices=TABLES, nargs="+", default=list(TABLES))
    parser.add_argument("--vectors", type=Path, help="a file that keeps what was embedded, for the next run")
    options = parser.parse_args()
    embedder = load_embedder("bundled")
    with tempfile.TemporaryDirectory(prefix="ragbot-bench-") as folder:
        embedder = StoredEmbedder(embedder, options.vectors or Path(folder) / "vectors")
        sets = {one.name: one for one in read_sets(options)}
        for one in sets.values():
            if set(options.tables) & {"terms", "bm25", "weights", "fusions"}:
                measure_set(one, embedder, options)
        if "languages" in options.tables:
            measure_languages(sets, embedder, options)


def measure_set(question_set: QuestionSet, embedder: Embedder, options: Namespace) -> None:
    """The tables of one set."""
    questions = [question for question in question_set.part(*options.part).questions if question.gold]
    with filled(question_set.documents, embedder, plain()) as bot:
        collection = Collection(bot)
        log(f"{question_set.name}: {len(collection.ids)} chunks, {len(questions)} questions")
        index = Bm25(collection.texts, terms)
        if "terms" in options.tables:
            made: Results = {}
            for name, analysis in ANALYSES.items():
                made |= ranked(collection, Bm25(collection.texts, analysis), questions, {name: ours})
            show(f"{question_set.name}: terms", made, questions)
        if "bm25" in options.tables:
            made = {}
            for k1, b in CONSTANTS:
                name = f"k1 {k1:g}, b {b:g}"
                made |= ranked(collection, Bm25(collection.texts, terms, k1, b), questions, {name: ours})
            show(f"{question_set.name}: constants of BM25", made, questions)
        if "weights" in options.tables:
            rows = {f"{0.7:g}": WEIGHTS["0.7"], **WEIGHTS}
            show(
                f"{question_set.name}: weight of the dense score", ranked(collection, index, questions, rows), questions
            )
        if "fusions" in options.tables:
            show(f"{question_set.name}: fusion", ranked(collection, index, questions, FUSIONS), questions)


def measure_languages(sets: Mapping[str, QuestionSet], embedder: Embedder, options: Namespace) -> None:
    """Questions over documents of the other language, alone and among documents of their own; and those of their own.

    With ``--part test`` over the sets that were asked for, else over data/corpus.
    """
    if options.part == ["test"]:
        documents = {source: text for one in sets.values() for source, text in one.documents.items()}
        asked = bench_questions(options.bench_dir or load_settings()[0].bench_dir, sets)
        with filled(documents, embedder, plain()) as bot:
            own = [question for one in sets.values() for question in _sample(one.part(*options.part), MIXED)]
            _languages(bot, asked, own, "mixed")
        for language, other in (("zh", "en"), ("en", "zh")):
            some = {source: text for source, text in documents.items() if text.language == other}
            if some:
                _single(some, [question for question in asked if question.language == language], embedder)
        return
    with filled({}, embedder, plain()) as bot:
        bot.ingest(CORPUS)
        _languages(bot, corpus_questions(bot.kb.catalog.documents()), [], "data/corpus, mixed")


def _single(documents: Mapping[str, ParsedDocument], questions: Sequence[Question], embedder: Embedder) -> None:
    with filled(documents, embedder, plain()) as bot:
        _languages(bot, questions, [], "the other language alone")


def _languages(bot: RagBot, asked: Sequence[Question], own: Sequence[Question], title: str) -> None:
    collection = Collection(bot)
    index = Bm25(collection.texts, terms)
    for language, other in (("zh", "en"), ("en", "zh")):
        some = [question for question in asked if question.language == language]
        if some:
            made = ranked(collection, index, some, LANGUAGE_FUSIONS)
            show(f"{title}: {language} questions over {other} documents", made, some)
    if own:
        show(f"{title}: questions over their own language", ranked(collection, index, own, LANGUAGE_FUSIONS), own)


def _sample(question_set: QuestionSet, count: int) -> list[Question]:
    """So many questions, spread evenly."""
    questions = [question for question in question_set.questions if question.gold]
    return questions[:: max(1, len(questions) // count)][:count]


def ranked(collection: Collection, index: Bm25, questions: Sequence[Question], rows: Mapping[str, Fusion]) -> Results:
    """What each fusion finds, for each question."""
    made: Results = {name: [] for name in rows}
    for question in questions:
        scores = collection.scores(question.text, index)
        for name, fusion in rows.items():
            made[name].append(collection.found(question, fusion(scores)))
    return made


def show(title: str, results: Results, questions: Sequence[Question]) -> None:
    """Print one table; each row against the first."""
    groups = [question.document for question in questions]
    print(f"\n### {title} ({len(questions)} questions, {len(set(groups))} documents)\n")
    print("| | " + " | ".join(METRICS) + " | among the first 10 |\n" + "| --- " * (len(METRICS) + 2) + "|")
    reference = np.array(next(iter(results.values())))
    for number, (name, values) in enumerate(results.items()):
        array = np.array(values)
        cells = [f"{mean:.3f}" for mean in array.mean(axis=0)]
        for place in range(len(METRICS) if number else 0):
            change = paired(reference[:, place].tolist(), array[:, place].tolist(), groups)
            mark = "**" if change.p < 0.05 else ""
            cells[place] += f" ({mark}{change.difference:+.3f}, p {change.p:.3f}{mark})"
        print(f"| {name} | {' | '.join(cells)} | {int((array[:, 2] > 0).sum())} |", flush=True)


if __name__ == "__main__":
    main()
