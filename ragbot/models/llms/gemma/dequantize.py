"""Blocks of quantised weights to float32, by the layouts of ggml (``ggml-common.h``): Q8_0, Q5_0, Q4_K, Q6_K.

Each block holds neighbouring values of one row. ``packed`` is always ``(blocks, bytes of a block)``, the result
``(blocks, values of a block)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Block:
    """A layout: values and bytes of one block, and how it is unpacked."""

    name: str
    values: int
    size: int
    unpack: Callable[[Bytes], Floats]


def _f32(packed: Bytes) -> Floats:
    return packed.view("<f4").astype(np.float32)


def _f16(packed: Bytes) -> Floats:
    return packed.view("<f2").astype(np.float32)


def _bf16(packed: Bytes) -> Floats:
    # bfloat16 is the upper half of a float32.
    return (packed.view("<u2").astype(np.uint32) << 16).view(np.float32)


def _q8_0(packed: Bytes) -> Floats:
    """A scale (float16) and 32 signed bytes."""
    return _half(packed[:, :2]) * packed[:, 2:].view(np.int8)


def _q5_0(packed: Bytes) -> Floats:
    """A scale, 32 fifth bits, 16 bytes of lower bits: the first 16 values in the low halves, the rest in the high."""
    fifth = np.unpackbits(packed[:, 2:6], axis=1, bitorder="little")
    low = packed[:, 6:]
    integers = np.concatenate([low & 15, low >> 4], axis=1) | (fifth << 4)
    unpacked: Floats = _half(packed[:, :2]) * (integers.astype(np.int8) - np.int8(16))
    return unpacked


def _q4_k(packed: Bytes) -> Floats:
    """256 values: a scale for scales, one for minima, 8 six-bit scales and minima, and 4 bits a value."""
    head = packed[:, 4:16]
    low, minima, high = head[:, :4], head[:, 4:8], head[:, 8:]
    scales = np.concatenate([low & 63, (high & 15) | ((low >> 6) << 4)], axis=1)
    offsets = np.concatenate([minima & 63, (high >> 4) | ((minima >> 6) << 4)], axis=1)
    step = _half(packed[:, :2]) * scales
    least = _half(packed[:, 2:4]) * offsets
    # Each 32 bytes hold two runs of 32 values: one in the low halves, one in the high.
    nibbles = packed[:, 16:].reshape(-1, 4, 1, 32) >> np.array([0, 4], np.uint8)[:, None]
    values = (nibbles & 15).reshape(-1, 8, 32)
    unpacked: Floats = (step[:, :, None] * values - least[:, :, None]).reshape(len(packed), 256)
    return unpacked


def _q6_k(packed: Bytes) -> Floats:
    """256 values: 4 low bits, 2 high bits a value, 16 signed scales, and a scale for those."""
    shifts = np.array([0, 4], np.uint8)[:, None]
    low = (packed[:, :128].reshape(-1, 2, 1, 64) >> shifts) & 15
    pairs = np.array([0, 2, 4, 6], np.uint8)[:, None]
    high = (packed[:, 128:192].reshape(-1, 2, 1, 32) >> pairs) & 3
    integers = low.reshape(-1, 256) | (high.reshape(-1, 256) << 4)
    step = _half(packed[:, 208:]) * packed[:, 192:208].view(np.int8)
    centred = (integers.astype(np.int8) - np.int8(32)).reshape(-1, 16, 16)
    unpacked: Floats = (step[:, :, None] * centred).reshape(len(packed), 256)
    return unpacked


def _half(packed: Bytes) -> Floats:
    return np.ascontiguousarray(packed).view("<f2").astype(np.float32)


#: Layouts by the numbers that GGUF gives them.
BLOCKS = {
    0: Block("F32", 1, 4, _f32),
    1: Block("F16", 1, 2, _f16),
    6: Block("Q5_0", 32, 22, _q5_0),
    8: Block("Q8_0", 32, 34, _q8_0),
    12: Block("Q4_K", 256, 144, _q4_k),
    14: Block("Q6_K", 256, 210, _q6_k),
    30: Block("BF16", 1, 2, _bf16),
}
