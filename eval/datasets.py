"""Question sets: SQuAD's JSON (SQuAD 1.1 and 2.0, CMRC 2018, DRCD), and the split of its articles."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ragbot.errors import SourceError


@dataclass(frozen=True, slots=True)
class Question:
    """A question about one paragraph; ``answers`` are ``(text, offset in the paragraph)``, empty if it has none."""

    id: str
    text: str
    article: int
    paragraph: int
    answers: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Article:
    """A document: its title (may be empty) and its paragraphs."""

    index: int
    title: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Articles, and the questions about them."""

    name: str
    articles: tuple[Article, ...]
    questions: tuple[Question, ...]

    def of_articles(self, indices: Collection[int]) -> list[Question]:
        """The questions about these articles."""
        return [question for question in self.questions if question.article in indices]


def read_squad(path: Path) -> QuestionSet:
    """Read a file in SQuAD's format.

    Raises:
        SourceError: the file is missing, or not of this format.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))["data"]
        articles, questions = [], []
        for index, entry in enumerate(data):
            paragraphs = entry["paragraphs"]
            articles.append(
                Article(index, entry.get("title", "").replace("_", " "), tuple(p["context"] for p in paragraphs))
            )
            for number, paragraph in enumerate(paragraphs):
                for qa in paragraph["qas"]:
                    answers = tuple((answer["text"], int(answer["answer_start"])) for answer in qa["answers"])
                    questions.append(Question(str(qa["id"]), qa["question"], index, number, answers))
    except OSError as error:
        raise SourceError(
            f"cannot read the question set {path}: {error.strerror}; name the folder of the sets with RAGBOT_BENCH_DIR"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{path} is not in SQuAD's JSON format: {error!r}") from error
    return QuestionSet(path.stem, tuple(articles), tuple(questions))


def read_splits(folder: Path) -> dict[str, dict[str, list[int]]]:
    """``splits.json``: for each set, the indices of its train, dev and test articles. Raises SourceError."""
    try:
        splits: dict[str, dict[str, list[int]]] = json.loads((folder / "splits.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"cannot read {folder / 'splits.json'}: {error.strerror}; set RAGBOT_BENCH_DIR") from error
    return splits
