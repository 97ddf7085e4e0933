"""The adapters that ragbot itself ships: trained weights on top of the bundled ones."""

from __future__ import annotations

from pathlib import Path


def adapter_folder(name: str) -> Path:
    """Where the adapter ``name`` is: inside the installed package, or in ``data/adapters`` beside the code.

    The folder need not exist: who loads it says what is missing.
    """
    package = Path(__file__).parents[1]
    shipped = package / "adapters" / name
    return shipped if shipped.is_dir() else package.parent / "data" / "adapters" / name
