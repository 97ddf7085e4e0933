"""The commands ``ragbot train …``: options here, work in :mod:`ragbot.training`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragbot.console.options import Options, command

train_app = typer.Typer(
    help="Train ragbot's own small models on question sets that are split by document.",
    epilog="Start with: ragbot train dataset QUESTIONS.json --output data, then ragbot train lora data --output run",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Sets = Annotated[
    list[Path],
    typer.Argument(
        metavar="DATASET…",
        help="Question sets with train and dev documents: our JSONL, or SQuAD's JSON with splits.json beside it.",
        show_default=False,
    ),
]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the run is kept; the same one goes on.")
]
Documents = Annotated[
    Path | None,
    typer.Option("--documents", metavar="FOLDER", help="The documents that sets in our JSONL ask about."),
]
SplitBy = Annotated[
    str | None,
    typer.Option("--split-by", metavar="document", help="Make the parts: 60% train, 15% dev, 25% test, by document."),
]
Data = Annotated[
    Path, typer.Argument(metavar="DATA", help="The folder that ragbot train dataset made.", show_default=False)
]
Base = Annotated[
    str, typer.Option("--base", metavar="MODEL", help="The model that is trained: bundled, a folder, or a hub name.")
]
Epochs = Annotated[int, typer.Option("--epochs", min=1, metavar="N", help="Passes over the questions.")]
Rate = Annotated[float, typer.Option("--learning-rate", min=1e-7, max=1.0, metavar="X", help="At its height.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Of every random draw.")]
Threads = Annotated[int | None, typer.Option("--threads", min=1, metavar="N", help="Cores to use (default: all).")]


@train_app.command("dataset")
@command
def dataset(
    options: Options,
    sets: Sets,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the data is written.")],
    documents: Documents = None,
    split_by: SplitBy = None,
) -> int:
    """Make training data for readers: questions with what the search finds for them, and what is to be answered."""
    from ragbot.console import training_readers

    return training_readers.dataset(options, sets, output, documents, split_by)


@train_app.command("lora")
@command
def lora(
    options: Options,
    data: Data,
    output: Output,
    base: Base = "bundled",
    method: Annotated[
        str,
        typer.Option("--method", metavar="NAME", help="What is trained: lora, qlora, prefix, prompt, p-tuning, full."),
    ] = "lora",
    epochs: Annotated[
        float, typer.Option("--epochs", min=0.01, metavar="X", help="Passes over the questions, each in new contexts.")
    ] = 4.0,
    learning_rate: Annotated[
        float | None,
        typer.Option("--learning-rate", min=1e-7, max=1.0, metavar="X", help="At its height (default: by the method)."),
    ] = None,
    rank: Annotated[int, typer.Option("--rank", min=1, max=1024, metavar="N", help="Of LoRA's matrices.")] = 16,
    virtual_tokens: Annotated[
        int,
        typer.Option("--virtual-tokens", min=1, max=256, metavar="N", help="Of prefix, prompt and p-tuning."),
    ] = 32,
    share: Annotated[
        list[str] | None,
        typer.Option("--share", metavar="SET=X", help="Draw this set X times an epoch; repeatable."),
    ] = None,
    gold: Annotated[
        float,
        typer.Option("--gold", min=0, max=1, metavar="X", help="Share of contexts that are the right paragraph alone."),
    ] = 0.5,
    foreign: Annotated[
        float,
        typer.Option("--foreign", min=0, max=1, metavar="X", help="Questions about other paragraphs, as a share."),
    ] = 0.25,
    altered: Annotated[
        float,
        typer.Option("--altered", min=0, max=1, metavar="X", help="Questions asked again with a wrong detail."),
    ] = 0.15,
    simplified: Annotated[
        float,
        typer.Option(
            "--simplified", min=0, max=1, metavar="X", help="Share of traditional contexts that are simplified."
        ),
    ] = 0.0,
    clause: Annotated[
        list[str] | None,
        typer.Option(
            "--clause",
            metavar="SET=X",
            help="Share of this set's answers in simplified Chinese that are given as whole clauses; repeatable.",
        ),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option("--start", metavar="ADAPTER", help="Go on from this LoRA adapter: FOLDER/best of a run."),
    ] = None,
    packs: Annotated[int, typer.Option("--packs", min=1, metavar="N", help="Contexts a step.")] = 4,
    limit: Annotated[
        int, typer.Option("--limit", min=128, metavar="N", help="Most tokens of a context with its questions.")
    ] = 1400,
    held_out: Annotated[
        int, typer.Option("--held-out", min=1, metavar="N", help="Contexts of each set that a look takes.")
    ] = 20,
    every: Annotated[
        int,
        typer.Option("--every", min=0, metavar="N", help="Steps from one look to the next (0: four looks an epoch)."),
    ] = 0,
    patience: Annotated[
        int, typer.Option("--patience", min=1, metavar="N", help="Stop after so many looks without a better F1.")
    ] = 6,
    seed: Seed = 7,
    int8: Annotated[
        bool, typer.Option("--int8/--no-int8", help="Frozen layers in integers (LoRA on a CPU): much faster.")
    ] = True,
    compile_: Annotated[
        bool, typer.Option("--compile/--no-compile", help="Fuse operations first: a minute, then faster.")
    ] = True,
    checkpointing: Annotated[
        bool, typer.Option("--checkpointing", help="Keep fewer states: less memory, a third more time.")
    ] = False,
    threads: Threads = None,
) -> int:
    """Train a reader: LoRA by default, other adapters or the whole model by --method."""
    from ragbot.console import training_readers
    from ragbot.training.reader.contexts import Mix

    knobs = {
        "method": method,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "rank": rank,
        "alpha": 2 * rank,
        "virtual_tokens": virtual_tokens,
        "shares": share or (),
        "packs_per_step": packs,
        "limit": limit,
        "held_out": held_out,
        "every": every,
        "patience": patience,
        "seed": seed,
        "int8": int8,
        "compiled": compile_,
        "checkpointing": checkpointing,
    }
    clauses = training_readers.shares_of(clause or (), "--clause", 1)
    mix = Mix(gold=gold, foreign=foreign, altered=altered, simplified=simplified, clauses=clauses)
    return training_readers.lora(options, data, output, base, knobs, threads, mix, start)


@train_app.command("promote")
@command
def promote(
    options: Options,
    adapter: Annotated[Path, typer.Argument(metavar="ADAPTER", help="A trained reader: FOLDER/best of train lora.")],
    sets: Sets,
    documents: Documents = None,
    split_by: SplitBy = None,
    against: Annotated[
        str,
        typer.Option("--against", metavar="FOLDER", help="The reader to be better than (default: the shipped one)."),
    ] = "shipped",
    target: Annotated[
        Path | None, typer.Option("--target", metavar="FOLDER", help="Where the better one is put (default: data_dir).")
    ] = None,
) -> int:
    """Put a reader in place of another if it answers held-out questions better, and worse in no language."""
    from ragbot.console import promotion

    return promotion.promote(options, adapter, sets, documents, split_by, against, target)


@train_app.command("dpo")
@command
def dpo(
    options: Options,
    data: Data,
    adapter: Annotated[Path, typer.Option("--adapter", metavar="FOLDER", help="The LoRA adapter that is improved.")],
    output: Output,
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="MODEL", help="Its base: bundled, a folder, a hub name (default: as it says)."),
    ] = None,
    contexts: Annotated[
        int, typer.Option("--contexts", min=1, metavar="N", help="Contexts that answers are sampled in.")
    ] = 400,
    samples: Annotated[int, typer.Option("--samples", min=2, max=32, metavar="N", help="Answers a question.")] = 6,
    temperature: Annotated[
        float, typer.Option("--temperature", min=0.01, max=5.0, metavar="X", help="How freely these are drawn.")
    ] = 1.0,
    beta: Annotated[
        float, typer.Option("--beta", min=0.001, max=10.0, metavar="X", help="How close it stays to the adapter.")
    ] = 0.1,
    epochs: Epochs = 1,
    learning_rate: Rate = 2e-5,
    seed: Seed = 7,
    threads: Threads = None,
) -> int:
    """Improve a reader by its own answers: those that the passage bears out are preferred to those that it does not."""
    from ragbot.console import training_readers

    knobs = {
        "contexts": contexts,
        "samples": samples,
        "temperature": temperature,
        "beta": beta,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "seed": seed,
    }
    return training_readers.dpo(options, data, adapter, output, base, knobs, threads)


@train_app.command("export")
@command
def export(
    options: Options,
    adapter: Annotated[
        Path, typer.Argument(metavar="ADAPTER", help="The folder of an adapter, or of a model.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the model is written; it must be new.")
    ],
    format_: Annotated[
        str, typer.Option("--format", metavar="NAME", help="merged (a folder with safetensors), or gguf.")
    ] = "merged",
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="MODEL", help="Its base: bundled, a folder, a hub name (default: as it says)."),
    ] = None,
    converter: Annotated[
        Path | None,
        typer.Option(
            "--converter", metavar="FILE", help="llama.cpp's convert_hf_to_gguf.py, if it is not on the PATH."
        ),
    ] = None,
) -> int:
    """Merge an adapter into its base: a model of its own, for transformers, vLLM or llama.cpp."""
    from ragbot.console import training_readers

    return training_readers.export(options, adapter, output, format_, base, converter)
