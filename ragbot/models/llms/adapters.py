"""LoRA adapters over a transformers model, from folders in peft's format or from the hub; safetensors only."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ragbot.errors import MissingExtraError, ModelNotFoundError, SettingsError

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
#: The name under which a call asks for the bare model.
BASE = "none"
NAME = re.compile(r"\w[\w-]*")


def named(adapters: str | Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """Names to folders: those given, or the last part of each folder's (or hub) name.

    Raises:
        SettingsError: two have one name, or a name that peft does not take.
    """
    if isinstance(adapters, Mapping):
        pairs = list(adapters.items())
    else:
        folders = [adapters] if isinstance(adapters, str) else list(adapters)
        pairs = [(Path(folder).expanduser().resolve().name.replace(".", "-"), folder) for folder in folders if folder]
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1 or name == BASE or not NAME.fullmatch(name):
            raise SettingsError(
                f"an adapter cannot be called {name!r}: give each a name of its own, of letters, digits, _ and -, and not "
                f"{BASE!r}, as adapters={{NAME: FOLDER}}"
            )
    return dict(pairs)


def find(name: str, folder: str) -> Path:
    """The folder that holds the adapter, which is fetched where ``folder`` is a name on the hub.

    Raises:
        ModelNotFoundError: it is not there, pickled, or no LoRA.
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        path = _fetch(folder)
    missing = [file for file in (CONFIG, WEIGHTS) if not (path / file).is_file()]
    if missing:
        pickled = " (pickled weights are never loaded: save it with save_pretrained)" if _pickled(path) else ""
        raise ModelNotFoundError(
            f"the adapter {name!r} in {path} lacks {' and '.join(missing)}{pickled}: give the folder that peft wrote"
        )
    try:
        config = json.loads((path / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelNotFoundError(f"{path / CONFIG} cannot be read ({error}): write the adapter again") from error
    kind = config.get("peft_type") if isinstance(config, dict) else None
    if kind != "LORA":
        raise ModelNotFoundError(f"the adapter {name!r} is of type {kind!r}: only LORA can be merged and switched")
    return path


def attach(model: Any, adapters: Mapping[str, str], *, merge: bool) -> Any:
    """``model`` with ``adapters`` over it, the first one active; with ``merge`` the one adapter is part of the weights.

    Raises:
        MissingExtraError: peft is not installed.
        ModelNotFoundError: an adapter cannot be read, or was made for another model.
        SettingsError: ``merge`` with several adapters.
    """
    try:
        from peft import PeftModel
    except ImportError as error:
        raise MissingExtraError("A LoRA adapter", "hf") from error
    from safetensors import SafetensorError

    if merge and len(adapters) > 1:
        raise SettingsError(f"int8 takes one adapter, not {len(adapters)}: choose one, or another dtype")
    wrapped = None
    for name, folder in adapters.items():
        path = find(name, folder)
        try:
            with warnings.catch_warnings():
                # peft asks transformers 5 for a property by its old name.
                warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
                if wrapped is None:
                    wrapped = PeftModel.from_pretrained(model, str(path), adapter_name=name)
                else:
                    wrapped.load_adapter(str(path), adapter_name=name)
        except (RuntimeError, ValueError, KeyError, TypeError, OSError, SafetensorError) as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelNotFoundError(
                f"the adapter {name!r} in {path} does not fit this model ({reason}): use the model that it was trained on "
                f"(base_model_name_or_path in its {CONFIG})"
            ) from error
    assert wrapped is not None
    return wrapped.merge_and_unload(safe_merge=True) if merge else wrapped


def _pickled(path: Path) -> bool:
    return any(path.glob("adapter_model.bin"))


def _fetch(name: str) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    from ragbot.models import hf

    try:
        only_here = hf.local_only(name)
        hf_hub_download(name, WEIGHTS, local_files_only=only_here)
        return Path(hf_hub_download(name, CONFIG, local_files_only=only_here)).parent
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelNotFoundError(
            f"there is no adapter {name!r}, neither a folder nor on the hub ({reason}): give the folder that holds "
            f"{CONFIG} and {WEIGHTS}"
        ) from error
