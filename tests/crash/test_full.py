"""A full disk, a folder that cannot be written, a write that fails: the old state stays, and room mends it."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.conftest import Benches, Publish
from tests.crash.laboratory import STORES, Outcome
from tests.crash.state import broken_promises
from tests.crash.trial import Scenario, Trial

#: Operations that write, in the order of what they cost.
NAMES = ("ingest", "update", "remove", "compact", "repair", "export", "import", "upgrade")
WRITE = "write("
CLEAR = {"StorageError", "LockedError"}


def after_failure(trial: Trial, outcome: Outcome) -> str:
    """``done`` or ``refused``; the faults are added to the trial, which is then brought to its end with room."""
    kind = "done"
    if outcome.failed or outcome.signal:
        trial.faults.append(outcome.failed or f"signal {outcome.signal}")
    elif outcome.refused:
        kind = "refused"
        if outcome.refused["type"] not in CLEAR or outcome.refused["exit_code"] != 1:
            trial.faults.append(f"an error that does not say it: {outcome.refused}")
    trial.judge(outcome)
    return kind


def tried_with(bench: Any, scenario: Scenario, place: Path, **how: Any) -> tuple[Trial, str]:
    trial = Trial(bench.lab, scenario, place)
    trial.begin()
    return trial, after_failure(trial, trial.operate(**how))


def sizes(count: int, largest: int, rng: random.Random) -> list[int]:
    """Bytes that a file may have: few and many alike."""
    return sorted(int(largest ** rng.uniform(0.4, 1.0)) for _ in range(count))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("store", STORES)
def test_files_that_may_not_grow(benches: Benches, store: str, name: str, tmp_path: Path) -> None:
    bench = benches(store)
    kinds: Counter[str] = Counter()
    for limit in sizes(2, 150_000, random.Random(name)):
        trial, kind = tried_with(bench, bench.scenario(name), tmp_path / "trial", file_bytes=limit)
        kinds[kind] += 1
        assert trial.faults == [], limit
    assert kinds["refused"], "no limit was ever met"


@pytest.mark.parametrize("number", [1, 4, 9])
@pytest.mark.parametrize("name", ["update", "compact", "import"])
@pytest.mark.parametrize("store", STORES)
def test_the_nth_write_fails(benches: Benches, store: str, name: str, number: int, tmp_path: Path) -> None:
    bench = benches(store)
    plan = {"failing_write": number, "error": errno.ENOSPC}
    trial, _ = tried_with(bench, bench.scenario(name), tmp_path / "trial", trace=plan)
    assert trial.faults == []


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("part", ["replace_file fsync(vectors.ragbot.tmp)", "replace_file os.replace(lexical.ragbot)"])
@pytest.mark.parametrize("store", STORES)
def test_a_step_of_the_replacement_fails(benches: Benches, store: str, part: str, code: int, tmp_path: Path) -> None:
    bench = benches(store)
    stop = {"name": f"ragbot.index.container:{part}", "occurrence": 1, "when": "before", "error": code}
    trial, kind = tried_with(bench, bench.scenario("compact"), tmp_path / "trial", trace={"stop": stop})
    assert trial.faults == []
    assert kind == "refused"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"no small file system can be mounted here: {made.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="there is no mount")
@pytest.mark.parametrize("room", [40_000, 120_000, 200_000])
@pytest.mark.parametrize("store", STORES)
def test_a_full_disk(benches: Benches, store: str, room: int, small_disk: Path) -> None:
    bench = benches(store)
    scenario = bench.scenario("ingest")
    trial = Trial(bench.lab, scenario, small_disk / "trial")
    trial.begin()
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(max(512 * 1024 - room, 0)))
    outcome = trial.operate()
    assert outcome.refused and outcome.refused["type"] == "StorageError", outcome
    assert "free some space" in outcome.refused["message"].lower(), outcome.refused
    seen = bench.lab.run("search", trial.folder, store=store)
    if seen.result is not None:  # a reader finds what was committed, though there is no room
        assert [*broken_promises(seen.result, scenario.before, scenario.after, outcome.acks)] == []
    else:
        assert seen.refused and not outcome.acks, seen
    ballast.unlink()
    trial.judge(outcome)
    assert trial.faults == []


@pytest.mark.parametrize("store", STORES)
def test_the_command_on_a_full_disk_ends_with_1_and_a_clear_message(
    benches: Benches, store: str, tmp_path: Path
) -> None:
    bench = benches(store)
    trial = Trial(bench.lab, bench.scenario("ingest by command"), tmp_path / "trial")
    trial.begin()
    outcome = trial.operate(file_bytes=60_000)
    assert outcome.done()["code"] == 1, outcome.done()
    assert "cannot write" in outcome.done()["err"] and "run the same command again" in outcome.done()["err"]
    assert "Traceback" not in outcome.done()["err"]
    trial.judge(outcome)
    assert trial.faults == []


@pytest.fixture
def for_everyone() -> Iterator[Path]:
    """A folder below which anybody may look."""
    place = Path(tempfile.mkdtemp(prefix="ragbot-crash-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("name", ["update", "remove", "compact", "repair"])
@pytest.mark.parametrize("store", STORES)
def test_a_folder_that_only_somebody_else_may_write(
    benches: Benches, store: str, name: str, for_everyone: Path
) -> None:
    bench = benches(store)
    trial = Trial(bench.lab, bench.scenario(name), for_everyone / "trial")
    trial.begin()
    before = {path.name: path.read_bytes() for path in trial.folder.iterdir()}
    outcome = trial.operate(nobody=True)
    assert outcome.refused and outcome.refused["type"] == "StorageError", outcome
    assert {path.name: path.read_bytes() for path in trial.folder.iterdir()} == before
    trial.judge(outcome)
    assert trial.faults == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("store", STORES)
def test_many_limits_and_every_write(benches: Benches, store: str, tmp_path: Path, publish: Publish) -> None:
    bench = benches(store)
    count = int(os.environ.get("CRASH_LIMITS", "40"))
    rng = random.Random(int(os.environ.get("CRASH_SEED", "0")))
    rows: list[dict[str, Any]] = []
    for name in NAMES:
        scenario = bench.scenario(name)
        plain = Trial(bench.lab, scenario, tmp_path / "trial")
        plain.begin()
        writes = sum(f" {WRITE}" in point for point in plain.operate(trace={}).points)
        plans: list[tuple[str, dict[str, Any]]] = [
            (f"limit {limit}", {"file_bytes": limit}) for limit in sizes(count, 300_000, rng)
        ]
        chosen = rng.sample(range(1, writes + 1), min(writes, count))
        plans += [(f"write {n}", {"trace": {"failing_write": n, "error": errno.ENOSPC}}) for n in chosen]
        kinds: Counter[str] = Counter()
        faults = []
        for how, plan in plans:
            trial, kind = tried_with(bench, scenario, tmp_path / "trial", **plan)
            kinds[f"{how.partition(' ')[0]} {kind}"] += 1
            if trial.faults:
                faults.append(f"{how}: {trial.faults}"[:500])
        columns = ("limit refused", "limit done", "write refused", "write done")
        rows.append(
            {"operation": name, **{key: kinds[key] for key in columns}, "failures": len(faults), "faults": faults}
        )
        publish(f"full-{store}", rows)
    assert [fault for row in rows for fault in row["faults"]] == []
