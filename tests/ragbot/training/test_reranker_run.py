"""``ragbot train reranker`` as one call: what it opens, what it leaves, and that it goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from eval.datasets.base import Question, QuestionSet, Span
from eval.workbench import Workbench
from ragbot.documents import ParsedDocument
from ragbot.errors import SourceError
from ragbot.models.rerankers.e5 import BundledReranker
from ragbot.settings import load_settings
from ragbot.training.reranker import RerankerPlan
from ragbot.training.reranker_run import CURVES, RUN, train_reranker

PLAN = RerankerPlan(questions_per_step=2, epochs=2, every=1, held_out=4)
NAMES = {"train": ["harbour", "灯塔"], "dev": ["library", "车站"], "test": ["museum", "码头"]}


def question_set() -> QuestionSet:
    documents, questions = {}, []
    for number, name in enumerate(name for names in NAMES.values() for name in names):
        year = str(1900 + number)
        first = f"The {name} was opened in {year}." if name.isascii() else f"{name}于{year}年开放。"
        rest = (f"The {name} is closed on day {{}}." if name.isascii() else f"{name}第{{}}天关闭。").format
        text = "\n\n".join([first, *(rest(day) * 3 for day in range(12))])
        documents[name] = ParsedDocument(text, title=name, language="en" if name.isascii() else "zh")
        start = text.index(year)
        asked = f"When was the {name} opened?" if name.isascii() else f"{name}哪年开放?"
        gold = ((Span(name, start, start + 4),),)
        questions.append(Question(name, asked, (year,), gold=gold, document=name))
    parts = {part: frozenset(names) for part, names in NAMES.items()}
    return QuestionSet("toy", tuple(questions), documents, parts)


def test_nothing_of_the_test_side_is_opened_and_the_same_call_goes_on(tmp_path: Path) -> None:
    settings = load_settings({"chunking.chunk_tokens": 24, "chunking.chunk_tokens_zh": 24})[0]
    told: list[str] = []

    def train() -> Path:
        return train_reranker(
            [question_set()],
            tmp_path / "run",
            settings,
            Workbench(tmp_path / "kb"),
            PLAN,
            lambda stage, *_: told.append(stage),
        ).folder

    folder = train()
    assert {"data", "lower", "train"} <= set(told) and (tmp_path / "run" / CURVES).is_file()
    record = json.loads((folder / RUN).read_text(encoding="utf-8"))
    assert record["questions"] == {"train": 2, "dev": 2}
    stored = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "run" / "data").iterdir()}
    assert stored.keys() == {"toy.train.jsonl", "toy.dev.jsonl"}
    for part, text in zip(("train", "dev"), (stored["toy.train.jsonl"], stored["toy.dev.jsonl"]), strict=True):
        for other, names in NAMES.items():
            assert all((name in text) == (other == part) for name in names)
    with BundledReranker(folder) as reranker:
        assert reranker.score("When?", ["In 1900."]).shape == (1,)
    told.clear()
    assert train() == folder and "train" not in told and "data" not in told


def test_a_set_that_is_not_split_is_refused(tmp_path: Path) -> None:
    whole = QuestionSet("whole", question_set().questions, question_set().documents)
    with pytest.raises(SourceError, match="split it by document"):
        train_reranker([whole], tmp_path, load_settings()[0], Workbench(tmp_path / "kb"), PLAN, lambda *_: None)
