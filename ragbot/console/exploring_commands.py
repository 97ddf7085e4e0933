"""The commands that look at documents as wholes; what they print is in :mod:`ragbot.console.exploring`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragbot.console.options import AnswerOptions, IndexOptions, KnowledgeBaseOptions, SearchOptions, command

if TYPE_CHECKING:
    from ragbot.index.filters import Filter

Named = Annotated[
    str,
    typer.Argument(
        metavar="DOCUMENT", help="Its source, or a part of the source or title that only it has.", show_default=False
    ),
]


@dataclass(frozen=True, kw_only=True)
class WhichDocuments:
    """Which documents are looked at."""

    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source", metavar="NAME", help="Only this file or folder, or a pattern with * and ?; repeatable."
        ),
    ] = None
    type: Annotated[
        list[str] | None, typer.Option("--type", metavar="TYPE", help="Only this type (md, pdf, …); repeatable.")
    ] = None
    language: Annotated[
        list[str] | None,
        typer.Option("--language", metavar="TAG", help="Only documents in this language (zh, en); repeatable."),
    ] = None
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="Only documents of this day or later: YYYY[-MM[-DD]].")
    ] = None
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DATE", help="Only documents of this day or earlier: YYYY[-MM[-DD]]."),
    ] = None

    def where(self) -> Filter | None:
        """The condition, or None. Raises UserError for a date that is none."""
        from ragbot.console.knowledge import where

        return where(SearchOptions(**asdict(self)))


@command
def similar(
    document: Named,
    options: IndexOptions,
    which: WhichDocuments,
    top_k: Annotated[
        int,
        typer.Option("--top-k", min=1, max=1000, metavar="N", help="How many documents to show.", show_default=True),
    ] = 10,
) -> None:
    """Find the documents that are most like one, with the passages that are most alike.

    They need not share a word, nor a language: passages are compared by meaning.
    """
    from ragbot.console import exploring

    exploring.similar(options, which.where(), document, top_k)


@command
def topics(
    options: KnowledgeBaseOptions,
    which: WhichDocuments,
    count: Annotated[
        int | None,
        typer.Option("--count", min=1, max=200, metavar="N", help="How many topics (default: chosen)."),
    ] = None,
    png: Annotated[
        Path | None, typer.Option("--png", metavar="FILE", dir_okay=False, help="Draw the map as a picture.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", dir_okay=False, help="Draw it as a page that shows each passage."),
    ] = None,
) -> None:
    """What the documents are about: topics with their words, passages and documents, and a map of them.

    Passages are grouped by their stored embeddings, Chinese and English ones together; no chat model is asked.
    """
    from ragbot.console import exploring

    exploring.topics(options, which.where(), count, png, html)


@command
def duplicates(
    options: KnowledgeBaseOptions,
    which: WhichDocuments,
    min_share: Annotated[
        float,
        typer.Option(
            "--min-share", min=0.01, max=1.0, metavar="X", help="Least share of the shorter text.", show_default=True
        ),
    ] = 0.3,
) -> None:
    """Find documents that share text: copies, versions, and one inside another.

    Case, spacing, punctuation and the file format do not count. Nothing is removed.
    """
    from ragbot.console import exploring

    exploring.duplicates(options, which.where(), min_share)


@command
def summarize(
    document: Named,
    options: AnswerOptions,
    sentences: Annotated[
        int | None,
        typer.Option("--sentences", min=1, max=100, metavar="N", help="At most so many (default: by its length)."),
    ] = None,
    by_section: Annotated[bool, typer.Option("--by-section", help="Also what each section says.")] = False,
) -> None:
    """Summarise a document; each sentence cites its place.

    Without a chat model, in its own most central sentences; with --llm, section by section, and then as a whole.
    """
    from ragbot.console import exploring

    exploring.summarize(options, document, sentences, by_section)
