"""Clusters of embeddings, on one footing for all languages, as many as tell best apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ragbot.exploring.collection import evenly
from ragbot.models.embedders.base import Vectors, normalized

Labels = npt.NDArray[np.int64]

#: Dimensions that are kept of the embeddings: noise and time go with the others.
DIMENSIONS = 50
#: Numbers of clusters that are tried, and the fewest vectors for each cluster on average.
TRIED = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30)
FEWEST = 5
#: The fewest clusters whose silhouette is within this of the best one's are taken: a reader has to read them all.
NEAR_BEST = 0.9
#: Two clusters become one if they are each other's nearest by this cosine of their middles, and nothing else is half as
#: near: mostly one subject in two languages, which the language's mean alone has not brought together.
_ONE = 0.25
_APART = 0.5
#: Vectors on which the number is chosen.
_MOST = 20_000
_SEED = 20_221
_ROUNDS, _ATTEMPTS = 30, 3
#: The mean of a language is drawn to that of all, as if it had so many more vectors there: a language of one document
#: would lose its subject with its mean.
_PRIOR = 10.0


def comparable(vectors: Vectors, languages: Sequence[str]) -> Vectors:
    """Unit vectors of at most :data:`DIMENSIONS` components, the mean of each one's language taken away.

    A multilingual embedder puts the languages apart by nearly the same offset everywhere; without it, texts on one
    subject come together, whatever language they are in. The components are the first principal ones.
    """
    exact = vectors.astype(np.float64)
    tags = np.asarray(languages)
    whole = exact.mean(axis=0)
    for tag in set(languages):
        mine = tags == tag
        exact[mine] -= (exact[mine].sum(axis=0) + _PRIOR * whole) / (int(mine.sum()) + _PRIOR)
    exact -= exact.mean(axis=0)
    _, axes = np.linalg.eigh(exact.T @ exact)
    kept = axes[:, ::-1][:, : min(DIMENSIONS, max(len(exact) - 1, 1))]
    # An eigenvector's sign is up to the library: the largest component is made positive.
    kept = kept * np.sign(kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])])
    return normalized(exact @ kept)


def cluster(
    vectors: Vectors, count: int | None = None, telling: npt.NDArray[np.bool_] | None = None
) -> tuple[Labels, float]:
    """The cluster of each unit vector, from 0, the largest first; and the silhouette of them all, in [-1, 1].

    Spherical k-means (Dhillon & Modha 2001); without ``count``, as many clusters as have the best mean silhouette
    (Rousseeuw 1987), or as few as come near it. The same vectors give the same clusters.

    Args:
        telling: which vectors decide what the clusters are; the others are put where they are nearest.
    """
    deciding = vectors if telling is None or not telling.any() else vectors[telling]
    most = max(1, len(deciding) // FEWEST)
    sample = deciding[evenly(len(deciding), _MOST)]
    if count is None:
        scores = {k: silhouette(sample, _k_means(sample, sample, k)) for k in TRIED if k <= most}
        best = max(scores.values(), default=0.0)
        count = next((k for k, score in scores.items() if best > 0 and score >= NEAR_BEST * best), 1)
        labels = _joined(vectors, _k_means(sample, vectors, count))
    else:
        labels = _k_means(sample, vectors, min(count, len(sample)))
    sizes = np.bincount(labels)
    rank = np.empty(len(sizes), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    ranked: Labels = rank[labels]
    return ranked, silhouette(vectors, ranked)


def _joined(vectors: Vectors, labels: Labels) -> Labels:
    present, labels = np.unique(labels, return_inverse=True)
    if len(present) < 4:  # of three, one is always apart
        return labels
    middles = normalized(np.stack([vectors[labels == number].mean(axis=0) for number in range(len(present))]))
    near = middles @ middles.T
    np.fill_diagonal(near, -1.0)
    ordered = np.sort(near, axis=1)
    apart = ordered[:, -2] <= _APART * ordered[:, -1]
    nearest = near.argmax(axis=1)
    for one, other in enumerate(nearest.tolist()):
        if one < other and nearest[other] == one and near[one, other] >= _ONE and apart[one] and apart[other]:
            labels = np.where(labels == other, one, labels)
    joined: Labels = np.unique(labels, return_inverse=True)[1]
    return joined


def silhouette(vectors: Vectors, labels: Labels) -> float:
    """The mean silhouette by cosine distance; 0 for fewer than two clusters.

    Of unit vectors, the mean distance to a cluster follows exactly from the cluster's sum.
    """
    sizes = np.bincount(labels).astype(np.float64)
    if np.count_nonzero(sizes) < 2:
        return 0.0
    sums = np.zeros((len(sizes), vectors.shape[1]))
    np.add.at(sums, labels, vectors)
    similarity = vectors @ sums.T
    rows = np.arange(len(vectors))
    others = sizes[labels] - 1
    inside = 1 - (similarity[rows, labels] - 1) / np.maximum(others, 1)
    distance = np.where(sizes > 0, 1 - similarity / np.maximum(sizes, 1), np.inf)
    distance[rows, labels] = np.inf
    outside = distance.min(axis=1)
    width = np.where(others > 0, (outside - inside) / np.maximum(np.maximum(outside, inside), 1e-12), 0.0)
    return float(width.mean())


def _k_means(training: Vectors, vectors: Vectors, count: int) -> Labels:
    if count < 2:
        return np.zeros(len(vectors), np.int64)
    import faiss

    means = faiss.Kmeans(
        vectors.shape[1],
        count,
        niter=_ROUNDS,
        nredo=_ATTEMPTS,
        seed=_SEED,
        spherical=True,
        min_points_per_centroid=1,  # else it warns of few points on standard output
        max_points_per_centroid=len(training),
    )
    # Of so few vectors, several threads wait for each other more than they work, much more on a busy machine. The number
    # is this thread's own; searches in others keep theirs.
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        means.train(np.ascontiguousarray(training, np.float32))
    finally:
        faiss.omp_set_num_threads(threads)
    labels: Labels = (vectors @ np.asarray(means.centroids).T).argmax(axis=1).astype(np.int64)
    return labels
