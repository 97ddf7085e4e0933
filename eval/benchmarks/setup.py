"""What the benchmarks share: the sets that were asked for, and a knowledge base made from one of them."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from eval.datasets.base import Question, QuestionSet
from eval.datasets.squad import Unit, read_squad
from ragbot.bot import RagBot
from ragbot.documents import IngestReport, ParsedDocument
from ragbot.errors import SourceError
from ragbot.settings import Settings, load_settings

SETS = ("squad2_en", "cmrc_zh", "drcd_zht")


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--sets", nargs="+", default=list(SETS), help="names of the question sets")
    parser.add_argument("--bench-dir", type=Path, help="folder of the question sets (default: the setting bench_dir)")
    return parser


def read_sets(options: argparse.Namespace, unit: Unit = "article") -> Iterator[QuestionSet]:
    """Each set that was asked for, with its parts.

    Raises:
        SourceError: a set is missing, or ``splits.json`` does not name it.
    """
    folder = options.bench_dir or load_settings()[0].bench_dir
    for name in options.sets:
        path = folder / f"{name}.json"
        if not path.is_file():
            raise SourceError(f"there is no {path}; name the folder of the question sets with RAGBOT_BENCH_DIR")
        question_set = read_squad(path, unit)
        if not question_set.parts:
            raise SourceError(f"{folder / 'splits.json'} does not name {name}: add its train, dev and test articles")
        yield question_set


def article_number(source: str) -> int:
    """The index of an article in its file. Articles are ordered by it, where the order decides what a seed draws."""
    return int(source.rpartition("/")[2])


def owners(questions: Iterable[Question]) -> list[int]:
    """The article that each question is about: the groups of :func:`eval.compare.bootstrap`."""
    return [article_number(question.document) for question in questions]


@contextmanager
def knowledge_base(
    documents: Mapping[str, ParsedDocument], settings: Settings | None = None
) -> Iterator[tuple[RagBot, IngestReport]]:
    """A bot over these documents, in a temporary folder."""
    with (
        tempfile.TemporaryDirectory(prefix="ragbot-bench-") as folder,
        RagBot.open(Path(folder) / "kb", settings=settings or load_settings()[0]) as bot,
    ):
        report = bot.ingest_documents(documents)
        log(
            f"ingested {report.characters:,} characters, {report.chunks} chunks: {report.characters / report.seconds:,.0f}/s"
        )
        yield bot, report


def log(message: str) -> None:
    """A line of progress, on standard error."""
    print(message, file=sys.stderr, flush=True)
