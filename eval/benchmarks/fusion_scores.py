"""Ways to make one score of a dense and a lexical one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from eval.benchmarks.fusion_collection import Scores
from ragbot.retrieval.fuse import Floats, Scale, fuse, reciprocal_ranks
from ragbot.retrieval.languages import raised
from ragbot.retrieval.retriever import RetrievalOptions

Fusion = Callable[[Scores], Floats]

WEIGHT = RetrievalOptions().dense_weight
_RRF_DEPTH = 100


def ours(scores: Scores, weight: float = WEIGHT) -> Floats:
    """As a search does it: standardized, by the evidence of the words, other languages raised."""
    return raised(evident(scores, weight), scores.foreign)


def evident(scores: Scores, weight: float = WEIGHT) -> Floats:
    """The same without raising other languages."""
    return fuse(scores.dense_z, scores.words, weight)


def fixed(scores: Scores, weight: float = WEIGHT) -> Floats:
    """Standardized scores, with the same weights for each question and document."""
    return fuse(scores.dense_z, scores.lexical_z, weight)


def dense(scores: Scores) -> Floats:
    """The dense score alone, standardized within each language."""
    return scores.dense_z


def lexical(scores: Scores) -> Floats:
    """BM25 alone."""
    return scores.lexical


def rank_fusion(scores: Scores) -> Floats:
    """Reciprocal ranks of the first hundred of each."""
    total = np.zeros(len(scores.dense), np.float32)
    for values in (scores.dense, scores.lexical):
        ranks = np.empty(len(values), np.float32)
        ranks[np.argsort(-values, kind="stable")] = np.arange(1, len(values) + 1)
        total += reciprocal_ranks(ranks, (ranks <= _RRF_DEPTH) & (values != 0))
    return total


def min_max(scores: Scores, weight: float) -> Floats:
    """Both scaled to [0, 1] by the lowest and the highest score of the collection."""
    return weight * _unit(scores.dense) + (1 - weight) * _unit(scores.lexical)


def theoretical(scores: Scores, weight: float) -> Floats:
    """Both from their theoretical minimum (-1, 0) to the highest score (Bruch, Gai and Ingber 2023, TM2C2)."""
    cosine = (scores.dense + 1) / (float(scores.dense.max()) + 1)
    mixed: Floats = weight * cosine + (1 - weight) * scores.lexical / (scores.best or 1)
    return mixed


def of_ceiling(scores: Scores, factor: float) -> Floats:
    """The lexical score as a share of its ceiling, added to the standardized dense one."""
    total: Floats = scores.dense_z + np.float32(factor / (scores.ceiling or 1)) * scores.lexical
    return total


def damped(scores: Scores, weight: float) -> Floats:
    """Standardized, the lexical score after its logarithm."""
    logs = np.log1p(scores.lexical)
    return fuse(scores.dense_z, Scale(float(logs.mean()), float(logs.std())).standardize(logs), weight)


def by_share(scores: Scores, slope: float) -> Floats:
    """A weight that adapts: the lexical one grows with the logarithm of the share of the question in the best hit."""
    share = max(scores.best / (scores.ceiling or 1), 0.05)
    factor = (1 - WEIGHT) * (1 + slope * float(np.log(share / 0.6)))
    total: Floats = WEIGHT * scores.dense_z + np.float32(factor) * scores.lexical_z
    return total


WEIGHTS: dict[str, Fusion] = {
    f"{weight:g}": partial(fixed, weight=weight) for weight in (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9)
}
FUSIONS: dict[str, Fusion] = {
    "as it is": ours,
    "dense alone": dense,
    "lexical alone": lexical,
    "z, fixed weight": fixed,
    "RRF": rank_fusion,
    "min-max .6": partial(min_max, weight=0.6),
    "min-max .7": partial(min_max, weight=0.7),
    "theoretical min-max .8": partial(theoretical, weight=0.8),
    "theoretical min-max .9": partial(theoretical, weight=0.9),
    "share of the ceiling, 8": partial(of_ceiling, factor=8.0),
    "share of the ceiling, 10": partial(of_ceiling, factor=10.0),
    "z of the logarithm, .6": partial(damped, weight=0.6),
    "weight by share, .15": partial(by_share, slope=0.15),
    "weight by share, .3": partial(by_share, slope=0.3),
}
LANGUAGE_FUSIONS: dict[str, Fusion] = {
    "z, fixed weight": fixed,
    "dense alone": dense,
    "lexical alone": lexical,
    "by evidence": evident,
    "as it is": ours,
}


def _unit(values: Floats) -> Floats:
    low, high = float(values.min()), float(values.max())
    scaled: Floats = (values - np.float32(low)) / np.float32((high - low) or 1)
    return scaled
