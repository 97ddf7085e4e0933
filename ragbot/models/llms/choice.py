"""Whether the bundled reader can be used here."""

from __future__ import annotations

import importlib.util

from ragbot.errors import ModelNotFoundError
from ragbot.models.registry import READER
from ragbot.models.shipped import adapter_folder

#: What the reader runs on, by import name.
NEEDED = ("onnxruntime", "tokenizers")


def why_no_reader() -> str:
    """What the bundled reader lacks here, in words; empty: nothing."""
    from ragbot.models.llms.bundled import PARTS

    absent = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if absent:
        return f"{' and '.join(absent)} not installed"
    lacking = no_adapter()
    if lacking:
        return lacking
    try:
        for part in PARTS:
            part.locate()
    except ModelNotFoundError as error:
        return f"the bundled reader is not installed ({error})"
    return ""


def no_adapter() -> str:
    """Why the reader that ragbot ships is not there, in words; empty: it is."""
    return "" if adapter_folder(READER).is_dir() else "this copy of ragbot comes without the reader's adapter"
