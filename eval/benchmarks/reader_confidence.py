"""Fit the confidence of answers that the bundled reader gives, on dev articles, and measure refusals on test articles.

    python -m eval.benchmarks.reader_confidence --rows rows.jsonl            # ask, and measure the weights that ragbot ships
    python -m eval.benchmarks.reader_confidence --rows rows.jsonl --fit      # ask, fit ragbot/generation/confidence.json, measure

The reader was trained on the train articles, so they cannot say how sure it may be. Three kinds of questions: about
documents that are in the knowledge base; about documents that are left out; and, of SQuAD 2.0, about documents that
are there and do not say it. Knowledge bases of two sizes: the articles of the part alone, and with all train articles
of the language beside them. What was asked is kept in ``--rows``; delete it to ask again.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import ragbot.generation
from eval.benchmarks.setup import arguments, article_number, knowledge_base, log, read_sets
from eval.compare import bootstrap, bootstrap_statistic
from eval.datasets.base import Question, QuestionSet
from eval.metrics.refusals import auroc
from ragbot.bot import RagBot
from ragbot.generation.confidence import READER, features, reader_logit, reading_confidence
from ragbot.generation.reader import Reader
from ragbot.generation.reading_answerer import ReadingAnswerer
from ragbot.generation.span_evidence import weighed
from ragbot.models.llms.gemma.engine import GemmaEngine
from ragbot.models.registry import load_embedder
from ragbot.retrieval.expand import expand
from ragbot.text import answer_language

SETS = ["squad2_en", "covid_en", "cmrc_zh", "drcd_zht"]
EMBEDDER = "multilingual-e5-small"
ANSWER_TOKENS = 96
SEED = 0
#: Questions of each kind, set and knowledge base.
QUESTIONS = 60
RIDGE = 1e-3
#: What questions about documents that are there and do not say it weigh. They are made to mislead, and people ask few of
#: them: with this weight 85% of the answerable questions on dev articles are answered, in each set.
SILENT = 0.25
#: What the confidence is made of, by language, with any embedder and with the one that was measured. Of a dozen sets these
#: had the best likelihood on dev articles that they were not fitted on (when all passages were still read at once).
TABLES = {
    READER: {"en": ("none",), "zh": ("none", "coverage")},
    f"{READER}:{EMBEDDER}": {"en": ("none", "dense"), "zh": ("none", "dense", "coverage", "size")},
}
KINDS = ("present", "left out", "silent")
WEIGHTS_FILE = Path(ragbot.generation.__path__[0]) / "confidence.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One question that was searched and read for."""

    set_name: str
    part: str
    article: int
    kind: str
    language: str
    large: bool
    features: dict[str, float]
    chunks: int


def main() -> None:
    """Print what the weights do on test articles."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.set_defaults(sets=SETS)
    parser.add_argument("--rows", type=Path, required=True, help="JSONL of what was asked")
    parser.add_argument("--fit", action="store_true", help="fit the weights before they are measured")
    parser.add_argument("--adapter", type=Path, help="the reader's adapter (default: the one that ragbot ships)")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="of each kind, set and knowledge base")
    parser.add_argument("--threshold", type=float, default=0.5, help="confidence below which a question is refused")
    options = parser.parse_args()
    rows = _read(options.rows)
    if not rows:
        rows = _kept(_collect(options), options.rows)
    if options.fit:
        tables = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))
        for table, names in TABLES.items():
            tables[table] = {
                language: _logistic([r for r in rows if r.part == "dev" and r.language == language], names[language])
                for language in names
            }
        WEIGHTS_FILE.write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")
        log(f"wrote {WEIGHTS_FILE}; run again without --fit to measure the new weights")
        return
    _report([row for row in rows if row.part == "test"], options.threshold)


def _read(path: Path) -> list[Row]:
    if not path.is_file():
        return []
    return [Row(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def _kept(asked: Iterator[Row], path: Path) -> list[Row]:
    """What was asked, written where it is looked for only once it is whole; until then it grows beside it."""
    rows: list[Row] = []
    growing = path.with_name(path.name + ".part")
    with growing.open("w", encoding="utf-8") as out:
        for row in asked:
            rows.append(row)
            out.write(json.dumps(asdict(row)) + "\n")
            out.flush()
    growing.replace(path)
    return rows


def _collect(options: argparse.Namespace) -> Iterator[Row]:
    from ragbot.models.shipped import adapter_folder

    engine = GemmaEngine.load(options.adapter or adapter_folder("reader"))
    reader = ReadingAnswerer(Reader(engine, ANSWER_TOKENS, *weighed(load_embedder("bundled"))))
    sets = list(read_sets(options))
    for language in ("en", "zh"):
        of_language = [s for s in sets if s.name.endswith("_en") == (language == "en")]
        for part in ("dev", "test"):
            articles = [(s, source) for s in of_language for source in sorted(s.parts[part], key=article_number)]
            for large in (False, True):
                yield from _asked(of_language, articles, part, large, reader, options.questions)


def _asked(
    sets: Sequence[QuestionSet],
    articles: Sequence[tuple[QuestionSet, str]],
    part: str,
    large: bool,
    reader: ReadingAnswerer,
    count: int,
) -> Iterator[Row]:
    """Half of the articles of each set are left out; a set of one article gives no questions about what is left out."""
    draw = random.Random(f"{SEED} {part} {large}")
    inside: list[str] = []
    for question_set in sets:
        own = [source for of, source in articles if of is question_set]
        inside += draw.sample(own, (len(own) + 1) // 2)
    documents = {s: of.documents[s] for of, s in articles if s in inside}
    if large:
        documents |= {s: of.documents[s] for of in sets for s in of.parts["train"]}
    with knowledge_base(documents) as (bot, _):
        for question_set in sets:
            about = question_set.about({source for of, source in articles if of is question_set})
            kinds = {
                "present": [q for q in about if q.document in inside and q.answers],
                "left out": [q for q in about if q.document not in inside and q.answers],
                "silent": [q for q in about if q.document in inside and not q.answers],
            }
            for kind, questions in kinds.items():
                for question in draw.sample(questions, min(count, len(questions))):
                    yield _row(bot, reader, question, question_set.name, part, kind, large)
            log(f"{question_set.name} {part}{', large' if large else ''}: {len(bot.kb.lexical):,} chunks")


def _row(bot: RagBot, reader: ReadingAnswerer, question: Question, name: str, part: str, kind: str, large: bool) -> Row:
    language = answer_language(question.text)
    hits = bot.search(question.text)
    passages = reader.select(expand(bot.kb.catalog, hits))
    values = features(bot.kb, question.text, hits)
    values["none"] = reader_logit(reader.judge(question.text, passages, language).none)
    return Row(name, part, article_number(question.document), kind, language, large, values, len(bot.kb.lexical))


def _logistic(rows: Sequence[Row], names: Sequence[str]) -> dict[str, float]:
    """Weights of a logistic regression by Newton's method; sets and kinds weigh the same, silent ones :data:`SILENT`."""
    x = np.array([[row.features[name] for name in names] for row in rows])
    center, spread = x.mean(axis=0), x.std(axis=0)
    x = np.column_stack([np.ones(len(x)), (x - center) / spread])
    y = np.array([row.kind == "present" for row in rows], np.float64)
    cells: dict[tuple[str, str], int] = {}
    for row in rows:
        cells[row.set_name, row.kind] = cells.get((row.set_name, row.kind), 0) + 1
    share = {"present": 1.0, "left out": 1.0, "silent": SILENT}
    weight = np.array([share[row.kind] / cells[row.set_name, row.kind] for row in rows])
    weight *= len(rows) / weight.sum()
    penalty = RIDGE * len(rows) * np.diag([0.0] + [1.0] * len(names))
    b = np.zeros(x.shape[1])
    for _ in range(100):
        p = 1 / (1 + np.exp(-x @ b))
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + penalty
        b -= np.linalg.solve(hessian, x.T @ (weight * (p - y)) + penalty @ b)
    slopes = b[1:] / spread
    fitted = {"intercept": float(b[0] - slopes @ center)}
    fitted.update({name: float(slope) for name, slope in zip(names, slopes, strict=True)})
    return {name: round(value, 4) for name, value in fitted.items()}


def confidence_of(row: Row) -> float:
    """By the weights that ragbot ships."""
    return reading_confidence(row.features, row.language, EMBEDDER)


def _report(rows: Sequence[Row], threshold: float) -> None:
    print(
        "| set (test articles) | there, answered | left out, refused | there but silent, refused | AUROC left out | AUROC silent |"
    )
    print("| --- " * 6 + "|")
    for name in dict.fromkeys(row.set_name for row in rows):
        own = [row for row in rows if row.set_name == name]
        cells = [_share([r for r in own if r.kind == kind], threshold, kind == "present") for kind in KINDS]
        cells += [_auroc([r for r in own if r.kind in ("present", kind)]) for kind in KINDS[1:]]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _share(rows: Sequence[Row], threshold: float, answered: bool) -> str:
    if not rows:
        return ""
    right = [float((confidence_of(row) >= threshold) == answered) for row in rows]
    interval = bootstrap(right, [row.article for row in rows])
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}] (n = {len(rows)})"


def _auroc(rows: Sequence[Row]) -> str:
    outcome = np.array([row.kind == "present" for row in rows])
    if outcome.all() or not outcome.any():
        return ""
    sure = np.array([confidence_of(row) for row in rows])
    interval = bootstrap_statistic(lambda drawn: auroc(sure[drawn], outcome[drawn]), [row.article for row in rows])
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


if __name__ == "__main__":
    main()
