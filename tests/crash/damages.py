"""Ways in which a file can be damaged, and what becomes of a knowledge base whose file was."""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash.laboratory import Laboratory
from tests.crash.state import State, broken_promises, differences
from tests.crash.trial import CATALOG, Scenario, Trial

#: Bytes at the beginning of a file that most depends on: SQLite's header and that of a container lie in them.
HEADER = 128
PAGE = 4096
_ERROR = re.compile(r"^[\w.]+(Error|Exception|Exit|Interrupt)\b.*", re.M)


@dataclass(frozen=True, slots=True)
class Damage:
    """``how`` it is damaged, and what the file holds afterwards (None: it is gone)."""

    how: str
    contents: bytes | None


@dataclass(frozen=True)
class Victim:
    """A knowledge base in ``folder`` that is whole, and the state that it is in.

    ``before`` is the state without its log, for one that was left open; ``sources`` are ingested after a repair.
    """

    name: str
    store: str
    folder: Path
    clean: State
    before: State
    sources: tuple[str, ...]

    def files(self) -> list[Path]:
        """The files of the knowledge base itself; nothing stands in the locks."""
        return sorted(
            path.relative_to(self.folder)
            for path in self.folder.rglob("*")
            if path.is_file() and not path.name.startswith("writer.")
        )


def closed(bench: Any) -> Victim:
    """One that was closed as it should be, with changes and removals behind it."""
    scenario: Scenario = bench.scenario("compact")
    assert scenario.base
    return Victim("closed", bench.store, scenario.base, scenario.after, scenario.after, (*scenario.after["documents"],))


def left_open(bench: Any) -> Victim:
    """One whose writer was killed when all was stored but the log of the catalog was not moved into its file."""
    scenario: Scenario = bench.scenario("update")
    trial = Trial(bench.lab, scenario, bench.folder / "left open")
    trial.begin()
    point = "ragbot.index.database:_query sql PRAGMA wal_checkpoint(TRUNCATE)"
    outcome = trial.operate(trace={"stop": {"name": point, "occurrence": 1, "when": "before"}})
    assert outcome.signal == 9
    sources = (*scenario.after["documents"],)
    return Victim("left open", bench.store, trial.folder, scenario.after, scenario.before, sources)


def damages(whole: bytes, other: bytes | None, count: int, rng: random.Random) -> Iterator[Damage]:
    """Some ``count`` of them: cuts, zeroed tails and pages, flipped bits; the empty file, none, and another one's."""
    yield Damage("empty", b"")
    yield Damage("gone", None)
    if other is not None and other != whole:
        yield Damage("another's", other)
    if not whole:
        return
    for number in range(max(count - 3, 5)):
        at = rng.randrange(len(whole))
        kind = number % 5
        if kind == 0:
            yield Damage(f"cut at {at}", whole[:at])
        elif kind == 1:
            yield Damage(f"zeros from {at}", whole[:at] + bytes(len(whole) - at))
        elif kind == 2:
            page = at - at % PAGE
            yield Damage(f"page at {page} zeroed", whole[:page] + bytes(PAGE) + whole[page + PAGE :])
        else:
            at = at if kind == 3 else rng.randrange(min(HEADER, len(whole)))
            yield Damage(f"bit of byte {at}", flipped(whole, at, rng.randrange(8)))


def flipped(whole: bytes, at: int, bit: int) -> bytes:
    """A copy in which one bit is another."""
    changed = bytearray(whole)
    changed[at] ^= 1 << bit
    return bytes(changed)


def inside(folder: Path) -> dict[str, list[tuple[int, int]]]:
    """Where the values that a catalog stores lie in its file: name to the first and last byte of each place."""
    file = folder / CATALOG
    whole = file.read_bytes()
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        meta = dict(db.execute("SELECT key, value FROM meta"))
        text, title = db.execute("SELECT text, title FROM documents ORDER BY id LIMIT 1 OFFSET 1").fetchone()
        chunk, vector = db.execute("SELECT text, embedding FROM chunks ORDER BY id LIMIT 1 OFFSET 2").fetchone()
    # A key and its value lie side by side; a value alone could be found anywhere.
    values = {f"meta {key}": (key + value).encode() for key, value in meta.items()}
    values |= {"text": text.encode(), "title": title.encode(), "chunk": chunk.encode(), "embedding": vector}
    places: dict[str, list[tuple[int, int]]] = {}
    for name, value in values.items():
        start = whole.find(value)
        while start >= 0:
            places.setdefault(name, []).append((start, start + len(value) - 1))
            start = whole.find(value, start + 1)
    return places


def put(victim: Victim, file: Path, damage: Damage, place: Path) -> Path:
    """A copy of the victim with one damaged file."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(victim.folder, place)
    if damage.contents is None:
        (place / file).unlink()
    else:
        (place / file).write_bytes(damage.contents)
    return place


@dataclass(frozen=True, slots=True)
class Verdict:
    """``kind``: right, refused, older (the state before, whole), wrong, foreign (an error that is none of ours), signal,
    hung; what ``verify`` said (None if nothing); and the details."""

    kind: str
    verify: str | None
    detail: str


def judged(lab: Laboratory, victim: Victim, folder: Path) -> Verdict:
    """Open, search and verify in a process of its own."""
    outcome = lab.run("damaged", folder, store=victim.store, timeout=60)
    if outcome.late:
        return Verdict("hung", None, "60 s")
    if outcome.signal:
        return Verdict("signal", None, str(outcome.signal))
    if outcome.failed is not None:
        named = _ERROR.search(outcome.failed)
        return Verdict("foreign", None, (named[0] if named else outcome.failed)[:300])
    found, said = outcome.done()["search"], outcome.done()["verify"]
    verify = said["message"] if isinstance(said, Mapping) else "; ".join(said) or None
    if "refused" in found:
        return Verdict("refused", verify, found["message"])
    wrong = [*differences(found, victim.clean)]
    if not wrong:
        return Verdict("right", verify, "")
    older = not [*broken_promises(found, victim.before, victim.clean, ())]
    return Verdict("older" if older and victim.before is not victim.clean else "wrong", verify, "; ".join(wrong)[:300])


def healed(lab: Laboratory, victim: Victim, folder: Path) -> str:
    """Repair, and ingest again as it says: ``healed``, ``refused`` (with a clear error), or what is wrong then."""
    mended = lab.run("repair", folder, store=victim.store, timeout=60)
    if mended.failed or mended.signal:
        return f"repair: {mended.failed or f'signal {mended.signal}'}"
    if mended.refused:
        return "refused"
    again = lab.run("ingest", folder, store=victim.store, paths=list(victim.sources), timeout=60)
    if again.refused:
        return "refused"
    if again.failed or again.signal:
        return f"ingest: {again.failed or f'signal {again.signal}'}"
    seen = lab.run("check", folder, store=victim.store, timeout=60)
    if seen.result is None:
        return f"check: {seen.refused or seen.failed or seen.signal}"
    return "; ".join(differences(seen.result, victim.clean))[:300] or "healed"
