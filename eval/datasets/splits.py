"""``splits.json``, which lies beside files in SQuAD's format and says what each article may be used for."""

from __future__ import annotations

import json
from pathlib import Path

from eval.datasets.base import PARTS
from ragbot.errors import SourceError

FILE = "splits.json"


def read_splits(folder: Path) -> dict[str, dict[str, list[int]]]:
    """``splits.json`` of ``folder``: for each file (by its stem), the indices of its train, dev and test articles.

    Raises:
        SourceError: the file is missing, or not of this form.
    """
    path = folder / FILE
    try:
        splits = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}; check the folder of the question sets") from error
    except ValueError as error:
        raise SourceError(f"{path} is not JSON ({error}); mend it, or remove it to go without parts") from error
    if not _is_of_this_form(splits):
        raise SourceError(
            f'{path} must map file stems to parts and parts to article indices, as {{"set": {{"test": [0, 3]}}}} '
            f"(parts: {', '.join(PARTS)}); mend it, or remove it to go without parts"
        )
    return {name: {part: list(indices) for part, indices in parts.items()} for name, parts in splits.items()}


def _is_of_this_form(splits: object) -> bool:
    return isinstance(splits, dict) and all(
        isinstance(parts, dict)
        and all(
            part in PARTS and isinstance(indices, list) and all(type(index) is int for index in indices)
            for part, indices in parts.items()
        )
        for parts in splits.values()
    )
