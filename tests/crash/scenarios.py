"""The operations that are killed: from which state they start, and which one they lead to."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from ragbot.index.schema import APPLICATION_ID, MIGRATIONS, VERSION
from tests.crash.laboratory import Laboratory
from tests.crash.material import names, write
from tests.crash.state import State
from tests.crash.trial import CATALOG, EMPTY, Scenario


class Bench:
    """Makes scenarios in a folder; what they have in common is made once."""

    def __init__(self, lab: Laboratory, folder: Path, store: str, documents: int) -> None:
        self.lab, self.folder, self.store, self.documents = lab, folder, store, documents
        self._made: dict[str, Scenario] = {}

    def scenario(self, name: str) -> Scenario:
        """The scenario of this name, one of :data:`SCENARIOS`."""
        if name not in self._made:
            place = self.folder / name
            place.mkdir(parents=True)
            self._made[name] = SCENARIOS[name](self, place)
        return self._made[name]

    def built(self, folder: Path, *paths: str | Path) -> State:
        """A knowledge base without an accident, and its state."""
        self.lab.run("ingest", folder, store=self.store, paths=[str(path) for path in paths]).done()
        return self.state(folder)

    def state(self, folder: Path) -> State:
        found: State = self.lab.run("search", folder, store=self.store).done()
        return found


def _ingest(bench: Bench, place: Path) -> Scenario:
    write(place / "sources", names(bench.documents), 1)
    after = bench.built(place / "clean", place / "sources")
    return Scenario("ingest", bench.store, "ingest", {"paths": [str(place / "sources")]}, None, EMPTY, after)


def _ingest_command(bench: Bench, place: Path) -> Scenario:
    write(place / "sources", names(bench.documents), 1)
    after = bench.built(place / "clean", place / "sources")
    words = ["ingest", str(place / "sources"), "--kb", "PLACE/kb"]
    return Scenario("ingest by command", bench.store, "command", {"words": words}, None, EMPTY, after)


def _update(bench: Bench, place: Path) -> Scenario:
    write(place / "sources", names(bench.documents), 1)
    before = bench.built(place / "base", place / "sources")
    changed = names(bench.documents)[::2]
    write(place / "sources", changed, 2)
    after = bench.built(place / "clean", place / "sources")
    request = {"paths": [str(place / "sources")]}
    removed = tuple((name, 1) for name in changed)
    return Scenario("update", bench.store, "ingest", request, place / "base", before, after, removed)


def _sync(bench: Bench, place: Path) -> Scenario:
    write(place / "sources", names(bench.documents), 1)
    before = bench.built(place / "base", place / "sources")
    gone = names(bench.documents)[1::2]
    for name in gone:
        (place / "sources" / name).unlink()
    after = bench.built(place / "clean", place / "sources")
    request = {"paths": [str(place / "sources")], "sync": True}
    removed = tuple((name, 1) for name in gone)
    return Scenario("sync", bench.store, "ingest", request, place / "base", before, after, removed)


def _remove(bench: Bench, place: Path) -> Scenario:
    sources = write(place / "sources", names(bench.documents), 1)
    before = bench.built(place / "base", place / "sources")
    after = bench.built(place / "clean", *sources[::2])
    removed = tuple((name, 1) for name in names(bench.documents)[1::2])
    return Scenario("remove", bench.store, "remove", {"sources": sources[1::2]}, place / "base", before, after, removed)


def _remove_command(bench: Bench, place: Path) -> Scenario:
    sources = write(place / "sources", names(bench.documents), 1)
    before = bench.built(place / "base", place / "sources")
    after = bench.built(place / "clean", *sources[1:])
    request = {"words": ["kb", "remove", sources[0], "--kb", "PLACE/kb"]}
    removed = ((names(1)[0], 1),)
    return Scenario("remove by command", bench.store, "command", request, place / "base", before, after, removed)


def _lived_in(bench: Bench, place: Path) -> tuple[State, tuple[tuple[str, int], ...]]:
    """A knowledge base with changes and removals behind it."""
    sources = write(place / "sources", names(bench.documents), 1)
    bench.built(place / "base", place / "sources")
    write(place / "sources", names(bench.documents)[::2], 2)
    bench.built(place / "base", place / "sources")
    bench.lab.run("remove", place / "base", store=bench.store, sources=sources[1:3]).done()
    return bench.state(place / "base"), tuple((name, 1) for name in names(bench.documents)[1:3])


def _compact(bench: Bench, place: Path) -> Scenario:
    state, removed = _lived_in(bench, place)
    return Scenario("compact", bench.store, "compact", {}, place / "base", state, state, removed)


def _repair(bench: Bench, place: Path) -> Scenario:
    sources = write(place / "sources", names(bench.documents), 1)
    state = bench.built(place / "base", place / "sources")
    with closing(sqlite3.connect(place / "base" / CATALOG, isolation_level=None)) as db:
        db.execute("UPDATE documents SET text = text || '?' WHERE source = ?", (sources[1],))
        db.execute("UPDATE chunks SET text = text || '?' WHERE document_id = 3 AND ordinal = 1")
    (place / "base" / "vectors.ragbot").unlink(missing_ok=True)
    mended = (str(place / "sources"),)
    return Scenario("repair", bench.store, "repair", {}, place / "base", state, state, mended=mended)


def _export(bench: Bench, place: Path) -> Scenario:
    state, _ = _lived_in(bench, place)
    return Scenario("export", bench.store, "export", {"file": "PLACE/out.ragbot"}, place / "base", state, state)


def _import(bench: Bench, place: Path) -> Scenario:
    state, removed = _lived_in(bench, place)
    file = str(place / "out.ragbot")
    bench.lab.run("export", place / "base", store=bench.store, file=file).done()
    return Scenario("import", bench.store, "import", {"file": file}, None, EMPTY, state, removed)


def _upgrade(bench: Bench, place: Path) -> Scenario:
    write(place / "sources", names(bench.documents), 1)
    state = bench.built(place / "base", place / "sources")
    older(place / "base" / CATALOG)
    return Scenario("upgrade", bench.store, "search", {}, place / "base", state, state)


def older(catalog: Path) -> None:
    """Give a catalog the schema of one version ago."""
    newer = catalog.rename(catalog.with_name("newer"))
    with closing(sqlite3.connect(catalog, isolation_level=None)) as db:
        for script in MIGRATIONS[: VERSION - 1]:
            db.executescript(script)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA user_version = {VERSION - 1}")
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("ATTACH ? AS newer", (str(newer),))
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOTNULL")]
        for table in [table for table in tables if not table.startswith("sqlite_")]:
            columns = ", ".join(f'"{row[1]}"' for row in db.execute(f"PRAGMA main.table_info({table})"))
            db.execute(f"DELETE FROM main.{table}")
            db.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}")
        db.execute("DELETE FROM main.sqlite_sequence")
        db.execute("INSERT INTO main.sqlite_sequence SELECT * FROM newer.sqlite_sequence")
        db.execute("DETACH newer")
    for path in catalog.parent.glob("newer*"):
        path.unlink()


SCENARIOS: Mapping[str, Callable[[Bench, Path], Scenario]] = {
    "ingest": _ingest,
    "ingest by command": _ingest_command,
    "update": _update,
    "sync": _sync,
    "remove": _remove,
    "remove by command": _remove_command,
    "compact": _compact,
    "repair": _repair,
    "export": _export,
    "import": _import,
    "upgrade": _upgrade,
}
