"""An evaluation at work in a thread of this program, which others watch and stop; what it was asked is kept beside it.

A run that was stopped, or whose program was ended, keeps its rows: :meth:`Evaluations.resume` goes on with it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from eval.files import read_json, write_json
from eval.harness import Progress
from eval.run import Plan
from eval.run import run as evaluate
from eval.runs import RunStore
from eval.workbench import Workbench
from ragbot.errors import EvaluationError, RagbotError, UserError
from ragbot.settings import Settings, load_settings

if TYPE_CHECKING:
    from ragbot.models.embedders.base import Embedder

log = logging.getLogger(__name__)

#: What a run was asked, beside its manifest.
REQUEST = "request.json"

State = Literal["preparing", "asking", "done", "stopped", "failed"]
#: Lends the embedder of the knowledge base that is asked, for as long as the run takes; None: as the settings say.
Lend = Callable[[], AbstractContextManager["Embedder"]]


class StoppedError(KeyboardInterrupt):  # as Ctrl-C: what a run leaves behind is then in order
    """The person does not want the run to go on."""


@dataclass(frozen=True, slots=True)
class View:
    """How the evaluation at work stands.

    Attributes:
        run: its name; empty until the first question is asked.
        dataset: the name of the question set.
        state: ``preparing``: documents are brought in and models loaded.
        done, total, errors: questions.
        files, total_files: documents that are brought in before.
        seconds: since it began, until it ended; ``asking`` of them on questions.
        error: why it failed.
    """

    run: str
    dataset: str
    state: State
    done: int = 0
    total: int = 0
    errors: int = 0
    files: int = 0
    total_files: int = 0
    seconds: float = 0.0
    asking: float = 0.0
    fresh: int = 0
    error: str = ""
    stopping: bool = False

    @property
    def finished(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in {"done", "stopped", "failed"}

    @property
    def left(self) -> float | None:
        """Seconds that the questions to come take at the rate of those so far; None while it is too early to say."""
        if self.state != "asking" or self.fresh < 1 or self.asking < 1:
            return None
        return (self.total - self.done) * self.asking / self.fresh


class Evaluations:
    """The evaluations of a data folder. One is at work at a time: two would spoil each other's times.

    Args:
        settings: of the process; ``data_dir`` says where runs are kept.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        folder = settings.data_dir.expanduser().absolute() / "eval"
        self.store = RunStore(folder / "runs")
        self._workbench = Workbench(folder / "kb")
        self._lock = threading.Lock()
        self._view: View | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def view(self) -> View | None:
        """How the one at work stands, or the last one; None where there was none in this process."""
        with self._lock:
            return self._view

    def start(self, plan: Plan, options: Mapping[str, str] | None = None, lend: Lend | None = None) -> View:
        """Begin; returns at once.

        Args:
            options: settings that differ from those of the process, by dotted key.
            lend: see :data:`Lend`.

        Raises:
            UserError: one is at work already.
            SettingsError: an unknown key, or a value that it does not take.
            MissingExtraError: what the metrics are computed with is not installed.
        """
        return self._begin(plan, dict(options or {}), lend, "")

    def resume(self, name: str, lend: Lend | None = None) -> View:
        """Go on with a run that was stopped or cut off: the questions that are left, and those that failed.

        Raises:
            EvaluationError: there is none, it was not begun here, or it is finished.
            UserError: one is at work already.
        """
        found = self.store.load(name)
        path = (found.folder or Path()) / REQUEST
        if found.folder is None or not path.is_file():
            raise EvaluationError(f"{name!r} was not begun here: go on with its own command and --resume {name}")
        if found.manifest["finished"] and not found.errors:
            raise EvaluationError(f"the run {name!r} is finished: there is nothing to resume")
        asked = read_json(path)
        plan = {**asked["plan"], "dataset": Path(asked["plan"]["dataset"]), "parts": tuple(asked["plan"]["parts"])}
        if plan["documents"]:
            plan["documents"] = Path(plan["documents"])
        return self._begin(replace(Plan(**plan), name=""), asked["settings"], lend, found.name)

    def stop(self) -> None:
        """Stop it after the question that is being answered; what was asked is kept."""
        self._stop.set()
        with self._lock:
            if self._view is not None and not self._view.finished:
                self._view = replace(self._view, stopping=True)

    def close(self, wait: float = 5.0) -> None:
        """Stop it, and wait for that so long."""
        self.stop()
        if self._thread is not None:
            self._thread.join(wait)

    # -- inside --------------------------------------------------------------------------------------------------

    def _begin(self, plan: Plan, options: Mapping[str, str], lend: Lend | None, resume: str) -> View:
        from eval.report import check_extras as check_report
        from eval.scoring import check_extras

        settings = changed(self.settings, options)
        check_extras()
        check_report()
        with self._lock:
            if self._view is not None and not self._view.finished:
                raise UserError("an evaluation is at work: stop it, or wait for its end")
            self._stop.clear()
            self._view = View(resume, plan.dataset.name, "preparing")
            begun = self._view
            self._thread = threading.Thread(
                target=self._work, args=(plan, settings, dict(options), lend, resume), name="ragbot-eval", daemon=True
            )
            self._thread.start()
        return begun

    def _work(self, plan: Plan, settings: Settings, options: dict[str, str], lend: Lend | None, resume: str) -> None:
        watch = _Watch(self, plan, options)
        state: State = "failed"
        error = ""
        try:
            if lend is None:
                self._run(plan, settings, resume, watch, None)
            else:
                with lend() as embedder:
                    self._run(plan, settings, resume, watch, embedder)
            state = "done"
        except StoppedError:
            state = "stopped"
        except RagbotError as problem:
            error = str(problem)
        except Exception as problem:  # a thread's end: nobody else would hear of it
            log.exception("the evaluation failed")
            error = f"unexpected {type(problem).__name__}: {' '.join(str(problem).split())[:300]}"
        watch.tell(state=state, error=error, stopping=False)

    def _run(self, plan: Plan, settings: Settings, resume: str, watch: _Watch, embedder: Embedder | None) -> None:
        evaluate(
            plan,
            settings,
            self.store,
            self._workbench,
            resume=resume,
            on_ingest=watch.ingesting,
            on_question=watch.asked,
            on_start=watch.started,
            embedder=embedder,
        )


class _Watch:
    """What a run tells, written into the view; raises StoppedError where it has to stop."""

    def __init__(self, evaluations: Evaluations, plan: Plan, options: Mapping[str, str]) -> None:
        self._evaluations, self._plan, self._options = evaluations, plan, options
        self._began = time.monotonic()
        self._first: tuple[float, int] | None = None

    def tell(self, **values: Any) -> None:
        """Change the view."""
        moment = time.monotonic()
        asking = moment - self._first[0] if self._first else 0.0
        with self._evaluations._lock:
            assert self._evaluations._view is not None  # for mypy: it was made before the thread
            self._evaluations._view = replace(
                self._evaluations._view, seconds=moment - self._began, asking=asking, **values
            )
        if "state" not in values or values["state"] == "asking":
            self._check()

    def ingesting(self, moment: Any) -> None:
        """As :class:`ingest.progress.Progress`."""
        self.tell(files=moment.files, total_files=moment.total_files)

    def started(self, name: str) -> None:
        """The run has a name, and a folder."""
        asked = {"plan": {**asdict(self._plan), "dataset": str(self._plan.dataset)}, "settings": dict(self._options)}
        asked["plan"]["documents"] = str(self._plan.documents) if self._plan.documents else None
        write_json(self._evaluations.store.root / name / REQUEST, asked)
        self.tell(run=name, state="asking")

    def asked(self, moment: Progress) -> None:
        """A question was answered, or the first is about to be."""
        if self._first is None:
            self._first = time.monotonic(), moment.done
        self.tell(done=moment.done, total=moment.total, errors=moment.errors, fresh=moment.done - self._first[1])

    def _check(self) -> None:
        if self._evaluations._stop.is_set():
            raise StoppedError


def changed(settings: Settings, options: Mapping[str, str]) -> Settings:
    """The settings with others on top, by dotted key.

    Raises:
        SettingsError: an unknown key, or a value that it does not take.
    """
    if not options:
        return settings
    from ragbot.settings import value_of, walk

    # What the process was given counts, wherever it came from.
    now = {key: value_of(settings, key) for key, _ in walk(Settings)}
    return load_settings({**now, **options})[0]
