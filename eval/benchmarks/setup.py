"""What the benchmarks share: the sets that were asked for, and a knowledge base made from one of them."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from eval.datasets import QuestionSet, read_splits, read_squad
from ragbot.bot import RagBot
from ragbot.documents import IngestReport, ParsedDocument
from ragbot.settings import Settings, load_settings
from ragbot.text import detect_language

SETS = ("squad2_en", "cmrc_zh", "drcd_zht")


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--sets", nargs="+", default=list(SETS), help="names of the question sets")
    parser.add_argument("--bench-dir", type=Path, help="folder of the question sets (default: the setting bench_dir)")
    return parser


def read_sets(options: argparse.Namespace) -> Iterator[tuple[QuestionSet, dict[str, list[int]]]]:
    """Each set with its split."""
    folder = options.bench_dir or load_settings()[0].bench_dir
    splits = read_splits(folder)
    for name in options.sets:
        yield read_squad(folder / f"{name}.json"), splits[name]


def article_name(question_set: QuestionSet, index: int) -> str:
    """The source name of an article."""
    return f"{question_set.name}/{index}"


def articles(question_set: QuestionSet, keep: set[int] | None = None) -> dict[str, ParsedDocument]:
    """Each article as one document: its paragraphs, a blank line between them."""
    return {
        article_name(question_set, article.index): parsed("\n\n".join(article.paragraphs), article.title)
        for article in question_set.articles
        if keep is None or article.index in keep
    }


def parsed(text: str, title: str = "") -> ParsedDocument:
    """A document of plain text."""
    return ParsedDocument(text, title=title, language=detect_language(text))


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
