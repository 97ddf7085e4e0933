"""A reader takes the place of another only where it is better, on documents that it was not chosen on, in no language worse."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from eval.datasets.base import Question, QuestionSet
from eval.workbench import Workbench
from ragbot.cli import app
from ragbot.documents import ParsedDocument, Passage
from ragbot.errors import SourceError, StorageError, UserError
from ragbot.generation.answerers import Short
from ragbot.generation.reading_answerer import ReadingAnswerer
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings
from ragbot.training.reader.promotion import ALL, Score, compare, promote, verdict


class Knows:
    """Answers with the year after one of the ``words``, and is silent about everything else."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.asked: list[list[str]] = []

    def select(self, passages: Sequence[Passage]) -> list[Passage]:
        return list(passages)[:2]

    def judge(self, question: str, passages: Sequence[Passage], language: str) -> Any:
        self.asked.append([passage.document.source for passage in passages])
        number = next((n for n in self.words if n in question), None)
        # What it does not know, it has words for, too; but it thinks that no passage says it.
        short = Short(number[-4:] if number else "1066", 0, (0, 4))
        return SimpleNamespace(none=0.1 if number else 0.9, short=short)


def reader(*words: str) -> ReadingAnswerer:
    return cast(ReadingAnswerer, Knows(*words))


def question_set(count: int = 8) -> QuestionSet:
    """Documents in two languages, each with a question about its year and one that it does not answer."""
    documents, questions = {}, []
    for i in range(count):
        year, zh = 1900 + i, i % 2
        name = f"{i}.txt"
        documents[name] = ParsedDocument(f"第{year}号港池。" if zh else f"Basin {year} is old.", title=name)
        text = f"哪一年是港池{year}？" if zh else f"Which year is basin {year}?"
        questions.append(Question(f"{i}", text, (str(year),), document=name))
        silent = f"港池{i}有多深？" if zh else f"How deep is basin number {i}?"
        questions.append(Question(f"{i}-", silent, (), answerable=False, document=name))
    names = tuple(documents)
    parts = {"train": frozenset(names[:2]), "dev": frozenset(names[2:4]), "test": frozenset(names[4:])}
    return QuestionSet(name="toy", documents=documents, questions=tuple(questions), parts=parts)


@pytest.fixture
def workbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    monkeypatch.setattr("eval.workbench.load_embedder", lambda *_, **__: HashEmbedder())
    return Workbench(tmp_path / "kb")


def test_both_are_asked_about_the_test_documents_alone(workbench: Workbench) -> None:
    before, after = reader("basin 1904"), reader("basin 1904", "港池1905", "basin 1906", "deep is basin number 4")
    told: list[tuple[str, int, int]] = []
    scores = compare(
        [question_set()], before, after, Settings(), workbench, lambda stage, n, of, _: told.append((stage, n, of))
    )
    assert [score.document for score in scores] == [f"toy/{i}.txt" for i in (4, 4, 5, 5, 6, 6, 7, 7)]
    assert [(s.language, s.before, s.after) for s in scores[:4]] == [
        ("en", 1.0, 1.0),
        ("en", 1.0, 0.0),  # silence is right there, and the new one speaks
        ("zh", 0.0, 1.0),
        ("zh", 1.0, 1.0),
    ]
    asked = cast(Knows, after).asked
    assert asked == cast(Knows, before).asked
    assert {source for sources in asked for source in sources} <= {f"{i}.txt" for i in range(4, 8)}
    assert told[0] == ("compare", 0, 8) and len(told) == 8


def test_a_set_without_test_documents_is_refused(workbench: Workbench) -> None:
    with pytest.raises(SourceError, match="no test documents"):
        compare(
            [QuestionSet(name="toy", documents={}, questions=())],
            reader(),
            reader(),
            Settings(),
            workbench,
            lambda *_: None,
        )


def scores(english: Sequence[float], chinese: Sequence[float]) -> list[Score]:
    return [
        Score("toy", f"{language}{at}", language, 0.5, 0.5 + gain)
        for language, gains in (("en", english), ("zh", chinese))
        for at, gain in enumerate(gains)
    ]


@pytest.mark.parametrize(
    ("english", "chinese", "reason"),
    [
        ([0.2] * 8, [0.1] * 8, ""),
        ([0.2] * 8, [0.0] * 8, ""),
        ([0.0] * 8, [0.0] * 8, "not better"),
        ([-0.2] * 8, [0.1] * 8, "not better"),
        ([0.3, -0.3] * 4, [0.01] * 8, "may be chance"),
        ([0.1] * 2, [0.1] * 2, "may be chance (p = 0.12, 4 documents)"),
        ([0.4] * 8, [-0.1] * 8, "worse in zh"),
        ([-0.1] * 8, [0.4] * 8, "worse in en"),
    ],
)
def test_a_gain_has_to_be_sure_and_no_language_may_lose(
    english: Sequence[float], chinese: Sequence[float], reason: str
) -> None:
    found = verdict(scores(english, chinese))
    assert found.promoted == (not reason)
    assert reason in " ".join(found.reasons)
    assert found.differences.keys() == {ALL, "en", "zh"}


def test_what_stood_there_is_kept_and_the_card_says_why(tmp_path: Path) -> None:
    adapter, place = tmp_path / "run" / "best", tmp_path / "adapters" / "reader"
    for folder, text in ((adapter, "new"), (place, "old")):
        folder.mkdir(parents=True)
        (folder / "weights").write_text(text, encoding="utf-8")
    (adapter / "README.md").write_text("# Card\n", encoding="utf-8")
    found = verdict(scores([0.2] * 8, [0.1] * 8))
    promote(adapter, place, found)
    promote(adapter, place, found)  # and again
    assert (place / "weights").read_text(encoding="utf-8") == "new"
    assert (place.with_name("reader.before") / "weights").exists()
    card = (place / "README.md").read_text(encoding="utf-8")
    assert card.startswith("# Card\n") and card.count("| zh | 8 about 8 documents | 0.500 | 0.600 | +0.100") == 1
    assert json.loads((place / "promotion.json").read_text(encoding="utf-8"))["promoted"] is True
    assert (adapter / "README.md").read_text(encoding="utf-8") == "# Card\n"
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write"):
        promote(adapter, tmp_path / "file" / "reader", found)


def test_the_command_says_what_came_of_it(
    tmp_path: Path, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.jsonl"
    (tmp_path / "docs").mkdir()
    lines = []
    for i in range(40):
        (tmp_path / "docs" / f"{i}.txt").write_text(f"Basin {1900 + i} is old.", encoding="utf-8")
        lines.append(
            {"id": i, "question": f"Which year is basin {1900 + i}?", "answers": [str(1900 + i)], "source": f"{i}.txt"}
        )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    knows = {old: reader(), new: reader(*(f"basin {1900 + i}" for i in range(40)))}
    monkeypatch.setattr("ragbot.generation.choice.reader_engine", lambda folder: folder)
    monkeypatch.setattr("ragbot.generation.reader.Reader", lambda engine, *options: engine)
    monkeypatch.setattr("ragbot.generation.reading_answerer.ReadingAnswerer", lambda engine, limit: knows[engine])
    words = ["--documents", tmp_path / "docs", "--split-by", "document", "--target", tmp_path / "place", "--json"]

    def run(adapter: Path, against: Path | None) -> Any:
        arguments = ["train", "promote", adapter, path, *(["--against", against] if against else []), *words]
        return CliRunner().invoke(app, list(map(str, arguments)))

    worse = run(old, new)
    assert worse.exit_code == 1 and not (tmp_path / "place").exists()
    assert json.loads(worse.stdout)["reasons"][0].startswith("it is not better: 1.000 before")
    better = run(new, old)
    assert better.exit_code == 0, better.output
    assert json.loads(better.stdout)["setting"] == f'llm = "reader:{tmp_path / "place"}"'
    assert (tmp_path / "place" / "promotion.json").is_file()
    itself = run(new, new)
    assert itself.exit_code == UserError.exit_code and "--against" in itself.output
    monkeypatch.setattr("ragbot.models.llms.choice.adapter_folder", lambda name: tmp_path / "none")
    none = run(new, None)
    assert none.exit_code == UserError.exit_code and "name one with --against" in none.output
