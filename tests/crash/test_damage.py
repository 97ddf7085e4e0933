"""Damaged files: the answers are those of the whole knowledge base, or there is a clear error; never a crash.

The long form makes ``CRASH_DAMAGES`` (200) of them to each file, and repairs every ``CRASH_REPAIRED``-th (5) victim.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.crash.conftest import Benches, Publish
from tests.crash.damages import Damage, Victim, closed, damages, healed, judged, left_open, put
from tests.crash.laboratory import STORES, Laboratory
from tests.crash.state import differences
from tests.crash.trial import CATALOG

WAL = f"{CATALOG}-wal"
MAKERS = {"closed": closed, "left open": left_open}


def others(victim: Victim, file: Path, bench: Any) -> bytes | None:
    """The file of the same kind in another knowledge base, which is whole, too."""
    other = closed(bench) if victim.name == "left open" else left_open(bench)
    kind = file.name.partition("-")[0] if file.suffix == ".ragbot" else file.name
    found = [path for path in other.files() if path.name.startswith(kind)]
    return (other.folder / found[0]).read_bytes() if found and file.name != CATALOG else None


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("store", STORES)
def test_damaged_files_give_right_answers_or_none(benches: Benches, store: str, name: str, tmp_path: Path) -> None:
    bench = benches(store)
    victim = MAKERS[name](bench)
    rng = random.Random(f"{store} {name}")
    for file in victim.files():
        whole = (victim.folder / file).read_bytes()
        for damage in damages(whole, others(victim, file, bench), 8 if name == "closed" else 3, rng):
            verdict = judged(bench.lab, victim, put(victim, file, damage, tmp_path / "trial"))
            assert verdict.kind in {"right", "refused"}, (file, damage.how, verdict)


@pytest.mark.parametrize("store", STORES)
def test_damaged_indexes_are_repaired_from_the_catalog(benches: Benches, store: str, tmp_path: Path) -> None:
    bench = benches(store)
    victim = closed(bench)
    for file in [file for file in victim.files() if file.name != CATALOG]:
        whole = (victim.folder / file).read_bytes()
        for damage in (Damage("half", whole[: len(whole) // 2]), Damage("gone", None)):
            folder = put(victim, file, damage, tmp_path / "trial")
            assert "refused" not in str(judged(bench.lab, victim, folder).kind), file
            assert healed(bench.lab, victim, folder) == "healed", (file, damage.how)


@pytest.mark.parametrize("store", STORES)
def test_another_catalog_is_never_mixed_with_these_indexes(benches: Benches, store: str, tmp_path: Path) -> None:
    bench = benches(store)
    victim, other = closed(bench), left_open(bench)
    clean = tmp_path / "other"
    shutil.copytree(other.folder, clean)
    bench.lab.run("ingest", clean, store=store, paths=list(other.sources)).done()  # brings its log into the file
    damage = Damage("another's", (clean / CATALOG).read_bytes())
    folder = put(victim, Path(CATALOG), damage, tmp_path / "trial")
    found = bench.lab.run("search", folder, store=store).done()
    assert [*differences(found, other.clean)] == []


def test_an_emptied_catalog_is_refused(benches: Benches, tmp_path: Path) -> None:
    bench = benches("faiss")
    victim = closed(bench)
    verdict = judged(bench.lab, victim, put(victim, Path(CATALOG), Damage("empty", b""), tmp_path / "trial"))
    assert verdict.kind == "refused", verdict


@pytest.mark.parametrize("how", ["gone", "empty", "half"])
def test_a_lost_log_is_told_of(benches: Benches, how: str, tmp_path: Path) -> None:
    bench = benches("faiss")
    victim = left_open(bench)
    whole = (victim.folder / WAL).read_bytes()
    contents = {"gone": None, "empty": b"", "half": whole[: len(whole) // 2]}[how]
    verdict = judged(bench.lab, victim, put(victim, Path(WAL), Damage(how, contents), tmp_path / "trial"))
    assert verdict.kind == "refused", verdict


@pytest.mark.parametrize("name", MAKERS)
def test_a_segment_of_another_index_is_not_trusted(benches: Benches, name: str, tmp_path: Path) -> None:
    bench = benches("faiss")
    victim = MAKERS[name](bench)
    for file in [file for file in victim.files() if file.name.startswith("lexical-")]:
        damage = Damage("another's", others(victim, file, bench))
        verdict = judged(bench.lab, victim, put(victim, file, damage, tmp_path / "trial"))
        assert verdict.kind == "right", verdict


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("store", STORES)
def test_hundreds_of_damages_a_file(
    benches: Benches, lab: Laboratory, store: str, tmp_path: Path, publish: Publish
) -> None:
    bench = benches(store)
    count, every = int(os.environ.get("CRASH_DAMAGES", "200")), int(os.environ.get("CRASH_REPAIRED", "5"))
    rng = random.Random(int(os.environ.get("CRASH_SEED", "0")))
    rows: list[dict[str, Any]] = []
    bad = []
    for name, make in MAKERS.items():
        victim = make(bench)
        for file in victim.files():
            whole = (victim.folder / file).read_bytes()
            kinds: Counter[str] = Counter()
            repairs: Counter[str] = Counter()
            faults = []
            for number, damage in enumerate(damages(whole, others(victim, file, bench), count, rng)):
                folder = put(victim, file, damage, tmp_path / "trial")
                verdict = judged(lab, victim, folder)
                kinds[verdict.kind] += 1
                if verdict.kind not in {"right", "refused"}:
                    faults.append(f"{name}: {file}: {damage.how}: {verdict}")
                if number % every == 0:
                    folder = put(victim, file, damage, tmp_path / "trial")
                    mended = healed(lab, victim, folder)
                    repairs[mended if mended in {"healed", "refused"} else "not healed"] += 1
                    if mended not in {"healed", "refused"}:
                        faults.append(f"{name}: {file}: {damage.how}: after a repair: {mended}")
            bad += faults
            rows.append(
                {
                    "victim": name,
                    "file": file.name if not file.name.startswith("lexical-") else "lexical-*.ragbot",
                    "bytes": len(whole),
                    "damages": kinds.total(),
                    **{
                        kind: kinds[kind]
                        for kind in ("right", "refused", "older", "wrong", "foreign", "signal", "hung")
                    },
                    **{f"repair: {kind}": repairs[kind] for kind in ("healed", "refused", "not healed")},
                    "faults": faults[:30],
                }
            )
            publish(f"damage-{store}", rows)
    assert bad == []
