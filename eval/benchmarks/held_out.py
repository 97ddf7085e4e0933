"""Ragbot as it comes, on the test articles of the public sets and on the sample: one table for the README.

    python -m eval.benchmarks.held_out [--sets …] [--llm MODEL]

All articles of a set are in the knowledge base; questions about its test articles are asked. The second table leaves
half of the test articles out: their questions can only be refused. The runs are stored as ``held-out-…``, and
``ragbot eval`` shows them; what is there is not measured again: delete it first.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from eval.benchmarks.setup import SETS, log
from eval.harness import Progress, ProgressCallback
from eval.records import Run
from eval.run import Plan, run
from eval.runs import RunStore
from eval.summary import ALL, Figure, summarize
from eval.workbench import Workbench
from ragbot.errors import EvaluationError
from ragbot.settings import load_settings

DATA = Path(__file__).parents[2] / "data"
#: Share of the test articles that the second table leaves out.
LEAVE_OUT = 0.5
COLUMNS = (
    "answer_recall@500",
    "answer_recall@1000",
    "mrr@10",
    "f1",
    "contains",
    "citation_precision",
    "citation_recall",
)
REFUSALS = ("answered", "refused", "auroc", "ece", "aurc")


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=["sample", *SETS, "covid_en"])
    parser.add_argument("--bench-dir", type=Path, help="folder of the question sets (default: the setting bench_dir)")
    parser.add_argument("--llm", help="chat model (default: the setting llm)")
    parser.add_argument("--limit", type=int, default=0, help="at most so many questions of a set")
    options = parser.parse_args()
    plain, silenced = [], []
    for name in options.sets:
        done = _run(name, options, 0.0)
        plain.append(_row(name, done, COLUMNS))
        # The sample has unanswerable questions of its own.
        silenced.append(_row(name, done if name == "sample" else _run(name, options, LEAVE_OUT), REFUSALS))
    _print(plain, COLUMNS)
    _print(silenced, REFUSALS)


def _run(name: str, options: argparse.Namespace, leave_out: float) -> Run:
    settings, _ = load_settings({"llm": options.llm})
    folder = options.bench_dir or settings.bench_dir
    if name == "sample":
        plan = Plan(dataset=DATA / "eval" / "sample.jsonl", documents=DATA / "corpus", limit=options.limit)
    else:
        plan = Plan(dataset=folder / f"{name}.json", parts=("test",), leave_out=leave_out, limit=options.limit)
    store = RunStore(settings.data_dir / "eval" / "runs")
    stored = f"held-out-{name}" + ("-left-out" if leave_out else "")
    resume = ""
    with suppress(EvaluationError):
        before = store.load(stored)
        if before.manifest["finished"] and not before.errors:
            return before
        resume = stored
    done = run(
        replace(plan, name="" if resume else stored),
        settings,
        store,
        Workbench(settings.data_dir / "eval" / "kb"),
        resume=resume,
        on_question=_tell(name),
    )
    log(f"{name}: {len(done.rows)} questions, {done.errors} failed; `ragbot eval show {done.name}`")
    return done


def _tell(name: str) -> ProgressCallback:
    def tell(progress: Progress) -> None:
        if progress.done % 200 == 199:
            log(f"{name}: {progress.done + 1} of {progress.total}")

    return tell


def _row(name: str, done: Run, metrics: Sequence[str]) -> str:
    found = {figure.metric: figure for figure in summarize(done.rows) if figure.slice == ALL}
    documents = len({row.question.document for row in done.rows})
    cells = " | ".join(_cell(found.get(metric)) for metric in metrics)
    return f"| {name} ({len(done.rows)} questions, {documents} documents) | {cells} |"


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    interval = figure.interval
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def _print(rows: Sequence[str], metrics: Sequence[str]) -> None:
    print(f"| set | {' | '.join(metrics)} |")
    print("| --- " * (len(metrics) + 1) + "|")
    print("\n".join(rows), flush=True)


if __name__ == "__main__":
    main()
