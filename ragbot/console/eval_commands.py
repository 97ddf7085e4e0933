"""The commands ``ragbot eval …`` and ``ragbot tune``: options here, work in the modules beside it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ragbot.console.options import AnswerOptions, Options, command

eval_app = typer.Typer(
    help="Measure retrieval, answers, citations and refusals on a question set; compare runs; watch for regressions.",
    epilog="Start with: ragbot eval init FOLDER -o questions.jsonl, then: ragbot eval run questions.jsonl --documents FOLDER",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Dataset = Annotated[
    Path,
    typer.Argument(
        metavar="DATASET",
        help="Our JSONL, SQuAD's JSON (v1, v2, CMRC, DRCD), a BEIR folder, or RGB's JSON.",
        show_default=False,
    ),
]
Documents = Annotated[
    Path | None,
    typer.Option("--documents", metavar="FOLDER", help="The documents that our JSONL asks about (default: --kb)."),
]
Parts = Annotated[
    list[str] | None,
    typer.Option("--part", metavar="PART", help="Only questions about documents of train, dev or test; repeatable."),
]
SplitBy = Annotated[
    str | None,
    typer.Option("--split-by", metavar="document", help="Make the parts: 60% train, 15% dev, 25% test, by document."),
]
LeaveOut = Annotated[
    float,
    typer.Option(
        "--leave-out",
        min=0.0,
        max=0.9,
        metavar="SHARE",
        help="Leave documents out: their questions can only be refused.",
    ),
]
Limit = Annotated[int, typer.Option("--limit", min=0, metavar="N", help="At most N questions, drawn at random.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Of every random draw.")]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's name, its folder, a baseline file, or latest.", show_default=False)
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Another setting for this run, as in ragbot.toml; repeatable."),
]


class FailOn(StrEnum):
    """When ``ragbot eval run --baseline`` and ``ragbot eval compare`` end with exit code 1."""

    never = "never"
    regression = "regression"
    drop = "drop"


FailOnOption = Annotated[
    FailOn,
    typer.Option(
        "--fail-on",
        help="Exit code 1 at a significant loss (regression), or at any loss (drop), of a headline metric.",
    ),
]


@eval_app.command("run")
@command
def eval_run(
    dataset: Dataset,
    options: AnswerOptions,
    documents: Documents = None,
    part: Parts = None,
    split_by: SplitBy = None,
    leave_out: LeaveOut = 0.0,
    limit: Limit = 0,
    search_only: Annotated[bool, typer.Option("--search-only", help="Score the search alone: no answers.")] = False,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, metavar="N", help="Questions asked at the same time.")
    ] = 1,
    seed: Seed = 0,
    sets: Sets = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What to call the run.")] = "",
    resume: Annotated[str, typer.Option("--resume", metavar="RUN", help="Go on with a run that was broken off.")] = "",
    judge: Annotated[
        str, typer.Option("--judge", metavar="MODEL", help="Also let this chat model judge the answers.")
    ] = "",
    baseline: Annotated[
        str, typer.Option("--baseline", metavar="FILE|RUN", help="Compare with this baseline or run.")
    ] = "",
    fail_on: FailOnOption = FailOn.never,
    save_baseline: Annotated[
        Path | None, typer.Option("--save-baseline", metavar="FILE", help="Store the figures for later comparisons.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Also write the HTML report here.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Also write the Markdown summary here.")
    ] = None,
) -> int:
    """Ask every question, score what is said, store the run and its report.

    Rows are on disk as soon as they are there: Ctrl-C loses nothing, and --resume RUN goes on. A question that fails
    is a row with its error. The exit code is 1 if every question failed, or if --fail-on says so.
    """
    from ragbot.console import evaluation

    return evaluation.run(
        options,
        evaluation.plan(dataset, documents, options.kb, part, split_by, leave_out, limit, seed)
        | {"mode": "search" if search_only else "answer", "workers": workers, "name": name},
        evaluation.Extras(sets or (), resume, judge, baseline, fail_on, save_baseline, report, markdown),
    )


@eval_app.command("compare")
@command
def eval_compare(
    before: Annotated[str, typer.Argument(metavar="A", help="The run (or baseline) before.", show_default=False)],
    after: Annotated[str, typer.Argument(metavar="B", help="The run after.", show_default=False)],
    options: Options,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", metavar="NAME", help="Only this metric; repeatable.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All slices, also where nothing is decided.")] = False,
    fail_on: FailOnOption = FailOn.never,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write B's HTML report with the comparison.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write the Markdown summary.")
    ] = None,
) -> int:
    """Say for each metric and slice whether B is better, worse, or undecided, and which questions flipped.

    Paired tests that take whole documents as their units, corrected for the number of metrics (Holm).
    """
    from ragbot.console import evaluation_stored

    return evaluation_stored.compare(options, before, after, metric, every, fail_on, report, markdown)


@eval_app.command("list")
@command
def eval_list(options: Options) -> None:
    """The stored runs, newest first."""
    from ragbot.console import evaluation_stored

    evaluation_stored.listing(options)


@eval_app.command("show")
@command
def eval_show(
    run: RunName,
    options: Options,
    every: Annotated[bool, typer.Option("--all", help="All metrics and slices, not the headline ones alone.")] = False,
) -> None:
    """The figures of a run."""
    from ragbot.console import evaluation_stored

    evaluation_stored.show(options, run, every)


@eval_app.command("diff")
@command
def eval_diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A run or baseline.", show_default=False)],
    after: Annotated[str, typer.Argument(metavar="B", help="Another one.", show_default=False)],
    options: Options,
) -> None:
    """What differs between two runs: settings, versions, models, machine, set."""
    from ragbot.console import evaluation_stored

    evaluation_stored.diff(options, before, after)


@eval_app.command("report")
@command
def eval_report(
    run: RunName,
    options: Options,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to (default: report.html of the run).")
    ] = None,
    against: Annotated[str, typer.Option("--against", metavar="RUN", help="With a comparison against this run.")] = "",
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the report of a run: one HTML file that works offline."""
    from ragbot.console import evaluation_stored

    evaluation_stored.report(options, run, output, against, open_browser)


@eval_app.command("judge")
@command
def eval_judge(
    run: RunName,
    options: AnswerOptions,
    judge: Annotated[
        str, typer.Option("--judge", metavar="MODEL", help="The chat model that judges, as provider:model.")
    ],
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, metavar="N", help="Answers judged at the same time.")
    ] = 1,
) -> None:
    """Have a chat model judge the answers of a run, each several times; beside the metrics, never among them."""
    from ragbot.console import evaluation_stored

    evaluation_stored.judge(options, run, judge, workers)


@eval_app.command("init")
@command
def eval_init(
    folder: Annotated[Path, typer.Argument(metavar="DOCS", help="The folder of the documents.", show_default=False)],
    options: AnswerOptions,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The question set to write.")] = Path(
        "questions.jsonl"
    ),
    count: Annotated[int, typer.Option("--count", min=1, max=10_000, metavar="N", help="How many questions.")] = 100,
    seed: Seed = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Make a question set from your own documents, a quarter of it unanswerable.

    With a chat model (--llm) the model asks; without one, templates and masked facts do. Each answer is a span of a
    document, and a question is dropped if its own passage cannot answer it. Look through it with: ragbot eval review
    """
    from ragbot.console import evaluation_sets

    evaluation_sets.init(options, folder, output, count, seed, force)


@eval_app.command("review")
@command
def eval_review(
    questions: Annotated[Path, typer.Argument(metavar="FILE", help="A set of our JSONL.", show_default=False)],
    options: Options,
    documents: Annotated[Path, typer.Option("--documents", metavar="FOLDER", help="Its documents.")],
    port: Annotated[int, typer.Option("--port", metavar="N", help="Port; 0 takes a free one.")] = 0,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = False,
) -> int:
    """Look through a question set in the browser: keep, drop, edit; every decision is saved at once."""
    from ragbot.console import evaluation_sets

    return evaluation_sets.review(options, questions, documents, port, open_browser)


@command
def tune(
    dataset: Dataset,
    options: AnswerOptions,
    documents: Annotated[
        Path | None, typer.Option("--documents", metavar="FOLDER", help="The documents that our JSONL asks about.")
    ] = None,
    metric: Annotated[str, typer.Option("--metric", metavar="NAME", help="What to improve.")] = "answer_recall@1000",
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="KEY", help="Tune this setting or section (retrieval) alone; repeatable."),
    ] = None,
    search_on: Annotated[
        list[str] | None, typer.Option("--search-on", metavar="PART", help="Parts to search on (default: train).")
    ] = None,
    confirm_on: Annotated[
        list[str] | None, typer.Option("--confirm-on", metavar="PART", help="Parts that confirm (default: dev).")
    ] = None,
    budget: Annotated[str, typer.Option("--budget", metavar="TIME", help="About how long: 90s, 20m, 1h30m.")] = "30m",
    trials: Annotated[
        int,
        typer.Option(
            "--trials", min=1, max=10_000, metavar="N", help="At most N settings, and a few simpler ones at the end."
        ),
    ] = 60,
    limit: Limit = 0,
    seed: Seed = 0,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What to call the search.")] = "",
    resume: Annotated[str, typer.Option("--resume", metavar="NAME", help="Go on with a search.")] = "",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where to write the settings (default: beside the report)."
        ),
    ] = None,
) -> int:
    """Find better settings for your documents: chunk size, fusion, prompt, refusal threshold.

    It searches on one part of the documents and tests the best settings on the other. Only what is significantly
    better there is recommended, as ragbot.toml; often nothing is, and that is an answer, too.
    """
    from eval.run import Plan
    from ragbot.console import tuning

    wanted = {
        "questions": Plan(dataset=dataset, documents=documents, limit=limit, seed=seed),
        "metric": metric,
        "search_on": tuple(search_on or ()),
        "confirm_on": tuple(confirm_on or ()),
        "trials": trials,
        "only": tuple(only or ()),
        "seed": seed,
    }
    return tuning.run(options, wanted, budget, name, resume, output)
