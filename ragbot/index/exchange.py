"""The file that a knowledge base travels in, and what may stand in it.

A ZIP of members that are stored, not compressed: none can be larger than the file itself, so that there is no bomb to
be made of one. ``manifest.json`` says format, version, counts, and the SHA-256 of every other member;
``catalog.sqlite3`` is one state of the catalog; ``uploads/1``, ``uploads/2`` … are the files that a browser sent, whose
names stand in the manifest. The indexes are left out, because they are made from the catalog. Nothing is pickled.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ragbot.errors import NewerVersionError
from ragbot.index.catalog import FILE_NAME
from ragbot.index.uploads import FOLDER as UPLOADS

VERSION = 1
MANIFEST = "manifest.json"
#: A manifest takes some 200 bytes an upload: room for 300,000 of them, and no more memory than that.
MAX_MANIFEST = 64 * 1024 * 1024
#: The same for every member, so that equal contents make equal files.
DATE = (1980, 1, 1, 0, 0, 0)

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Member(BaseModel):
    """A member of the file, and what its bytes must be."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    member: str
    name: str
    size: int = Field(ge=0)
    sha256: Digest


class Manifest(BaseModel):
    """What the file says of itself; ``folder`` is where the knowledge base was, which its uploads are named after."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    format: Literal["ragbot knowledge base"]
    version: int
    folder: str
    seq: int = Field(ge=0)
    documents: int = Field(ge=0)
    chunks: int = Field(ge=0)
    members: list[Member]


def info(member: str) -> zipfile.ZipInfo:
    """How a member is written: stored, for its owner alone."""
    made = zipfile.ZipInfo(member, DATE)
    made.external_attr = 0o600 << 16
    return made


def entries(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """The members of a file of ``size`` bytes, by name. Raises ValueError for one that no export writes."""
    infos = archive.infolist()
    found = {one.filename: one for one in infos}
    if len(found) != len(infos):
        raise ValueError("a name stands in it twice")
    for one in infos:
        if one.compress_type != zipfile.ZIP_STORED or one.flag_bits & 1 or one.file_size != one.compress_size:
            raise ValueError(f"the member {one.filename!r} is compressed or encrypted")
    if sum(one.file_size for one in infos) > size:
        raise ValueError("its members overlap")
    return found


def manifest_of(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> Manifest:
    """What the file says of itself, which must be what stands in it.

    Raises:
        ValueError: it is not.
        NewerVersionError: a newer ragbot wrote it.
    """
    if MANIFEST not in members or members[MANIFEST].file_size > MAX_MANIFEST:
        raise ValueError(f"it has no {MANIFEST}, or one that is too large")
    content = json.loads(archive.read(MANIFEST))
    version = content.get("version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise NewerVersionError(
            f"{archive.filename or 'the file'} was written by a newer ragbot (format {version}, this one knows {VERSION}); "
            f"upgrade: pip install -U ragbot"
        )
    try:
        manifest = Manifest.model_validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{MANIFEST}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    expected = [(FILE_NAME, FILE_NAME), *((f"{UPLOADS}/{n}", None) for n in range(1, len(manifest.members)))]
    for member, (place, name) in zip(manifest.members, expected, strict=False):
        if member.member != place or not plain(member.name) or (name and member.name != name):
            raise ValueError(f"the member {member.member!r} ({member.name!r}) is none that an export has")
        if place not in members or members[place].file_size != member.size:
            raise ValueError(f"the member {place!r} is missing, or has another size")
    if not manifest.members or version != VERSION or members.keys() != {MANIFEST, *(place for place, _ in expected)}:
        raise ValueError("it has other members or another version than an export")
    return manifest


def plain(name: str) -> bool:
    """Whether a name is that of a file in a folder, here and on other systems."""
    return 0 < len(os.fsencode(name)) <= 255 and not name.startswith(".") and not set(name) & set("/\\:\0")
