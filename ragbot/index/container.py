"""One file of named arrays with a checksum: what derived indexes are stored in. Nothing is pickled.

Layout: magic, length of the header, checksum of the header, header (JSON: kind, metadata, arrays, checksum of the
payload), payload. The checksums are compared before anything else reads the file, so that no native loader ever sees
damaged bytes. They are XXH3 of 128 bits (xxHash, Collet), some 14 times as fast as BLAKE2b: a million chunks have more
than a gigabyte to be compared before they open. They tell damage, not forgery. Files of before have BLAKE2b, and
another magic. A file is replaced by write, fsync, rename, fsync of the folder.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt
import xxhash

from ragbot.errors import CorruptError, StorageError

MAGIC = b"RAGBOT\x00\x02"
_PREAMBLE = struct.Struct("<8sQ16s")
_ALIGN = 64
_BLOCK = 1 << 20

Array = npt.NDArray[Any]


class _Hash(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...

    def digest(self) -> bytes: ...


def _blake2b() -> _Hash:
    return hashlib.blake2b(digest_size=16)


_HASHES: dict[bytes, Callable[[], _Hash]] = {MAGIC: xxhash.xxh3_128, b"RAGBOT\x00\x01": _blake2b}


def write_container(path: Path, kind: str, metadata: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Replace ``path`` by a container; on failure the old file stays.

    Raises:
        StorageError: the disk is full or refuses to write.
    """
    table, parts, offset = [], [], 0
    digest = xxhash.xxh3_128()
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"the array {name!r} holds Python objects, which are never stored")
        data = np.ascontiguousarray(array).data.cast("B") if array.size else memoryview(b"")
        padding = bytes(-len(data) % _ALIGN)
        table.append({"name": name, "dtype": array.dtype.str, "shape": array.shape, "offset": offset})
        for part in (data, padding):
            parts.append(part)
            digest.update(part)
            offset += len(part)
    header = json.dumps(
        {"kind": kind, "metadata": dict(metadata), "arrays": table, "size": offset, "checksum": digest.digest().hex()}
    ).encode()
    header += b" " * (-(len(header) + _PREAMBLE.size) % _ALIGN)
    preamble = _PREAMBLE.pack(MAGIC, len(header), xxhash.xxh3_128_digest(header))
    replace_file(path, [preamble, header, *parts])


def read_container(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Metadata and arrays of a container, the arrays mapped read-only, after all checksums were compared.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptError: the file is damaged, or holds another kind.
    """
    with path.open("rb") as file:  # one handle: another process may replace the file at any moment
        preamble = file.read(_PREAMBLE.size)
        if len(preamble) < _PREAMBLE.size:
            raise CorruptError(f"{path} is cut short")
        magic, length, checksum = _PREAMBLE.unpack(preamble)
        size = os.fstat(file.fileno()).st_size
        start = _PREAMBLE.size + length
        if magic not in _HASHES or start > size:
            raise CorruptError(f"{path} is not a container of this version, or is damaged")
        header = file.read(length)
        if _digest(_HASHES[magic](), [memoryview(header)]) != checksum:
            raise CorruptError(f"{path} is damaged (checksum of its header)")
        content = json.loads(header)
        if size - start != content["size"] or _digest(_HASHES[magic](), _blocks(file)).hex() != content["checksum"]:
            raise CorruptError(f"{path} is damaged (checksum of its contents)")
        payload = np.memmap(file, np.uint8, mode="r", offset=0)[start:]
    if content["kind"] != kind:
        raise CorruptError(f"{path} holds {content['kind']!r}, not {kind!r}")
    arrays = {
        entry["name"]: np.frombuffer(
            payload, np.dtype(entry["dtype"]), int(np.prod(entry["shape"], dtype=np.int64)), entry["offset"]
        ).reshape(entry["shape"])
        for entry in content["arrays"]
    }
    return content["metadata"], arrays


def _digest(hashed: _Hash, blocks: Iterable[memoryview]) -> bytes:
    for block in blocks:
        hashed.update(block)
    return hashed.digest()


def _blocks(file: BinaryIO) -> Iterator[memoryview]:
    """The rest of a file. It is read and not mapped: what is mapped and touched counts as memory in use."""
    view = memoryview(bytearray(_BLOCK))
    while count := file.readinto(view):  # type: ignore[attr-defined]
        yield view[:count]


def replace_file(path: Path, parts: list[bytes | memoryview]) -> None:
    """Write ``parts`` to ``path`` so that it holds the old contents or the new, whatever happens in between.

    Raises:
        StorageError: the disk is full or refuses to write; the old file stays.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        fsync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES}:
            raise StorageError(
                f"cannot write {path}: {error.strerror}. What was stored before is unchanged; free some space or "
                f"check the rights, then run the same command again."
            ) from error
        raise


def fsync_folder(folder: Path) -> None:
    """Make renames in ``folder`` durable (where the platform can)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
