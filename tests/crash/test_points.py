"""kill -9 before and after every named point at which something is written (see :mod:`tests.crash.points`).

The long form takes each distinct point of each operation: the first time, the last and one in between; the list of the
points is published. ``CRASH_POINTS`` bounds the kills for each operation.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.crash.conftest import Benches, Publish
from tests.crash.laboratory import STORES
from tests.crash.scenarios import SCENARIOS
from tests.crash.trial import Scenario, Trial, tried

#: A part of what each operation must pass: if a name is gone from here, the tracer no longer sees it.
EXPECTED = {
    "ingest": ("sql INSERT INTO chunks", "_transaction sql COMMIT", "replace_file os.replace(lexical.ragbot)"),
    "update": ("sql UPDATE documents SET", "os.unlink(lexical-*.ragbot)", "wal_checkpoint(TRUNCATE)"),
    "remove": ("sql DELETE FROM documents", "replace_file fsync(lexical.ragbot.tmp)"),
    "compact": ("sql VACUUM", "replace_file os.replace(lexical.ragbot)"),
    "repair": ("sql REINDEX", "sql DELETE FROM chunks"),
    "export": ("os.link(out.ragbot)", "fsync(archive)"),
    "import": ("os.rename(kb)", "fsync(catalog.sqlite3)", "sql INSERT OR REPLACE"),
    "upgrade": ("_migrate sql COMMIT", "_migrate sql PRAGMA user_version ="),
}
#: Instants that the quick form takes for each operation.
QUICK = 2


def points_of(scenario: Scenario, bench: Any, place: Path) -> tuple[str, ...]:
    """The points that the undisturbed operation passes, in order."""
    trial = Trial(bench.lab, scenario, place)
    trial.begin()
    outcome = trial.operate(trace={})
    assert not outcome.failed and not outcome.refused, outcome
    return outcome.points


def stops(points: Sequence[str], rng: random.Random) -> Iterator[dict[str, Any]]:
    """Before and after each distinct point: the first, the last and one in between."""
    for name, count in Counter(points).items():
        chosen = {1, count, rng.randint(1, count)}
        for occurrence in sorted(chosen):
            for when in ("before", "after"):
                yield {"name": name, "occurrence": occurrence, "when": when}


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("store", STORES)
def test_killed_at_some_points(benches: Benches, store: str, name: str, tmp_path: Path) -> None:
    bench = benches(store)
    scenario = bench.scenario(name)
    points = points_of(scenario, bench, tmp_path / "trial")
    for part in EXPECTED[name]:
        assert any(part in point for point in points), f"{part} is no point any more: {sorted(set(points))}"
    rng = random.Random(f"{store} {name}")
    for stop in rng.sample([*stops(points, rng)], QUICK):
        trial, outcome = tried(bench.lab, scenario, tmp_path / "trial", trace={"stop": stop})
        assert outcome.signal == 9, f"{stop} was not reached"
        assert trial.faults == [], stop


@pytest.mark.parametrize("name", ["ingest", "update", "remove", "compact", "repair"])
@pytest.mark.parametrize("store", STORES)
def test_files_are_replaced_in_the_safe_order(benches: Benches, store: str, name: str, tmp_path: Path) -> None:
    """Written, made durable, renamed, and the name made durable: a power cut is survived, which no kill can show."""
    bench = benches(store)
    points = [point.partition(" ") for point in points_of(bench.scenario(name), bench, tmp_path / "trial")]
    steps = [what for caller, _, what in points if caller.startswith("ragbot.index.container:")]
    replaced = [number for number, what in enumerate(steps) if what.startswith("os.replace(")]
    assert len(replaced) >= 3, "the words, their manifest and the vectors"
    for number in replaced:
        file = steps[number].removeprefix("os.replace(").removesuffix(")")
        before = [what for what in steps[:number] if what.endswith(f"({file}.tmp)")]
        assert before[-2:] == [f"write({file}.tmp)", f"fsync({file}.tmp)"]
        assert steps[number - 1 : number + 2] == [f"fsync({file}.tmp)", f"os.replace({file})", "fsync(folder)"]


def at(scenario: Scenario, bench: Any, place: Path, part: str, when: str, last: bool = True) -> Trial:
    """Kill at the point whose name ends so."""
    points = points_of(scenario, bench, place)
    name = next(point for point in points if point.endswith(part))
    stop = {"name": name, "occurrence": points.count(name) if last else 1, "when": when}
    trial, outcome = tried(bench.lab, scenario, place, trace={"stop": stop})
    assert outcome.signal == 9
    return trial


@pytest.mark.parametrize("store", STORES)
def test_removal_by_command_is_brought_to_its_end_by_the_same_command(
    benches: Benches, store: str, tmp_path: Path
) -> None:
    bench = benches(store)
    scenario = bench.scenario("remove by command")
    trial = at(scenario, bench, tmp_path / "trial", "_transaction sql COMMIT", "after")
    assert trial.faults == []


TRANSFERS = [("import", "import_ os.rename(kb)"), ("export", "export fsync(archive)")]


@pytest.mark.parametrize(("name", "part"), TRANSFERS)
def test_a_transfer_is_whole_or_not_there(benches: Benches, name: str, part: str, tmp_path: Path) -> None:
    bench = benches("faiss")
    for when in ("before", "after"):
        assert at(bench.scenario(name), bench, tmp_path / "trial", part, when).faults == []


@pytest.mark.parametrize(("name", "part"), TRANSFERS)
def test_a_killed_transfer_leaves_nothing_behind(benches: Benches, name: str, part: str, tmp_path: Path) -> None:
    bench = benches("faiss")
    assert at(bench.scenario(name), bench, tmp_path / "trial", part, "before").left_behind == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("store", STORES)
def test_killed_at_every_point(benches: Benches, store: str, tmp_path: Path, publish: Publish) -> None:
    bench = benches(store)
    bound = int(os.environ.get("CRASH_POINTS", "1000"))
    rng = random.Random(int(os.environ.get("CRASH_SEED", "0")))
    rows: list[dict[str, Any]] = []
    lists: list[dict[str, Any]] = []
    for name in SCENARIOS:
        scenario = bench.scenario(name)
        points = points_of(scenario, bench, tmp_path / "trial")
        lists += [{"operation": name, "point": point, "times": count} for point, count in Counter(points).items()]
        plan = [*stops(points, rng)]
        plan = plan if len(plan) <= bound else rng.sample(plan, bound)
        killed, left, faults = 0, 0, []
        for stop in plan:
            trial, outcome = tried(bench.lab, scenario, tmp_path / "trial", trace={"stop": stop})
            killed += outcome.signal == 9
            left += bool(trial.left_behind)
            if trial.faults:
                faults.append(f"{stop['when']} {stop['name']} ({stop['occurrence']}): {trial.faults}"[:600])
        rows.append(
            {
                "operation": name,
                "points": len(set(points)),
                "passed": len(points),
                "planned": len(plan),
                "kills": killed,
                "failures": len(faults),
                "left something": left,
                "faults": faults,
            }
        )
        publish(f"points-{store}", rows)
    publish(f"points-{store}-list", lists)
    assert [fault for row in rows for fault in row["faults"]] == []
