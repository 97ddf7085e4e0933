"""The harness: every question becomes a row, failures too; it stops at a dead system, and goes on where it stopped."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from eval.datasets.base import Question, QuestionSet
from eval.harness import PATIENCE, Progress, evaluate
from eval.responses import Response
from eval.runs import RunStore
from eval.scoring import Scorer
from ragbot.errors import SystemFailedError
from tests.eval.conftest import MANIFEST, right


@pytest.mark.parametrize("workers", [1, 3])
def test_every_question_becomes_a_row(
    store: RunStore, questions: QuestionSet, texts: dict[str, str], workers: int
) -> None:
    seen: list[Progress] = []
    evaluate(
        questions.questions, right, Scorer(texts), store.create(MANIFEST, "r"), workers=workers, progress=seen.append
    )
    run = store.load("r")
    assert {row.question.id for row in run.rows} == {question.id for question in questions.questions}
    assert all(row.metrics and not row.error for row in run.rows)
    assert [progress.done for progress in seen] == list(range(6)) and seen[-1].total == 5
    assert run.manifest["finished"]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_failure_is_a_row_with_its_error_and_counts_as_wrong(
    store: RunStore, questions: QuestionSet, texts: dict[str, str], workers: int
) -> None:
    def fragile(question: Question) -> Response:
        if question.id in {"en-1", "no-1"}:
            raise ConnectionError("the server\nwent away")
        return right(question)

    evaluate(questions.questions, fragile, Scorer(texts), store.create(MANIFEST, "r"), workers=workers)
    rows = {row.question.id: row for row in store.load("r").rows}
    assert rows["en-1"].error == "ConnectionError: the server went away"
    assert rows["en-1"].response is None
    assert rows["en-1"].metrics["f1"] == rows["en-1"].metrics["answered"] == rows["en-1"].metrics["mrr@10"] == 0
    assert rows["no-1"].metrics == {"refused": 0.0}  # a crash is no refusal
    assert rows["zh-1"].metrics["contains"] == 1 and not rows["zh-1"].error


@pytest.mark.parametrize("workers", [1, 4])
def test_a_dead_system_stops_the_run_and_it_can_be_resumed(
    store: RunStore, questions: QuestionSet, texts: dict[str, str], workers: int
) -> None:
    many = [replace(questions.questions[0], id=str(n)) for n in range(60)]
    asked: list[str] = []

    def dying(question: Question) -> Response:
        asked.append(question.id)
        if int(question.id) >= 5:
            raise OSError("connection refused")
        return right(question)

    with pytest.raises(SystemFailedError, match="--resume dead"):
        evaluate(many, dying, Scorer(texts), store.create(MANIFEST, "dead"), workers=workers)
    assert len(asked) <= 5 + PATIENCE + workers
    run = store.load("dead")
    assert not run.manifest["finished"] and PATIENCE <= run.errors <= PATIENCE + workers

    writer, before = store.resume("dead")
    done = [row.question.id for row in before.rows]
    assert sorted(done) == ["0", "1", "2", "3", "4"]
    asked.clear()
    evaluate(many, lambda q: asked.append(q.id) or right(q), Scorer(texts), writer, done=done, workers=workers)  # type: ignore[func-returns-value]
    assert len(asked) == 55 and len(store.load("dead").rows) == 60 and store.load("dead").errors == 0


def test_failures_now_and_then_stop_nothing(store: RunStore, questions: QuestionSet, texts: dict[str, str]) -> None:
    many = [replace(questions.questions[0], id=str(n)) for n in range(2 * PATIENCE)]

    def moody(question: Question) -> Response:
        if question.id != str(PATIENCE - 1):
            raise OSError("busy")
        return right(question)

    with pytest.raises(SystemFailedError):  # after the one success there are PATIENCE failures in a row
        evaluate([*many, replace(many[0], id="last")], moody, Scorer(texts), store.create(MANIFEST, "a"))
    evaluate(many[:-1], moody, Scorer(texts), store.create(MANIFEST, "b"))
    assert store.load("b").errors == 2 * PATIENCE - 2


def test_questions_run_at_the_same_time(store: RunStore, questions: QuestionSet, texts: dict[str, str]) -> None:
    together = threading.Barrier(3, timeout=20)

    def waiting(question: Question) -> Response:
        together.wait()
        return right(question)

    evaluate(questions.questions[:3], waiting, Scorer(texts), store.create(MANIFEST, "p"), workers=3)
    assert store.load("p").errors == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_keeps_the_rows(store: RunStore, questions: QuestionSet, texts: dict[str, str], workers: int) -> None:
    def progress(state: Progress) -> None:
        if state.done == 2:
            raise KeyboardInterrupt

    def slow(question: Question) -> Response:
        time.sleep(0.01)
        return right(question)

    with pytest.raises(KeyboardInterrupt):
        evaluate(
            questions.questions, slow, Scorer(texts), store.create(MANIFEST, "c"), workers=workers, progress=progress
        )
    assert len(store.load("c").rows) == 2 and not store.load("c").manifest["finished"]
