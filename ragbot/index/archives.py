"""What the catalog knows of archives: one whose members were all taken is not unpacked again while it is unchanged.

A state is a memory aid and no document: one that is damaged, or that fits the documents no more, only means that the
archive is read again.
"""

from __future__ import annotations

import sqlite3

from ragbot.index.database import Database
from ragbot.index.records import FileState, checksum

#: Between an archive's path and a member's name in a source, as Java's URLs of archives have it.
INSIDE = "!/"
_STATE = "source, content_hash, size, mtime_ns, checksum"


def archive_of(source: str) -> str:
    """The file that a source stands in: the archive of ``notes.zip!/zh/lora.md``, or itself."""
    return source.partition(INSIDE)[0]


class ArchiveStates(Database):
    """The table ``archives``."""

    def archive_state(self, source: str) -> FileState | None:
        """What was noted of an archive; None where nothing was, or where the row is damaged."""
        rows = self._query(f"SELECT {_STATE} FROM archives WHERE source = ?", (source,))
        return FileState(*rows[0][1:4]) if rows and _intact(rows[0]) else None

    def note_archive(self, source: str, state: FileState) -> None:
        """Note that every member of the archive is a document now."""
        fields = (source, state.content_hash, state.size, state.mtime_ns)
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO archives VALUES (?, ?, ?, ?, ?)", (*fields, checksum(*fields)))

    def members_of(self, archive: str) -> dict[str, str]:
        """The documents inside an archive: content hash by source, in the order of the sources."""
        # A range of the index on sources: "0" is the character after "/".
        rows = self._query(
            "SELECT source, content_hash FROM documents WHERE source >= ? AND source < ? ORDER BY source",
            (archive + INSIDE, archive + INSIDE[:-1] + chr(ord(INSIDE[-1]) + 1)),
        )
        return dict(rows)

    def archives(self) -> list[str]:
        """The archives that are noted, by source; damaged rows too."""
        return [str(row[0]) for row in self._query("SELECT source FROM archives ORDER BY source")]

    # -- for what changes or checks the catalog as a whole -------------------------------------------------------

    def _forget_archive(self, db: sqlite3.Connection, source: str) -> None:
        """A document is removed: the archive that it was a member of, if any, has to be read again."""
        db.execute("DELETE FROM archives WHERE source = ?", (archive_of(source),))

    def _archive_faults(self) -> list[str]:
        """The damaged rows, in words."""
        rows = self._query(f"SELECT {_STATE} FROM archives")
        return [f"what it notes of the archive {row[0]} is damaged" for row in rows if not _intact(row)]

    def _drop_damaged_archives(self, db: sqlite3.Connection) -> None:
        # All of them: the name of a damaged row may be what is damaged, and finds nothing.
        if self._archive_faults():
            db.execute("DELETE FROM archives")

    def _move_archives(self, db: sqlite3.Connection, old: str, new: str) -> None:
        """Let the archives whose source begins with ``old`` begin with ``new``."""
        rows = db.execute(f"SELECT {_STATE} FROM archives WHERE substr(source, 1, ?) = ?", (len(old), old)).fetchall()
        for row in rows:
            source = new + row[0][len(old) :]
            db.execute(
                "UPDATE archives SET source = ?, checksum = ? WHERE source = ?",
                (source, checksum(source, *row[1:4]), row[0]),
            )


def _intact(row: tuple[object, ...]) -> bool:
    return checksum(*row[:4]) == row[4]
