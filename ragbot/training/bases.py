"""Base models by name: the bundled one as transformers wants it, a folder, or a name on the hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ragbot.models import hf
from ragbot.models.llms.bundled import HUB_NAME

BUNDLED = "bundled"
BUNDLED_NAME = HUB_NAME
ALTERNATIVES = "give --base bundled"
#: What is fetched of a model on the hub: no pickled weights, no code.
_FILES = ("*.json", "*.safetensors", "tokenizer*", "*.model", "*.txt")


@dataclass(frozen=True, slots=True)
class Base:
    """A model that can be trained: the folder that holds it, and the name that adapters give it."""

    folder: Path
    name: str


def shown(name: str) -> str:
    """A base's name as it may be published: of a folder on this machine its last part."""
    folder = Path(name).expanduser()
    return folder.resolve().name if folder.is_dir() else name


def find_base(spec: str) -> Base:
    """The base model that ``spec`` names: ``bundled``, a folder, or ``owner/name`` on the hub, which is fetched.

    Raises:
        MissingExtraError: a package is missing.
        ModelNotFoundError: there is no such model, or it cannot be fetched.
        StorageError: the cache has no room for the bundled model (536 MB).
    """
    if spec in (BUNDLED, BUNDLED_NAME):
        from ragbot.models.bundled import build_once
        from ragbot.models.llms.bundled import CACHE_NAME, build

        return Base(build_once(CACHE_NAME, build), BUNDLED_NAME)
    hf.require("A base model", "torch", "transformers")
    with hf.loading(spec, ALTERNATIVES):
        folder = Path(spec).expanduser()
        if folder.is_dir():
            if not (folder / "config.json").is_file():
                raise OSError("it has no config.json")
            return Base(folder, spec)
        from huggingface_hub import snapshot_download

        return Base(
            Path(snapshot_download(spec, allow_patterns=list(_FILES), local_files_only=hf.local_only(spec))), spec
        )
