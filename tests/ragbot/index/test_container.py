"""Containers: read back what was written, or say that they are damaged."""

from __future__ import annotations

import errno
import hashlib
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ragbot.errors import CorruptError, StorageError
from ragbot.index import container
from ragbot.index.container import read_container, write_container

ARRAYS = {
    "ids": np.arange(10, dtype=np.int64),
    "none": np.empty((0, 3), np.float32),
    "matrix": np.arange(12, dtype=np.float64).reshape(3, 4),
    "bytes": np.frombuffer(b"abc", np.uint8),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.ragbot"


def test_round_trip(path: Path) -> None:
    write_container(path, "kind", {"seq": 3, "名": "值"}, ARRAYS)
    metadata, arrays = read_container(path, "kind")
    assert metadata == {"seq": 3, "名": "值"}
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype and np.array_equal(arrays[name], array)
        assert not arrays[name].flags.writeable


@given(
    arrays=st.dictionaries(
        st.text(max_size=4),
        hnp.arrays(
            st.sampled_from([np.uint8, np.int32, np.int64, np.float32, np.uint16]),
            hnp.array_shapes(max_dims=2, min_side=0),
        ),
        max_size=4,
    )
)
def test_any_arrays(tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "any.ragbot"
    write_container(path, "kind", {}, arrays)
    _, found = read_container(path, "kind")
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_a_file_with_the_older_checksum(path: Path) -> None:
    """As versions before XXH3 wrote it."""
    payload = np.arange(8, dtype=np.int64).tobytes()
    arrays = [{"name": "a", "dtype": "<i8", "shape": [8], "offset": 0}]
    checksum = hashlib.blake2b(payload, digest_size=16).hexdigest()
    content = {"kind": "k", "metadata": {"seq": 3}, "arrays": arrays, "size": len(payload), "checksum": checksum}
    header = json.dumps(content).encode()
    digest = hashlib.blake2b(header, digest_size=16).digest()
    whole = b"RAGBOT\0\1" + len(header).to_bytes(8, "little") + digest + header + payload
    path.write_bytes(whole)
    metadata, found = read_container(path, "k")
    assert metadata == {"seq": 3}
    assert found["a"].tolist() == list(range(8))
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 3]) + whole[position + 1 :])
        with pytest.raises(CorruptError):
            read_container(path, "k")


def test_missing_file(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_container(path, "kind")


def test_other_kind(path: Path) -> None:
    write_container(path, "kind", {}, ARRAYS)
    with pytest.raises(CorruptError, match="other"):
        read_container(path, "other")


def test_every_flipped_bit_is_noticed(path: Path) -> None:
    write_container(path, "kind", {"seq": 1}, ARRAYS)
    whole = path.read_bytes()
    rng = random.Random(1)
    for position in [*range(0, 40), *rng.sample(range(len(whole)), 200), len(whole) - 1]:
        damaged = bytearray(whole)
        damaged[position] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(CorruptError, match=path.name):
            read_container(path, "kind")


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.1, 0.5, 0.99])
def test_cut_short(path: Path, kept: float) -> None:
    write_container(path, "kind", {"seq": 1}, ARRAYS)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(CorruptError):
        read_container(path, "kind")


def test_longer_than_it_should_be_or_zeroed(path: Path) -> None:
    write_container(path, "kind", {"seq": 1}, ARRAYS)
    whole = path.read_bytes()
    for damaged in (whole + b"\0", whole[:-100] + bytes(100), bytes(len(whole)), b"x" * 1000):
        path.write_bytes(damaged)
        with pytest.raises(CorruptError):
            read_container(path, "kind")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_the_old_file_stays_where_the_disk_is_full(path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    write_container(path, "kind", {"seq": 1}, ARRAYS)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(container.os, call, full)
    with pytest.raises(StorageError, match=r"some\.ragbot.*No space left"):
        write_container(path, "kind", {"seq": 2}, ARRAYS)
    monkeypatch.undo()
    assert read_container(path, "kind")[0] == {"seq": 1}
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_objects_are_never_written(path: Path) -> None:
    with pytest.raises((TypeError, ValueError)):
        write_container(path, "kind", {}, {"objects": np.array([{"a": 1}, None], object)})
    assert not path.exists()
