"""Weights to eight bits, with one scale for each row: symmetric, 127 steps on each side of zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ragbot.models.llms.gemma.weights import Floats

STEPS = 127
#: Rows quantised at once: bounds what the float32 of the whole vocabulary takes.
ROWS = 8192
#: Unsigned bytes stand for -128 to 127 with this added.
MIDDLE = 128


@dataclass(frozen=True)
class Int8Matrix:
    """``integers * scales[:, None]`` is about the matrix ``(out, in)``."""

    integers: npt.NDArray[np.int8]
    scales: Floats

    def stored(self, signed: bool) -> npt.NDArray[np.int8] | npt.NDArray[np.uint8]:
        """The integers as a graph holds them: as they are, or unsigned with :data:`MIDDLE` added."""
        return self.integers if signed else flipped(self.integers.view(np.uint8))


def flipped(stored: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Signed bytes to unsigned with :data:`MIDDLE` added, and back: both are a flip of the highest bit."""
    turned: npt.NDArray[np.uint8] = stored ^ np.uint8(MIDDLE)
    return turned


def to_int8(matrix: Floats) -> Int8Matrix:
    """``matrix`` ``(out, in)`` in eight bits; a row of zeros stays one."""
    integers = np.empty(matrix.shape, np.int8)
    scales = np.empty(len(matrix), np.float32)
    for begin in range(0, len(matrix), ROWS):
        part = matrix[begin : begin + ROWS]
        largest = np.abs(part).max(axis=1)
        scale = np.where(largest > 0, largest / STEPS, 1).astype(np.float32)
        scales[begin : begin + ROWS] = scale
        integers[begin : begin + ROWS] = np.rint(part / scale[:, None])
    return Int8Matrix(integers, scales)
