"""The commands ``ragbot train agent-dataset`` and ``ragbot train agent``: options here, work in training_agents.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragbot.console.options import Options, command
from ragbot.console.train_commands import Base, Output, Seed, Threads
from ragbot.console.train_ranking_commands import train_app

__all__ = ["train_app"]


@train_app.command("agent-dataset")
@command
def agent_dataset(
    options: Options,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the data is written.")],
    sets: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="DATASET…",
            help="Question sets whose documents are searched in some runs; names end in en or zh.",
            show_default=False,
        ),
    ] = None,
    runs: Annotated[int, typer.Option("--runs", min=2, metavar="N", help="Runs to train on.")] = 6000,
    held_out: Annotated[int, typer.Option("--held-out", min=2, metavar="N", help="Runs to look at in training.")] = 200,
    documents: Annotated[
        int, typer.Option("--documents", min=1, metavar="N", help="Most documents of each question set.")
    ] = 150,
    seed: Seed = 7,
) -> int:
    """Make training data for the agent: runs over generated tasks, played by the agent itself with its real tools."""
    from ragbot.console import training_agents

    knobs = {"runs": runs, "held_out": held_out, "documents": documents, "seed": seed}
    return training_agents.dataset(options, sets or [], output, knobs)


@train_app.command("agent")
@command
def agent(
    options: Options,
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="The folder of ragbot train agent-dataset.", show_default=False)
    ],
    output: Output,
    base: Base = "bundled",
    epochs: Annotated[float, typer.Option("--epochs", min=0.01, metavar="X", help="Passes over the runs.")] = 2.0,
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", min=1e-7, max=1.0, metavar="X", help="At its height.")
    ] = 4e-4,
    rank: Annotated[int, typer.Option("--rank", min=1, max=1024, metavar="N", help="Of LoRA's matrices.")] = 16,
    start: Annotated[
        Path | None,
        typer.Option("--start", metavar="ADAPTER", help="Go on from this LoRA adapter: FOLDER/best of a run."),
    ] = None,
    packs: Annotated[
        int, typer.Option("--packs", min=1, metavar="N", help="Packs a step; runs with the same tools share one.")
    ] = 4,
    limit: Annotated[
        int, typer.Option("--limit", min=128, metavar="N", help="Most tokens of a run; longer ones are left out.")
    ] = 1400,
    every: Annotated[
        int,
        typer.Option("--every", min=0, metavar="N", help="Steps from one look to the next (0: four looks an epoch)."),
    ] = 0,
    patience: Annotated[
        int, typer.Option("--patience", min=1, metavar="N", help="Stop after so many looks without a better one.")
    ] = 6,
    seed: Seed = 7,
    int8: Annotated[
        bool, typer.Option("--int8/--no-int8", help="Frozen layers in integers (LoRA on a CPU): much faster.")
    ] = True,
    compile_: Annotated[
        bool, typer.Option("--compile/--no-compile", help="Fuse operations first: a minute, then faster.")
    ] = True,
    threads: Threads = None,
) -> int:
    """Train a LoRA adapter that calls tools; the loss is on the model's replies alone."""
    from ragbot.console import training_agents

    knobs = {
        "epochs": epochs,
        "learning_rate": learning_rate,
        "rank": rank,
        "alpha": 2 * rank,
        "packs_per_step": packs,
        "limit": limit,
        "every": every,
        "patience": patience,
        "seed": seed,
        "int8": int8,
        "compiled": compile_,
    }
    return training_agents.agent(options, data, output, base, knobs, threads, start)
