"""Runs on disk: what is stored comes back, torn lines are left out, names cannot lead anywhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eval.baselines import read_baseline, write_baseline
from eval.datasets.base import Question, QuestionSet, ToolCall
from eval.records import Row
from eval.responses import Response
from eval.runs import MANIFEST as MANIFEST_FILE
from eval.runs import ROWS, RunStore
from ragbot.errors import EvaluationError
from tests.eval.conftest import MANIFEST, right


def rows_of(questions: QuestionSet) -> list[Row]:
    rows = [Row(question, right(question), {"f1": 0.5}) for question in questions.questions]
    calls = (ToolCall("calculator", {"expression": "1 + 1"}),)
    rows[0] = replace(rows[0], question=replace(rows[0].question, calls=calls))
    assert rows[1].response
    rows[1] = replace(rows[1], response=replace(rows[1].response, calls=calls, quotes=None))
    rows[2] = replace(rows[2], response=None, error="TimeoutError: 超时")
    return rows


def test_what_is_stored_comes_back(store: RunStore, questions: QuestionSet) -> None:
    rows = rows_of(questions)
    with store.create(MANIFEST) as writer:
        for row in rows:
            writer.append(row)
        writer.finish()
    run = store.load(writer.folder.name)
    assert run.rows == tuple(rows)
    assert run.errors == 1
    assert run.manifest["dataset"] == MANIFEST["dataset"] and run.manifest["finished"]
    assert store.load("latest") == run == store.load(str(writer.folder))


@pytest.mark.parametrize("cut", [1, 10, *range(195, 206)])
def test_a_line_that_was_cut_off_is_left_out_and_asked_again(store: RunStore, questions: QuestionSet, cut: int) -> None:
    rows = [Row(question, right(question), {"f1": 1.0}) for question in questions.questions]
    with store.create(MANIFEST, "torn") as writer:
        for row in rows[:3]:
            writer.append(row)
    path = writer.folder / ROWS
    path.write_bytes(path.read_bytes()[:-cut])
    assert store.load("torn").rows == tuple(rows[:2])
    writer, before = store.resume("torn")
    assert [row.question.id for row in before.rows] == ["en-1", "en-2"]
    with writer:
        for row in rows[2:]:
            writer.append(row)
        writer.finish()
    assert store.load("torn").rows == tuple(rows)


def test_rows_that_failed_are_asked_again(store: RunStore, questions: QuestionSet) -> None:
    with store.create(MANIFEST, "some") as writer:
        for row in rows_of(questions):
            writer.append(row)
        writer.finish()
    writer, before = store.resume("some")
    assert "zh-1" not in {row.question.id for row in before.rows} and len(before.rows) == 4
    good = Row(questions.questions[2], right(questions.questions[2]), {})
    with writer:
        writer.append(good)
        writer.finish()
    assert store.load("some").errors == 0 and len(store.load("some").rows) == 5
    with pytest.raises(EvaluationError, match="nothing to resume"):
        store.resume("some")


def test_a_resume_that_is_refused_changes_nothing(store: RunStore, questions: QuestionSet) -> None:
    with store.create(MANIFEST, "some") as writer:
        for row in rows_of(questions):
            writer.append(row)
        writer.finish()
    before = {path.name: path.read_bytes() for path in writer.folder.iterdir()}

    def refuse(_: object) -> None:
        raise EvaluationError("made of something else")

    with pytest.raises(EvaluationError, match="something else"):
        store.resume("some", refuse)
    store.resume("some")  # nor does one that is never begun
    assert {path.name: path.read_bytes() for path in writer.folder.iterdir()} == before
    again, _ = store.resume("some")
    with again:
        pass  # stopped at once
    assert not store.load("some").manifest["finished"] and len(store.load("some").rows) == 4


def test_one_writer_at_a_time(store: RunStore, questions: QuestionSet) -> None:
    with store.create(MANIFEST, "mine") as writer:
        writer.append(rows_of(questions)[2])
        other, _ = store.resume("mine")
        with pytest.raises(EvaluationError, match="'mine' is in use"), other:
            pass
        writer.append(rows_of(questions)[0])
    assert len(store.load("mine").rows) == 2
    with other:
        other.append(rows_of(questions)[1])
    assert {row.question.id for row in store.load("mine").rows} == {"en-1", "en-2"}


def test_what_is_no_character_and_no_number_is_stored_all_the_same(store: RunStore, questions: QuestionSet) -> None:
    odd = Response("half \ud83d\u2028 line", timings={"total": float("nan")})
    with store.create(MANIFEST, "odd") as writer:
        for question in questions.questions:
            writer.append(Row(question, odd, {"f1": 0.5}))
    text = (writer.folder / ROWS).read_text(encoding="utf-8")
    assert "NaN" not in text
    assert [row.response and row.response.text for row in store.load("odd").rows] == ["half ?\u2028 line"] * 5


def test_an_empty_question_comes_back(store: RunStore) -> None:
    row = Row(Question("empty", "", calls=()), Response())
    with store.create(MANIFEST, "empty") as writer:
        writer.append(row)
    assert store.load("empty").rows == (row,)


def test_a_baseline_cannot_be_resumed(store: RunStore, questions: QuestionSet, tmp_path: Path) -> None:
    with store.create(MANIFEST, "base") as writer:
        writer.append(rows_of(questions)[0])
    write_baseline(tmp_path / "b.json", store.load("base"))
    with pytest.raises(EvaluationError, match="only a run can be resumed"):
        store.resume(str(tmp_path / "b.json"))


def test_a_line_damaged_in_the_middle_is_an_error(store: RunStore, questions: QuestionSet) -> None:
    with store.create(MANIFEST, "bad") as writer:
        for row in rows_of(questions):
            writer.append(row)
    path = writer.folder / ROWS
    path.write_text(path.read_text(encoding="utf-8").replace('"metrics"', '"metrcs"', 1), encoding="utf-8")
    with pytest.raises(EvaluationError, match="line 1, is damaged"):
        store.load("bad")


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "-x", "", "a" * 101, "名", "latest"])
def test_names_cannot_lead_anywhere(store: RunStore, name: str) -> None:
    if name:
        with pytest.raises(EvaluationError, match="cannot name a run"):
            store.create(MANIFEST, name)
    with pytest.raises(EvaluationError, match="there is no run"):
        store.load(name or "none")  # there is none yet, so no latest either


def test_a_name_is_taken_once(store: RunStore) -> None:
    store.create(MANIFEST, "one")
    with pytest.raises(EvaluationError, match="--resume one"):
        store.create(MANIFEST, "one")
    first, second = store.create(MANIFEST), store.create(MANIFEST)
    assert first.folder != second.folder


def test_a_data_set_named_in_chinese_gives_a_usable_name(store: RunStore) -> None:
    writer = store.create({**MANIFEST, "dataset": {**MANIFEST["dataset"], "name": "问题 集/../x"}})  # type: ignore[dict-item]
    assert writer.folder.parent == store.root


def test_newest_first_and_foreign_folders_left_out(store: RunStore) -> None:
    for name, created in [("a", "2026-01-01"), ("b", "2026-03-01"), ("c", "2026-02-01")]:
        writer = store.create(MANIFEST, name)
        path = writer.folder / MANIFEST_FILE
        path.write_text(json.dumps({**json.loads(path.read_text()), "created": created}))
    (store.root / "foreign").mkdir()
    (store.root / "foreign" / MANIFEST_FILE).write_text("{}")
    assert [manifest["name"] for manifest in store.manifests()] == ["b", "c", "a"]
    with pytest.raises(EvaluationError, match="no run of ours"):
        store.load("foreign")


def test_a_newer_version_is_refused(store: RunStore) -> None:
    writer = store.create(MANIFEST, "new")
    path = writer.folder / MANIFEST_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 99}))
    with pytest.raises(EvaluationError, match="newer ragbot"):
        store.load("new")


def test_no_run_yet(store: RunStore) -> None:
    with pytest.raises(EvaluationError, match="ragbot eval run"):
        store.load("latest")


def test_baseline(store: RunStore, questions: QuestionSet, tmp_path: Path) -> None:
    with store.create(MANIFEST, "base") as writer:
        for row in rows_of(questions):
            writer.append(row)
        writer.finish()
    path = tmp_path / "baseline.json"
    write_baseline(path, store.load("base"))
    baseline = store.load(str(path))
    assert [(row.question.id, row.question.document, row.metrics, row.error) for row in baseline.rows] == [
        (row.question.id, row.question.document, row.metrics, row.error) for row in rows_of(questions)
    ]
    kept = [row.response and (row.response.confidence, row.response.text) for row in baseline.rows]
    assert kept == [(0.9, None), (0.9, None), None, (0.1, None), (0.1, None)]
    assert path.read_text(encoding="utf-8").count("\n{") == 5  # a line each: a change of it can be read
    path.write_text("[]")
    with pytest.raises(EvaluationError, match="no baseline"):
        read_baseline(path)
