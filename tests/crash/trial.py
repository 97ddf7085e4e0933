"""One run of an operation in a place of its own: what a kill has left, and what the next run makes of it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.laboratory import Laboratory, Outcome
from tests.crash.material import secret
from tests.crash.state import State, broken_promises, differences
from tests.crash.traces import remains

EMPTY: State = {"documents": {}, "hits": {}, "faults": []}
CATALOG = "catalog.sqlite3"


@dataclass(frozen=True)
class Scenario:
    """One operation on a copy of ``base`` (None: on nothing).

    ``before`` and ``after`` are the states that a document may be in after a kill; ``after`` comes of a clean build.
    ``removed`` are (name, generation) whose words must be nowhere afterwards. ``mended`` are sources that are ingested
    after the operation, before it is compared.
    """

    name: str
    store: str
    operation: str
    request: Mapping[str, Any]
    base: Path | None
    before: State
    after: State
    removed: tuple[tuple[str, int], ...] = ()
    mended: tuple[str, ...] = ()


@dataclass
class Trial:
    """One run of a scenario in a place of its own."""

    lab: Laboratory
    scenario: Scenario
    place: Path
    faults: list[str] = field(default_factory=list)
    left_behind: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.place / "kb"

    def operate(self, **how: Any) -> Outcome:
        """Do the operation, with whatever happens to it."""
        request = {
            key: value.replace("PLACE", str(self.place)) if isinstance(value, str) else value
            for key, value in self.scenario.request.items()
        }
        if "words" in request:
            request["words"] = [word.replace("PLACE", str(self.place)) for word in request["words"]]
        return self.lab.run(self.scenario.operation, self.folder, store=self.scenario.store, **request, **how)

    def begin(self) -> None:
        """Put the state that the operation starts from in its place."""
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        if self.scenario.base is not None:
            shutil.copytree(self.scenario.base, self.folder)

    def judge(self, outcome: Outcome) -> None:
        """Look at what the kill has left; then do the operation again, and compare with a clean build."""
        if outcome.failed or outcome.late:
            self.faults.append(outcome.failed or "it hung")
        if not self.scenario.mended:  # else it begins with a document that is damaged
            self._between(outcome)
        self._again()
        whole = self._state("check")
        self.faults += differences(whole, self.scenario.after) if whole else ["nothing is there"]
        if self.scenario.operation == "export":
            self._imported()
        self.faults += remains(self.folder, [secret(*one) for one in self.scenario.removed])
        self.left_behind = [
            path.name
            for path in self.place.rglob("*")
            if path.name.endswith((".tmp", "-journal")) or path.name.startswith((".ragbot-export", ".ragbot-import"))
        ]

    def _between(self, outcome: Outcome) -> None:
        seen = self._state("search") if (self.folder / CATALOG).exists() else EMPTY
        if seen:
            acknowledged = outcome.acks
            if self.scenario.operation == "import":
                acknowledged = tuple(self.scenario.after["documents"]) if outcome.acks or self.folder.exists() else ()
            self.faults += broken_promises(seen, self.scenario.before, self.scenario.after, acknowledged)

    def _again(self) -> None:
        if self.scenario.operation == "import" and self.folder.exists():
            return  # it was whole already, or _between has told of it
        if self.scenario.operation == "export" and (self.place / "out.ragbot").exists():
            return
        again = self.operate()
        if again.refused or again.failed or again.signal:
            self.faults.append(f"the second run: {again.refused or again.failed or again.signal}")
        elif self.scenario.operation == "command" and again.done()["code"] and "there is no" not in again.done()["err"]:
            self.faults.append(f"the second run: {again.done()}")
        if self.scenario.mended:
            self.lab.run("ingest", self.folder, store=self.scenario.store, paths=list(self.scenario.mended))

    def _imported(self) -> None:
        copy = self.place / "copy"
        made = self.lab.run("import", copy, store=self.scenario.store, file=str(self.place / "out.ragbot"))
        found = self.lab.run("check", copy, store=self.scenario.store)
        if made.result is None or found.result is None:
            self.faults.append(f"the export is not whole: {made.refused or made.failed or found.refused}")
        else:
            self.faults += [f"imported: {fault}" for fault in differences(found.result, self.scenario.after)]

    def _state(self, operation: str) -> State | None:
        seen = self.lab.run(operation, self.folder, store=self.scenario.store)
        if seen.result is None:
            self.faults.append(f"{operation}: {seen.refused or seen.failed or f'signal {seen.signal}'}")
        found: State | None = seen.result
        return found


def tried(lab: Laboratory, scenario: Scenario, place: Path, **how: Any) -> tuple[Trial, Outcome]:
    """One trial from beginning to end."""
    trial = Trial(lab, scenario, place)
    trial.begin()
    outcome = trial.operate(**how)
    trial.judge(outcome)
    return trial, outcome
