"""Files that a browser sent, as long as they are looked at: Gradio would keep its copies until the machine is cleaned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def received(files: Sequence[str] | str | None) -> Iterator[list[Path]]:
    """The files; gone when this ends, so that no second copy of a text outlives its removal from a knowledge base.

    Args:
        files: the paths that Gradio gives to a handler, which it has checked to be its own.
    """
    paths = [Path(file) for file in ([files] if isinstance(files, str) else files or [])]
    try:
        yield paths
    finally:
        for path in paths:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            with suppress(OSError):  # Gradio makes a folder for each
                path.parent.rmdir()
