"""The commands ``ragbot train …``: options here, work in :mod:`ragbot.training`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragbot.console.options import Options, command

train_app = typer.Typer(
    help="Train ragbot's own small models on question sets that are split by document.",
    epilog="Start with: ragbot train reranker QUESTIONS.json --output FOLDER",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@train_app.command("reranker")
@command
def reranker(
    options: Options,
    sets: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATASET…",
            help="Question sets with train and dev documents: our JSONL, or SQuAD's JSON with splits.json beside it.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the run is kept; the same one goes on.")
    ],
    documents: Annotated[
        Path | None,
        typer.Option("--documents", metavar="FOLDER", help="The documents that sets in our JSONL ask about."),
    ] = None,
    split_by: Annotated[
        str | None,
        typer.Option(
            "--split-by", metavar="document", help="Make the parts: 60% train, 15% dev, 25% test, by document."
        ),
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1, metavar="N", help="Passes over the questions.")] = 1,
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", min=1e-7, max=1.0, metavar="X", help="At its height.")
    ] = 5e-4,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of every random draw.")] = 0,
) -> int:
    """Train a reranker on what the search finds for questions whose answers are known."""
    from ragbot.console import training

    knobs = {"epochs": epochs, "learning_rate": learning_rate, "seed": seed}
    return training.reranker(options, sets, output, documents, split_by, knobs)
