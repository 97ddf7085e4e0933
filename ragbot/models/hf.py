"""What the backends on Hugging Face libraries share: where they run, in which precision, and how they fail."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from ragbot.errors import MissingExtraError, ModelNotFoundError

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

#: CPU flags (as Linux lists them) of machines with matrix units for bfloat16: x86 and Arm. ``avx512_bf16`` is not among
#: them: with it alone, a product of 512 rows takes twice as long in bfloat16 as in float32, and one row (a step of
#: decoding) as long as in float32 (torch 2.13, 640 x 2048: 15.8 and 8.1 ms; 0.17 and 0.17 ms).
BFLOAT16_FLAGS = frozenset({"amx_bf16", "bf16"})
#: Where float32 weights would take more than this part of the memory that is free, they are kept in bfloat16.
MEMORY_SHARE = 0.5
#: Seconds that the hub has to show that it is there.
HUB_PATIENCE = 5.0
CPU_INFO = Path("/proc/cpuinfo")
MEMORY_INFO = Path("/proc/meminfo")


def require(feature: str, *modules: str) -> None:
    """Import the optional packages that ``feature`` needs.

    Raises:
        MissingExtraError: one of them is not installed.
    """
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise MissingExtraError(feature, "hf") from error


def pick_device(device: str = "auto") -> str:
    """``device`` itself, or for ``auto`` the best that torch sees: ``cuda``, ``mps`` or ``cpu``."""
    import torch

    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def pick_dtype(device: str, parameters: int = 0) -> torch.dtype:
    """The fastest precision of ``device``: bfloat16, else float16 on an accelerator and float32 on a CPU.

    A CPU without matrix units takes bfloat16, too, where ``parameters`` weights of 4 bytes would fill its memory.
    """
    import torch

    kind = device.partition(":")[0]
    if kind == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if kind == "cpu":
        # Without matrix units bfloat16 is slower than float32, and so is float16.
        crowded = 4 * parameters > MEMORY_SHARE * free_memory()
        return torch.bfloat16 if cpu_has_bfloat16() or crowded else torch.float32
    return torch.float16


def cpu_has_bfloat16() -> bool:
    """Whether this CPU has matrix units for bfloat16 (only Linux tells)."""
    try:
        lines = CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return not BFLOAT16_FLAGS.isdisjoint(flags.split())


def free_memory() -> float:
    """Bytes that a new model may take on this machine; infinite where the system does not tell (only Linux does)."""
    try:
        lines = MEMORY_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return float("inf")
    return next((1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), float("inf"))


def parameters(model: str) -> int:
    """About how many weights the folder ``model`` holds, by the size of its files (2 bytes each); 0 for a hub name."""
    return sum(file.stat().st_size for file in Path(model).expanduser().glob("*.safetensors")) // 2


def local_only(model: str) -> bool:
    """Whether ``model`` is to be looked for on this machine alone: it is a folder, or no hub answers.

    Asked first, because the libraries try an unreachable hub for more than a minute, even for a model in the cache.
    """
    import httpx
    from huggingface_hub import constants

    if Path(model).expanduser().is_dir() or constants.HF_HUB_OFFLINE:
        return True
    try:
        httpx.head(constants.ENDPOINT, timeout=HUB_PATIENCE)
    except httpx.TransportError as error:
        log.warning("%s cannot be reached (%s): looking for %s in the cache only", constants.ENDPOINT, error, model)
        return True
    return False


@contextmanager
def loading(model: str, alternatives: str) -> Iterator[None]:
    """Translate what the libraries raise while they load ``model`` (a folder or a hub name).

    Raises:
        ModelNotFoundError: it is not there, cannot be fetched, is damaged, or would have to run code or unpickle.
    """
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError
    from safetensors import SafetensorError

    path = Path(model).expanduser()
    if model.startswith((".", "/", "~")) and not path.is_dir():
        raise ModelNotFoundError(f"there is no folder {model}: give the folder of a model, or {alternatives}")
    try:
        with _quiet() if path.is_dir() else nullcontext():
            yield
    except (OSError, ValueError, KeyError, HfHubHTTPError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelNotFoundError(
            f"cannot load the model {model!r} ({reason}). {_next_step(path, constants.HF_HUB_OFFLINE)} or {alternatives}"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars: there is nothing to wait for where nothing is downloaded."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _next_step(path: Path, offline: bool) -> str:
    if path.is_dir():
        return (
            f"Check that {path} holds a complete model with its config, tokenizer and *.safetensors weights (pickled "
            "weights and code inside a model are never run),"
        )
    if offline:
        return "HF_HUB_OFFLINE is set and the model is not in the local cache: unset it, give a folder that holds it,"
    return "Check the name and the connection to the hub, give a folder that holds it,"


def encodable(text: str) -> str:
    """``text`` with lone surrogates, which no tokenizer and no server takes, replaced by question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
