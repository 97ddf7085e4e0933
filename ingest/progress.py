"""How far a run of ingestion has come, told to whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["", "added", "updated", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come.

    ``files`` and ``chunks`` count what was committed, skipped or refused; ``bytes`` move on while a batch is embedded.
    ``worked`` are the bytes of it that were read and embedded rather than skipped: the time left follows from them.
    ``contexts`` are the chunks for which a chat model has been asked (see :mod:`ingest.contextual`). ``outcome`` says what
    became of ``current``, and of one that failed ``reason`` says why; it is empty where that is still being worked on.
    """

    files: int
    total_files: int
    bytes: int
    total_bytes: int
    chunks: int
    current: str
    worked: int = 0
    contexts: int = 0
    outcome: Outcome = ""
    reason: str = ""


ProgressCallback = Callable[[Progress], None]


class Meter:
    """Adds up what a run has done, and tells it; nothing that it tells ever goes back.

    Args:
        callback: who is told; None for nobody.
        total_files: sources in all.
        total_bytes: their sizes in all.
    """

    def __init__(self, callback: ProgressCallback | None, total_files: int, total_bytes: int) -> None:
        self.total_files = total_files
        self.total_bytes = total_bytes
        self.contexts = 0
        self._callback = callback
        self._files = self._chunks = 0
        self._bytes = self._worked = 0
        self._shown_bytes = self._shown_worked = 0

    def advance(
        self, source: str, size: int, chunks: int | None = None, outcome: Outcome = "skipped", reason: str = ""
    ) -> None:
        """A source is done; ``chunks`` of it were committed, None if it was skipped or refused."""
        self._files += 1
        self.total_files = max(self.total_files, self._files)  # an archive was counted as one
        self._bytes += size
        if chunks is not None:
            self._worked += size
            self._chunks += chunks
        self.show(source, 0, outcome, reason)

    def show(self, source: str, waiting: int = 0, outcome: Outcome = "", reason: str = "") -> None:
        """Tell where it stands; ``waiting`` bytes have been worked on and are not committed yet."""
        if self._callback:
            # A batch counts as it is embedded; then its documents are committed one by one, and nothing goes back.
            done = self._shown_bytes = max(self._shown_bytes, self._bytes + waiting)
            worked = self._shown_worked = max(self._shown_worked, self._worked + waiting)
            self._callback(
                Progress(
                    self._files,
                    self.total_files,
                    done,
                    self.total_bytes,
                    self._chunks,
                    source,
                    worked,
                    self.contexts,
                    outcome,
                    reason,
                )
            )
