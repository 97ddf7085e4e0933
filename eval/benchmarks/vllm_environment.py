"""An environment of vLLM's own: what it pins does not go together with our packages.

    python -m eval.benchmarks.vllm_environment

installs the CPU build that ``vllm_requirements.txt`` lists into the cache, once, and prints the path of its Python. A
GPU build is served the same way: docs/serving-vllm.md.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

from filelock import FileLock, Timeout

from ragbot.errors import RagbotError
from ragbot.models.bundled import cache_root, sha256

PINS = Path(__file__).with_name("vllm_requirements.txt")


def folder() -> Path:
    """Where the environment is, or will be: another one for other pins and another Python."""
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    return cache_root() / "environments" / f"vllm-{version}-{sha256(PINS)[:12]}"


def python() -> Path | None:
    """The environment's Python; None where it has not been installed."""
    path = folder() / "bin" / "python"
    return path if path.exists() else None


def install() -> Path:
    """Install the environment unless it is there; returns its Python.

    It appears whole or not at all; processes that want it wait for each other.

    Raises:
        RagbotError: pip failed.
    """
    target = folder()
    target.parent.mkdir(parents=True, exist_ok=True)
    with _lock():
        if (found := python()) is not None:
            return found
        partial = target.with_name(f"{target.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            venv.create(partial, with_pip=False, symlinks=True)
            _pip(partial / "bin" / "python")
            # Nothing in it is started by its own path but the interpreter: it may be moved.
            partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return target / "bin" / "python"


def wait(seconds: float) -> Path | None:
    """The environment's Python, once nobody installs it any more; None where it is missing then."""
    if not _lock_file().exists():
        return python()
    try:
        with _lock().acquire(timeout=seconds):
            return python()
    except Timeout:
        return None


def _pip(interpreter: Path) -> None:
    # Modules are compiled when they are first imported: most of them never are.
    options = ["--quiet", "--no-deps", "--no-compile", "--disable-pip-version-check", "--requirement", str(PINS)]
    command = [sys.executable, "-m", "pip", "--python", str(interpreter), "install", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RagbotError(
            f"pip could not install vLLM's CPU build ({done.stderr.strip()[-500:]}): it needs Linux on x86-64, and an index "
            "that has the CPU build of torch"
        )


def _lock_file() -> Path:
    return folder().with_suffix(".lock")


def _lock() -> FileLock:
    return FileLock(_lock_file())


if __name__ == "__main__":
    print(install())
