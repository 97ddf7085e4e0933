"""``ragbot tune``: search on one part of the documents, confirm on the other, recommend only what is significant."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from eval.compare import Difference, paired
from eval.datasets.base import PARTS, Question, QuestionSet, split_by_document
from eval.datasets.open import fingerprint
from eval.files import now, read_json, write_json, writing
from eval.metrics.table import METRICS
from eval.run import Plan, digest, read_questions, settings_of
from eval.systems import Mode
from eval.tuning import threshold as thresholds
from eval.tuning.space import Knob, Value, changed, current, knobs
from eval.tuning.trials import Bench, Trial, TrialLog, fewest_changes, search
from eval.workbench import Workbench
from ragbot.errors import EvaluationError
from ragbot.settings import Settings

PLAN, TRIALS, RESULT = "plan.json", "trials.jsonl", "result.json"
THRESHOLD = "generation.min_confidence"
#: Share of the time that is kept for the confirmation.
_RESERVE = 0.2
#: With fewer documents no paired test can reach 2.5% (see below).
_FEWEST_DOCUMENTS = 7
_ALPHA = 0.05
#: Two things are tested, the settings and the threshold: each has half of the 5% (Bonferroni).
_TESTS = 2
BALANCED = "balanced accuracy of refusals"


@dataclass(frozen=True, kw_only=True)
class TunePlan:
    """What is tuned, on what, for how long.

    Attributes:
        questions: the question set, with no parts and nothing left out.
        metric: what is improved, a metric of single questions.
        search_on, confirm_on: parts of the set; empty takes train, and dev (or, where we made the parts, dev and test).
        seconds: time budget; what is under way when it is up is given up.
        trials: at most so many.
        only: settings or sections to tune; empty for all that matter.
    """

    questions: Plan
    metric: str
    search_on: tuple[str, ...] = ()
    confirm_on: tuple[str, ...] = ()
    seconds: float = 1800.0
    trials: int = 60
    only: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A change on documents that the search has not seen: the test, its p for two tests, and whether it is recommended."""

    change: Mapping[str, Value]
    metric: str
    difference: Difference
    p_adjusted: float
    recommended: bool


@dataclass(frozen=True)
class Tuned:
    """What came of it. ``recommended`` is empty where nothing was significantly better."""

    metric: str
    start: Mapping[str, Value]
    trials: tuple[Trial, ...]
    best: Trial
    confirmations: tuple[Confirmation, ...]
    thresholds: Mapping[float, float]
    recommended: Mapping[str, Value]
    out_of_time: bool
    search_documents: int
    confirm_documents: int
    search_questions: int
    confirm_questions: int
    seconds: float
    folder: Path


@dataclass(frozen=True, slots=True)
class TuneProgress:
    """How far it has come: ``stage`` is search, confirm or threshold."""

    stage: str
    trials: int
    most: int
    start: float
    best: float
    seconds_left: float


@dataclass
class _Clock:
    seconds: float
    began: float = field(default_factory=time.monotonic)

    @property
    def used(self) -> float:
        return time.monotonic() - self.began

    def at(self, share: float) -> float:
        return self.began + share * self.seconds


def tune(
    plan: TunePlan,
    settings: Settings,
    workbench: Workbench,
    folder: Path,
    progress: Callable[[TuneProgress], None] | None = None,
) -> Tuned:
    """Search, confirm, choose the refusal threshold; everything is stored in ``folder``, and resumed from there.

    Raises:
        EvaluationError: the set is too small to confirm anything, the metric cannot be tuned, or the folder holds a
            search of something else.
    """
    clock = _Clock(plan.seconds)
    questions, search_part, confirm_part = _parts(plan)
    mode = _mode(plan.metric)
    chosen = knobs(questions.documents, settings, mode == "answer", plan.only)
    embedder = workbench.embedder(settings).fingerprint
    folder.mkdir(parents=True, exist_ok=True)
    with writing(folder):
        _check_plan(
            folder, plan, settings, chosen, {"corpus": digest(questions.documents), "embedder": asdict(embedder)}
        )
        return _tune(plan, settings, workbench, folder, progress, clock, (questions, search_part, confirm_part), chosen)


def _tune(
    plan: TunePlan,
    settings: Settings,
    workbench: Workbench,
    folder: Path,
    progress: Callable[[TuneProgress], None] | None,
    clock: _Clock,
    parts: tuple[QuestionSet, QuestionSet, QuestionSet],
    chosen: Sequence[Knob],
) -> Tuned:
    questions, search_part, confirm_part = parts
    mode, start = _mode(plan.metric), current(chosen, settings)
    log = TrialLog(folder / TRIALS)
    bench = Bench(workbench, questions.documents, settings, plan.metric, mode)

    def tell(stage: str) -> None:
        if progress and log.trials:
            first, best = log.trials[0].mean, log.best(plan.metric).mean
            left = max(plan.seconds - clock.used, 0.0)
            progress(TuneProgress(stage, len(log.trials), plan.trials, first, best, left))

    out_of_time = search(
        log,
        chosen,
        start,
        lambda values, deadline: bench.scores(values, search_part.questions, deadline),
        metric=plan.metric,
        most=plan.trials,
        deadline=clock.at(1 - _RESERVE),
        seed=plan.seed,
        told=lambda _: tell("search"),
    )
    best = fewest_changes(log, start, plan.metric)
    confirmations = []
    change = {key: value for key, value in best.values.items() if value != start[key]}
    if change:
        tell("confirm")
        before, after = (bench.scores(values, confirm_part.questions) for values in (start, best.values))
        upwards = METRICS[plan.metric].higher_is_better
        confirmations.append(_confirmed(change, plan.metric, _test(before, after, confirm_part.questions), upwards))
    tell("threshold")
    # The threshold belongs to the search that it is used with: to the new settings if they have just been confirmed.
    kept = changed(settings, change) if confirmations and confirmations[0].recommended else settings
    level, tried, test = _threshold(plan, kept, workbench, search_part, confirm_part)
    if test:
        confirmations.append(_confirmed({THRESHOLD: level}, BALANCED, test, upwards=True))
    result = Tuned(
        metric=plan.metric,
        start=start | {THRESHOLD: settings.generation.min_confidence},
        trials=tuple(log.trials),
        best=best,
        confirmations=tuple(confirmations),
        thresholds=tried,
        recommended={key: value for c in confirmations if c.recommended for key, value in c.change.items()},
        out_of_time=out_of_time,
        search_documents=len(_documents(search_part)),
        confirm_documents=len(_documents(confirm_part)),
        search_questions=len(search_part.questions),
        confirm_questions=len(confirm_part.questions),
        seconds=clock.used,
        folder=folder,
    )
    summary = asdict(replace(result, trials=()))
    write_json(folder / RESULT, {**summary, "folder": str(folder), "trials": len(log.trials)})
    return result


# -- parts -----------------------------------------------------------------------------------------------------------


def _parts(plan: TunePlan) -> tuple[QuestionSet, QuestionSet, QuestionSet]:
    questions = read_questions(replace(plan.questions, parts=(), split=False))
    ours = not questions.parts
    if ours:
        questions = replace(questions, parts=split_by_document(questions.questions, seed=plan.seed))
    if not questions.documents:
        raise EvaluationError(
            f"{plan.questions.dataset} holds questions alone: name its documents with --documents FOLDER"
        )
    search_on = plan.search_on or ("train",)
    confirm_on = plan.confirm_on or tuple(
        part for part in (PARTS[1:] if ours else PARTS[1:2]) if part in questions.parts
    )
    if set(search_on) & set(confirm_on):
        raise EvaluationError("what confirms must not have been searched on: name other parts with --confirm-on")
    missing = {*search_on, *confirm_on} - set(questions.parts)
    if missing:
        raise EvaluationError(
            f"there is no part {', '.join(sorted(missing))}; name two of {', '.join(questions.parts)} with --search-on and "
            "--confirm-on"
        )
    search_part, confirm_part = questions.part(*search_on), questions.part(*confirm_on)
    documents = _documents(confirm_part)
    if len(documents) < _FEWEST_DOCUMENTS:
        raise EvaluationError(
            f"only {len(documents)} documents are left to confirm on, and fewer than {_FEWEST_DOCUMENTS} cannot show "
            "anything at 5%: ask about more documents, or choose the parts with --search-on and --confirm-on"
        )
    if not search_part.questions:
        raise EvaluationError(f"the parts {', '.join(search_on)} have no questions to search on")
    return questions, search_part, confirm_part


def _documents(part: QuestionSet) -> set[str]:
    """The documents that are asked about; a question that nothing answers is about none."""
    return {question.document for question in part.questions if question.answerable}


def _mode(metric: str) -> Mode:
    found = METRICS.get(metric)
    if found is None or found.whole or found.kind in {"cost", "agent", "refusal"}:
        known = [m.name for m in METRICS.values() if m.kind in {"retrieval", "answer", "citation"} and not m.whole]
        raise EvaluationError(f"{metric!r} cannot be tuned for; there are: {', '.join(known)}")
    return "search" if found.kind == "retrieval" else "answer"


def _check_plan(
    folder: Path, plan: TunePlan, settings: Settings, chosen: Sequence[Knob], made_of: Mapping[str, Any]
) -> None:
    wanted: dict[str, Any] = {
        "dataset": fingerprint(plan.questions.dataset),
        "metric": plan.metric,
        "search_on": list(plan.search_on),
        "confirm_on": list(plan.confirm_on),
        "limit": plan.questions.limit,
        "seed": plan.seed,
        "knobs": [asdict(knob) | {"choices": list(knob.choices)} for knob in chosen],
        "settings": settings_of(settings),
        **made_of,
    }
    path = folder / PLAN
    if path.exists():
        before = read_json(path)
        other = [key for key, value in wanted.items() if before.get(key) != value]
        if other:
            raise EvaluationError(
                f"cannot resume {folder.name!r}: it was searched with another {', '.join(other)}; repeat its command, or start "
                "a new search under another --name"
            )
        return
    write_json(path, {"created": now(), **wanted})


# -- tests -----------------------------------------------------------------------------------------------------------


def _test(before: Mapping[str, float], after: Mapping[str, float], questions: Sequence[Question]) -> Difference:
    both = [question for question in questions if question.id in before and question.id in after]
    return paired(
        [before[question.id] for question in both],
        [after[question.id] for question in both],
        [question.document for question in both],
    )


def _threshold(
    plan: TunePlan, settings: Settings, workbench: Workbench, search_part: QuestionSet, confirm_part: QuestionSet
) -> tuple[float, Mapping[float, float], Difference | None]:
    level = settings.generation.min_confidence
    found = []
    for part in (search_part, confirm_part):
        asked = thresholds.with_silence(part, plan.seed)
        if not thresholds.both_kinds(asked.questions):
            return level, {}, None
        with workbench.bot(asked.documents, settings) as bot:
            found.append((thresholds.confidences(bot, asked.questions), asked.questions))
    (sure, questions), (held_out, others) = found
    chosen, tried = thresholds.choose(sure, questions, level)
    if chosen == level:
        return chosen, tried, None
    before, after = (thresholds.right(held_out, others, value) for value in (level, chosen))
    return chosen, tried, paired(before, after, [question.document for question in others])


def _confirmed(change: Mapping[str, Value], metric: str, difference: Difference, upwards: bool) -> Confirmation:
    better = difference.difference != 0 and (difference.difference > 0) == upwards
    p = min(1.0, difference.p * _TESTS)
    return Confirmation(change, metric, difference, p, bool(p < _ALPHA and better))
