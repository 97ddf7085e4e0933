"""The bundled reranker: an adapter on multilingual-e5-small as int8 graphs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from ragbot.errors import ModelNotFoundError
from ragbot.models.embedders.e5_onnx import WEIGHTS
from ragbot.models.embedders.e5_weights import E5Weights, Floats
from ragbot.models.rerankers import e5
from ragbot.models.rerankers.e5 import BundledReranker
from ragbot.models.rerankers.e5_adapter import ADAPTER, CONFIG, adapted

QUESTION = "How high does the tide reach?"
PASSAGES = [
    "Harbour\nThe tide reaches 4.2 m in March.",
    "潮位在三月达到4.2米。",
    "The library opens at nine.",
    "",
    "tide " * 900,
    "x",
]


def write_adapter(folder: Path, size: float, rank: int = 4, seed: int = 0) -> Path:
    """A random adapter whose products are ``size`` large, and random heads."""
    draw = np.random.default_rng(seed)
    weights = E5Weights(WEIGHTS.locate())
    tensors: dict[str, Floats] = {}
    for layer in range(8, weights.layers):
        for name, (out, into) in {
            "attention.self.query": (weights.hidden, weights.hidden),
            "intermediate.dense": (weights.ffn, weights.hidden),
            "output.dense": (weights.hidden, weights.ffn),
        }.items():
            key = f"base_model.model.encoder.layer.{layer}.{name}"
            tensors[f"{key}.lora_A.weight"] = draw.normal(size=(rank, into)).astype(np.float32) * size
            tensors[f"{key}.lora_B.weight"] = draw.normal(size=(out, rank)).astype(np.float32) * size
    tensors["head_rank.weight"] = draw.normal(size=(1, 2 * weights.hidden)).astype(np.float32)
    tensors["head_rank.bias"] = np.array([0.25], np.float32)
    tensors["head_span.weight"] = draw.normal(size=(2, weights.hidden)).astype(np.float32)
    tensors["head_span.bias"] = np.zeros(2, np.float32)
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / ADAPTER)
    (folder / CONFIG).write_text(json.dumps({"r": rank, "lora_alpha": 2 * rank}), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_adapter(tmp_path_factory.mktemp("adapters") / "random", 0.05)


@pytest.fixture(scope="module")
def reranker(folder: Path) -> BundledReranker:
    return e5.load(str(folder))


def test_a_score_does_not_depend_on_what_else_is_scored(reranker: BundledReranker) -> None:
    together = reranker.score(QUESTION, PASSAGES)
    assert together.dtype == np.float32 and together.shape == (len(PASSAGES),) and np.isfinite(together).all()
    assert len(set(together.tolist())) == len(PASSAGES)
    for i, passage in enumerate(PASSAGES):
        assert reranker.score(QUESTION, [passage]).tolist() == [together[i]]
    assert reranker.score(QUESTION, PASSAGES[::-1]).tolist() == together[::-1].tolist()


def test_the_question_counts(reranker: BundledReranker) -> None:
    assert reranker.score(QUESTION, PASSAGES[:1]) != reranker.score("When does it open?", PASSAGES[:1])


def test_nothing_to_score(reranker: BundledReranker) -> None:
    assert reranker.score(QUESTION, []).shape == (0,)
    assert reranker.read(QUESTION, []) == []
    assert np.isfinite(reranker.score("", ["", "\udfff"])).all()


def test_the_answer_is_a_place_in_the_passage(reranker: BundledReranker) -> None:
    for passage, found in zip(PASSAGES, reranker.read(QUESTION, PASSAGES), strict=True):
        assert found.score == reranker.score(QUESTION, [passage])[0]
        assert 0 <= found.start <= found.end <= len(passage)
        assert (found.end > found.start) == bool(passage)


def test_the_likeliest_answer_is_the_best_of_all_short_spans(reranker: BundledReranker) -> None:
    (passage,) = reranker._tokenizer.passages([PASSAGES[0]])
    _, span, _ = reranker._run(QUESTION, [PASSAGES[0]])[0]
    first = passage.first
    best = max(
        ((i, j) for i in range(len(passage.offsets)) for j in range(i, len(passage.offsets))),
        key=lambda ij: span[first + ij[0], 0] + span[first + ij[1], 1],
    )
    found = reranker.read(QUESTION, [PASSAGES[0]])[0]
    assert (found.start, found.end) == (passage.offsets[best[0], 0], passage.offsets[best[1], 1])
    assert found.span == pytest.approx(span[first + best[0], 0] + span[first + best[1], 1] - span[0].sum(), abs=1e-4)


def test_both_graphs_give_the_same(folder: Path, reranker: BundledReranker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e5, "has_vnni", lambda: False)
    assert np.allclose(e5.load(str(folder)).score(QUESTION, PASSAGES), reranker.score(QUESTION, PASSAGES), atol=1e-4)


def test_int8_is_near_float32(folder: Path, reranker: BundledReranker) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    from ragbot.training.pair_model import PairModel, Read
    from ragbot.training.reranker import load_weights

    model = PairModel(E5Weights(WEIGHTS.locate()), 4, 8).eval()
    state = load_file(folder / ADAPTER)
    for name in [name for name in state if ".query." in name]:  # the layers that this adapter leaves out
        for other in ("attention.self.key", "attention.self.value", "attention.output.dense"):
            state[name.replace("attention.self.query", other)] = torch.zeros_like(state[name])
    load_weights(model, state)
    tokens = reranker._tokenizer.passages(PASSAGES)
    states = model.lower([reranker._tokenizer.question(QUESTION), *(passage.ids for passage in tokens)])
    with torch.no_grad():
        exact = model([Read(states[0])] * len(tokens), [Read(s, t) for s, t in zip(states[1:], tokens, strict=True)])
    assert np.abs(exact.rank.numpy() - reranker.score(QUESTION, PASSAGES)).max() < 0.1 * np.ptp(exact.rank.numpy())


def test_the_adapter_is_added_to_the_weights(folder: Path) -> None:
    base = E5Weights(WEIGHTS.locate())
    weights, heads = adapted(base, folder / ADAPTER)
    assert (weights.matrix("l7.q.w", 384) == base.matrix("l7.q.w", 384)).all()
    changed = weights.matrix("l9.fo.w", 1536) - base.matrix("l9.fo.w", 1536)
    assert np.linalg.matrix_rank(changed, tol=1e-3) == 4
    assert heads["head_rank.bias"].tolist() == [0.25]


@pytest.mark.parametrize("damage", ["missing", "empty", "foreign", "no config"])
def test_what_is_no_adapter_is_refused(tmp_path: Path, damage: str) -> None:
    folder = write_adapter(tmp_path / "broken", 0.01, seed=hash(damage) % 1000)
    if damage == "missing":
        (folder / ADAPTER).unlink()
    elif damage == "empty":
        (folder / ADAPTER).write_bytes(b"")
    elif damage == "foreign":
        save_file({"model.layers.0.lora_A.weight": np.zeros((2, 2), np.float32)}, folder / ADAPTER)
    else:
        (folder / CONFIG).unlink()
    with pytest.raises(ModelNotFoundError, match="train"):
        e5.load(str(folder))


def test_closed_it_can_be_used_again(reranker: BundledReranker) -> None:
    before = reranker.score(QUESTION, PASSAGES[:2])
    reranker.close()
    reranker.close()
    assert (reranker.score(QUESTION, PASSAGES[:2]) == before).all()
