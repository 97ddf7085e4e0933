"""The harness: asks a system every question, scores what it says, and stores each row at once.

It sees a system as a callable, so that anything can be scored. A question that fails is a row with its error.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from eval.datasets.base import Question
from eval.records import Row
from eval.responses import Response, System
from eval.runs import RunWriter
from eval.scoring import Scorer
from ragbot.errors import SystemFailedError

#: Failures in a row after which the system is taken to be down; the run can be resumed.
PATIENCE = 20

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come."""

    done: int
    total: int
    errors: int


ProgressCallback = Callable[[Progress], None]


def ask_one(question: Question, system: System, scorer: Scorer) -> Row:
    """The row of one question; an exception of the system becomes its error."""
    response: Response | None = None
    error = ""
    try:
        response = system(question)
    except Exception as problem:  # the system may be anybody's; its failure is a result
        error = f"{type(problem).__name__}: {' '.join(str(problem).split())}"
        logger.info("question %s failed", question.id, exc_info=True)
    return Row(question, response, scorer.score(question, response), error)


def evaluate(
    questions: Sequence[Question],
    system: System,
    scorer: Scorer,
    writer: RunWriter,
    *,
    done: Collection[str] = (),
    workers: int = 1,
    progress: ProgressCallback | None = None,
) -> None:
    """Ask the questions that are not ``done`` yet.

    Args:
        workers: questions asked at the same time. More than one makes a server faster, and latencies worthless.

    Raises:
        SystemFailedError: it failed at 20 questions one after another. What was stored stays; the run can be resumed.
    """
    known = frozenset(done)
    waiting = [question for question in questions if question.id not in known]
    finished, errors, in_a_row = len(questions) - len(waiting), 0, 0
    if progress:
        progress(Progress(finished, len(questions), errors))

    def store(row: Row) -> None:
        nonlocal finished, errors, in_a_row
        writer.append(row)
        finished += 1
        errors += bool(row.error)
        in_a_row = in_a_row + 1 if row.error else 0
        if progress:
            progress(Progress(finished, len(questions), errors))
        if in_a_row >= PATIENCE:
            raise SystemFailedError(
                f"the system failed at {in_a_row} questions one after another, last with {row.error!r}; mend that, then go on "
                f"with: --resume {writer.manifest['name']}"
            )

    with writer:
        if workers == 1:
            for question in waiting:
                store(ask_one(question, system, scorer))
        else:
            _in_parallel(waiting, lambda question: ask_one(question, system, scorer), store, workers)
        writer.finish()


def _in_parallel(
    questions: Sequence[Question], ask: Callable[[Question], Row], store: Callable[[Row], None], workers: int
) -> None:
    left = iter(questions)
    with ThreadPoolExecutor(workers, thread_name_prefix="evaluate") as pool:
        running: set[Future[Row]] = set()
        try:
            while True:
                # Handed out as workers come free: on Ctrl-C nothing waits in a queue.
                for question in left:
                    running.add(pool.submit(ask, question))
                    if len(running) >= workers:
                        break
                if not running:
                    return
                ready, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ready:
                    store(future.result())
        finally:
            for future in running:
                future.cancel()
