"""One flipped bit inside a value that the catalog stores: it is noticed, and the error is one of ours."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.crash.conftest import Benches
from tests.crash.damages import Damage, Victim, closed, flipped, inside, judged, put
from tests.crash.trial import CATALOG


def verdicts(bench: Any, victim: Victim, value: str, place: str, bit: int, trial: Path) -> list[str]:
    """What comes of one flipped bit, wherever the value stands: a text stands in its document and in its chunks."""
    whole = (victim.folder / CATALOG).read_bytes()
    found = []
    for first, last in inside(victim.folder)[value][:2]:
        at = {"first": first, "middle": (first + last) // 2, "last": last}[place]
        damage = Damage(f"bit of byte {at}", flipped(whole, at, bit))
        found.append(judged(bench.lab, victim, put(victim, Path(CATALOG), damage, trial)))
    assert found, "the value stands nowhere"
    return [verdict.kind if verdict.kind in {"right", "refused"} else str(verdict) for verdict in found]


@pytest.mark.parametrize(
    ("value", "place", "bit"),
    [
        ("text", "middle", 0),
        ("text", "last", 0),
        ("text", "last", 7),
        ("title", "middle", 0),
        ("title", "last", 7),
        ("chunk", "middle", 0),
        ("chunk", "last", 7),
        ("embedding", "middle", 0),
        ("embedding", "last", 7),
        ("meta identity", "middle", 0),
        ("meta identity", "last", 7),
        ("meta embedder", "middle", 0),
        ("meta embedder", "last", 0),
        ("meta seq", "first", 0),
        ("meta seq", "last", 6),
    ],
)
def test_a_flipped_bit_is_noticed(benches: Benches, value: str, place: str, bit: int, tmp_path: Path) -> None:
    bench = benches("faiss")
    assert set(verdicts(bench, closed(bench), value, place, bit, tmp_path / "trial")) <= {"right", "refused"}


@pytest.mark.parametrize("change", [(-1), 1, 1000])
def test_a_wrong_number_of_changes_loses_no_document(benches: Benches, change: int, tmp_path: Path) -> None:
    bench = benches("faiss")
    state = bench.scenario("ingest").after
    folder = tmp_path / "kb"
    bench.lab.run("ingest", folder, paths=list(state["documents"])).done()
    with closing(sqlite3.connect(folder / CATALOG, isolation_level=None)) as db:
        db.execute("UPDATE meta SET value = CAST(value AS INTEGER) + ? WHERE key = 'seq'", (change,))
    victim = Victim("closed", "faiss", folder, state, state, ())
    verdict = judged(bench.lab, victim, folder)
    assert verdict.kind in {"right", "refused"}, verdict


def test_a_header_of_another_format(benches: Benches, tmp_path: Path) -> None:
    bench = benches("faiss")
    victim = closed(bench)
    whole = (victim.folder / CATALOG).read_bytes()
    damage = Damage("bit of byte 47", flipped(whole, 47, 6))
    assert judged(bench.lab, victim, put(victim, Path(CATALOG), damage, tmp_path / "trial")).kind == "refused"
