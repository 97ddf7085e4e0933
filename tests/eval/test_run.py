"""A whole evaluation of ragbot, on an embedder without weights: stored, resumed, compared, in parts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.datasets.base import Question, QuestionSet, Span
from eval.harness import Progress
from eval.run import Plan, read_questions, run, settings_of
from eval.runs import RunStore
from eval.workbench import Workbench
from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.errors import EvaluationError, SettingsError, SourceError
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings
from tests.eval.conftest import EN, ZH

LINES = [
    {"id": "en-1", "question": "When was the tower finished?", "answers": ["1889"], "source": "a/en.md",
     "evidence": "The tower was finished in 1889.", "category": "number"},
    {"id": "en-2", "question": "How high is the tower?", "answers": ["330 metres"], "source": "a/en.md",
     "evidence": "It stands in Paris and is 330 metres high."},
    {"id": "zh-1", "question": "长城西至哪里？", "answers": ["嘉峪关"], "source": "zh.md", "evidence": "长城东起山海关，西至嘉峪关。"},
    {"id": "no-1", "question": "Who built the moon?", "answerable": False, "language": "en"},
]  # fmt: skip


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    folder = tmp_path / "documents"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "en.md").write_text(EN, encoding="utf-8")
    (folder / "zh.md").write_text(ZH, encoding="utf-8")
    path = tmp_path / "set.jsonl"
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in LINES), encoding="utf-8")
    return Plan(dataset=path, documents=folder)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", generation={"min_confidence": 0})


def test_a_run(plan: Plan, settings: Settings, store: RunStore, workbench: Workbench) -> None:
    seen: list[Progress] = []
    names: list[str] = []
    done = run(plan, settings, store, workbench, on_question=seen.append, on_start=names.append)
    assert names == [done.name] and done.name.startswith("set-") and seen[-1].done == 4
    rows = {row.question.id: row for row in done.rows}
    assert done.errors == 0 and set(rows) == {"en-1", "en-2", "zh-1", "no-1"}
    assert rows["en-1"].metrics["document_hit@10"] == rows["zh-1"].metrics["hit@5"] == 1
    assert rows["zh-1"].metrics["byte_exact"] == 1 and rows["zh-1"].metrics["dangling"] == 0
    assert rows["no-1"].metrics["refused"] == 0  # nothing is refused at a confidence of 0
    assert rows["en-1"].question.tags == {"category": "number", "type": "md"}
    manifest = done.manifest
    assert manifest["dataset"]["documents"] == 2 and len(manifest["dataset"]["sha256"]) == 64
    assert manifest["settings"]["generation.min_confidence"] == 0
    assert manifest["models"]["embedder"]["name"] == "hash" and manifest["machine"]["cores"] >= 1
    assert manifest["versions"]["python"] and manifest["versions"]["ragbot"]
    assert not any("api_key" in key or "data_dir" in key for key in settings_of(settings))


def test_searches_alone(plan: Plan, settings: Settings, store: RunStore, workbench: Workbench) -> None:
    done = run(_with(plan, mode="search"), settings, store, workbench)
    for row in done.rows:
        assert row.response and row.response.text is None and row.response.abstained is None
        assert "contains" not in row.metrics and "answered" not in row.metrics
    assert done.rows[0].metrics["document_hit@10"] == 1


def test_it_goes_on_where_it_stopped(plan: Plan, settings: Settings, store: RunStore, workbench: Workbench) -> None:
    def stop(progress: Progress) -> None:
        if progress.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(_with(plan, name="half"), settings, store, workbench, on_question=stop)
    assert len(store.load("half").rows) == 2
    with pytest.raises(EvaluationError, match=r"settings: retrieval\.dense_weight"):
        run(plan, _weight(settings, 0.2), store, workbench, resume="half")
    with pytest.raises(EvaluationError, match=r"dataset: .*limit"):
        run(_with(plan, limit=2), settings, store, workbench, resume="half")
    first: list[Progress] = []
    done = run(plan, settings, store, workbench, resume="half", on_question=first.append)
    assert first[0].done == 2 and len(done.rows) == 4 and done.name == "half" and done.manifest["finished"]


def test_on_a_knowledge_base(plan: Plan, settings: Settings, store: RunStore, workbench: Workbench, tmp_path: Path,
                             monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr("ragbot.bot.load_embedder", lambda spec, **options: HashEmbedder())
    assert plan.documents
    with RagBot.open(tmp_path / "mine", settings=settings) as bot:
        bot.ingest(plan.documents)
    mine = _with(plan, documents=None, kb=str(tmp_path / "mine"))
    done = run(mine, settings, store, workbench)
    source = str(plan.documents / "a" / "en.md")
    assert done.rows[0].question.document == source
    assert done.rows[0].metrics["document_hit@10"] == 1 and done.rows[0].metrics["byte_exact"] == 1
    with pytest.raises(SourceError, match=r"gone\.md"):
        plan.dataset.write_text(json.dumps({**LINES[0], "source": "gone.md"}))
        run(mine, settings, store, workbench)


def test_questions_without_documents(plan: Plan, settings: Settings, store: RunStore, workbench: Workbench) -> None:
    with pytest.raises(EvaluationError, match="--documents FOLDER"):
        run(_with(plan, documents=None), settings, store, workbench)


def test_documents_left_out(plan: Plan) -> None:
    whole, silent = read_questions(plan), read_questions(_with(plan, leave_out=0.5))
    (gone,) = set(whole.documents) - set(silent.documents)
    for question in silent.questions:
        if question.document == gone:
            assert not question.answerable and not question.gold and question.tags["left_out"] == "yes"
    assert sum(question.answerable for question in silent.questions) < 3
    assert read_questions(_with(plan, leave_out=0.5)) == silent


def test_documents_left_out_where_documents_are_judged(tmp_path: Path) -> None:
    documents = {f"d{n}": ParsedDocument(f"Text {n}.") for n in range(6)}
    judged = QuestionSet("beir", tuple(
        Question(f"q{n}", "?", relevant={f"d{n}": 1, f"d{(n + 1) % 6}": 2}) for n in range(6)), documents)  # fmt: skip
    half = judged.silenced(0.5)
    gone = set(documents) - set(half.documents)
    assert len(gone) == 3
    for before, after in zip(judged.questions, half.questions, strict=True):
        left = set(before.relevant) - gone
        assert after.answerable == bool(left) and set(after.relevant) == left
    spans = QuestionSet("two places", (
        Question("both", "?", ("x",), gold=((Span("d0", 0, 1),), (Span("d1", 0, 1),))),
        Question("either", "?", ("x",), gold=((Span("d0", 0, 1), Span("d1", 0, 1)),))), {
            name: documents[name] for name in ("d0", "d1")})  # fmt: skip
    assert [question.answerable for question in spans.silenced(0.5).questions] == [False, True]


def test_nothing_to_leave_out(plan: Plan, tmp_path: Path) -> None:
    plan.dataset.write_text(json.dumps(LINES[0]), encoding="utf-8")
    with pytest.raises(EvaluationError, match="no question depends on a document that could be left out"):
        read_questions(_with(plan, leave_out=0.5))


def test_parts_and_limits(plan: Plan) -> None:
    with pytest.raises(EvaluationError, match="--split-by document"):
        read_questions(_with(plan, parts=("test",)))
    parts = [read_questions(_with(plan, parts=(part,), split=True)).questions for part in ("train", "test")]
    documents = [{question.document for question in part} for part in parts]
    assert documents[0] and documents[1] and not documents[0] & documents[1]
    assert len(read_questions(_with(plan, limit=2)).questions) == 2
    assert read_questions(_with(plan, limit=2, seed=1)) != read_questions(_with(plan, limit=2, seed=4))
    with pytest.raises(EvaluationError, match="it has: train, dev, test"):
        read_questions(_with(plan, parts=("validation",), split=True))


def test_a_setting_out_of_range() -> None:
    from eval.tuning.space import changed

    with pytest.raises((SettingsError, ValueError)):
        changed(Settings(), {"retrieval.dense_weight": 2})


def _with(plan: Plan, **values: object) -> Plan:
    from dataclasses import replace

    return replace(plan, **values)  # type: ignore[arg-type]


def _weight(settings: Settings, weight: float) -> Settings:
    return Settings(**{**settings.model_dump(), "retrieval": {"dense_weight": weight}})
