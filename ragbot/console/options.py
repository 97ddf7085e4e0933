"""Options that several commands share, and the frame around each command: output, logging, errors, exit codes.

Nothing heavy is imported here: ``ragbot --help`` has to answer at once.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from ragbot.errors import RagbotError

if TYPE_CHECKING:
    from ragbot.console.terminal import Terminal

#: What a shell reports of a command that Ctrl-C ended: 128 + SIGINT.
INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every command takes."""

    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Settings file (default: ./ragbot.toml, or the user's own)."),
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else, on stdout.")] = False
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose", "-v", count=True, show_default=False, help="Say more on stderr; -vv for other libraries too."
        ),
    ] = 0
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no warnings on stderr.")] = False

    @cached_property
    def terminal(self) -> Terminal:
        """Where this command writes."""
        from ragbot.console.terminal import Terminal

        return Terminal(self.as_json, self.verbose, self.quiet)

    def arguments(self) -> dict[str, Any]:
        """The options that are settings, by dotted key."""
        return {}


@dataclass(frozen=True, kw_only=True)
class KnowledgeBaseOptions(Options):
    """For what looks into a knowledge base without a model."""

    kb: Annotated[
        str | None, typer.Option("--kb", metavar="NAME|FOLDER", help="Knowledge base: a name, or a folder (with a /).")
    ] = None

    def arguments(self) -> dict[str, Any]:
        """See :meth:`Options.arguments`."""
        return {**super().arguments(), "kb": self.kb}


@dataclass(frozen=True, kw_only=True)
class IndexOptions(KnowledgeBaseOptions):
    """For what embeds."""

    embedder: Annotated[
        str | None,
        typer.Option(
            "--embedder", metavar="MODEL", help="Embedding model: bundled, provider:model, a folder or hub name."
        ),
    ] = None

    def arguments(self) -> dict[str, Any]:
        """See :meth:`Options.arguments`."""
        return {**super().arguments(), "embedder": self.embedder}


@dataclass(frozen=True, kw_only=True)
class IngestOptions(IndexOptions):
    """For what cuts documents."""

    chunker: Annotated[
        str | None,
        typer.Option(
            "--chunker",
            metavar="NAME",
            help="How they are cut: recursive, headings, sentences, semantic, hierarchical, code, rows or auto (default: the setting).",
        ),
    ] = None
    context: Annotated[
        str | None,
        typer.Option(
            "--context",
            metavar="NAME",
            help="What is embedded in front of a chunk: title (and headings), none, or model (a line that --llm writes "
            "about it, too); never shown.",
        ),
    ] = None
    llm: Annotated[
        str | None,
        typer.Option("--llm", metavar="MODEL", help="Chat model that writes these lines: provider:model, a folder."),
    ] = None

    def arguments(self) -> dict[str, Any]:
        """See :meth:`Options.arguments`."""
        return {
            **super().arguments(),
            "chunking.chunker": self.chunker,
            "chunking.context": self.context,
            "llm": self.llm,
        }


@dataclass(frozen=True, kw_only=True)
class AnswerOptions(IndexOptions):
    """For what answers."""

    llm: Annotated[
        str | None,
        typer.Option(
            "--llm",
            metavar="MODEL",
            help="What answers: reader (bundled), extractive (no model), provider:model, a folder.",
        ),
    ] = None
    strategy: Annotated[
        str | None,
        typer.Option(
            "--strategy",
            metavar="NAME",
            help="How it is asked: zero-shot, few-shot, chain-of-thought, self-consistency, structured.",
        ),
    ] = None
    strictness: Annotated[
        str | None,
        typer.Option(
            "--strictness",
            metavar="NAME",
            help="Sentences that no source supports: off (not checked), mark, strict (removed).",
        ),
    ] = None

    def arguments(self) -> dict[str, Any]:
        """See :meth:`Options.arguments`."""
        return {
            **super().arguments(),
            "llm": self.llm,
            "generation.strategy": self.strategy,
            "generation.strictness": self.strictness,
        }


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """Which documents a question is put to, and how many passages are looked at."""

    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source", metavar="NAME", help="Only this file or folder, or a pattern with * and ?; repeatable."
        ),
    ] = None
    type: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Only this type (md, html, pdf, docx, xlsx, code, …); repeatable."),
    ] = None
    language: Annotated[
        list[str] | None,
        typer.Option("--language", metavar="TAG", help="Only documents in this language (zh, en); repeatable."),
    ] = None
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="Only documents with this tag (or one of several); repeatable."),
    ] = None
    collection: Annotated[
        list[str] | None,
        typer.Option("--collection", metavar="NAME", help="Only documents of this collection; repeatable."),
    ] = None
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="Only documents of this day or later: YYYY[-MM[-DD]].")
    ] = None
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DATE", help="Only documents of this day or earlier: YYYY[-MM[-DD]]."),
    ] = None
    top_k: Annotated[
        int | None,
        typer.Option("--top-k", min=1, max=1000, metavar="N", show_default=False, help="How many passages to look at."),
    ] = None
    reranker: Annotated[
        str | None,
        typer.Option(
            "--reranker",
            metavar="MODEL",
            help="What reads the best hits again: none, bundled, provider:model, a folder.",
        ),
    ] = None
    rewrite: Annotated[
        str | None,
        typer.Option(
            "--rewrite",
            metavar="NAME",
            help="What is done to a question before the search: none, rules, standalone, multi-query, hyde, decompose, feedback.",
        ),
    ] = None


def command(function: Callable[..., int | None]) -> Callable[..., None]:
    """Make a typer command of ``function``; it returns the exit code (None: 0).

    A parameter whose type is a dataclass of this module becomes its fields, each an option; one of them is an
    :class:`Options`. Errors become a message (with ``--json`` an object) and an exit code.
    """
    hints = get_type_hints(function, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if isinstance(kind, type) and is_dataclass(kind)}
    parameters: list[inspect.Parameter] = []
    shared: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in groups:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name]))
            continue
        kinds = get_type_hints(groups[name], include_extras=True)
        for field in fields(groups[name]):
            option = inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=kinds[field.name]
            )
            (shared if field.name in _SHARED else parameters).append(option)

    @functools.wraps(function)
    def run(**values: Any) -> None:
        arguments: dict[str, Any] = {}
        for name, kind in groups.items():
            arguments[name] = kind(**{field.name: values.pop(field.name) for field in fields(kind)})
        options = next(value for value in arguments.values() if isinstance(value, Options))
        code = _run(options, lambda: function(**arguments, **values))
        if code:
            raise typer.Exit(code)

    # The shared options come last in the help.
    run.__signature__ = inspect.Signature([*parameters, *shared])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*parameters, *shared]}
    return run


_SHARED = frozenset(field.name for field in fields(Options))


def _run(options: Options, call: Callable[[], int | None]) -> int:
    from ragbot.console.logs import set_up_logging

    terminal = options.terminal
    set_up_logging(terminal)
    # With --json, what a library prints on the way must not get between the object's lines.
    aside = contextlib.redirect_stdout(sys.stderr) if options.as_json else contextlib.nullcontext()
    try:
        with aside:
            return call() or 0
    except RagbotError as error:
        terminal.fail(type(error).__name__, str(error))
        return error.exit_code
    except KeyboardInterrupt:
        terminal.fail("Interrupted", "stopped")
        return INTERRUPTED
    except (BrokenPipeError, typer.Exit):
        raise
    except Exception as error:  # noqa: BLE001  # the last resort: no traceback unless it was asked for
        terminal.crash(error)
        return 1
