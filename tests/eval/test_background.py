"""An evaluation in the background: watched, stopped, gone on with."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eval.background import Evaluations, View, changed
from eval.run import Plan
from ragbot.bot import RagBot
from ragbot.errors import EvaluationError, SettingsError, UserError
from ragbot.models.embedders.base import Embedder
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings
from tests.eval.conftest import EN, ZH

LINES = [
    {"id": "en-1", "question": "When was the tower finished?", "answers": ["1889"], "source": "en.md",
     "evidence": "The tower was finished in 1889."},
    {"id": "zh-1", "question": "长城西至哪里？", "answers": ["嘉峪关"], "source": "zh.md", "evidence": "长城东起山海关，西至嘉峪关。"},
    {"id": "no-1", "question": "Who built the moon?", "answerable": False, "language": "en"},
]  # fmt: skip


class Gate(HashEmbedder):
    """Lets one question through for each permit."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()

    def encode_query(self, text: str):  # type: ignore[no-untyped-def]
        """Wait, then embed."""
        assert self.open.wait(30)
        return super().encode_query(text)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", generation={"min_confidence": 0}, llm="extractive")


@pytest.fixture
def embedder() -> Gate:
    return Gate()


@pytest.fixture
def plan(tmp_path: Path, settings: Settings, embedder: Gate) -> Plan:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "en.md").write_text(EN, encoding="utf-8")
    (folder / "zh.md").write_text(ZH, encoding="utf-8")
    path = tmp_path / "set.jsonl"
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in LINES), encoding="utf-8")
    kb = tmp_path / "kb"
    embedder.open.set()
    with RagBot.open(kb, embedder=embedder, settings=settings) as bot:
        bot.ingest(folder)
    return Plan(dataset=path, kb=str(kb))


@pytest.fixture
def evaluations(settings: Settings) -> Iterator[Evaluations]:
    made = Evaluations(settings)
    yield made
    made.close()


def lent(embedder: Gate) -> Callable[[], contextmanager[Embedder]]:  # type: ignore[valid-type]
    @contextmanager
    def lend() -> Iterator[Embedder]:
        yield embedder

    return lend


def until(evaluations: Evaluations, fits: Callable[[View], bool]) -> View:
    deadline = time.monotonic() + 240  # the first metrics import a lot, and the machine may be busy
    while True:
        view = evaluations.view()
        assert view is not None
        if fits(view):
            return view
        assert time.monotonic() < deadline, view
        time.sleep(0.01)


def test_a_run_is_watched_to_its_end(evaluations: Evaluations, plan: Plan, embedder: Gate) -> None:
    assert evaluations.view() is None
    begun = evaluations.start(plan, {"retrieval.top_k": "3"}, lent(embedder))
    assert (begun.state, begun.dataset) == ("preparing", "set.jsonl")
    done = until(evaluations, lambda view: view.finished)
    assert (done.state, done.done, done.total, done.errors, done.error) == ("done", 3, 3, 0, "")
    stored = evaluations.store.load(done.run)
    assert stored.manifest["finished"] and stored.manifest["settings"]["retrieval.top_k"] == 3
    assert stored.manifest["models"]["embedder"]["name"] == "hash"
    with pytest.raises(EvaluationError, match="nothing to resume"):
        evaluations.resume(done.run)


def test_stop_keeps_what_was_asked_and_resume_asks_the_rest(
    evaluations: Evaluations, plan: Plan, embedder: Gate
) -> None:
    embedder.open.clear()
    evaluations.start(plan, {"retrieval.top_k": "3"}, lent(embedder))
    with pytest.raises(UserError, match="at work"):
        evaluations.start(plan, {}, lent(embedder))
    until(evaluations, lambda view: view.state == "asking")
    evaluations.stop()
    embedder.open.set()
    stopped = until(evaluations, lambda view: view.finished)
    assert (stopped.state, stopped.stopping) == ("stopped", False) and stopped.done < 3
    assert not evaluations.store.load(stopped.run).manifest["finished"]
    evaluations.resume(stopped.run, lent(embedder))
    done = until(evaluations, lambda view: view.finished)
    assert (done.state, done.run, done.done, done.error) == ("done", stopped.run, 3, "")
    assert len(evaluations.store.load(stopped.run).rows) == 3
    assert len(evaluations.store.manifests()) == 1


def test_an_error_is_told_and_the_next_one_may_begin(evaluations: Evaluations, plan: Plan, embedder: Gate) -> None:
    plan.dataset.write_text('{"id": 1, "question": "x", "source": "gone.md"}\n', encoding="utf-8")
    evaluations.start(plan, {}, lent(embedder))
    failed = until(evaluations, lambda view: view.finished)
    assert failed.state == "failed" and "gone.md" in failed.error and failed.run == ""
    with pytest.raises(SettingsError, match="unknown setting"):
        evaluations.start(plan, {"retrieval.topk": "3"})
    with pytest.raises(EvaluationError, match="no run"):
        evaluations.resume("nothing")


def test_changed_keeps_what_the_process_was_given(settings: Settings) -> None:
    other = changed(settings, {"retrieval.top_k": "4"})
    assert (other.retrieval.top_k, other.data_dir, other.generation.min_confidence) == (4, settings.data_dir, 0)
    assert changed(settings, {}) is settings


def test_time_left_is_told_when_there_is_something_to_tell_it_by() -> None:
    view = View("r", "s", "asking", done=4, total=10, asking=20.0, fresh=2)
    assert view.left == 60.0
    assert View("r", "s", "asking", total=10, asking=20.0).left is None
    assert View("r", "s", "preparing", fresh=2, asking=20.0).left is None
