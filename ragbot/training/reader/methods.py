"""What of a base model is trained: an adapter of one of peft's kinds, or all of it.

LoRA (Hu and others 2021, https://arxiv.org/abs/2106.09685) and QLoRA (Dettmers and others 2023,
https://arxiv.org/abs/2305.14314) change the linear layers; prefix tuning (Li and Liang 2021,
https://arxiv.org/abs/2101.00190), prompt tuning (Lester and others 2021, https://arxiv.org/abs/2104.08691) and
p-tuning (Liu and others 2021, https://arxiv.org/abs/2103.10385) put trained tokens in front of the context.
"""

from __future__ import annotations

import importlib.util
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ragbot.errors import MissingExtraError, UserError
from ragbot.models import hf
from ragbot.models.bundled import sha256
from ragbot.training.half import halve, halve_attention, is_fast
from ragbot.training.int8_base import freeze_to_int8
from ragbot.training.reader.attention import NAME, register
from ragbot.training.reader.plan import LINEAR, RATES, VIRTUAL, ReaderPlan

ALTERNATIVES = "give --base bundled"
#: Of an encoder behind p-tuning's tokens.
_ENCODER = 256


def adapted(base: Path, plan: ReaderPlan, start: Path | None = None) -> Any:
    """The base model with what is to be trained over it, on its device; all else is frozen.

    ``start`` is a LoRA adapter of the base that training goes on from.

    Raises:
        UserError: no such method, one that this machine cannot run, or a base that it cannot be put on.
        MissingExtraError: its package is not installed.
        ModelNotFoundError: ``base`` holds no model.
    """
    from transformers import AutoModelForCausalLM

    check(plan)
    register()
    on_gpu = torch.cuda.is_available()
    options: dict[str, Any] = {"dtype": torch.bfloat16 if on_gpu and plan.method != "full" else torch.float32}
    if plan.method == "qlora":
        options |= _four_bits()
    with hf.loading(str(base), ALTERNATIVES):
        model = AutoModelForCausalLM.from_pretrained(base, attn_implementation=NAME, use_safetensors=True, **options)
    if not all(hasattr(model, name) for name in ("lm_head", "model")) or not hasattr(model.model, "embed_tokens"):
        raise UserError(
            f"{base} is a {type(model).__name__}: readers are trained from models built as Llama, Gemma, Qwen and "
            "Mistral are; name one of these with --base"
        )
    if plan.method != "full":
        model.requires_grad_(False)
    if plan.int8 and plan.method == "lora" and not on_gpu:
        freeze_to_int8(model, LINEAR)
        if is_fast():
            halve(model.lm_head)
            halve_attention(model.model)
    if plan.checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    trained = _with_adapter(model, plan, start)
    if plan.compiled:
        torch._dynamo.config.recompile_limit = 64
        for layer in model.model.layers:
            layer.compile(dynamic=True)
    return trained.to(_device()) if on_gpu else trained


def check(plan: ReaderPlan) -> None:
    """Raise unless this machine can do what ``plan`` says. Raises UserError, MissingExtraError."""
    if plan.method not in RATES:
        raise UserError(f"--method {plan.method!r}: choose one of {', '.join(RATES)}")
    if plan.method == "qlora":
        if not torch.cuda.is_available():
            raise UserError(
                "--method qlora needs an NVIDIA GPU, and torch sees none here: lora does the same without 4-bit weights"
            )
        if importlib.util.find_spec("bitsandbytes") is None:
            raise MissingExtraError("QLoRA", "gpu")
    if plan.method == "prefix" and plan.checkpointing:
        raise UserError(
            "--checkpointing cannot be had with --method prefix, whose keys and values it would drop: choose another "
            "method, or leave it out"
        )


def check_start(plan: ReaderPlan, start: Path) -> str:
    """The checksum of the adapter that training is to go on from. Raises UserError where that cannot be."""
    config, weights = start / "adapter_config.json", start / "adapter_model.safetensors"
    try:
        stored = json.loads(config.read_text(encoding="utf-8"))
        found = (stored["peft_type"], stored["r"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"--start {start} holds no adapter ({error!r}): name FOLDER/best of another run") from error
    if plan.method not in ("lora", "qlora") or found != ("LORA", plan.rank) or not weights.is_file():
        raise UserError(
            f"--start {start} is a {found[0]} adapter of rank {found[1]}, and this run trains {plan.method} of rank "
            f"{plan.rank}: give it the same --method and --rank"
        )
    return sha256(weights)[:16]


def save(model: Any, tokenizer: Any, folder: Path, base: str) -> None:
    """Write what was trained into ``folder``: an adapter that names ``base``, or a whole model with its tokenizer."""
    if not hasattr(model, "peft_config"):
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return
    # The vocabulary stays as it is; to find that out by itself, peft would look for the base model on the hub.
    model.save_pretrained(folder, selected_adapters=["default"], save_embedding_layers=False)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"base_model_name_or_path": base}
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    (folder / "README.md").unlink(missing_ok=True)  # peft's, without a word of this run


def _with_adapter(model: Any, plan: ReaderPlan, start: Path | None) -> Any:
    from peft import PeftModel, get_peft_model, prepare_model_for_kbit_training

    if plan.method == "full":
        return model
    if plan.method == "qlora":
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            # What peft asks the model has another name in transformers by now.
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            if start is not None:
                going_on = PeftModel.from_pretrained(model, str(start), is_trainable=True)
                # Checkpoints look the base up by the name that the adapter gives it: that would be on the hub.
                going_on.peft_config["default"].base_model_name_or_path = model.name_or_path
                return going_on
            return get_peft_model(model, _CONFIGS[plan.method](plan))
    except ValueError as error:  # such as a base without the layers that LoRA is put on
        raise UserError(f"--method {plan.method} cannot be put on {type(model).__name__}: {error}") from error


def _lora(plan: ReaderPlan) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=plan.rank,
        lora_alpha=plan.alpha,
        lora_dropout=plan.dropout,
        target_modules=list(LINEAR),
        task_type="CAUSAL_LM",
    )


def _prefix(plan: ReaderPlan) -> Any:
    from peft import PrefixTuningConfig

    return PrefixTuningConfig(num_virtual_tokens=plan.virtual_tokens, task_type="CAUSAL_LM")


def _prompt(plan: ReaderPlan) -> Any:
    from peft import PromptTuningConfig, PromptTuningInit

    # From vectors of the vocabulary: random ones are of another size than those that the model has seen.
    return PromptTuningConfig(
        num_virtual_tokens=plan.virtual_tokens,
        prompt_tuning_init=PromptTuningInit.SAMPLE_VOCAB,
        task_type="CAUSAL_LM",
    )


def _p_tuning(plan: ReaderPlan) -> Any:
    from peft import PromptEncoderConfig

    return PromptEncoderConfig(
        num_virtual_tokens=plan.virtual_tokens, encoder_hidden_size=_ENCODER, task_type="CAUSAL_LM"
    )


_CONFIGS: dict[str, Callable[[ReaderPlan], Any]] = {
    "lora": _lora,
    "qlora": _lora,
    "prefix": _prefix,
    "prompt": _prompt,
    "p-tuning": _p_tuning,
}
assert {*_CONFIGS, "full"} == set(RATES) and set(VIRTUAL) < set(RATES)


def _four_bits() -> dict[str, Any]:
    from transformers import BitsAndBytesConfig

    return {
        "quantization_config": BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=hf.pick_dtype("cuda"),
        ),
        "device_map": {"": _device()},
    }


def _device() -> str:
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"  # set by accelerate launch
