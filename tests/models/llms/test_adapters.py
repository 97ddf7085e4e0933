"""LoRA adapters over a transformers model, int8 weights, and what a machine lacks."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest

from ragbot.errors import MissingExtraError, ModelNotFoundError, SettingsError
from ragbot.models.llms.adapters import named
from ragbot.models.llms.prefix_cache import PrefixCache
from ragbot.models.registry import load_chat_model

QUESTION = "What is a rank? 上海是什么？"


@pytest.fixture(scope="module")
def adapters(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two adapters with random weights."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    made = {}
    for seed, name in enumerate(("first", "second")):
        torch.manual_seed(seed)
        base = AutoModelForCausalLM.from_pretrained(tiny_llama)
        config = LoraConfig(r=4, target_modules=["q_proj", "down_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
        made[name] = tmp_path_factory.mktemp("lora") / name
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            get_peft_model(base, config).save_pretrained(str(made[name]))
    return made


def load(spec: str, **options: Any) -> Any:
    return load_chat_model(spec, **{"device": "cpu", "dtype": "float32", "max_new_tokens": 16, **options})


def test_adapters_change_the_answer_and_can_be_switched(tiny_llama: Path, adapters: dict[str, Path]) -> None:
    bare = load(f"transformers:{tiny_llama}").invoke(QUESTION).text
    alone = {
        name: load(f"transformers:{tiny_llama}+adapter={folder}").invoke(QUESTION).text
        for name, folder in adapters.items()
    }
    assert len({bare, *alone.values()}) == 3
    both = load(f"transformers:{tiny_llama}" + "".join(f"+adapter={folder}" for folder in adapters.values()))
    assert both.invoke(QUESTION).text == alone["first"]
    for _ in range(2):  # and what one has computed is no prefix of another's
        for name, expected in (("second", alone["second"]), ("none", bare), ("first", alone["first"])):
            assert both.invoke(QUESTION, adapter=name).text == expected
    with pytest.raises(SettingsError, match=r"no adapter 'third'.*first, second, none"):
        both.invoke(QUESTION, adapter="third")


def test_streams_of_two_adapters_at_once(tiny_llama: Path, adapters: dict[str, Path]) -> None:
    both = load(f"transformers:{tiny_llama}", adapters={name: str(folder) for name, folder in adapters.items()})
    alone = {name: both.invoke(QUESTION, adapter=name).text for name in adapters}
    streams = {name: both.stream(QUESTION, adapter=name) for name in adapters}
    said = dict.fromkeys(adapters, "")
    for pieces in zip(*streams.values(), strict=False):
        for name, piece in zip(streams, pieces, strict=True):
            said[name] += piece.text
    for name, stream in streams.items():
        said[name] += "".join(piece.text for piece in stream)
    assert said == alone


def test_a_folder_that_is_no_adapter(tiny_llama: Path, adapters: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"lacks adapter_config\.json and adapter_model\.safetensors"):
        load(f"transformers:{tiny_llama}+adapter={tmp_path}")
    pickled = tmp_path / "pickled"
    shutil.copytree(adapters["first"], pickled)
    (pickled / "adapter_model.safetensors").rename(pickled / "adapter_model.bin")
    with pytest.raises(ModelNotFoundError, match="never loaded"):
        load(f"transformers:{tiny_llama}+adapter={pickled}")
    prompt = tmp_path / "prompt"
    shutil.copytree(adapters["first"], prompt)
    config = prompt / "adapter_config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"LORA"', '"PROMPT_TUNING"'), encoding="utf-8")
    with pytest.raises(ModelNotFoundError, match="only LORA"):
        load(f"transformers:{tiny_llama}+adapter={prompt}")


def test_names() -> None:
    assert named(["x/reader", "./y.v2"]) == {"reader": "x/reader", "y-v2": "./y.v2"}
    assert named("a/b") == {"b": "a/b"}
    for wrong in (["a/x", "b/x"], {"none": "x"}, {"a b": "x"}):
        with pytest.raises(SettingsError, match="name of its own"):
            named(wrong)  # type: ignore[arg-type]


def test_int8_answers_nearly_the_same(tiny_llama: Path, adapters: dict[str, Path]) -> None:
    import torch

    from ragbot.models.llms.int8 import Int8Linear

    torch.manual_seed(0)
    linear = torch.nn.Linear(64, 48)
    rows = torch.randn(5, 3, 64)
    small = Int8Linear(linear)
    with torch.inference_mode():
        exact, near = linear(rows), small(rows)
        assert near.shape == exact.shape
        assert float((near - exact).abs().max()) < 0.05
        assert torch.equal(small(rows[2:3]), near[2:3])  # whatever stands beside it
    spec = f"transformers:{tiny_llama}+adapter={adapters['first']}"
    model = load(spec + "+dtype=int8")
    assert any(isinstance(module, Int8Linear) for module in model.model.modules())
    assert model.invoke(QUESTION).text[:1] == load(spec).invoke(QUESTION).text[:1]
    with pytest.raises(SettingsError, match="one adapter"):
        load(f"{spec}+adapter={adapters['second']}+dtype=int8")


def test_what_needs_a_gpu_says_so(tiny_llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r'"4bit" needs an NVIDIA GPU.*"int8"'):
        load(f"transformers:{tiny_llama}+dtype=4bit")
    with pytest.raises(SettingsError, match="float32, bfloat16"):
        load(f"transformers:{tiny_llama}+dtype=fp8")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"ragbot\[gpu\]"):
        load(f"transformers:{tiny_llama}", device="cuda", dtype="4bit")


def test_prefixes_stay_within_their_bytes() -> None:
    import torch

    def layers(tokens: int) -> Any:
        return [(torch.ones(1, 1, tokens, 4), torch.ones(1, 1, tokens, 4))]

    each = 32  # bytes of a token
    cache = PrefixCache(100 * each)
    cache.put([*range(60)], layers(60))
    cache.put([*range(100, 140)], layers(40))
    assert cache.bytes == 100 * each
    assert cache.take([*range(30), 7])[0] == 30
    assert cache.take([*range(30)], "another adapter")[0] == 0
    cache.put([*range(200, 230)], layers(30))  # the one that was used longest ago makes room
    assert cache.take([*range(100, 140)])[0] == 0
    assert cache.take([*range(60)])[0] == 60
    cache.put([*range(70)], layers(70))  # takes the place of its own front
    assert cache.bytes == 100 * each
    cache.put([*range(500, 900)], layers(400))  # too long: its front is kept
    assert cache.take([*range(500, 900)])[0] == 100
    assert cache.bytes <= cache.max_bytes
    nothing = PrefixCache(0)
    nothing.put([*range(60)], layers(60))
    assert nothing.bytes == 0
