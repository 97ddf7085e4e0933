"""The chunks of a collection as points of a plane: near each other if they say much the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ragbot.documents import Chunk
from ragbot.exploring.collection import evenly
from ragbot.exploring.topics import Topics
from ragbot.index.catalog import Catalog
from ragbot.models.embedders.base import Vectors

Positions = npt.NDArray[np.float64]
Method = Literal["t-sne", "pca"]

#: Points of a map; of more chunks an even sample of so many is drawn.
MOST_POINTS = 2_000
#: Fewer points have no neighbourhoods that t-SNE could keep.
_FEWEST = 10
_PERPLEXITY = 30.0
_SEED = 20_221


@dataclass(frozen=True, slots=True)
class Point:
    """A chunk on the map: ``x`` and ``y`` in [0, 1], and the number of its topic."""

    chunk: Chunk
    x: float
    y: float
    topic: int


@dataclass(frozen=True, slots=True)
class TopicMap:
    """A map of topics. ``method``: ``t-sne`` (van der Maaten & Hinton 2008), or ``pca`` where scikit-learn is missing.

    ``middles`` are where the number of each topic is written, by number.
    """

    topics: Topics
    points: tuple[Point, ...]
    middles: dict[int, tuple[float, float]]
    method: Method


def topic_map(catalog: Catalog, topics: Topics) -> TopicMap:
    """The map of ``topics``; the same topics give the same map."""
    if not len(topics.ids):
        return TopicMap(topics, (), {}, "pca")
    rows = evenly(len(topics.ids), MOST_POINTS)
    placed, method = _placed(topics.vectors[rows])
    chunks = catalog.chunks(topics.ids[rows].tolist())
    points = []
    for row, (x, y) in zip(rows.tolist(), placed.tolist(), strict=True):
        chunk = chunks.get(int(topics.ids[row]))
        if chunk:  # it may have been removed by another process since
            points.append(Point(chunk, x, y, int(topics.labels[row])))
    return TopicMap(topics, tuple(points), _middles(points), method)


def _placed(vectors: Vectors) -> tuple[Positions, Method]:
    if len(vectors) < _FEWEST:
        return _fitted(_principal(vectors)), "pca"
    try:
        from sklearn.manifold import TSNE  # type: ignore[import-untyped]  # it has no stubs
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        return _fitted(_principal(vectors)), "pca"
    perplexity = min(_PERPLEXITY, (len(vectors) - 1) / 3)
    # Started from the principal components, the map is the same each time, and keeps what is far apart.
    start = _principal(vectors) * 1e-4
    # Its threads wait for each other without rest: on a busy machine, several take many times as long as one.
    with threadpool_limits(1):
        tsne = TSNE(2, perplexity=perplexity, init=start.astype(np.float32), random_state=_SEED)
        reduced = tsne.fit_transform(vectors)
    return _fitted(np.asarray(reduced, np.float64)), "t-sne"


def _principal(vectors: Vectors) -> Positions:
    """The first two components, of unit deviation; topics' vectors have the principal ones first."""
    found = np.zeros((len(vectors), 2))
    found[:, : min(2, vectors.shape[1] if vectors.ndim > 1 else 0)] = vectors[:, :2]
    spread = found.std(axis=0)
    return found / np.where(spread > 0, spread, 1.0)


def _fitted(placed: Positions) -> Positions:
    """Into the unit square, each axis by itself; the middle where there is no extent."""
    low, high = placed.min(axis=0), placed.max(axis=0)
    size = np.where(high > low, high - low, 1.0)
    return np.where(high > low, (placed - low) / size, 0.5)


def _middles(points: list[Point]) -> dict[int, tuple[float, float]]:
    """For each topic its point that is nearest to the median of them all: a number stands among its own."""
    middles = {}
    for topic in sorted({point.topic for point in points}):
        mine = np.array([(point.x, point.y) for point in points if point.topic == topic])
        at = int(np.abs(mine - np.median(mine, axis=0)).sum(axis=1).argmin())
        middles[topic] = (float(mine[at, 0]), float(mine[at, 1]))
    return middles
