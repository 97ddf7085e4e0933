"""Local sentence-transformers models: prefixes, identity, and what is refused."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ragbot.errors import MissingExtraError, ModelNotFoundError
from ragbot.models.embedders import sentence_transformers as module
from ragbot.models.embedders.sentence_transformers import SentenceTransformersEmbedder
from ragbot.models.registry import load_embedder


def load(folder: Path, **options: str) -> SentenceTransformersEmbedder:
    return SentenceTransformersEmbedder(str(folder), **{"device": "cpu", "dtype": "float32", **options})


def test_the_vectors_are_those_of_the_library(tiny_bert: Path) -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["a much longer text about retrieval and passages", "上海", "short"]
    reference = SentenceTransformer(str(tiny_bert), device="cpu").encode(texts, normalize_embeddings=True)
    assert np.allclose(load(tiny_bert).encode_documents(texts), reference, atol=1e-5)


def test_prompts_of_the_model_are_its_prefixes(make_tiny_bert: Callable[..., Path]) -> None:
    embedder = load(make_tiny_bert(prompts={"query": "query: ", "passage": "passage: "}))
    assert (embedder.fingerprint.query_prefix, embedder.fingerprint.document_prefix) == ("query: ", "passage: ")
    plain = load(make_tiny_bert())
    assert (plain.fingerprint.query_prefix, plain.fingerprint.document_prefix) == ("", "")
    assert np.allclose(embedder.encode_query("x"), plain.encode_query("query: x"), atol=1e-5)
    assert np.allclose(embedder.encode_documents(["x"]), plain.encode_documents(["passage: x"]), atol=1e-5)
    assert not np.allclose(embedder.encode_query("x"), plain.encode_query("x"), atol=1e-3)


def test_prefixes_can_be_given(make_tiny_bert: Callable[..., Path]) -> None:
    embedder = load(
        make_tiny_bert(prompts={"query": "query: ", "document": ""}), query_prefix="", document_prefix="d: "
    )
    assert (embedder.fingerprint.query_prefix, embedder.fingerprint.document_prefix) == ("", "d: ")


def test_known_models_have_their_prefixes_by_exact_name() -> None:
    assert module._prefixes("intfloat/multilingual-e5-small", {"query": "", "document": ""}) == ("query: ", "passage: ")
    assert module._prefixes("someone/my-multilingual-e5-small", {}) == ("", "")
    assert module._prefixes("intfloat/multilingual-e5-small", {"query": "own: "}) == ("own: ", "")


def test_two_folders_have_two_names(make_tiny_bert: Callable[..., Path], tmp_path: Path) -> None:
    first, tuned = make_tiny_bert(seed=0), make_tiny_bert(seed=1)  # one architecture, one config, other weights
    copy = tmp_path / first.name
    shutil.copytree(first, copy)
    names = [load(folder).fingerprint.name for folder in (first, tuned, copy)]
    assert names[0] == names[2] != names[1]
    assert names[0].startswith("tiny-bert-")


def test_the_precision_is_part_of_the_fingerprint(tiny_bert: Path) -> None:
    assert load(tiny_bert).fingerprint.quantization == "float32"
    assert load(tiny_bert, dtype="bfloat16").fingerprint.quantization == "bfloat16"


def test_a_long_text_is_cut_where_the_model_ends(tiny_bert: Path) -> None:
    embedder = load(tiny_bert)
    assert embedder.max_tokens == 128
    text = "the rank of a matrix " * 100
    assert np.allclose(embedder.encode_query(text), embedder.encode_query(text + "上海" * 50), atol=1e-5)


def test_counting_leaves_the_models_tokenizer_alone(tiny_bert: Path) -> None:
    embedder = load(tiny_bert)
    embedder.encode_query("x")
    backend = embedder._model.tokenizer.backend_tokenizer
    before = backend.truncation, backend.padding
    texts = ["the rank of a matrix " * 100, "</s> 上海", ""]
    counts = embedder.count_tokens(texts)
    assert before[0] and before == (backend.truncation, backend.padding)
    rows = embedder._model.tokenizer(texts, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
    assert counts == [len(row) for row in rows] and counts[0] > embedder.max_tokens


def test_threads_may_share_one(tiny_bert: Path) -> None:
    embedder = load(tiny_bert)
    texts = ["the rank of a matrix " * 100, "上海是中国最大的城市之一", "short"]
    counts, vectors = embedder.count_tokens(texts), embedder.encode_documents(texts)

    def work(number: int) -> bool:
        if number % 2:
            return embedder.count_tokens(texts) == counts
        return np.allclose(embedder.encode_documents(texts), vectors, atol=1e-5)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(200)))


def test_a_slow_tokenizer_counts_too(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = load(tiny_bert)
    counts = embedder.count_tokens(["上海 is a city"])
    monkeypatch.setattr(embedder, "_counter", module._counter(object()))
    assert embedder.count_tokens(["上海 is a city"]) == counts


def test_the_registry_takes_a_folder(tiny_bert: Path) -> None:
    embedder = load_embedder(str(tiny_bert), device="cpu", dtype="float32")
    assert embedder.fingerprint == load(tiny_bert).fingerprint


@pytest.mark.usefixtures("offline")
def test_a_hub_name_that_is_not_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # read once, by whatever imported it first
    with pytest.raises(ModelNotFoundError, match=r"nobody/nothing.*HF_HUB_OFFLINE.*bundled") as caught:
        SentenceTransformersEmbedder("nobody/nothing")
    assert caught.value.__cause__ is not None


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="no folder"):
        load(tmp_path / "missing")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="safetensors"):
        load(tmp_path)


def test_pickled_weights_are_never_loaded(tiny_bert: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_bert, folder)
    for path in folder.rglob("*.safetensors"):
        path.unlink()
    (folder / "pytorch_model.bin").write_bytes(b"not even read")
    with pytest.raises(ModelNotFoundError, match="pickled"):
        load(folder)


def test_damaged_weights(tiny_bert: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_bert, folder)
    weights = next(folder.rglob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelNotFoundError, match="complete model"):
        load(folder)


@pytest.mark.parametrize("missing", ["torch", "sentence_transformers"])
def test_missing_packages_name_the_extra(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"ragbot\[hf\]"):
        SentenceTransformersEmbedder("nobody/nothing")
