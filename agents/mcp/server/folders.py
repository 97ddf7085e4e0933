"""Which files a client may have brought in: those under the folders that a person named, wherever links lead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ragbot.errors import SourceError


def checked(paths: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """The paths, whole; a relative one starts at the first folder.

    Args:
        paths: what the client named: files and folders.
        folders: resolved.

    Raises:
        SourceError: one is an address, does not exist, lies outside of the folders, or holds a link that leads out.
    """
    return [str(_checked(path, folders)) for path in paths]


def _checked(name: str, folders: Sequence[Path]) -> Path:
    shown = ", ".join(map(str, folders))
    if "://" in name or "\x00" in name:
        raise SourceError(f"{name[:200]!r} is no path: files and folders under {shown} can be brought in")
    path = folders[0] / name  # an absolute one stays what it is
    try:
        whole = path.resolve(strict=True)
        if not any(whole.is_relative_to(folder) for folder in folders):
            raise SourceError(f"{name[:200]!r} lies outside of {shown}: only what is in there can be brought in")
        for link in _links(whole):
            if not any(link.resolve().is_relative_to(folder) for folder in folders):
                raise SourceError(f"{link} is a link that leads out of {shown}: take it away, or name single files")
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: links in a circle
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{name[:200]!r} cannot be read ({reason}): check the spelling") from error
    return whole


def _links(path: Path) -> Iterator[Path]:
    """The links to files in a folder; those to folders are not followed when it is read."""
    if path.is_dir():
        for found in path.rglob("*"):
            if found.is_symlink():
                yield found
