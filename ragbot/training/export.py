"""An adapter and its base as one model: a folder with safetensors, or a GGUF file by llama.cpp's converter."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from ragbot.errors import ModelNotFoundError, RagbotError, UserError
from ragbot.models import hf
from ragbot.training.bases import ALTERNATIVES, find_base

FORMATS = ("merged", "gguf")
#: Names of llama.cpp's converter on the PATH.
CONVERTERS = ("convert_hf_to_gguf.py", "convert-hf-to-gguf", "convert_hf_to_gguf")
GGUF = "model-bf16.gguf"
_CONFIG = "adapter_config.json"


def base_name(adapter: Path) -> str:
    """The base model that an adapter names. Raises ModelNotFoundError where ``adapter`` is none."""
    path = adapter / _CONFIG
    try:
        name = json.loads(path.read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelNotFoundError(
            f"{adapter} holds no adapter ({_CONFIG} cannot be read: {error}): give the folder that ragbot train lora named"
        ) from error
    return str(name)


def export_model(
    adapter: Path, output: Path, format_: str = "merged", base: str | None = None, converter: Path | None = None
) -> Path:
    """Write the adapter and its base as one model into ``output``; returns that folder, or the GGUF file in it.

    Args:
        adapter: folder of a LoRA adapter, or of a whole model (of full fine-tuning).
        output: a folder that does not exist yet, or is empty.
        format_: one of :data:`FORMATS`.
        base: the base model (default: the one that the adapter names).
        converter: llama.cpp's convert_hf_to_gguf.py (default: looked for on the PATH).

    Raises:
        UserError: no such format, ``output`` holds something, or the converter is missing or fails.
        ModelNotFoundError: the adapter or its base cannot be loaded, or it is of a kind that cannot be merged.
    """
    if format_ not in FORMATS:
        raise UserError(f"--format {format_!r}: choose one of {', '.join(FORMATS)}")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(f"{output} is there already: name a new folder with --output")
    script = find_converter(converter) if format_ == "gguf" else None  # before anything heavy is done
    fresh = output.with_name(f"{output.name}.partial")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        _merge(adapter, fresh, base)
        if script:
            _convert(script, fresh)
        output.parent.mkdir(parents=True, exist_ok=True)
        if output.exists():
            output.rmdir()
        fresh.rename(output)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return output / GGUF if script else output


def find_converter(path: Path | None) -> Path:
    """llama.cpp's converter. Raises UserError where it is not installed."""
    if path is not None:
        if not path.is_file():
            raise UserError(f"--converter {path}: there is no such file; name llama.cpp's convert_hf_to_gguf.py")
        return path
    found = next((where for name in CONVERTERS if (where := shutil.which(name))), None)
    if found is None:
        raise UserError(
            "--format gguf needs llama.cpp's convert_hf_to_gguf.py, which is not on the PATH: get llama.cpp and name the "
            "file with --converter, or write safetensors with --format merged"
        )
    return Path(found)


def _merge(adapter: Path, folder: Path, base: str | None) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from ragbot.models.llms.adapters import attach

    whole = (adapter / "config.json").is_file() and not (adapter / _CONFIG).is_file()
    source = adapter if whole else find_base(base or base_name(adapter)).folder
    with hf.loading(str(source), ALTERNATIVES):
        tokenizer = AutoTokenizer.from_pretrained(source)
        # Merged in float32: in bfloat16 most of a small change is rounded away before it is added.
        model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, use_safetensors=True)
    if not whole:
        model = attach(model, {"default": str(adapter)}, merge=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _convert(script: Path, folder: Path) -> None:
    command = [sys.executable, str(script), str(folder), "--outfile", str(folder / GGUF), "--outtype", "bf16"]
    if script.suffix != ".py":
        command = command[1:]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not (folder / GGUF).is_file():
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it wrote no file"]
        raise RagbotError(
            f"{script} failed ({reason[0]}): it needs the packages of llama.cpp's requirements.txt beside it; "
            "--format merged works without it"
        )
