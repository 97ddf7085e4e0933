"""Fit the confidence on train and dev articles, and measure refusals on test articles.

    python -m eval.benchmarks.refusal            # measure the weights that ragbot ships
    python -m eval.benchmarks.refusal --fit      # fit them again, write ragbot/generation/confidence.json, measure

Half of the articles of a part make a knowledge base (and, for size, two small ones); questions about them can be
answered, questions about the other half cannot. Questions across languages come from data/eval/sample.jsonl against
the sample documents of the other language, beside bench questions that nothing there answers: the few that there are
serve to fit, so no claim is made for them.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import ragbot.generation
from eval.benchmarks.setup import arguments, article_number, log, read_sets
from eval.compare import bootstrap
from eval.datasets.base import Question, QuestionSet
from eval.datasets.jsonl import read_jsonl
from ragbot.bot import RagBot
from ragbot.generation.confidence import confidence, features, language_pair
from ragbot.models.embedders.base import Embedder
from ragbot.models.registry import load_embedder

# Knobs.
SEED = 0
QUESTIONS = 150  # of each kind, for a knowledge base of half the articles; a quarter for a small one
ARTICLES = 40  # of a part at most: drcd_zht has many, and they are alike
RIDGE = 1e-3
CROSS_RIDGE = 3e-2  # few questions that are told apart perfectly: without it the slope has no bound
SAME = ("dense", "coverage", "size")
ACROSS = ("dense",)
UNMEASURED = ("dense_z", "coverage", "size")
WEIGHTS_FILE = Path(ragbot.generation.__path__[0]) / "confidence.json"
DATA = Path(__file__).parents[2] / "data"

Rows = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """One question that was searched for."""

    set_name: str
    part: str
    article: int
    answerable: bool
    pair: str
    features: dict[str, float]
    confidence: float


def main() -> None:
    """Print what the weights do on test articles."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.add_argument("--fit", action="store_true", help="fit the weights before they are measured")
    options = parser.parse_args()
    embedder = load_embedder("bundled")
    samples: list[Sample] = []
    foreign: dict[str, list[str]] = defaultdict(list)
    for question_set in read_sets(options):
        for part, names in (("fit", ("train", "dev")), ("test", ("test",))):
            sources = [source for name in names for source in sorted(question_set.parts[name], key=article_number)]
            samples.extend(_collect(embedder, question_set, part, sources))
        asked = question_set.part("train", "dev").questions
        foreign["en" if question_set.name.endswith("_en") else "zh"] += [q.text for q in asked[:30]]
    if options.fit:
        samples.extend(_across(embedder, foreign))
        WEIGHTS_FILE.write_text(json.dumps(_fit(embedder, samples), indent=1) + "\n", encoding="utf-8")
        log(f"wrote {WEIGHTS_FILE}; run again without --fit to measure the new weights")
        return
    _report([sample for sample in samples if sample.part == "test"])


def _collect(embedder: Embedder, question_set: QuestionSet, part: str, sources: Sequence[str]) -> Iterator[Sample]:
    shuffled = list(sources)
    random.Random(SEED).shuffle(shuffled)
    shuffled = shuffled[:ARTICLES]
    half = shuffled[: max(1, len(shuffled) // 2)]
    contents = [(half, QUESTIONS)]
    if len(half) > 3:
        contents += [(half[:2], QUESTIONS // 4), (half[2:4], QUESTIONS // 4)]
    for inside, count in contents:
        outside = set(shuffled) - set(inside)
        with tempfile.TemporaryDirectory() as folder, RagBot.open(Path(folder), embedder=embedder) as bot:
            documents = question_set.documents
            bot.ingest_documents({source: documents[source] for source in documents if source in inside})
            present = [question for question in question_set.about(inside) if question.answers]
            absent = [question for question in question_set.about(outside) if question.answers]
            for questions, answerable in ((present, True), (absent, False)):
                for question in _some(questions, count):
                    yield _sample(
                        bot, question.text, question_set.name, part, article_number(question.document), answerable
                    )
            log(f"{question_set.name} {part}: {len(inside)} articles, {len(bot.kb.lexical)} chunks")


def _across(embedder: Embedder, foreign: dict[str, list[str]]) -> Iterator[Sample]:
    questions = read_jsonl(DATA / "eval" / "sample.jsonl").questions
    for asked, documents in (("zh", "en"), ("en", "zh")):
        with tempfile.TemporaryDirectory() as folder, RagBot.open(Path(folder), embedder=embedder) as bot:
            bot.ingest(DATA / "corpus" / documents)
            for question in questions:
                kind = question.tags["category"]
                if question.language == asked and kind in {"cross-language", "unanswerable-far"}:
                    yield _sample(bot, question.text, "sample", "fit", 0, question.answerable)
            for text in foreign[asked]:
                yield _sample(bot, text, "sample", "fit", 0, False)


def _sample(bot: RagBot, text: str, name: str, part: str, article: int, answerable: bool) -> Sample:
    hits = bot.search(text, 10)
    values = features(bot.kb, text, hits)
    return Sample(name, part, article, answerable, language_pair(text, hits), values, confidence(bot.kb, text, hits))


def _some(questions: Sequence[Question], count: int) -> list[Question]:
    return random.Random(SEED).sample(list(questions), min(count, len(questions)))


def _fit(embedder: Embedder, samples: Sequence[Sample]) -> dict[str, Any]:
    seen = [sample for sample in samples if sample.part == "fit"]
    pairs = {}
    for pair in ("zh>zh", "en>en", "zh>en", "en>zh"):
        same = pair[:2] == pair[-2:]
        rows = [sample for sample in seen if sample.pair == pair]
        pairs[pair] = _logistic(rows, SAME if same else ACROSS, RIDGE if same else CROSS_RIDGE)
    everything = [sample for sample in seen if sample.pair[:2] == sample.pair[-2:]]
    return {embedder.fingerprint.name: pairs, "any": {"any": _logistic(everything, UNMEASURED, RIDGE)}}


def _logistic(samples: Sequence[Sample], names: Sequence[str], ridge: float) -> dict[str, float]:
    """Weights of a logistic regression by Newton's method; sets and classes weigh the same."""
    x = np.array([[sample.features[name] for name in names] for sample in samples])
    center, spread = x.mean(axis=0), x.std(axis=0)
    x = np.column_stack([np.ones(len(x)), (x - center) / spread])
    y = np.array([sample.answerable for sample in samples], np.float64)
    groups: dict[tuple[str, bool], int] = defaultdict(int)
    for sample in samples:
        groups[sample.set_name, sample.answerable] += 1
    weight = np.array([1 / groups[sample.set_name, sample.answerable] for sample in samples])
    weight *= len(samples) / weight.sum()
    penalty = ridge * len(samples) * np.diag([0.0] + [1.0] * len(names))
    b = np.zeros(x.shape[1])
    for _ in range(100):
        p = 1 / (1 + np.exp(-x @ b))
        gradient = x.T @ (weight * (p - y)) + penalty @ b
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + penalty
        b -= np.linalg.solve(hessian, gradient)
    slopes = b[1:] / spread
    fitted = {"intercept": float(b[0] - slopes @ center)}
    fitted.update({name: float(slope) for name, slope in zip(names, slopes, strict=True)})
    return {name: round(value, 4) for name, value in fitted.items()}


def _report(samples: Sequence[Sample]) -> None:
    print("| set (test articles) | answerable and answered | silent and refused | AUROC |\n| --- | --- | --- | --- |")
    for name in dict.fromkeys(sample.set_name for sample in samples):
        rows = [sample for sample in samples if sample.set_name == name]
        cells = []
        for answerable in (True, False):
            chosen = [sample for sample in rows if sample.answerable is answerable]
            right = [float((sample.confidence >= 0.5) is answerable) for sample in chosen]
            cells.append(str(bootstrap(right, [sample.article for sample in chosen])))
        print(f"| {name} | {cells[0]} | {cells[1]} | {_auroc(rows):.3f} |", flush=True)


def _auroc(samples: Sequence[Sample]) -> float:
    """Probability that an answerable question is surer than one that is not (ties count half)."""
    yes = np.array([sample.confidence for sample in samples if sample.answerable])
    no = np.array([sample.confidence for sample in samples if not sample.answerable])
    return float((yes[:, None] > no).mean() + 0.5 * (yes[:, None] == no).mean())


if __name__ == "__main__":
    main()
