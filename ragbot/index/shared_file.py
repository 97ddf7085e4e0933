"""A second way to the bytes of a file that SQLite has open in the same process."""

from __future__ import annotations

import os
import threading
from pathlib import Path

_Identity = tuple[int, int]
_GUARD = threading.Lock()
#: How many have a file open through SQLite, and the descriptors that wait for the last of them to close it.
_USERS: dict[_Identity, int] = {}
_DESCRIPTORS: dict[_Identity, list[int]] = {}


class SharedFile:
    """Make it beside a connection, and close it after that one.

    When a process closes any descriptor of a file, POSIX drops all locks that it holds on it (fcntl(2)), and with them
    those on which SQLite relies. Descriptors of ours are therefore closed after the last connection.

    Raises:
        OSError: the file is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity = _identity(path.stat())
        self._descriptor = -1
        self._closed = False
        with _GUARD:
            _USERS[self._identity] = _USERS.get(self._identity, 0) + 1

    @property
    def number(self) -> int:
        """What tells this file from a copy of it."""
        return self._identity[1]

    def descriptor(self) -> int:
        """A descriptor for reading and writing, not to be closed. Raises OSError; also if another file has its name."""
        if self._descriptor < 0:
            opened = os.open(self._path, os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
            with _GUARD:  # one of another file is kept as well: its name may be that of a file that is open here
                _DESCRIPTORS.setdefault(self._identity, []).append(opened)
            if _identity(os.fstat(opened)) != self._identity:
                raise FileNotFoundError(f"{self._path} has been replaced by another file")
            self._descriptor = opened
        return self._descriptor

    def close(self) -> None:
        """The connection is closed."""
        with _GUARD:
            if self._closed:
                return
            self._closed = True
            _USERS[self._identity] -= 1
            if _USERS[self._identity]:
                return
            del _USERS[self._identity]
            for descriptor in _DESCRIPTORS.pop(self._identity, []):
                os.close(descriptor)


def _identity(found: os.stat_result) -> _Identity:
    return found.st_dev, found.st_ino
