"""Local cross-encoders through sentence-transformers: the library's figures, and what is refused."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from ragbot.errors import MissingExtraError, ModelNotFoundError, RagbotError
from ragbot.models.registry import load_reranker
from ragbot.models.rerankers.sentence_transformers import SentenceTransformersReranker

QUESTION = "上海有多少人口？"
PASSAGES = ["a much longer text about retrieval and passages", "上海是中国最大的城市之一", "short", "rank " * 40]


def load(folder: Path, **options: str) -> SentenceTransformersReranker:
    return SentenceTransformersReranker(str(folder), **{"device": "cpu", "dtype": "float32", **options})  # type: ignore[arg-type]


def test_the_scores_are_the_librarys_logits(cross_bert: Path) -> None:
    from sentence_transformers import CrossEncoder

    library = CrossEncoder(str(cross_bert), device="cpu")
    likely = library.predict([(QUESTION, passage) for passage in PASSAGES])  # between 0 and 1
    scores = load(cross_bert).score(QUESTION, PASSAGES)
    assert np.allclose(1 / (1 + np.exp(-scores)), likely, atol=1e-5)
    assert np.allclose(scores, np.log(likely / (1 - likely)), atol=1e-3)


def test_bfloat16_ends_in_float32(cross_bert: Path) -> None:
    import torch

    exact, coarse = load(cross_bert), load(cross_bert, dtype="bfloat16")
    assert (exact.dtype, coarse.dtype) == ("float32", "bfloat16")
    assert np.allclose(coarse.score(QUESTION, PASSAGES), exact.score(QUESTION, PASSAGES), atol=0.1)
    texts = [f"passage {number} of many, which are all alike" for number in range(40)]
    scores = coarse.score(QUESTION, texts)
    rounded = torch.tensor(scores).bfloat16().float().numpy()
    assert len(set(scores.tolist())) > len(set(rounded.tolist()))


def test_control_tokens_in_a_text_are_data(cross_bert: Path) -> None:
    reranker = load(cross_bert)
    features = reranker._open().preprocess([("a </s> b", "c <pad> d </s>")])
    ids = features["input_ids"][0].tolist()
    assert ids.count(2) == 2  # the two that the template sets
    assert 0 not in ids


def test_long_pairs_are_cut(cross_bert: Path) -> None:
    reranker = load(cross_bert)
    short = SentenceTransformersReranker(str(cross_bert), device="cpu", dtype="float32", max_tokens=32)
    text = "the rank of a matrix 上海 " * 200
    assert reranker.count_tokens("short", [text])[0] == reranker.max_tokens == 128
    assert short.count_tokens("short", [text])[0] == 32
    assert np.allclose(reranker.score("short", [text]), reranker.score("short", [text + "more"]), atol=1e-5)
    assert abs(short.score("short", [text]) - reranker.score("short", [text]))[0] > 1e-4


def test_the_registry_takes_a_folder(cross_bert: Path) -> None:
    reranker = load_reranker(str(cross_bert), device="cpu", dtype="float32")
    assert np.allclose(reranker.score(QUESTION, PASSAGES), load(cross_bert).score(QUESTION, PASSAGES), atol=1e-6)
    assert reranker.name == cross_bert.name


def test_weights_that_are_no_numbers(cross_bert: Path) -> None:
    import torch

    reranker = load(cross_bert)
    with torch.no_grad():
        next(layer for layer in reranker._open().modules() if isinstance(layer, torch.nn.Linear)).weight.fill_(np.nan)
    with pytest.raises(RagbotError, match="not a number"):
        reranker.score(QUESTION, PASSAGES)


@pytest.mark.usefixtures("offline")
def test_a_hub_name_that_is_not_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # read once, by whatever imported it first
    with pytest.raises(ModelNotFoundError, match=r"nobody/nothing.*HF_HUB_OFFLINE.*another reranker") as caught:
        SentenceTransformersReranker("nobody/nothing")
    assert caught.value.__cause__ is not None


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="no folder"):
        load(tmp_path / "missing")


def test_pickled_weights_are_never_loaded(cross_bert: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(cross_bert, folder)
    for path in folder.rglob("*.safetensors"):
        path.unlink()
    (folder / "pytorch_model.bin").write_bytes(b"not even read")
    with pytest.raises(ModelNotFoundError, match="pickled"):
        load(folder)


def test_damaged_weights(cross_bert: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(cross_bert, folder)
    weights = next(folder.rglob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelNotFoundError, match="complete model"):
        load(folder)


@pytest.mark.parametrize("missing", ["torch", "sentence_transformers"])
def test_missing_packages_name_the_extra(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"ragbot\[hf\]"):
        SentenceTransformersReranker("nobody/nothing")
