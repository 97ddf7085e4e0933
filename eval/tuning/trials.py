"""The trials of a search: proposed by Optuna, measured question by question, stored as they end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.datasets.base import Question
from eval.files import cut_torn_line
from eval.harness import ask_one
from eval.metrics.table import METRICS
from eval.records import Row
from eval.responses import System
from eval.scoring import Scorer
from eval.systems import Mode, ragbot_system
from eval.tuning.space import Knob, Value, changed
from eval.workbench import Workbench
from ragbot.documents import ParsedDocument
from ragbot.errors import EvaluationError, MissingExtraError, SystemFailedError
from ragbot.settings import Settings

if TYPE_CHECKING:
    import optuna

#: Trials drawn at random before the sampler begins to learn from them.
_RANDOM_TRIALS = 6
#: Seconds before a question that failed is asked again.
_PAUSES = (0.5, 2.0)


class OutOfTimeError(Exception):
    """The time is up; what was being measured is given up."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of values, and what each question of the search part got with it."""

    values: Mapping[str, Value]
    scores: Mapping[str, float]
    seconds: float

    @property
    def mean(self) -> float:
        """Mean over the questions."""
        return sum(self.scores.values()) / len(self.scores)


@dataclass(frozen=True)
class Bench:
    """Measures settings on the questions of one set of documents."""

    workbench: Workbench
    documents: Mapping[str, ParsedDocument]
    settings: Settings
    metric: str
    mode: Mode

    def scores(
        self, values: Mapping[str, Value], questions: Sequence[Question], deadline: float = float("inf")
    ) -> dict[str, float]:
        """The metric of each question that it applies to.

        Raises:
            OutOfTimeError: ``deadline`` (of ``time.monotonic``) passed.
            EvaluationError: the metric applies to none of them.
        """

        def check(_: object = None) -> None:
            if time.monotonic() > deadline:
                raise OutOfTimeError

        check()
        settings = changed(self.settings, values)
        with self.workbench.bot(self.documents, settings, progress=check) as bot:
            texts = {source: document.text for source, document in self.documents.items()}
            scorer = Scorer(texts, bot.embedder if self.metric == "similarity" else None)
            system = ragbot_system(bot, self.mode)
            found = {}
            for question in questions:
                check()
                row = _asked(question, system, scorer)
                if self.metric in row.metrics:
                    found[question.id] = row.metrics[self.metric]
        if not found:
            raise EvaluationError(
                f"{self.metric!r} applies to none of the {len(questions)} questions: take another --metric"
            )
        return found


def _asked(question: Question, system: System, scorer: Scorer) -> Row:
    """A row without an error: what a server does not answer must not be taken for a bad setting."""
    for pause in (*_PAUSES, None):
        row = ask_one(question, system, scorer)
        if not row.error:
            return row
        if pause is not None:
            time.sleep(pause)
    raise SystemFailedError(
        f"the system failed at the question {question.id!r} again and again ({row.error}): mend that, then go on with --resume"
    )


class TrialLog:
    """The trials of a search on disk, a line each; a line that a kill cut off is left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        cut_torn_line(path)
        self.trials: list[Trial] = []
        if path.exists():
            for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")[:-1], 1):
                try:
                    data = json.loads(line)
                    self.trials.append(Trial(data["values"], data["scores"], data["seconds"]))
                except (ValueError, KeyError, TypeError) as error:
                    raise EvaluationError(
                        f"{path}, line {number}, is damaged: {error!r}; start a new search"
                    ) from error

    def append(self, trial: Trial) -> None:
        """Store a trial."""
        data = {"values": dict(trial.values), "scores": dict(trial.scores), "seconds": round(trial.seconds, 3)}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(data) + "\n")
        self.trials.append(trial)

    def find(self, values: Mapping[str, Value]) -> Trial | None:
        """The trial of these values, if there was one."""
        return next((trial for trial in self.trials if dict(trial.values) == dict(values)), None)

    def best(self, metric: str) -> Trial:
        """The best one; of equals the earliest, and that is the one that starts."""
        sign = 1 if METRICS[metric].higher_is_better else -1
        return max(self.trials, key=lambda trial: sign * trial.mean)


def search(
    log: TrialLog,
    chosen: Sequence[Knob],
    start: Mapping[str, Value],
    measure: Callable[[Mapping[str, Value], float], Mapping[str, float]],
    *,
    metric: str,
    most: int,
    deadline: float,
    seed: int,
    told: Callable[[Trial], None],
) -> bool:
    """Try ``start``, then what Optuna proposes (a tree-structured Parzen estimator, Bergstra et al. 2011).

    Then each value of the best trial is set back to where it started, and stays there if nothing is lost: what is
    recommended should change as little as it can. Returns whether the time was up before ``most`` trials.

    Raises:
        MissingExtraError: there is no Optuna.
    """

    def attempt(values: Mapping[str, Value]) -> Trial:
        began = time.monotonic()
        # Nothing can be said without the first one, however long it takes.
        trial = Trial(dict(values), measure(values, deadline if log.trials else float("inf")), time.monotonic() - began)
        log.append(trial)
        told(trial)
        return trial

    study = _study(log, chosen, metric, seed)
    space = {knob.key: knob.distribution() for knob in chosen}
    try:
        if log.find(start) is None:
            _tell(study, chosen, attempt(start))
        repeats = 0
        while len(log.trials) < most and repeats < most and not _perfect(log.best(metric), metric):
            proposal = study.ask(space)
            # 0.7, not the 0.7000000000000001 that steps of 0.05 add up to.
            values = {key: round(v, 9) if isinstance(v, float) else v for key, v in proposal.params.items()}
            known = log.find(values)
            repeats += known is not None
            trial = known or attempt(values)
            study.tell(proposal, trial.mean)
        _simplify(log, start, attempt, metric)
    except OutOfTimeError:
        return True
    return False


def _perfect(trial: Trial, metric: str) -> bool:
    """Whether nothing can be gained; every metric that can be tuned for lies between 0 and 1, but for counts."""
    return trial.mean == (1.0 if METRICS[metric].higher_is_better else 0.0)


def _simplify(
    log: TrialLog, start: Mapping[str, Value], attempt: Callable[[Mapping[str, Value]], Trial], metric: str
) -> None:
    sign = 1 if METRICS[metric].higher_is_better else -1
    best = log.best(metric)
    for key, value in start.items():
        if best.values[key] != value:
            simpler = {**best.values, key: value}
            trial = log.find(simpler) or attempt(simpler)
            if sign * trial.mean >= sign * best.mean:
                best = trial


def fewest_changes(log: TrialLog, start: Mapping[str, Value], metric: str) -> Trial:
    """Of the trials that are as good as the best one, the one that changes least."""
    best = log.best(metric).mean
    equal = [trial for trial in log.trials if trial.mean == best]
    return min(equal, key=lambda trial: sum(trial.values[key] != value for key, value in start.items()))


def _study(log: TrialLog, chosen: Sequence[Knob], metric: str, seed: int) -> optuna.Study:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise MissingExtraError("tuning", "eval") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    directions = optuna.study.StudyDirection
    direction = directions.MAXIMIZE if METRICS[metric].higher_is_better else directions.MINIMIZE
    # Another seed after a resumption, or the same random trials would be proposed again.
    sampler = optuna.samplers.TPESampler(
        seed=seed + len(log.trials), n_startup_trials=_RANDOM_TRIALS, multivariate=False
    )
    study = optuna.create_study(direction=direction, sampler=sampler)
    for trial in log.trials:
        _tell(study, chosen, trial)
    return study


def _tell(study: optuna.Study, chosen: Sequence[Knob], trial: Trial) -> None:
    from optuna.trial import create_trial

    # A start outside the grid is measured, but the sampler cannot hold it.
    if all(knob.holds(trial.values[knob.key]) for knob in chosen):
        distributions = {knob.key: knob.distribution() for knob in chosen}
        params: dict[str, Any] = dict(trial.values)
        study.add_trial(create_trial(params=params, distributions=distributions, value=trial.mean))
