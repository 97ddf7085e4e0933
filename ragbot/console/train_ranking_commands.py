"""The commands ``ragbot train embedder`` and ``ragbot train reranker``: options here, work in :mod:`ragbot.console.training`."""

from __future__ import annotations

from typing import Annotated

import typer

from ragbot.console.options import Options, command
from ragbot.console.train_commands import Documents, Epochs, Output, Rate, Seed, Sets, SplitBy, Threads, train_app

__all__ = ["train_app"]


@train_app.command("embedder")
@command
def embedder(
    options: Options,
    sets: Sets,
    output: Output,
    documents: Documents = None,
    split_by: SplitBy = None,
    base: Annotated[
        str,
        typer.Option("--base", metavar="MODEL", help="The embedder that is trained: bundled, a folder, a hub name."),
    ] = "bundled",
    epochs: Epochs = 2,
    learning_rate: Rate = 2e-5,
    batch: Annotated[int, typer.Option("--batch", min=2, metavar="N", help="Questions a step.")] = 32,
    negatives: Annotated[
        int, typer.Option("--negatives", min=0, max=16, metavar="N", help="Hard negatives a question.")
    ] = 2,
    patience: Annotated[
        int, typer.Option("--patience", min=1, metavar="N", help="Stop after so many looks without a better MRR.")
    ] = 3,
    words: Annotated[
        bool, typer.Option("--words", help="Train the word embeddings, too: most of the weights.")
    ] = False,
    seed: Seed = 0,
    threads: Threads = None,
) -> int:
    """Train an embedder on questions, the passages that answer them, and what the search takes for these."""
    from ragbot.console import training

    knobs = {
        "epochs": epochs,
        "learning_rate": learning_rate,
        "batch": batch,
        "negatives": negatives,
        "patience": patience,
        "words": words,
        "seed": seed,
    }
    return training.embedder(options, sets, output, documents, split_by, base, knobs, threads)


@train_app.command("reranker")
@command
def reranker(
    options: Options,
    sets: Sets,
    output: Output,
    documents: Documents = None,
    split_by: SplitBy = None,
    epochs: Epochs = 1,
    learning_rate: Rate = 5e-4,
    seed: Seed = 0,
) -> int:
    """Train a reranker on what the search finds for questions whose answers are known."""
    from ragbot.console import training

    knobs = {"epochs": epochs, "learning_rate": learning_rate, "seed": seed}
    return training.reranker(options, sets, output, documents, split_by, knobs)
