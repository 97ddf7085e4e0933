"""``ragbot train dataset`` as one call: what it opens, what it writes, and that it goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.datasets.base import Question, QuestionSet, Span
from eval.workbench import Workbench
from ragbot.documents import ParsedDocument
from ragbot.errors import SourceError
from ragbot.generation.reading import NONE
from ragbot.models.testing import HashEmbedder
from ragbot.settings import load_settings
from ragbot.training.reader import run
from ragbot.training.reader.contexts import Group, Mix
from ragbot.training.reader.dataset import paragraphs_of, read_groups, write_groups
from ragbot.training.reader.describing import draw

NAMES = {"train": ["harbour", "灯塔"], "dev": ["library", "车站"], "test": ["museum", "码头"]}


def question_set() -> QuestionSet:
    documents, questions = {}, []
    for number, name in enumerate(name for names in NAMES.values() for name in names):
        year, english = str(1900 + number), name.isascii()
        first = f"The {name} was opened in {year}." if english else f"{name}于{year}年开放。"
        rest = f"The {name} is closed on day {{}}." if english else f"{name}第{{}}天关闭。"
        text = "\n\n".join([first, *(rest.format(day) * 3 for day in range(6))])
        documents[name] = ParsedDocument(text, title=name, language="en" if english else "zh")
        start = text.index(year)
        asked = f"When was the {name} opened?" if english else f"{name}哪年开放?"
        silent = f"Who built the {name}?" if english else f"{name}由谁建造?"
        questions.append(Question(name, asked, (year,), gold=((Span(name, start, start + 4),),), document=name))
        questions.append(Question(f"{name}-silent", silent, answerable=False, document=name))
    parts = {part: frozenset(names) for part, names in NAMES.items()}
    return QuestionSet("toy", tuple(questions), documents, parts)


class SpyingBench(Workbench):
    """Remembers the documents that were opened."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.opened: list[set[str]] = []

    def bot(self, documents: Mapping[str, ParsedDocument], *args: Any, **kwargs: Any) -> Any:
        self.opened.append(set(documents))
        return super().bot(documents, *args, **kwargs)

    def embedder(self, settings: Any) -> HashEmbedder:
        return HashEmbedder()


def make(folder: Path, bench: Workbench, told: list[str] | None = None, **changes: Any) -> Any:
    settings = load_settings({"chunking.chunk_tokens": 24, "chunking.chunk_tokens_zh": 24})[0]
    found = replace(question_set(), **changes)
    return run.make_dataset(
        [found], {}, folder, settings, bench, lambda stage, *_: told.append(stage) if told is not None else None
    )


def test_nothing_of_the_test_side_is_opened_and_the_same_call_goes_on(tmp_path: Path) -> None:
    bench, told = SpyingBench(tmp_path / "kb"), []
    described = make(tmp_path / "data", bench, told)
    assert bench.opened == [set(NAMES["train"]), set(NAMES["dev"])] and told
    written = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "data").iterdir()}
    assert written.keys() == {"toy.train.jsonl", "toy.dev.jsonl", "statistics.json", "samples.md"}
    for part in ("train", "dev"):
        for other, names in NAMES.items():
            assert all((name in written[f"toy.{part}.jsonl"]) == (other == part) for name in names)
    assert not any(name in written["samples.md"] for part in ("dev", "test") for name in NAMES[part])

    found = described["toy.train"]
    assert (found.documents, found.questions, found.silent, found.found) == (2, 4, 2, 1.0)
    assert found.languages == {"en": 2, "zh": 2} and found.refused >= 2
    assert json.loads(written["statistics.json"])["toy.train"]["questions"] == 4
    told.clear()
    assert make(tmp_path / "data", bench, told) == described and not told and len(bench.opened) == 2


def test_groups_say_where_the_answer_stands_and_what_was_found(tmp_path: Path) -> None:
    make(tmp_path, SpyingBench(tmp_path / "kb"))
    groups = run.read_dataset(tmp_path, "train")
    documents = question_set().documents
    assert {group.language for group in groups} == {"en", "zh"}
    for group in groups:
        for place in (group.gold, *(place for places in group.retrieved for place in places)):
            assert documents[place.source].text[place.start : place.end] == place.text
        for question in group.questions:
            for source, start, end in question.spans:
                assert group.gold.holds((source, start, end))
                assert documents[source].text[start:end] == question.answers[0]
    for pack in draw(groups, Mix()):
        assert all((not text) == (number == NONE) for text, number in pack.answers)


def test_what_was_broken_off_leaves_no_half(tmp_path: Path) -> None:
    bench = SpyingBench(tmp_path / "kb")

    def stop(stage: str, done: int, *_: Any) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.make_dataset([question_set()], {}, tmp_path, load_settings()[0], bench, stop)
    assert not list(tmp_path.glob("*.jsonl"))


def test_what_cannot_be_learned_from_is_refused(tmp_path: Path) -> None:
    bench = SpyingBench(tmp_path / "kb")
    with pytest.raises(SourceError, match="split it by document"):
        make(tmp_path / "a", bench, parts={})
    with pytest.raises(SourceError, match="too small to be split"):
        make(tmp_path / "b", bench, parts={"train": frozenset(NAMES["train"]), "dev": frozenset()})
    with pytest.raises(SourceError, match="no train question"):
        make(tmp_path / "c", bench, questions=())
    with pytest.raises(SourceError, match="ragbot train dataset"):
        run.read_dataset(tmp_path, "train")
    assert not list((tmp_path / "c").iterdir())


@pytest.mark.parametrize(
    ("first", "second"), [("The pier is old.", "It was opened in 1911."), ("码头很旧。", "它于1911年开放。")]
)
def test_a_file_in_squads_format_says_which_paragraph_is_asked_about(tmp_path: Path, first: str, second: str) -> None:
    questions = [
        {"id": "a", "question": "When?", "answers": [{"text": "1911", "answer_start": second.index("1911")}]},
        {"id": "b", "question": "Who?", "is_impossible": True, "answers": []},
    ]
    paragraphs = [{"context": first, "qas": []}, {"context": second, "qas": questions}]
    data = [{"title": "x", "paragraphs": [{"context": first, "qas": []}]}, {"title": "y", "paragraphs": paragraphs}]
    path = tmp_path / "set.json"
    path.write_text(json.dumps({"data": data}), encoding="utf-8")
    whole = f"{first}\n\n{second}"
    found = paragraphs_of(path)
    assert found.keys() == {"a", "b"}
    for span in found.values():
        assert span.source == "set/1" and whole[span.start : span.end] == second


def test_stored_groups_are_read_again(tmp_path: Path, groups: list[Group]) -> None:
    assert write_groups(tmp_path / "g.jsonl", groups) == len(groups)
    assert read_groups(tmp_path / "g.jsonl") == groups
    for content in ("no json", "{}", '{"gold": 1}'):
        (tmp_path / "g.jsonl").write_text(content, encoding="utf-8")
        with pytest.raises(SourceError, match="ragbot train dataset"):
            read_groups(tmp_path / "g.jsonl")
    with pytest.raises(SourceError, match="ragbot train dataset"):
        read_groups(tmp_path / "missing.jsonl")
