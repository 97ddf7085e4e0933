"""The command ``ragbot``: each command is a few lines here; what it prints is in :mod:`ragbot.console`.

Exit codes: 0 done, 1 something failed, 2 the user got something wrong, 130 stopped with Ctrl-C. Imports stand inside
the commands, so that ``ragbot --help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ragbot.console.agent_commands import agent_app
from ragbot.console.config_commands import config_app
from ragbot.console.conversation_commands import conversations_app
from ragbot.console.eval_commands import eval_app, tune
from ragbot.console.exploring_commands import duplicates, similar, summarize, topics
from ragbot.console.kb_commands import kb_app
from ragbot.console.key_commands import keys_app
from ragbot.console.mcp_commands import mcp_app
from ragbot.console.model_commands import models_app
from ragbot.console.options import (
    INTERRUPTED,
    AnswerOptions,
    IndexOptions,
    IngestOptions,
    KnowledgeBaseOptions,
    SearchOptions,
    command,
)
from ragbot.console.serving import ServeOptions
from ragbot.console.train_agent_commands import train_app

_STYLE = {
    "add_completion": False,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
app = typer.Typer(
    help="Chat with your own documents, in Chinese and English: every answer cites the exact words of its source.",
    epilog='Start with: ragbot ingest FOLDER, then: ragbot ask "…"  (or: ragbot ui)',
    no_args_is_help=True,
    **_STYLE,  # type: ignore[arg-type]
)
app.add_typer(kb_app, name="kb")
app.add_typer(models_app, name="models")
app.add_typer(config_app, name="config")
app.add_typer(agent_app, name="agent")
app.add_typer(conversations_app, name="conversations")
app.add_typer(keys_app, name="keys")
app.add_typer(eval_app, name="eval")
app.add_typer(train_app, name="train")
app.add_typer(mcp_app, name="mcp")
app.command("tune")(tune)
for _explore in (similar, topics, duplicates, summarize):
    app.command()(_explore)

Question = Annotated[str, typer.Argument(metavar="QUESTION", help="The question, in quotes.", show_default=False)]


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)] = False,
) -> None:
    if version:
        from ragbot import __version__

        sys.stdout.write(f"ragbot {__version__}\n")
        raise typer.Exit


@app.command()
@command
def ingest(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH", help="Files, folders, archives, https://… pages.", show_default=False)
    ],
    options: IngestOptions,
    acl: Annotated[
        list[str] | None,
        typer.Option(
            "--access",
            "--acl",
            metavar="NAME",
            help='Group that may see them (default: everyone); repeatable, and "" opens old ones to everyone.',
        ),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help='Tag that they get; repeatable, and "" takes old ones away.'),
    ] = None,
    collection: Annotated[
        str | None,
        typer.Option("--collection", metavar="NAME", help='Collection that they belong to; "" for none.'),
    ] = None,
    sync: Annotated[
        bool, typer.Option("--sync", help="Also remove documents whose files have vanished from the folders.")
    ] = False,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Then follow the files and folders and bring in what changes (with --sync: also remove what vanishes), "
            "until Ctrl-C. On network drives set WATCHFILES_FORCE_POLLING=1.",
        ),
    ] = False,
    reader: Annotated[
        list[str] | None,
        typer.Option(
            "--reader",
            metavar="[.SUFFIX=]MODULE:CLASS",
            help="LlamaIndex reader for files of a suffix (default: that of the file named); repeatable.",
        ),
    ] = None,
) -> int:
    """Bring documents in: files, folders, ZIP and TAR archives, pages of the web.

    Text, Markdown, HTML, PDF, Office, EPUB, e-mail, notebooks, tables, JSON, reStructuredText, source code; pictures by
    name, or with ingest.images. Unchanged files are skipped, and a file that cannot be read stops nothing: it is listed with its reason. The exit
    code is 1 if a file that you named yourself failed, or if no file could be read at all; else 0. Ctrl-C keeps what
    was committed, and the same command goes on from there. With --watch, Ctrl-C after the first run is the ordinary end
    (exit code 0), and --json prints one object a line: the report of each run that did something, or its error.
    """
    from ragbot.console import intake
    from ragbot.index.labels import Labels

    labels = Labels(None if tag is None else tuple(tag), collection)
    return intake.ingest(options, paths, acl, sync, reader or (), watch, labels)


@app.command()
@command
def ask(
    question: Question,
    options: AnswerOptions,
    search: SearchOptions,
    no_stream: Annotated[bool, typer.Option("--no-stream", help="Print the answer when it is whole.")] = False,
) -> None:
    """Answer a question, with the exact quotes.

    What the documents do not say is refused, with the passages that come nearest.
    """
    from ragbot.console import questions

    questions.ask(options, search, question, no_stream)


@app.command("search")
@command
def find(
    question: Question,
    options: IndexOptions,
    search: SearchOptions,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each score is made of.")] = False,
) -> None:
    """Find the passages that fit a question best."""
    from ragbot.console import questions

    questions.search(options, search, question, explain)


@app.command()
@command
def chat(
    options: AnswerOptions,
    search: SearchOptions,
    identity: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]", help="With --continue: which conversation (default: the last one).", show_default=False
        ),
    ] = None,
    go_on: Annotated[
        bool, typer.Option("--continue", help="Go on with a conversation that is kept: ragbot chat --continue [ID].")
    ] = False,
    no_history: Annotated[bool, typer.Option("--no-history", help="Keep nothing of this conversation.")] = False,
) -> int:
    """Talk with the documents.

    Follow-up questions are understood, and the conversation is kept (ragbot conversations). /sources shows the quotes behind the last answer, /good and /bad rate it, /clear starts anew, /exit or Ctrl-D leaves, Ctrl-C stops an
    answer. Where standard input is no terminal, each of its lines is a question.
    """
    from ragbot.console import questions

    return questions.chat(options, search, identity, go_on, no_history)


@app.command()
@command
def ui(
    options: AnswerOptions,
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on (default: 127.0.0.1).")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", help="Port (default: 7860; 0 takes a free one).")
    ] = None,
    ingest: Annotated[
        list[Path] | None, typer.Option("--ingest", metavar="PATH", help="Bring this in first; repeatable.")
    ] = None,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open it in the browser.", show_default=True)
    ] = False,
    streamlit: Annotated[bool, typer.Option("--streamlit", help="The same in Streamlit, instead of Gradio.")] = False,
) -> int:
    """Start the web interface; Ctrl-C stops it."""
    from ragbot.console import web

    return web.serve(options, host, port, ingest or (), open_browser, streamlit)


@app.command()
@command
def serve(options: ServeOptions) -> int:
    """Start the OpenAI-compatible server; Ctrl-C stops it.

    Chat completions, embeddings, knowledge bases, the agent: /docs explains them, without anything from outside. On this
    machine no key is needed until there is one (ragbot keys create); for another address there has to be one.
    """
    from ragbot.console import serving

    return serving.serve(options)


@app.command()
@command
def doctor(options: KnowledgeBaseOptions) -> int:
    """Check the installation, and say what to mend.

    Looks at Python, packages, weights, folders, disk, CPU, SQLite, and the knowledge base; the exit code is 1 if
    something failed.
    """
    from ragbot.console import doctor as checks

    found = checks.examine(options)
    options.terminal.show({"ok": all(check.status != "fail" for check in found), "checks": found}, checks.show)
    return int(any(check.status == "fail" for check in found))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = int(typer.main.get_command(app)(words, prog_name="ragbot", standalone_mode=False) or 0)
        sys.stdout.flush()
    except typer.TyperException as error:
        return _usage_error(error, as_json="--json" in words)
    except typer.Abort:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has read enough: `ragbot search … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _usage_error(error: typer.TyperException, as_json: bool) -> int:
    from ragbot.console.terminal import Terminal

    terminal = Terminal(as_json)
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError" and context:
        terminal.err.print(context.get_help(), soft_wrap=True)
        return error.exit_code
    hint = f"; see: {context.command_path} --help" if context else ""
    terminal.fail("UsageError", error.format_message().rstrip(".") + hint)
    return error.exit_code
