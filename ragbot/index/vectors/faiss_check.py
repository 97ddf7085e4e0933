"""The stored vector index read without opening it: every byte for a verification, or only what it says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ragbot.errors import CorruptError
from ragbot.index.container import read_container
from ragbot.index.segment import Ints
from ragbot.index.vectors.faiss import CODES, FILE_NAME, KIND
from ragbot.index.vectors.faiss_part import Part
from ragbot.index.vectors.faiss_quantizer import Quantizer

#: Rows that are read at once.
_ROWS = 8_192


def read_whole(folder: Path, identity: str) -> tuple[dict[str, Any], Ints]:
    """The metadata of the index and the ids that it holds, after all checksums of all its files were compared.

    Of an index that was made from another catalog than ``identity``, only the first file is read.

    Raises:
        CorruptError: something is damaged.
        FileNotFoundError: a file is missing.
    """
    metadata, arrays = read_container(folder / FILE_NAME, KIND)
    if metadata["catalog"] != identity:
        return metadata, arrays["ids"]
    if metadata["quantizer"] is not None and metadata.get("codes") == CODES:
        Quantizer.read(folder / Path(metadata["quantizer"]).name)
    ids = [np.empty(0, np.int64)]
    for name in metadata["parts"]:
        part, _ = Part.read(folder, Path(name).name)
        for begin in range(0, len(part), _ROWS):
            damaged = part.vectors(np.arange(begin, min(begin + _ROWS, len(part))))[1]
            if len(damaged):
                row = begin + int(damaged[0])
                raise CorruptError(f"{folder / str(part.rows_name)} is damaged (checksum of its row {row})")
        ids.append(part.ids)
    held = np.sort(np.concatenate(ids))
    # What only one of the two holds is of no use.
    return metadata, held if np.array_equal(held, arrays["ids"]) else np.intersect1d(held, arrays["ids"])


def describe(folder: Path) -> str | None:
    """How the stored index searches (``flat``, ``pq192x4``, …); None where there is none that can be read."""
    try:
        return str(read_container(folder / FILE_NAME, KIND)[0]["description"])
    except (FileNotFoundError, CorruptError):
        return None
