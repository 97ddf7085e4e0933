"""Scores of two kinds, made comparable."""

from __future__ import annotations

import numpy as np
import pytest

from ragbot.retrieval.fuse import FULL_EVIDENCE, Scale, evidence, fuse, reciprocal_ranks


def array(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, np.float32)


def test_standard_deviations_above_the_mean() -> None:
    np.testing.assert_allclose(Scale(2.0, 0.5).standardize(array(2.0, 3.0, 1.5)), [0, 2, -1])
    assert Scale(2.0, 0.5).standardize(array(3.0)).dtype == np.float32


@pytest.mark.parametrize("deviation", [0.0, 1e-12])
def test_a_collection_of_equal_scores_says_nothing(deviation: float) -> None:
    assert Scale(2.0, deviation).standardize(array(2.0, 2.0)).tolist() == [0, 0]


def test_weighted_sum() -> None:
    np.testing.assert_allclose(fuse(array(1, 2), array(3, -1), 0.75), [1.5, 1.25])
    np.testing.assert_allclose(fuse(array(1, 2), array(3, -1), 1.0), [1, 2])
    np.testing.assert_allclose(fuse(array(1, 2), array(3, -1), 0.0), [3, -1])


def test_dense_alone_where_no_chunk_holds_a_term() -> None:
    np.testing.assert_allclose(fuse(array(1, 2), array(0, 0), 0.0), [1, 2])


def test_evidence_grows_with_the_share_of_the_question_and_ends_at_one() -> None:
    assert evidence(FULL_EVIDENCE * 10, 10) == 1
    assert evidence(9, 10) == 1
    assert evidence(FULL_EVIDENCE * 2.5, 10) == pytest.approx(0.25)
    assert evidence(0, 10) == 0
    assert evidence(0, 0) == 0  # a question without terms


def test_reciprocal_ranks() -> None:
    shares = reciprocal_ranks(array(1, 2, 3), np.array([True, False, True]))
    np.testing.assert_allclose(shares, [1 / 61, 0, 1 / 63])
    assert shares.dtype == np.float32
