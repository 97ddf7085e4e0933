"""Which pages of an SQLite file the commits of one connection have written, as its write-ahead log names them.

(File format: https://sqlite.org/fileformat2.html, section 4.1.)
"""

from __future__ import annotations

import struct
from pathlib import Path

from ragbot.index.scrub import Marks

_HEADER, _FRAME = 32, 24


class WrittenPages:
    """Reads the log after each commit, before SQLite may begin it anew."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._generation = b""
        self._at = _HEADER
        #: The pages that were written since this was made; now and then a page more.
        self.marks = Marks()

    def note(self) -> None:
        """A transaction has been committed. Raises OSError."""
        with self._log.open("rb", buffering=0) as file:
            header = file.read(_HEADER)
            if len(header) < _HEADER:
                raise OSError(f"{self._log} is empty")
            generation, step = header[16:24], _FRAME + int.from_bytes(header[8:12], "big")
            if generation != self._generation:
                self._generation, self._at = generation, _HEADER
            at, ended = self._at, False
            while True:
                file.seek(at)
                frame = file.read(16)
                if len(frame) < 16 or frame[8:] != generation:
                    return
                number, committed = struct.unpack_from(">2I", frame)
                self.marks.add(number)
                at += step
                # What follows this commit are remains of one that was undone, and is overwritten by the next.
                if committed and not ended:
                    self._at, ended = at, True
