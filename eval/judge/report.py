"""A judge over a whole run: the means with their intervals, and how much of them is the judge's own noise.

The report lies beside the rows in ``judge.json`` and never among their metrics: a judge's scores depend on the judge.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eval.compare import Interval, bootstrap
from eval.files import now, write_json
from eval.harness import Progress, ProgressCallback
from eval.judge.judge import Judge, Judgement, can_judge
from eval.judge.prompts import prompts_hash
from eval.records import Row, Run
from ragbot.errors import EvaluationError, GenerationError

JUDGE = "judge.json"
FORMAT, VERSION = "ragbot-judge", 1
#: Answers from the first on at which every call fails; the judge is then taken to be down.
PATIENCE = 5


@dataclass(frozen=True, slots=True)
class JudgedMean:
    """The mean of a measure over the answers.

    Attributes:
        interval: the mean and its 95% interval, over the documents.
        repeat_sd: standard deviation of the mean from one pass of the judge over the run to the next, from the spread
            of the repeats at each answer; None where no answer has two verdicts. The mean given here averages all
            repeats and varies by ``repeat_sd / sqrt(repeats)``. A difference between two runs varies by the root of 2
            times that through the judge alone.
    """

    interval: Interval
    repeat_sd: float | None


@dataclass(frozen=True)
class JudgeReport:
    """What a judge makes of a run.

    Attributes:
        run: the name of the run.
        judge: the name of the model.
        prompts: SHA-256 of the prompts.
        repeats: how often each thing was asked.
        created: ISO 8601.
        faithfulness: over the answers that have a verdict; None without any.
        relevance: likewise.
        refusals: refusals, which are not judged.
        missing: questions without an answer: the system failed, or gave an empty one.
        unreadable: replies without a verdict.
        failed: calls that the model raised an exception at.
        calls: all calls.
        rows: the judgement of each answer, by the id of its question.
    """

    run: str
    judge: str
    prompts: str
    repeats: int
    created: str
    faithfulness: JudgedMean | None
    relevance: JudgedMean | None
    refusals: int
    missing: int
    unreadable: int
    failed: int
    calls: int
    rows: Mapping[str, Judgement]


def judge_run(run: Run, judge: Judge, progress: ProgressCallback | None = None, workers: int = 1) -> JudgeReport:
    """Judge the answers of a finished run.

    Args:
        progress: told of each answer; its errors are answers at which every call failed.
        workers: answers judged at the same time.

    Raises:
        EvaluationError: the run is not finished, or has no answers (a search, or a baseline).
        GenerationError: every call failed; found out after 5 answers.
    """
    rows = _rows(run)
    judged = [row for row in rows if can_judge(row.response)]
    refusals = sum(bool(row.response and row.response.abstained) for row in rows)
    found: dict[str, Judgement] = {}
    down = 0
    if progress:
        progress(Progress(0, len(judged), 0))

    def keep(row: Row, judgement: Judgement) -> None:
        nonlocal down
        found[row.question.id] = judgement
        down += judgement.failed == judgement.calls
        if progress:
            progress(Progress(len(found), len(judged), down))
        if down == len(found) and down in {PATIENCE, len(judged)}:
            calls = sum(each.calls for each in found.values())
            raise GenerationError(
                f"the judge {judge.name!r} failed at each of {calls} calls, last with {judgement.error!r}; see that its "
                "model can be reached and takes prompts of this length, then judge again"
            )

    _judge_all(judged, judge, keep, workers)
    ordered = {row.question.id: found[row.question.id] for row in judged}
    return JudgeReport(
        run=run.name,
        judge=judge.name,
        prompts=prompts_hash(),
        repeats=judge.repeats,
        created=now(),
        faithfulness=_mean(judged, [(each.faithfulness, each.faithfulness_sd) for each in ordered.values()]),
        relevance=_mean(judged, [(each.relevance, each.relevance_sd) for each in ordered.values()]),
        refusals=refusals,
        missing=len(rows) - len(judged) - refusals,
        unreadable=sum(each.unreadable for each in found.values()),
        failed=sum(each.failed for each in found.values()),
        calls=sum(each.calls for each in found.values()),
        rows=ordered,
    )


def write_judge(run: Run, report: JudgeReport) -> Path:
    """Store a report beside the rows of its run, in place of an earlier one; the path of the file.

    Raises:
        EvaluationError: the run lies in no folder, or the report is about another run.
    """
    path = _path(run)
    if report.run != run.name:
        raise EvaluationError(f"the report is about the run {report.run!r}, not {run.name!r}: store it there")
    write_json(path, {"format": FORMAT, "version": VERSION, **asdict(report)})
    return path


def read_judge(run: Run) -> JudgeReport:
    """The report that is stored with a run.

    Raises:
        EvaluationError: there is none, or it cannot be read.
    """
    path = _path(run)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.pop("format") != FORMAT:
            raise ValueError("another format")
        if data.pop("version") > VERSION:
            raise EvaluationError(f"{path} was written by a newer ragbot: upgrade to read it")
        rows = {name: Judgement(**row) for name, row in data.pop("rows").items()}
        faithfulness, relevance = _decoded(data.pop("faithfulness")), _decoded(data.pop("relevance"))
        return JudgeReport(**data, faithfulness=faithfulness, relevance=relevance, rows=rows)
    except FileNotFoundError:
        raise EvaluationError(f"the run {run.name!r} has not been judged: judge it first") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(f"{path} is no judge's report of ours: {error!r}; judge the run again") from error


def _rows(run: Run) -> Sequence[Row]:
    if not run.manifest["finished"]:
        raise EvaluationError(f"the run {run.name!r} is not finished: go on with it first, by --resume {run.name}")
    if all(row.response is None or row.response.text is None for row in run.rows):
        raise EvaluationError(
            f"the run {run.name!r} holds no answers to judge: take one of whole answers, not a search"
        )
    return run.rows


def _judge_all(rows: Sequence[Row], judge: Judge, keep: Callable[[Row, Judgement], None], workers: int) -> None:
    def judged(row: Row) -> Judgement:
        assert row.response is not None
        return judge.score(row.question, row.response)

    if workers == 1:
        for row in rows:
            keep(row, judged(row))
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="judge") as pool:
        waiting = {pool.submit(judged, row): row for row in rows}
        try:
            for future in as_completed(waiting):
                keep(waiting[future], future.result())
        finally:
            for future in waiting:  # on Ctrl-C, or a judge that is down, what has not begun never does
                future.cancel()


def _mean(rows: Sequence[Row], scores: Sequence[tuple[float | None, float | None]]) -> JudgedMean | None:
    """The mean of the scores; each comes with its standard deviation over the repeats."""
    pairs = [(row.question.document, score) for row, (score, _) in zip(rows, scores, strict=True) if score is not None]
    if not pairs:
        return None
    variances = [deviation**2 for _, deviation in scores if deviation is not None]
    # The repeats of one answer know nothing of another's, so the variances add up.
    repeat_sd = math.sqrt(sum(variances) / len(variances) / len(pairs)) if variances else None
    return JudgedMean(bootstrap([score for _, score in pairs], [document for document, _ in pairs]), repeat_sd)


def _decoded(mean: Mapping[str, Any] | None) -> JudgedMean | None:
    return JudgedMean(Interval(**mean["interval"]), mean["repeat_sd"]) if mean else None


def _path(run: Run) -> Path:
    if run.folder is None:
        raise EvaluationError(
            f"{run.name!r} is a baseline, without a folder of its own: take the run that it was made of"
        )
    return run.folder / JUDGE
