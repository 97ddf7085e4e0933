"""What reading one archive may cost, counted over all archives inside it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.loaders import DEFAULT_MAX_BYTES

_MIB = 1024 * 1024

#: Folders and files of all kinds; a tar of a million empty ones takes half a minute to walk.
MAX_MEMBERS = 20_000
#: Of all members together, as unpacked: some seconds of work, and several times what a person would upload.
MAX_TOTAL_BYTES = 2048 * _MIB
#: Text packs 3 to 20 times, tables and logs up to 100; deflate's limit is 1032, bzip2's and xz's lie in the thousands.
MAX_RATIO = 200
#: Below this, any ratio will do: a few MiB of blanks do no harm.
RATIO_FROM = 8 * _MIB
#: Archives in archives: a download that holds packed folders is common, deeper ones are bombs.
MAX_DEPTH = 2


class ExhaustedError(Exception):
    """The budget is spent: nothing more is read of the archive."""


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Bounds for one archive that a person named, and all that is inside it."""

    members: int = MAX_MEMBERS
    member_bytes: int = DEFAULT_MAX_BYTES
    total_bytes: int = MAX_TOTAL_BYTES
    ratio: int = MAX_RATIO
    depth: int = MAX_DEPTH


@dataclass(slots=True)
class Budget:
    """What is left of the limits; ``size`` is the outermost file's."""

    limits: ArchiveLimits
    size: int
    members: int = field(default=0, init=False)
    unpacked: int = field(default=0, init=False)

    def count_member(self) -> None:
        """One more member.

        Raises:
            ExhaustedError: there are too many.
        """
        self.members += 1
        if self.members > self.limits.members:
            raise ExhaustedError(f"it has more than {self.limits.members:,} members")

    def spend(self, count: int) -> None:
        """Unpacked ``count`` bytes.

        Raises:
            ExhaustedError: that is too much, by itself or for the file's size.
        """
        self.unpacked += count
        if self.unpacked > self.limits.total_bytes:
            raise ExhaustedError(f"it unpacks to more than {self.limits.total_bytes / _MIB:,.0f} MiB")
        if self.unpacked > RATIO_FROM and self.unpacked > self.limits.ratio * self.size:
            raise ExhaustedError(f"it unpacks to more than {self.limits.ratio} times its size")
