"""kill -9 at random instants: nothing acknowledged is lost, nothing is there by half or twice, and the next run mends it.

The long form makes ``CRASH_KILLS`` of them (1,000 if it is not set) over all operations (or those that
``CRASH_OPERATIONS`` names, with commas), spread evenly over the time that the undisturbed operation takes.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.crash.conftest import Benches, Publish
from tests.crash.laboratory import STORES
from tests.crash.scenarios import SCENARIOS
from tests.crash.trial import Scenario, Trial, tried

#: `ragbot kb remove` a second time says that there is no such document, and leaves the words of the first where they are.


def undisturbed(scenario: Scenario, bench: Any, place: Path, runs: int = 3) -> float:
    """Seconds that the operation takes: the middle of some times."""
    times = []
    for _ in range(runs):
        trial = Trial(bench.lab, scenario, place)
        trial.begin()
        outcome = trial.operate()
        assert not outcome.failed and not outcome.refused and not outcome.signal, outcome
        times.append(outcome.seconds)
    return statistics.median(times)


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("store", STORES)
def test_killed_at_two_instants(benches: Benches, store: str, name: str, tmp_path: Path) -> None:
    bench = benches(store)
    scenario = bench.scenario(name)
    seconds = undisturbed(scenario, bench, tmp_path / "trial", runs=1)
    rng = random.Random(f"{store} {name}")
    for part in (rng.uniform(0.2, 0.6), rng.uniform(0.6, 0.95)):
        trial, _ = tried(bench.lab, scenario, tmp_path / "trial", kill_after=part * seconds)
        assert trial.faults == [], f"killed after {part:.3f} of {seconds:.3f} s"


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("store", STORES)
def test_killed_a_thousand_times(benches: Benches, store: str, tmp_path: Path, publish: Publish) -> None:
    bench = benches(store)
    kills = int(os.environ.get("CRASH_KILLS", "1000"))
    rng = random.Random(int(os.environ.get("CRASH_SEED", "0")))
    names = os.environ.get("CRASH_OPERATIONS", ",".join(SCENARIOS)).split(",")
    rows = []
    for number, name in enumerate(names):
        scenario = bench.scenario(name)
        seconds = undisturbed(scenario, bench, tmp_path / "trial")
        rows.append(_row(bench, scenario, seconds, tmp_path / "trial", _share(kills, number, len(names)), rng))
        publish(f"kill-{store}", rows)
    assert [fault for row in rows for fault in row["faults"]] == []


def _share(whole: int, number: int, parts: int) -> int:
    return whole * (number + 1) // parts - whole * number // parts


def _row(bench: Any, scenario: Scenario, seconds: float, place: Path, share: int, rng: random.Random) -> dict[str, Any]:
    """Kill one operation until it has died ``share`` times; runs that were faster than their killer do not count."""
    began = time.monotonic()
    killed, attempts = 0, 0
    faults: Counter[str] = Counter()
    left: Counter[str] = Counter()
    bad = 0
    while killed < share and attempts < 3 * share:
        attempts += 1
        after = rng.uniform(0, 1.05) * seconds
        trial, outcome = tried(bench.lab, scenario, place, kill_after=after)
        killed += outcome.signal == 9
        bad += bool(trial.faults)
        for fault in trial.faults:
            faults[f"{fault} (killed after {after:.4f} s)"[:300]] += 1
        left.update(trial.left_behind)
    return {
        "operation": scenario.name,
        "seconds": round(seconds, 3),
        "kills": killed,
        "survived": attempts - killed,
        "failures": bad,
        "left behind": left.total(),
        "minutes": round((time.monotonic() - began) / 60, 1),
        "faults": list(faults)[:20],
    }
