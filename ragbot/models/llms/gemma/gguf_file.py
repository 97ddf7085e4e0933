"""Read a GGUF file (version 3, little-endian): its metadata, and its tensors as float32, with NumPy alone.

Written from the format's specification (ggml, ``docs/gguf.md``) and the block layouts in ``ggml-common.h``. The
package ``gguf`` reads the same, but takes 15 seconds for the vocabulary alone.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ragbot.errors import ModelNotFoundError
from ragbot.models.llms.gemma.dequantize import BLOCKS, Floats

MAGIC = b"GGUF"
VERSION = 3
ALIGNMENT = 32
#: Codes of the scalar types of metadata, as ``struct`` and NumPy name them; 8 is a string, 9 an array.
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9


@dataclass(frozen=True)
class TensorInfo:
    """Where a tensor lies: ``shape`` in NumPy's order, ``offset`` in bytes from the start of the file."""

    shape: tuple[int, ...]
    kind: int
    offset: int


class GgufFile:
    """A mapped file; ``metadata`` by the file's own keys, tensors by name.

    Raises:
        ModelNotFoundError: it is no GGUF file of version 3, or it is cut off.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            if file.read(4) != MAGIC:
                raise ModelNotFoundError(
                    f"{path} is not a GGUF file: give one that llama.cpp or its tools have written"
                )
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._at = len(MAGIC)
        try:
            self.metadata, self.tensors = self._header()
        except (struct.error, ValueError, KeyError, UnicodeDecodeError) as error:
            raise self._broken(str(error)) from error

    def tensor(self, name: str, rows: Sequence[int] | None = None) -> Floats:
        """The tensor ``name`` in float32, or only these ``rows`` of it.

        Raises:
            ModelNotFoundError: there is no such tensor, or its quantisation is not one of those read here.
        """
        info = self.tensors.get(name)
        if info is None:
            raise self._broken(f"it has no tensor {name!r}")
        block = BLOCKS.get(info.kind)
        if block is None:
            known = ", ".join(kind.name for kind in BLOCKS.values())
            raise self._broken(f"the tensor {name!r} is of type {info.kind}, and {known} are read here")
        size = int(np.prod(info.shape)) // block.values * block.size
        if info.offset + size > len(self._bytes):
            raise self._broken(f"it ends within the tensor {name!r}")
        packed = np.frombuffer(self._bytes, np.uint8, size, info.offset)
        if rows is not None:
            packed = packed.reshape(info.shape[0], -1)[list(rows)]
        return block.unpack(packed.reshape(-1, block.size)).reshape(-1, *info.shape[1:])

    def _header(self) -> tuple[dict[str, Any], dict[str, TensorInfo]]:
        version = self._scalar("I")
        if version != VERSION:
            raise ValueError(f"version {version}, where {VERSION} is read here")
        tensor_count, entry_count = self._scalar("Q"), self._scalar("Q")
        metadata = {}
        for _ in range(entry_count):
            key = self._string()
            metadata[key] = self._value(self._scalar("I"))
        found = []
        for _ in range(tensor_count):
            name = self._string()
            shape = tuple(self._scalar("Q") for _ in range(self._scalar("I")))[::-1]
            found.append((name, shape, self._scalar("I"), self._scalar("Q")))
        alignment = metadata.get("general.alignment", ALIGNMENT)
        begin = -(-self._at // alignment) * alignment
        return metadata, {name: TensorInfo(shape, kind, begin + offset) for name, shape, kind, offset in found}

    def _scalar(self, code: str) -> Any:
        value = struct.unpack_from(f"<{code}", self._bytes, self._at)[0]
        self._at += struct.calcsize(f"<{code}")
        return value

    def _string(self) -> str:
        length = self._scalar("Q")
        begin = self._at
        self._at += length
        return self._bytes[begin : self._at].decode("utf-8")

    def _value(self, kind: int) -> Any:
        if kind == STRING:
            return self._string()
        if kind != ARRAY:
            return self._scalar(SCALARS[kind])
        inner, length = self._scalar("I"), self._scalar("Q")
        if inner in (STRING, ARRAY):
            return [self._value(inner) for _ in range(length)]
        values: npt.NDArray[Any] = np.frombuffer(self._bytes, np.dtype(f"<{SCALARS[inner]}"), length, self._at).copy()
        self._at += values.nbytes
        return values

    def _broken(self, reason: str) -> ModelNotFoundError:
        return ModelNotFoundError(f"{self._path} cannot be read as GGUF ({reason}): get the file again")
