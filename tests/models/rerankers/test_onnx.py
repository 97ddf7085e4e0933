"""Cross-encoders as int8 ONNX: near to float32, built once, and usable without torch where there is a graph."""

from __future__ import annotations

import fnmatch
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ragbot.errors import MissingExtraError, ModelNotFoundError
from ragbot.models.registry import load_reranker
from ragbot.models.rerankers import onnx_export, onnx_files
from ragbot.models.rerankers.onnx import OnnxReranker
from ragbot.models.rerankers.onnx_files import locate
from ragbot.models.rerankers.onnx_int8 import quantize
from ragbot.models.rerankers.sentence_transformers import SentenceTransformersReranker

PAIRS = {
    "What is the rank of a LoRA adapter?": [
        "The rank of a LoRA adapter is the width of its two small matrices.",
        "Retrieval finds passages, and the reader answers from them.",
        "short",
        "Byte-pair encoding merges the most frequent pair. " * 6,
    ],
    "上海有多少人口？": [
        "上海是中国最大的城市之一，人口超过两千万。",
        "检索增强生成先找到相关的段落，再根据段落回答问题。" * 4,
        "短",
        "Mixed 中英文 text 😀",
    ],
}


def scores_of(reranker: Any) -> Any:
    return np.concatenate([reranker.score(question, passages) for question, passages in PAIRS.items()])


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "transformers", "sentence_transformers"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture(scope="module")
def float_graph(cross_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as hub repositories have it: configs, and ``onnx/model.onnx``, and no weights for torch."""
    folder = tmp_path_factory.mktemp("hub") / "float"
    (folder / "onnx").mkdir(parents=True)
    for name in ("config.json", "tokenizer_config.json", "tokenizer.json"):
        shutil.copy(cross_bert / name, folder)
    onnx_export.export(cross_bert, folder / "onnx" / "model.onnx", folder / "tokenizer.json")
    return folder


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("kind", ["bert", "xlmr"])
def test_int8_is_near_to_float32(kind: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(f"cross_{kind}")
    exact = scores_of(SentenceTransformersReranker(str(folder), device="cpu", dtype="float32"))
    found = scores_of(OnnxReranker(str(folder)))
    assert exact.std() > 0.05
    assert np.sqrt(((found - exact) ** 2).mean()) < 0.08 * exact.std()
    assert np.corrcoef(found, exact)[0, 1] > 0.995


@pytest.mark.usefixtures("cache")
def test_the_same_pair_has_bitwise_the_same_score(cross_bert: Path) -> None:
    with OnnxReranker(str(cross_bert), threads=3) as reranker:
        for question, passages in PAIRS.items():
            together = reranker.score(question, passages)
            alone = np.concatenate([reranker.score(question, [passage]) for passage in passages])
            assert np.array_equal(together, alone)
            assert np.array_equal(reranker.score(question, passages[::-1])[::-1], together)


@pytest.mark.usefixtures("cache")
def test_the_second_start_needs_no_torch(cross_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = scores_of(OnnxReranker(str(cross_bert)))
    for name in ("torch", "transformers", "sentence_transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    assert np.array_equal(scores_of(OnnxReranker(str(cross_bert))), first)


def test_an_export_needs_the_extra(
    make_cross_encoder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_cross_encoder("bert", seed=5)
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tmp_path))
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"ragbot\[hf\]"):
        OnnxReranker(str(folder))
    assert [path.name for path in (tmp_path / "models").iterdir() if path.is_dir()] == []  # nothing half made is left


def test_fine_tuning_makes_another_cache_entry(make_cross_encoder: Callable[..., Path], tmp_path: Path) -> None:
    first, tuned = make_cross_encoder("bert", seed=1), make_cross_encoder("bert", seed=2)
    copy = tmp_path / "elsewhere"
    shutil.copytree(first, copy)
    assert onnx_files._hash(first) == onnx_files._hash(copy) != onnx_files._hash(tuned)


@pytest.mark.usefixtures("no_torch")
def test_a_float_graph_in_the_folder_is_made_int8_without_torch(
    float_graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tmp_path))
    files = locate(str(float_graph))
    assert files.graph.is_relative_to(tmp_path)
    assert "MatMulIntegerToFloat" in {node.op_type for node in onnx.load(files.graph).graph.node}
    assert files.max_tokens == 128
    assert np.isfinite(scores_of(OnnxReranker(str(float_graph)))).all()


@pytest.mark.usefixtures("no_torch")
@pytest.mark.parametrize("vnni", [True, False])
def test_a_quantised_graph_in_the_folder_is_taken_as_it_is(
    float_graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vnni: bool
) -> None:
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(onnx_files, "has_vnni", lambda: vnni)
    folder = tmp_path / "hub"
    shutil.copytree(float_graph, folder)
    for name in ("model_qint8_avx512_vnni.onnx", "model_quint8_avx2.onnx"):
        shutil.copy(folder / "onnx" / "model.onnx", folder / "onnx" / name)
    expected = "model_qint8_avx512_vnni.onnx" if vnni else "model_quint8_avx2.onnx"
    assert locate(str(folder)).graph == folder / "onnx" / expected
    assert np.isfinite(scores_of(load_reranker(f"onnx:{folder}"))).all()
    assert not (tmp_path / "cache").exists()


def test_a_graph_that_wants_a_mask_gets_one(float_graph: Path, cross_bert: Path, tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "masked"
    shutil.copytree(float_graph, folder)
    model = onnx.load(folder / "onnx" / "model.onnx")
    model.graph.input.append(helper.make_tensor_value_info("attention_mask", TensorProto.INT64, [1, "tokens"]))
    mask = helper.make_node("Cast", ["attention_mask"], ["mask.float"], to=TensorProto.FLOAT)
    mean = helper.make_node("ReduceMean", ["mask.float"], ["mask.mean"], keepdims=0)
    last = model.graph.node[-1]
    last.output[0] = "plain"
    masked = helper.make_node("Mul", ["plain", "mask.mean"], ["logits"])  # one, if the mask is all ones
    model.graph.node.extend([mask, mean, masked])
    onnx.save(model, folder / "onnx" / "model_quantized.onnx")
    with_mask, exact = (
        OnnxReranker(str(folder)),
        SentenceTransformersReranker(str(cross_bert), device="cpu", dtype="float32"),
    )
    assert np.allclose(scores_of(with_mask), scores_of(exact), atol=1e-4)


@pytest.mark.usefixtures("cache")
def test_two_labels_are_irrelevant_and_relevant(make_cross_encoder: Callable[..., Path]) -> None:
    folder = make_cross_encoder("bert", labels=2)
    exact = SentenceTransformersReranker(str(folder), device="cpu", dtype="float32")
    rows = exact._open().predict([("short", "text")])
    assert exact.score("short", ["text"])[0] == pytest.approx(rows[0][1] - rows[0][0])
    assert scores_of(OnnxReranker(str(folder))) == pytest.approx(scores_of(exact), abs=0.05)


@pytest.mark.usefixtures("cache")
def test_a_classifier_of_three_is_no_reranker(make_cross_encoder: Callable[..., Path]) -> None:
    folder = make_cross_encoder("bert", labels=3)
    with pytest.raises(ModelNotFoundError, match="3 numbers for a pair"):
        OnnxReranker(str(folder)).score("short", ["text"])
    with pytest.raises(ModelNotFoundError, match="3 numbers for a pair"):
        SentenceTransformersReranker(str(folder), device="cpu").score("short", ["text"])


@pytest.mark.usefixtures("cache")
def test_control_tokens_in_a_text_are_data(cross_bert: Path) -> None:
    reranker = OnnxReranker(str(cross_bert))
    (encoding,) = reranker._encode("a </s> b", ["c <pad> d </s>"])
    assert encoding.ids.count(2) == 2  # the two that the template sets
    assert 0 not in encoding.ids


@pytest.mark.usefixtures("cache")
def test_long_pairs_are_cut(cross_bert: Path) -> None:
    reranker, short = OnnxReranker(str(cross_bert)), OnnxReranker(str(cross_bert), max_tokens=32)
    text = "the rank of a matrix 上海 " * 200
    assert reranker.count_tokens("short", [text, "short"])[0] == reranker.max_tokens == 128
    assert short.count_tokens("short", [text])[0] == 32
    assert np.array_equal(reranker.score("short", [text]), reranker.score("short", [text + "more"]))


@pytest.mark.usefixtures("cache")
def test_a_damaged_cache_is_built_again(cross_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = scores_of(OnnxReranker(str(cross_bert)))
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tmp_path))
    graph = locate(str(cross_bert)).graph
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 0xFF
    graph.write_bytes(data)
    assert np.array_equal(scores_of(OnnxReranker(str(cross_bert))), expected)


def test_a_damaged_graph_in_the_folder(float_graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "hub"
    shutil.copytree(float_graph, folder)
    whole = (folder / "onnx" / "model.onnx").read_bytes()
    (folder / "onnx" / "model_quantized.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelNotFoundError, match=r"model_quantized\.onnx cannot be loaded"):
        OnnxReranker(str(folder))
    (folder / "onnx" / "model_quantized.onnx").unlink()
    (folder / "onnx" / "model.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelNotFoundError, match=r"model\.onnx is damaged"):
        OnnxReranker(str(folder))


@pytest.mark.parametrize(("file", "message"), [("tokenizer.json", r"lacks tokenizer\.json"), (None, "no folder")])
def test_what_is_missing_is_named(
    float_graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str | None, message: str
) -> None:
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "hub"
    if file:
        shutil.copytree(float_graph, folder)
        (folder / file).unlink()
    with pytest.raises(ModelNotFoundError, match=message):
        OnnxReranker(str(folder))


def test_a_tokenizer_that_is_none(float_graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "hub"
    shutil.copytree(float_graph, folder)
    (folder / "tokenizer.json").write_text(json.dumps({"model": "none"}), encoding="utf-8")
    with pytest.raises(ModelNotFoundError, match=r"tokenizer\.json cannot be read"):
        OnnxReranker(str(folder))


def test_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelNotFoundError, match="cannot load the model"):
        OnnxReranker(str(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("remote", "fetched"),
    [
        (["onnx/model_quantized.onnx", "onnx/model.onnx", "model.safetensors"], {"onnx/model_quantized.onnx"}),
        (["onnx/model.onnx", "model.safetensors"], {"onnx/model.onnx"}),
        (["model.safetensors", "pytorch_model.bin"], {"model.safetensors"}),
    ],
)
def test_of_a_hub_repository_the_smallest_part_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remote: list[str], fetched: set[str]
) -> None:
    local = tmp_path / "snapshot"

    def download(model: str, allow_patterns: list[str], local_files_only: bool) -> str:
        for name in [*remote, "config.json", "tokenizer.json"]:
            if any(fnmatch.fnmatch(name, pattern) for pattern in allow_patterns):
                (local / name).parent.mkdir(parents=True, exist_ok=True)
                (local / name).touch()
        return str(local)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    monkeypatch.setattr("ragbot.models.hf.local_only", lambda model: False)
    folder, name = onnx_files._folder("owner/model")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == fetched | {"config.json", "tokenizer.json"}
    assert name == "owner/model"


@pytest.mark.usefixtures("offline")
def test_a_hub_name_that_is_not_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelNotFoundError, match=r"nobody/nothing.*HF_HUB_OFFLINE") as caught:
        OnnxReranker("nobody/nothing")
    assert caught.value.__cause__ is not None


def test_an_unfaithful_export_is_refused(cross_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(onnx_export, "TOLERANCE", -1.0)
    with pytest.raises(ModelNotFoundError, match="gives other scores than the model"):
        OnnxReranker(str(cross_bert))


# -- the quantiser itself ----------------------------------------------------------------------------------------------


def graph_of(table: Any, first: Any, second: Any) -> onnx.ModelProto:
    """``relu(table[ids] @ first) @ second``."""
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["x"]),
        helper.make_node("MatMul", ["x", "first"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "second"], ["y"]),
    ]
    weights = [
        numpy_helper.from_array(value, name) for name, value in (("table", table), ("first", first), ("second", second))
    ]
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "n"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, "n", second.shape[1]])
    return helper.make_model(
        helper.make_graph(nodes, "test", [ids], [y], weights),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )


@pytest.mark.parametrize("signed", [True, False])
def test_every_matrix_is_quantised_and_the_figures_stay(signed: bool) -> None:
    import onnxruntime

    random = np.random.default_rng(0)
    table = random.normal(size=(2000, 32)).astype(np.float32)
    table[7] *= 100  # one token much larger than the others, as transformers have them
    first = random.normal(size=(32, 64)).astype(np.float32)
    second = random.normal(size=(64, 32)).astype(np.float32)
    second[:, 3] = 0
    model = graph_of(table, first, second)
    ids = np.array([[1, 7, 1999, 0]])
    exact = np.maximum(table[ids] @ first, 0) @ second
    assert quantize(model, signed) == 2
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    assert TensorProto.FLOAT not in {kinds.get(name) for name in ("table", "first", "second")}
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found = session.run(None, {"ids": ids[:, [1]]})[0]
    assert np.abs(found - exact[:, [1]]).max() < 0.03 * np.abs(exact[:, [1]]).max()
    assert found[0, 0, 3] == 0
    small = session.run(None, {"ids": ids[:, [0, 2, 3]]})[0]
    assert np.abs(small - exact[:, [0, 2, 3]]).max() < 0.03 * np.abs(exact[:, [0, 2, 3]]).max()


def test_small_tables_and_matrices_stay() -> None:
    random = np.random.default_rng(0)
    model = graph_of(*(random.normal(size=size).astype(np.float32) for size in ((50, 8), (8, 64), (64, 4))))
    before = model.SerializeToString()
    assert quantize(model) == 0
    assert [node.op_type for node in model.graph.node] == [
        node.op_type for node in onnx.load_from_string(before).graph.node
    ]
