"""The laboratory, started once for all experiments, and where their figures go."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.crash.laboratory import Laboratory
from tests.crash.scenarios import Bench

Publish = Callable[[str, Sequence[Mapping[str, Any]]], None]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    with Laboratory(tmp_path_factory.mktemp("laboratory")) as started:
        yield started


@pytest.fixture
def publish(capsys: pytest.CaptureFixture[str]) -> Publish:
    """Prints rows as a table (lists as their lengths), and writes them to a file in the folder ``CRASH_REPORT``."""

    def out(name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        with capsys.disabled():
            columns = list(rows[0]) if rows else []
            for row in [dict(zip(columns, columns, strict=True)), *rows]:
                cells = [row[column] for column in columns]
                shown = [str(len(cell) if isinstance(cell, list) else cell) for cell in cells]
                os.write(1, f"\n| {' | '.join(shown)} |".encode())
        if folder := os.environ.get("CRASH_REPORT"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            text = json.dumps(list(rows), ensure_ascii=False, indent=1)
            (Path(folder) / f"{name}.json").write_text(text, encoding="utf-8")

    return out


Benches = Callable[[str], Bench]


@pytest.fixture(scope="session")
def benches(lab: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Benches:
    """The scenarios of a store, each made when it is first asked for."""
    made: dict[str, Bench] = {}

    def of(store: str) -> Bench:
        if store not in made:
            made[store] = Bench(
                lab, tmp_path_factory.mktemp("bench"), store, int(os.environ.get("CRASH_DOCUMENTS", "6"))
            )
        return made[store]

    return of
