"""Archives as sources: what is read, what is refused, and what a bomb costs."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.archives.budget import ArchiveLimits
from ingest.archives.members import Ignored, Member, is_archive, members
from ingest.inflate import InflateError, Inflater
from ingest.temporary import PrivateFolder, load_as
from ragbot.documents import FailedSource
from ragbot.errors import LoaderError

ZH = "# 低秩适配\n\nLoRA 冻结原有权重，只训练两个低秩矩阵。\n"
EN = "# Merges\n\nByte-pair encoding merges frequent pairs.\n"
MIB = 1024 * 1024


class Read:
    """What came out of an archive, by its name inside."""

    def __init__(self, path: Path, limits: ArchiveLimits | None = None) -> None:
        self.texts: dict[str, str] = {}
        self.titles: dict[str, str] = {}
        self.failed: dict[str, str] = {}
        self.ignored: list[str] = []
        self.paths: list[Path] = []
        with PrivateFolder() as folder:
            self._read(path, folder, limits)
        assert not any(file.exists() or file.parent.exists() for file in self.paths)

    def _read(self, path: Path, folder: PrivateFolder, limits: ArchiveLimits | None) -> None:
        prefix = f"{path}!/"
        for item in members(path, folder, limits):
            if isinstance(item, Member):
                assert item.source.startswith(prefix)
                assert item.size == item.path.stat().st_size
                self.paths.append(item.path)
                parsed = load_as(item.path, item.name)
                self.texts[item.source.removeprefix(prefix)] = parsed.text
                self.titles[item.source.removeprefix(prefix)] = parsed.title
            elif isinstance(item, Ignored):
                self.ignored.append(item.source.removeprefix(prefix))
            else:
                assert isinstance(item, FailedSource)
                item.source.encode()
                self.failed[item.source.removeprefix(prefix) if item.source != str(path) else ""] = item.reason


def make_zip(files: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.filename = name  # ZipInfo cuts at NUL
            info.compress_type = method
            archive.writestr(info, data)
    return out.getvalue()


def make_tar(*items: tuple[str, str | bytes] | tarfile.TarInfo, **options: object) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", **options) as archive:  # type: ignore[call-overload]
        for item in items:
            if isinstance(item, tarfile.TarInfo):
                archive.addfile(item, io.BytesIO(b"\0" * item.size))
            else:
                name, text = item
                data = text.encode() if isinstance(text, str) else text
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


# -- what is read ----------------------------------------------------------------------------------------------------

PACKERS = {
    "a.tar": bytes,
    "a.tar.gz": gzip.compress,
    "a.tgz": gzip.compress,
    "a.tar.bz2": bz2.compress,
    "a.tar.xz": lzma.compress,
    "a.TXZ": lzma.compress,
}


@pytest.mark.parametrize("name", PACKERS)
def test_tar(tmp_path: Path, name: str) -> None:
    folder = special("docs", tarfile.DIRTYPE)
    data = make_tar(folder, ("./docs/低秩.md", ZH), ("docs//en.txt", EN), ("x.bin", b"\0"), (".git/config.txt", "x"))
    read = Read(put(tmp_path, name, PACKERS[name](data)))
    assert read.texts == {"docs/低秩.md": ZH, "docs/en.txt": EN}
    assert read.titles == {"docs/低秩.md": "低秩适配", "docs/en.txt": "en"}
    assert read.ignored == ["x.bin"]
    assert read.failed == {}
    assert is_archive(name)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip(tmp_path: Path, method: int) -> None:
    data = make_zip(
        {"docs/": "", "docs/低秩.md": ZH, "docs\\en-notes.TXT": EN, "a.bin": "x", "__MACOSX/._e.md": "x"}, method
    )
    read = Read(put(tmp_path, "a.zip", data))
    assert read.texts == {"docs/低秩.md": ZH, "docs/en-notes.TXT": EN}
    assert read.titles["docs/en-notes.TXT"] == "en notes"
    assert read.ignored == ["a.bin"]
    assert read.failed == {}


def test_a_zip_that_unpacks_itself_and_a_tar_that_ends_in_a_zip(tmp_path: Path) -> None:
    inner = make_zip({"b.md": EN}, zipfile.ZIP_STORED)
    assert Read(put(tmp_path, "setup.zip", b"#!/bin/sh\n" + b"x" * 600 + inner)).texts == {"b.md": EN}
    read = Read(put(tmp_path, "a.tar", make_tar(("a.md", ZH), ("c.zip", inner))[:2048]))
    assert read.texts == {"a.md": ZH, "c.zip!/b.md": EN}


def test_private_names_reach_neither_titles_nor_messages(tmp_path: Path) -> None:
    path = put(tmp_path, "a.zip", make_zip({"x/会议 纪要.txt": "十点开会。", "x/report.pdf": "no PDF at all"}))
    titles, reasons = [], []
    with PrivateFolder() as folder:
        for item in members(path, folder):
            assert isinstance(item, Member)
            assert item.path.name.isascii() and item.path.suffix == Path(item.name).suffix
            assert tmp_path not in item.path.parents
            assert item.path.parent.stat().st_mode & 0o077 == 0
            try:
                titles.append(load_as(item.path, item.name).title)
            except LoaderError as error:
                reasons.append(str(error))
                assert item.path.stem not in str(error)
    assert titles == ["会议 纪要"]
    assert len(reasons) == 1 and reasons[0].startswith("report.pdf is not a PDF file")


def test_private_folder_takes_plain_suffixes_only() -> None:
    with PrivateFolder() as folder:
        for suffix in ("/../x", ".a/b", "..", ".A", "\0"):
            with pytest.raises(ValueError, match="no suffix"):
                folder.create(suffix)


# -- names -----------------------------------------------------------------------------------------------------------


def raw_zip(names: list[bytes], flags: int = 0, extra: bytes = b"") -> bytes:
    """A ZIP with names of any bytes, all members stored."""
    body, directory = b"", b""
    for name in names:
        data = b"text"
        common = struct.pack("<HHHHHIIIHH", 20, flags, 0, 0, 33, zlib.crc32(data), 4, 4, len(name), len(extra))
        directory += b"PK\x01\x02\x14\x00" + common + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name + extra
        body += b"PK\x03\x04" + common + name + extra + data
    end = struct.pack("<HHHHIIH", 0, 0, len(names), len(names), len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + end


CHINESE = ["北京市的气候.md", "说明/第一章 概述.txt", "低秩适配训练方法.md"]


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("gbk", CHINESE),
        ("utf-8", CHINESE),
        ("big5", ["說明文件與使用方法.md", "第一章.txt"]),
        ("cp437", ["résumé.md", "Müller.txt"]),
    ],
)
def test_names_without_the_flag(tmp_path: Path, encoding: str, names: list[str]) -> None:
    data = raw_zip([name.encode(encoding) for name in names])
    assert list(Read(put(tmp_path, "a.zip", data)).texts) == names


def test_names_of_tar_in_gbk(tmp_path: Path) -> None:
    data = make_tar(*((name, EN) for name in CHINESE), format=tarfile.GNU_FORMAT, encoding="gbk")
    assert list(Read(put(tmp_path, "a.tar", data)).texts) == CHINESE


def test_name_in_the_unicode_field(tmp_path: Path) -> None:
    raw = b"????.md"
    right = struct.pack("<HHBI", 0x7075, 5 + len("说明.md".encode()), 1, zlib.crc32(raw)) + "说明.md".encode()
    stale = struct.pack("<HHBI", 0x7075, 9, 1, 1) + b"x.md"
    assert list(Read(put(tmp_path, "a.zip", raw_zip([raw], extra=b"\x01\x00\x02\x00ab" + right))).texts) == ["说明.md"]
    assert list(Read(put(tmp_path, "b.zip", raw_zip([raw], extra=stale))).texts) == ["????.md"]


BAD_NAMES = {
    "/etc/passwd.txt": "absolute",
    "\\\\server\\share\\a.txt": "absolute",
    "C:\\Windows\\a.txt": "absolute",
    "c:a.txt": "absolute",
    "../a.txt": "points out",
    "a/../../b.txt": "points out",
    "a\\..\\..\\b.txt": "points out",
    "a\nb.txt": "control",
    "a\x1b[31m.txt": "control",
    "a\u202egpj.txt": "control",
    "n" * 1100 + ".txt": "long",
}


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_unsafe_names(tmp_path: Path, name: str, kind: str) -> None:
    if kind == "zip":
        data = make_zip({name: "root", "good.md": EN})
    else:
        data = make_tar((name, "root"), ("good.md", EN), format=tarfile.PAX_FORMAT)
    read = Read(put(tmp_path, f"a.{kind}", data))
    assert read.texts == {"good.md": EN}
    assert [BAD_NAMES[name] in reason for reason in read.failed.values()] == [True]
    assert not any(character in source for source in read.failed for character in "\n\x1b\u202e")


def test_nul_in_a_name(tmp_path: Path) -> None:
    read = Read(put(tmp_path, "a.zip", raw_zip([b"safe.txt\0../../evil.sh", b"good.md"])))
    assert list(read.texts) == ["good.md"]
    assert "control" in next(iter(read.failed.values()))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice(tmp_path: Path) -> None:
    data = make_tar(("a.md", ZH), ("./a.md", EN), ("b.md", EN))
    read = Read(put(tmp_path, "a.tar", data))
    assert read.texts == {"a.md": ZH, "b.md": EN}
    assert "more than once" in read.failed["a.md"]
    # In two archives inside, the same name stands for two documents.
    inner = make_zip({"a.md": EN})
    assert list(Read(put(tmp_path, "b.zip", make_zip({"x.zip": inner, "y.zip": inner}))).texts) == [
        "x.zip!/a.md",
        "y.zip!/a.md",
    ]


# -- what is no document ---------------------------------------------------------------------------------------------


def test_links_and_devices_of_tar(tmp_path: Path) -> None:
    sparse = b"GNU.sparse.major=1\n"
    data = make_tar(
        special("passwd.txt", tarfile.SYMTYPE, "/etc/passwd"),
        special("hard.txt", tarfile.LNKTYPE, "/etc/passwd"),
        special("null.txt", tarfile.CHRTYPE),
        special("pipe.txt", tarfile.FIFOTYPE),
        ("good.md", EN + sparse.decode()),
    )
    read = Read(put(tmp_path, "a.tar", data))
    assert list(read.texts) == ["good.md"]
    assert {name: "link" in reason for name, reason in read.failed.items()} == {
        "passwd.txt": True,
        "hard.txt": True,
        "null.txt": False,
        "pipe.txt": False,
    }


def test_sparse_file_of_a_terabyte(tmp_path: Path) -> None:
    info = tarfile.TarInfo("holes.txt")
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "holes.txt",
        "GNU.sparse.realsize": str(2**40),
    }
    # A map that begins with a negative piece, at which tarfile's own reader goes round for ever.
    content = b"2\n-5\n-5\n0\n4\n".ljust(512, b"\0") + b"text"
    info.size = len(content)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(content))
    read = Read(put(tmp_path, "a.tar", out.getvalue()))
    assert read.texts == {}
    assert "sparse" in read.failed["holes.txt"]


def test_link_and_device_of_zip(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, mode in (("l.txt", 0o120777), ("d.txt", 0o020666), ("ok.txt", 0o100644)):
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, mode << 16
            archive.writestr(info, "/etc/passwd")
    read = Read(put(tmp_path, "a.zip", out.getvalue()))
    assert list(read.texts) == ["ok.txt"]
    assert "link" in read.failed["l.txt"]
    assert "device" in read.failed["d.txt"]


def test_protected_member_and_unknown_method(tmp_path: Path) -> None:
    read = Read(put(tmp_path, "a.zip", raw_zip([b"a.txt"], flags=1)))
    assert "password" in read.failed["a.txt"]
    read = Read(put(tmp_path, "b.zip", make_zip({"a.txt": EN}, zipfile.ZIP_BZIP2)))
    assert "bzip2" in read.failed["a.txt"]


# -- damage ----------------------------------------------------------------------------------------------------------


def test_one_damaged_member_of_zip(tmp_path: Path) -> None:
    data = bytearray(make_zip({"a.md": EN * 50, "b.md": ZH}))
    data[45] ^= 0xFF
    read = Read(put(tmp_path, "a.zip", bytes(data)))
    assert read.texts == {"b.md": ZH}
    assert "damaged" in read.failed["a.md"]


def noise(size: int, seed: int = 1) -> str:
    out, state = [], seed
    for _ in range(size):
        state = (state * 1103515245 + 12345) % 2**31
        out.append(chr(97 + (state >> 16) % 26))
    return "".join(out)


@pytest.mark.parametrize("name", PACKERS)
def test_tar_that_is_cut(tmp_path: Path, name: str) -> None:
    data = PACKERS[name](make_tar(("a.md", EN), ("b.txt", noise(300_000)), ("c.md", EN)))
    read = Read(put(tmp_path, name, data[: len(data) // 2]))
    assert "a.md" in read.texts or "bz2" in name  # the first block of bzip2 is 900 KB
    assert "c.md" not in read.texts
    assert "pack it again" in read.failed[""]


def test_tar_with_a_damaged_header_amid(tmp_path: Path) -> None:
    data = bytearray(make_tar(("a.md", EN), ("b.md", ZH)))
    data[1024 + 150] ^= 0xFF
    read = Read(put(tmp_path, "a.tar", bytes(data)))
    assert list(read.texts) == ["a.md"]
    assert "damaged" in read.failed[""]


@pytest.mark.parametrize("name", ["a.zip", *PACKERS])
@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"PK\x03\x04", b"PK\x05\x06" + b"\xff" * 18, b"\x1f\x8b\x08", b"BZh9", bytes(range(256)) * 9],
)
def test_no_archive_at_all(tmp_path: Path, name: str, data: bytes) -> None:
    read = Read(put(tmp_path, name, data))
    assert read.texts == {}
    assert list(read.failed) == [""]


def test_every_flipped_byte_is_survived(tmp_path: Path) -> None:
    small = {
        "a.zip": make_zip({"a.md": "x" * 40, "b/c.md": ZH}),
        "a.tar": make_tar(("a.md", "x" * 40), ("b/" + "c" * 120 + ".md", ZH), format=tarfile.PAX_FORMAT)[:5120],
        "a.tar.gz": gzip.compress(make_tar(("a.md", "x" * 40))),
    }
    for name, data in small.items():
        for position in range(0, len(data), 3 if len(data) < 1000 else 37):
            damaged = bytearray(data)
            damaged[position] ^= 0x81
            path = put(tmp_path, name, bytes(damaged))
            with PrivateFolder() as folder:
                for item in members(path, folder):
                    assert isinstance(item, Member | Ignored | FailedSource)


# -- bombs -----------------------------------------------------------------------------------------------------------


def zeros(size: int) -> Iterator[bytes]:
    for _ in range(size // MIB):
        yield bytes(MIB)


def packed(size: int, window: int, head: bytes = b"") -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    out = [packer.compress(head)]
    out.extend(packer.compress(piece) for piece in zeros(size))
    return b"".join(out) + packer.flush()


def test_zip_member_of_ten_gigabytes(tmp_path: Path) -> None:
    for declared in (10 * 1024 * MIB, 100 * MIB, 1000):
        body = packed(20 * MIB, -15)  # what it really is does not matter: it is cut, or not read at all
        name = b"zeros.txt"
        size = min(declared, 0xFFFFFFFF - 1)
        common = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, 1, len(body), size, len(name), 0)
        local = b"PK\x03\x04" + common + name + body
        entry = b"PK\x01\x02\x14\x00" + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
        good = make_zip({"good.md": EN})
        end = struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), len(local), 0)
        data = local + entry + b"PK\x05\x06" + end
        outer = make_zip({"bomb.zip": data, "good.zip": good}, zipfile.ZIP_STORED)
        read = Read(put(tmp_path, "a.zip", outer))
        assert list(read.texts) == ["good.zip!/good.md"]
        assert [name for name in read.failed if name] == ["bomb.zip!/zeros.txt"]


@pytest.mark.parametrize("packing", ["gzip", "bzip2", "xz"])
def test_packed_tar_of_zeros(tmp_path: Path, packing: str) -> None:
    header = tarfile.TarInfo("zeros.txt")
    header.size = 10 * 1024 * MIB
    head = header.tobuf(tarfile.GNU_FORMAT)
    if packing == "gzip":
        data = packed(200 * MIB, 31, head)
    elif packing == "bzip2":
        data = bz2.compress(head + bytes(40 * MIB))
    else:
        data = lzma.compress(head + bytes(40 * MIB), preset=0)
    path = put(tmp_path, "a.tar.gz", data)
    tracemalloc.start()
    began = time.perf_counter()
    read = Read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "bomb" in read.failed[""]
    assert peak < 8 * MIB
    assert time.perf_counter() - began < 20


def test_total_is_counted_over_archives_inside(tmp_path: Path) -> None:
    inner = make_zip({f"{n}.txt": noise(100_000, n) for n in range(5)}, zipfile.ZIP_STORED)
    path = put(tmp_path, "a.zip", make_zip({f"{n}.zip": inner for n in range(9)}, zipfile.ZIP_STORED))
    read = Read(path, ArchiveLimits(total_bytes=2_200_000))
    assert len(read.texts) == 10
    assert "2 MiB" in read.failed[""]


def test_bomb_in_layers(tmp_path: Path) -> None:
    data = make_zip({"0.txt": EN})
    for _ in range(5):
        data = make_zip({f"lib {n}.zip": data for n in range(4)})
    read = Read(put(tmp_path, "42.zip", data))
    assert read.texts == {}
    assert len(read.failed) == 16
    assert all("2 archives deep" in reason for reason in read.failed.values())
    assert len(Read(tmp_path / "42.zip", ArchiveLimits(depth=7)).texts) == 1024


def test_many_members_each_just_small_enough(tmp_path: Path) -> None:
    data = make_zip({f"{number}.txt": bytes(7 * MIB) for number in range(8)})
    with PrivateFolder() as folder:
        items = list(members(put(tmp_path, "a.zip", data), folder))
    assert len(items) == 2
    assert isinstance(items[-1], FailedSource)
    assert "200 times" in items[-1].reason


def test_tar_of_a_million_empty_members(tmp_path: Path) -> None:
    block = special("empty.bin", tarfile.REGTYPE).tobuf(tarfile.USTAR_FORMAT)
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    data = b"".join(packer.compress(block * 1000) for _ in range(1000)) + packer.flush()
    began = time.perf_counter()
    read = Read(put(tmp_path, "a.tgz", data))
    assert time.perf_counter() - began < 30
    # Sixteen MiB of headers are over 200 times the file's size before the members are too many.
    assert "bomb" in read.failed[""]
    read = Read(put(tmp_path, "a.tar", block * 25_000))
    assert "more than 20,000 members" in read.failed[""]
    assert len(read.ignored) == 20_000


def test_zip_with_a_huge_directory(tmp_path: Path) -> None:
    entry = b"PK\x01\x02" + bytes(42)
    entries = entry * 400_000
    end = struct.pack("<HHHHIIH", 0, 0, 5, 5, len(entries), 0, 0)
    read = Read(put(tmp_path, "a.zip", entries + b"PK\x05\x06" + end))
    assert "directory is larger than 8 MiB" in read.failed[""]


def test_tar_with_a_huge_header(tmp_path: Path) -> None:
    for kind in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE):
        info = special("x", kind)
        info.size = 50 * MIB
        data = info.tobuf(tarfile.GNU_FORMAT) + b"a" * (50 * MIB)
        tracemalloc.start()
        read = Read(put(tmp_path, "a.tar", data))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert "header" in read.failed[""]
        assert peak < 2 * MIB


def test_tar_with_an_endless_sparse_map(tmp_path: Path) -> None:
    records = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n27 GNU.sparse.realsize=9\n23 GNU.sparse.name=a.md\n"
    extended, info = special("x", tarfile.XHDTYPE), special("a.md", tarfile.REGTYPE)
    extended.size, info.size = len(records), 30 * MIB
    head = extended.tobuf(tarfile.USTAR_FORMAT) + records.ljust(512, b"\0") + info.tobuf(tarfile.USTAR_FORMAT)
    read = Read(put(tmp_path, "a.tar", head + b"9999999999\n" + b"0\n" * (1 * MIB)))
    assert "header in it is larger" in read.failed[""]


def test_copies_of_archives_inside_are_removed(tmp_path: Path) -> None:
    path = put(tmp_path, "a.zip", make_zip({"b.zip": make_zip({"c.md": EN}), "d.zip": b"broken", "e.md": ZH}))
    with PrivateFolder() as folder:
        items = [item for item in members(path, folder) if isinstance(item, Member)]
        assert sorted(items[0].path.parent.iterdir()) == sorted(item.path for item in items)
        assert len(items) == 2


def test_tar_with_headers_upon_headers(tmp_path: Path) -> None:
    record = b"11 aa=bbbb\n"
    info = special("x", tarfile.XHDTYPE)
    info.size = len(record)
    block = info.tobuf(tarfile.USTAR_FORMAT) + record.ljust(512, b"\0")
    read = Read(put(tmp_path, "a.tar", block * 5000))
    assert list(read.failed) == [""]
    attributes = b"".join(b"12 %06d=x\n" % number for number in range(2000))
    info = special("x", tarfile.XGLTYPE)
    info.size = len(attributes)
    padded = attributes.ljust(-(-len(attributes) // 512) * 512, b"\0")
    data = info.tobuf(tarfile.USTAR_FORMAT) + padded + make_tar(("a.md", EN))
    assert "attributes" in Read(put(tmp_path, "b.tar", data)).failed[""]


def test_xz_that_asks_for_gigabytes() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 256 * MIB}]
    data = lzma.compress(b"x" * 100, filters=filters)
    with pytest.raises(InflateError, match="Memory"):
        list(Inflater("xz").feed(data))


# -- Inflater --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_inflater_takes_streams_in_a_row_and_padding(step: int) -> None:
    text = noise(200_000).encode()
    for packing, pack in (("gzip", gzip.compress), ("bzip2", bz2.compress), ("xz", lzma.compress)):
        data = pack(text[:50_000]) + pack(b"") + pack(text[50_000:]) + bytes(512)
        inflater = Inflater(packing)  # type: ignore[arg-type]
        if step == 1:
            data, expected = pack(text[:500]) + pack(text[500:900]) + bytes(3), text[:900]
        else:
            expected = text
        pieces = [p for start in range(0, len(data), step) for p in inflater.feed(data[start : start + step])]
        inflater.finish()
        assert b"".join(pieces) == expected
        assert max(map(len, pieces)) <= 64 * 1024


def test_inflater_knows_what_is_cut_or_damaged() -> None:
    data = gzip.compress(noise(5000).encode())
    inflater = Inflater("gzip")
    list(inflater.feed(data[:-1]))
    with pytest.raises(InflateError, match="cut short"):
        inflater.finish()
    with pytest.raises(InflateError, match="damaged"):
        list(Inflater("gzip").feed(data[:-5] + b"xxxxx"))
