"""Write a result whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ragbot.errors import StorageError


def write_bytes(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``, replacing what is there; whoever interrupts it leaves the old file.

    Raises:
        StorageError: the folder does not exist, or refuses.
    """
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)  # as open() makes it; mkstemp keeps others out
        os.replace(temporary, path)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}; choose another file") from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
