"""Late interaction: the arithmetic, and what is stored of it."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ragbot.errors import ModelNotFoundError
from ragbot.models.rerankers.interaction import FILE, LateInteraction

SIZE = 6


def learned(seed: int = 0) -> LateInteraction:
    draw = np.random.default_rng(seed)
    return LateInteraction(
        draw.normal(size=SIZE).astype(np.float32),
        draw.normal(size=(SIZE, SIZE)).astype(np.float32),
        draw.normal(size=SIZE).astype(np.float32),
        np.array(12.0, np.float32),
        np.array(0.5, np.float32),
    )


def states(count: int, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=(count, SIZE)).astype(np.float32)


def test_the_score_is_the_weighted_mean_of_best_cosines() -> None:
    model, question, passage = learned(), states(3, 1), states(5, 2)
    expected, total = 0.0, 0.0
    for q in question:
        a = model.matrix @ (q - model.middle)
        cosines = []
        for p in passage:
            b = model.matrix @ (p - model.middle)
            cosines.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        share = np.exp(model.weight @ (q - model.middle))
        expected, total = expected + share * max(cosines), total + share
    found = model.score(model.question(question), model.passage(passage))
    assert found == pytest.approx(12.0 * expected / total, rel=1e-4)


def test_the_same_words_are_the_best_match() -> None:
    model, question = learned(), states(4, 3)
    assert model.score(model.question(question), model.passage(question)) == pytest.approx(12.0, rel=1e-5)


def test_more_passage_never_scores_less() -> None:
    model, question, passage = learned(), states(3, 4), states(9, 5)
    weighed = model.question(question)
    scores = [model.score(weighed, model.passage(passage[:count])) for count in range(1, 10)]
    assert scores == sorted(scores) and scores[0] < scores[-1]


def test_a_text_without_words_is_last() -> None:
    model, nothing = learned(), np.empty((0, SIZE), np.float32)
    weighed = model.question(states(3, 6))
    assert model.score(weighed, model.passage(nothing)) == -12.0
    assert model.score(model.question(nothing), model.passage(states(2, 7))) == -12.0
    assert model.score(weighed, model.passage(states(2, 7))) >= -12.0


def test_stored_and_read_again(tmp_path: Path) -> None:
    model = learned()
    model.save(tmp_path / "new")
    again = LateInteraction.load(tmp_path / "new")
    for field in fields(LateInteraction):
        assert np.allclose(getattr(again, field.name), getattr(model, field.name), atol=2e-3), field.name
        assert getattr(again, field.name).dtype == np.float32
    assert load_file(tmp_path / "new" / FILE)["matrix"].dtype == np.float16


@pytest.mark.parametrize("damage", ["missing", "empty", "foreign", "shape", "nan"])
def test_what_is_no_reranker_is_refused(tmp_path: Path, damage: str) -> None:
    model = learned()
    if damage == "nan":
        model = replace(model, weight=np.full(SIZE, np.nan, np.float32))
    elif damage == "shape":
        model = replace(model, weight=model.weight[:-1])
    model.save(tmp_path)
    if damage == "missing":
        (tmp_path / FILE).unlink()
    elif damage == "empty":
        (tmp_path / FILE).write_bytes(b"")
    elif damage == "foreign":
        save_file({"other": np.zeros(2, np.float32)}, tmp_path / FILE)
    with pytest.raises(ModelNotFoundError, match="ragbot train reranker"):
        LateInteraction.load(tmp_path)
