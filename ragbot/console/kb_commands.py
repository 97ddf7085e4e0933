"""The commands ``ragbot kb …``: each is a few lines here; what they do is in :mod:`ragbot.console.knowledge` and
:mod:`ragbot.console.maintenance`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragbot.console.options import IndexOptions, KnowledgeBaseOptions, Options, command

kb_app = typer.Typer(
    help="Look into knowledge bases, and look after them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ExportFile = Annotated[Path, typer.Argument(metavar="FILE", help="The file of the export.", show_default=False)]


@kb_app.command("info")
@command
def kb_info(options: KnowledgeBaseOptions) -> None:
    """What is in a knowledge base, and which embedder built it."""
    from ragbot.console import knowledge, render

    options.terminal.show(knowledge.summary(options), render.kb_info)


@kb_app.command("list")
@command
def kb_list(options: Options) -> None:
    """The knowledge bases in the data folder; * marks the default."""
    from ragbot.console import knowledge, render

    options.terminal.show(knowledge.listing(options), render.kb_list)


@kb_app.command("documents")
@command
def kb_documents(
    options: KnowledgeBaseOptions,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="Only those with this tag (or one of several); repeatable."),
    ] = None,
    collection: Annotated[
        list[str] | None,
        typer.Option("--collection", metavar="NAME", help="Only those of this collection; repeatable."),
    ] = None,
) -> None:
    """The documents: type, language, date, title, source, collection and tags."""
    from ragbot.console import knowledge, render

    found = knowledge.all_documents(options, tag or (), collection or ())
    filtered = bool(tag or collection)
    options.terminal.show(
        {"documents": found}, render.no_such_documents if filtered and not found else render.documents
    )


@kb_app.command("access")
@command
def kb_access(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="As `ragbot kb documents` shows it, or a part.", show_default=False)
    ],
    options: KnowledgeBaseOptions,
    groups: Annotated[
        list[str] | None,
        typer.Argument(metavar="[GROUP]…", help="Groups that may see it from now on.", show_default=False),
    ] = None,
    everyone: Annotated[bool, typer.Option("--everyone", help="Let everyone see it.")] = False,
) -> None:
    """Show or change who may see a document.

    Without groups, its access list is shown. The list holds for keys (ragbot keys), not at this machine: here every
    document is seen.
    """
    from ragbot.console import access

    access.access(options, source, groups or (), everyone)


@kb_app.command("remove")
@command
def kb_remove(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="As `ragbot kb documents` shows it.", show_default=False)
    ],
    options: KnowledgeBaseOptions,
) -> None:
    """Remove a document, and every trace of its text.

    The file itself stays where it is.
    """
    from ragbot.console import knowledge

    removed = knowledge.remove(options, source)
    options.terminal.show({"removed": removed}, lambda terminal, _: terminal.line(f"removed {removed}"))


@kb_app.command("verify")
@command
def kb_verify(options: KnowledgeBaseOptions) -> int:
    """Read everything, and say what is damaged.

    Nothing is changed; the exit code is 1 if something is damaged. Every text, chunk, embedding and index is compared with its checksum.
    """
    from ragbot.console import maintenance

    return maintenance.verify(options)


@kb_app.command("repair")
@command
def kb_repair(options: IndexOptions) -> int:
    """Mend what is damaged, and name what is lost.

    Documents that are damaged are removed, and the search indexes made again. Ingest the same files again afterwards. What is whole stays as it is. If the database itself is broken, a new one is
    made of what is whole; the exit code is 1 if documents are lost. --embedder is only used if it says none any more.
    """
    from ragbot.console import maintenance

    return maintenance.repair(options)


@kb_app.command("compact")
@command
def kb_compact(options: KnowledgeBaseOptions) -> int:
    """Give back the space of what was removed.

    Catalog and indexes are written anew, and broken files that a repair kept are deleted.
    """
    from ragbot.console import maintenance

    return maintenance.compact(options)


@kb_app.command("reembed")
@command
def kb_reembed(options: IndexOptions) -> int:
    """Change the embedding model (--embedder).

    The files are not read again. It serves with the old model until all is done, and what was embedded is kept if you stop it: the same command goes
    on. It takes some free space, and says so at once if there is too little.
    """
    from ragbot.console import maintenance

    return maintenance.reembed(options)


@kb_app.command("migrate")
@command
def kb_migrate(
    store: Annotated[
        str,
        typer.Option("--store", metavar="NAME", help="faiss, chroma, chroma-server, langchain.", show_default=False),
    ],
    options: KnowledgeBaseOptions,
) -> int:
    """Move the vectors to another store.

    Nothing is embedded again. The old store serves until the new one is complete. Addresses stand in the settings that begin with vectors.
    """
    from ragbot.console import migration

    return migration.migrate(options, store)


@kb_app.command("export")
@command
def kb_export(file: ExportFile, options: KnowledgeBaseOptions) -> None:
    """Write all of it to one file, as a backup.

    Uploaded files are included; the file must be a new one.
    """
    from ragbot.console import maintenance

    maintenance.export(options, file)


@kb_app.command("import")
@command
def kb_import(file: ExportFile, options: KnowledgeBaseOptions) -> None:
    """Make a new one (--kb NAME) of such a file.

    The file is one that `ragbot kb export` wrote; every hash in it is compared.
    """
    from ragbot.console import maintenance

    maintenance.import_(options, file)
