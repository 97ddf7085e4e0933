"""An immutable part of the vector index: some vectors, exact, in memory or mapped from a file.

Two files a part: the rows as they are (float32, nothing else), and a container with their ids, a CRC-32 of each row,
and the codes that are searched. The container is compared with its checksum when it is opened; the rows, four times as
large, one by one when they are first read, so that a million open in a moment and no damaged row is used.
"""

from __future__ import annotations

import mmap
import os
import secrets
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ragbot.errors import CorruptError
from ragbot.index.container import read_container, replace_file, write_container
from ragbot.index.segment import Ints
from ragbot.index.vectors.faiss_quantizer import Codes, Quantizer
from ragbot.models.embedders.base import Vectors

KIND = "vector-part"
#: Rows of a part at most: what one deletion rewrites (50 MB of rows at 384 dimensions).
PART_ROWS = 32_768

Mask = npt.NDArray[np.bool_]


class Part:
    """Rows ascending by id; :attr:`alive` says which still count.

    Args:
        ids: ascending.
        rows: one a id; not written to.
        checksums: CRC-32 of each row; None for rows that were never in a file.
    """

    def __init__(self, ids: Ints, rows: Vectors, checksums: npt.NDArray[np.uint32] | None = None) -> None:
        self.ids = ids
        self.alive = np.ones(len(ids), bool)
        #: Names of the container and of the file of rows; None where that is not stored.
        self.name: str | None = None
        self.rows_name: str | None = None
        #: Set where a row was found that is not what was written.
        self.damaged = False
        self._rows = rows
        self._checksums = checksums
        self._intact = np.zeros(len(ids), bool)
        self._map: mmap.mmap | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def find(self, ids: Ints) -> tuple[Ints, Ints]:
        """Which of ``ids`` are alive here: their places in ``ids``, and their rows."""
        if not len(self.ids) or not len(ids):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        rows = np.minimum(self.ids.searchsorted(ids), len(self.ids) - 1)
        places = ((self.ids[rows] == ids) & self.alive[rows]).nonzero()[0]
        return places, rows[places]

    def vectors(self, rows: Ints, out: Vectors | None = None) -> tuple[Vectors, Ints]:
        """The vectors of these rows, in ``out`` if it is given, and which of them (places in ``rows``) are damaged."""
        found = self._rows.take(rows, axis=0) if out is None else self._rows.take(rows, axis=0, out=out, mode="clip")
        if self._checksums is None:
            return found, np.empty(0, np.int64)
        unread = (~self._intact[rows]).nonzero()[0]
        if not len(unread):
            return found, unread
        read = [zlib.crc32(found[place]) for place in unread.tolist()]
        own = rows[unread]
        good = np.array(read, np.uint32) == self._checksums[own]
        self._intact[own[good]] = True
        return found, unread[~good]

    def release(self) -> None:
        """All rows have been read: those that are mapped need not stay in memory."""
        if self._map is not None and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def fresh_rows(self) -> Vectors | None:
        """All rows, not copied, where they were never in a file and all are alive."""
        return self._rows if self._checksums is None and self.alive.all() else None

    def write(self, folder: Path, quantizer: Quantizer | None) -> None:
        """Store what is not stored yet under names that were never used, with the codes where there is a quantizer.

        Raises StorageError.
        """
        if self._checksums is None:
            self._checksums = np.fromiter((zlib.crc32(row) for row in self._rows), np.uint32, len(self))
        codes = None if quantizer is None else quantizer.encode(self._rows)
        self.release()
        if self.rows_name is None:
            rows_name = unused_name(".rows")
            replace_file(folder / rows_name, [np.ascontiguousarray(self._rows).data.cast("B")])
            self._map, self._rows = _mapped(folder / rows_name, self._rows.shape)
            self.rows_name = rows_name
        arrays: dict[str, npt.NDArray[np.generic]] = {"ids": self.ids, "checksums": self._checksums}
        if codes is not None:
            arrays["codes"] = codes
        name = unused_name()
        write_container(folder / name, KIND, {"rows": self.rows_name, "dimension": self._rows.shape[1]}, arrays)
        self.name = name

    @classmethod
    def read(cls, folder: Path, name: str) -> tuple[Part, Codes | None]:
        """Map a stored part; with its codes, mapped too, if it has some. Raises CorruptError or FileNotFoundError."""
        metadata, arrays = read_container(folder / name, KIND)
        rows_name = Path(metadata["rows"]).name
        ids = arrays["ids"].copy()
        map_, rows = _mapped(folder / rows_name, (len(ids), metadata["dimension"]))
        part = cls(ids, rows, arrays["checksums"].copy())
        part._map = map_
        part.name, part.rows_name = name, rows_name
        return part, arrays.get("codes")

    def stored(self, folder: Path) -> bool:
        """Whether both files are there: another process may have replaced the part."""
        return (
            self.name is not None
            and self.rows_name is not None
            and (folder / self.name).exists()
            and (folder / self.rows_name).exists()
        )


def unused_name(middle: str = "") -> str:
    """A file name that was never used before: a manifest must not find other contents under it."""
    return f"vectors-{secrets.token_hex(8)}{middle}.ragbot"


def _mapped(path: Path, shape: tuple[int, ...]) -> tuple[mmap.mmap | None, Vectors]:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size != int(np.prod(shape)) * 4:
            raise CorruptError(f"{path} has {size} bytes and not the {int(np.prod(shape)) * 4} of {shape[0]} vectors")
        if not size:
            return None, np.empty(shape, np.float32)
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return mapped, np.frombuffer(mapped, np.float32).reshape(shape)
