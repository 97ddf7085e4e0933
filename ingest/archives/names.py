"""The names of an archive's members: decoded, checked and brought into one form. They are shown, and never opened."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

from ingest.loaders import SUPPORTED_SUFFIXES
from ingest.loaders.east_asian import best_east_asian

#: Longer than any file system takes (Linux: 4096 bytes for the whole path); a ZIP may say 65,535.
MAX_NAME = 1024
#: Suffixes of archives whose members are documents.
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_SAMPLE = 64 * 1024
# Controls, line separators, and the marks that turn the direction of writing, by which "gpj.exe" is shown as "exe.jpg".
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_DRIVE = re.compile(r"[A-Za-z]:")
_SEPARATORS = re.compile(r"[\\/]")


class UnsafeNameError(ValueError):
    """A member's name that points out of the archive, or cannot be shown."""


def is_archive(name: str) -> bool:
    """Whether a file of this name holds several documents."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def document_suffix(name: str, suffixes: Collection[str] = SUPPORTED_SUFFIXES) -> str:
    """The suffix (one of ``suffixes``: of a table of ours) under which a member is read; ``""`` where none is."""
    _, dot, suffix = name.rpartition("/")[2].rpartition(".")
    suffix = f"{dot}{suffix}".lower()
    return next((known for known in suffixes if known == suffix), "")


def is_passed_over(name: str) -> bool:
    """Hidden files and the Finder's shadow files: left out in silence, as those of a folder are."""
    parts = name.split("/")
    return parts[0] == "__MACOSX" or any(part.startswith(".") for part in parts)


def normal_name(name: str) -> str:
    r"""``name`` with ``/`` between its parts, without empty ones and ``.``, in Unicode's form C.

    Raises:
        UnsafeNameError: it is absolute, has a drive letter or ``..``, holds control characters, is empty or too long.
    """
    if _UNFIT.search(name):
        raise UnsafeNameError("its name holds control characters")
    if len(name) > MAX_NAME:
        raise UnsafeNameError(f"its name is {len(name):,} characters long, at most {MAX_NAME:,} are taken")
    if name.startswith(("/", "\\")) or _DRIVE.match(name):
        raise UnsafeNameError("its name is an absolute path")
    parts = [part for part in _SEPARATORS.split(name) if part not in {"", "."}]
    if ".." in parts:
        raise UnsafeNameError("its name points out of the archive (..)")
    if not parts:
        raise UnsafeNameError("it has no name")
    return unicodedata.normalize("NFC", "/".join(parts))


def shown(name: str) -> str:
    """``name`` as a report can print it, whatever is in it."""
    return _UNFIT.sub("\ufffd", name)[:200] or "(no name)"


def name_encoding(names: Iterable[bytes]) -> str:
    """The encoding of names that do not say it, judged together: UTF-8, one of East Asia, or the one of MS-DOS."""
    sample = b"\n".join(names)[:_SAMPLE].rpartition(b"\n")[0] or b"\n".join(names)[:_SAMPLE]
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError:
        return best_east_asian(sample) or "cp437"
    return "utf-8"
