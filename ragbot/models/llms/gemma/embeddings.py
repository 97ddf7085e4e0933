"""The vectors of the vocabulary, mapped from the file that the output layer maps, too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ragbot.models.llms.gemma.quantize import flipped
from ragbot.models.llms.gemma.weights import Floats


class Embeddings:
    """A table ``(vocabulary, hidden)`` of bytes with one scale a row; only the rows of a text's tokens are read.

    Args:
        table: the file of the bytes.
        scales: the file of the scales.
        smooth: what the channels of the output layer are multiplied with (see ``smoothing.py``), and these not.
        signed: whether the bytes are.
    """

    def __init__(self, table: Path, scales: Path, smooth: Path, signed: bool) -> None:
        self._scales = np.fromfile(scales, np.float32)
        self._table = np.memmap(table, np.uint8, "r").reshape(len(self._scales), -1)
        self._signed = signed
        # Gemma multiplies what it looks up, and not what it compares with in the end.
        self._factors = np.float32(np.sqrt(self._table.shape[1])) / np.fromfile(smooth, np.float32)

    def __len__(self) -> int:
        return len(self._scales)

    def __call__(self, ids: npt.NDArray[np.int64]) -> Floats:
        """The network's input for ``ids``: ``(len(ids), hidden)`` float32."""
        vectors: Floats = self.compared(ids) * self._factors
        return vectors

    def compared(self, ids: npt.NDArray[np.int64]) -> Floats:
        """What the output layer compares a hidden state with, for ``ids``: ``(len(ids), hidden)`` float32."""
        rows = self._table[ids]
        integers = (rows if self._signed else flipped(rows)).view(np.int8)
        vectors: Floats = integers * self._scales[ids, None]
        return vectors
