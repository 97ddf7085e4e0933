"""LoRA adapters in peft's format: read, checked, merged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragbot.errors import ModelNotFoundError
from ragbot.models.llms.gemma.adapter import AdaptedWeights, LoraAdapter, read_safetensors
from ragbot.models.llms.gemma.weights import GgufWeights

A_Q = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
B_Q = A_Q.replace("lora_A", "lora_B")


def write(path: Path, arrays: dict[str, Any], kind: str = "F32") -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, array in arrays.items():
        data = np.asarray(array, np.float32)
        raw = data.tobytes() if kind == "F32" else (data.view(np.uint32) >> 16).astype(np.uint16).tobytes()
        header[name] = {"dtype": kind, "shape": list(data.shape), "data_offsets": [len(body), len(body) + len(raw)]}
        body += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)


def test_the_product_is_added(weights: GgufWeights, adapter: Path) -> None:
    arrays = read_safetensors(adapter / "adapter_model.safetensors")
    merged = AdaptedWeights(weights, LoraAdapter(adapter))
    expected = weights.linear(0, "q_proj") + 4 * (arrays[B_Q] @ arrays[A_Q])  # alpha 8, rank 2
    assert np.allclose(merged.linear(0, "q_proj"), expected, atol=1e-5)
    assert np.array_equal(merged.linear(1, "q_proj"), weights.linear(1, "q_proj"))
    assert np.array_equal(merged.norm(0, "input"), weights.norm(0, "input"))
    assert not np.allclose(merged.linear(6, "down_proj"), weights.linear(6, "down_proj"))


def test_rank_stabilised_scaling(weights: GgufWeights, adapter: Path) -> None:
    change = LoraAdapter(adapter).change(0, "q_proj")
    configure(adapter, use_rslora=True)
    stabilised = LoraAdapter(adapter).change(0, "q_proj")
    assert change is not None
    assert stabilised is not None
    assert np.allclose(stabilised, change * np.sqrt(2), rtol=1e-5)


def test_bfloat16_is_read(tmp_path: Path) -> None:
    values = np.array([[1.0, -2.5], [0.0, 3.0e-5]], np.float32)
    write(tmp_path / "t", {"x": values}, "BF16")
    assert np.allclose(read_safetensors(tmp_path / "t")["x"], values, rtol=2**-7)


def configure(adapter: Path, **entries: Any) -> None:
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"peft_type": "IA3"}, "peft_type is 'IA3'"),
        ({"use_dora": True}, "use_dora is True"),
        ({"bias": "all"}, "bias is 'all'"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"rank_pattern": {"q_proj": 4}}, "rank_pattern"),
        ({"r": 0}, "rank r is 0"),
        ({"lora_alpha": None}, "cannot be used"),
    ],
)
def test_an_adapter_that_needs_more_than_a_merge_is_refused(adapter: Path, entries: dict[str, Any], told: str) -> None:
    configure(adapter, **entries)
    with pytest.raises(ModelNotFoundError, match=told) as caught:
        LoraAdapter(adapter)
    assert "train it on that model" in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({A_Q: np.ones((2, 640)), B_Q: np.ones((1024, 2))}, r"\(1024, 2\) times A \(2, 640\).*\(128, 64\)"),
        ({A_Q: np.ones((2, 64)), B_Q: np.ones((128, 3))}, "layer 0 q_proj"),
        ({A_Q: np.ones((2, 64))}, "only one of A and B"),
        ({}, "no matrices"),
        ({A_Q: np.full((2, 64), np.nan), B_Q: np.ones((128, 2))}, "finite"),
        ({A_Q: np.ones(64), B_Q: np.ones((128, 2))}, "not a matrix"),
        (
            {
                A_Q.replace("layers.0", "layers.9"): np.ones((2, 64)),
                B_Q.replace("layers.0", "layers.9"): np.ones((128, 2)),
            },
            "changes layer 9, and the model has 7",
        ),
        (
            {"base_model.model.model.embed_tokens.lora_embedding_A": np.ones((2, 64))},
            "embed_tokens.*only the projections",
        ),
    ],
)
def test_matrices_that_do_not_fit_are_told(
    weights: GgufWeights, adapter: Path, arrays: dict[str, Any], told: str
) -> None:
    write(adapter / "adapter_model.safetensors", arrays)
    with pytest.raises(ModelNotFoundError, match=told):
        AdaptedWeights(weights, LoraAdapter(adapter))


def test_a_folder_that_is_none_or_damaged_is_told(tmp_path: Path, adapter: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"adapter_config\.json is missing"):
        LoraAdapter(tmp_path)
    tensors = adapter / "adapter_model.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-10])
    with pytest.raises(ModelNotFoundError, match="ends within"):
        LoraAdapter(adapter)
    tensors.write_bytes(b"\x05")
    with pytest.raises(ModelNotFoundError, match="cannot be used"):
        LoraAdapter(adapter)
    tensors.unlink()
    with pytest.raises(ModelNotFoundError, match="safetensors is missing"):
        LoraAdapter(adapter)
