"""How long the checks of an answer take: three sentences, of which one may be false, over five passages.

    python -m eval.benchmarks.verification_speed                      # new passages, and the same ones again
    python -m eval.benchmarks.verification_speed --against ~/older    # and another copy of ragbot, in turns
    python -m eval.benchmarks.verification_speed --profile

In each round every answer is checked twice: its passages are new the first time, and the second time they were read
before, as in a conversation that goes on about the same pages. Each copy runs in a process of its own, one round at a
time, so that what else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from eval.benchmarks.citation_mutations import corpus
from eval.benchmarks.citation_mutations_cases import TRUE, Case, cases, passages_of, sentences_of
from eval.compare import bootstrap_statistic
from eval.compare_resampling import IndexArray
from ragbot.generation.quoting import plain
from ragbot.generation.verification.writer import Writer
from ragbot.text import sentence_spans

# Knobs.
SEED = 0
EACH = 20  # answers of a kind and language: true ones, and ones with a wrong digit
ROUNDS = 3  # after one that warms up
FALSE = "number: digit"


def main() -> None:
    """Print the median of an answer for each copy, and the ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--against", type=Path, help="folder with another copy of ragbot and eval")
    parser.add_argument("--profile", action="store_true", help="print where the time goes, and nothing else")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        _serve()
    elif options.profile:
        _profile()
    else:
        _compare([Path.cwd(), *([options.against] if options.against else [])], options.rounds)


def _compare(folders: Sequence[Path], rounds: int) -> None:
    workers = [_worker(folder) for folder in folders]
    taken: list[list[list[tuple[float, float]]]] = [[] for _ in folders]
    for number in range(rounds + 1):
        for worker, rows in zip(workers, taken, strict=True):
            assert worker.stdin and worker.stdout  # for mypy: both are pipes
            worker.stdin.write("round\n")
            worker.stdin.flush()
            times = json.loads(worker.stdout.readline())
            if number:
                rows.append([(first, again) for first, again in times])
    for worker in workers:
        worker.communicate("")
    print("| copy | passages are new, ms | read before, ms |\n| --- | --- | --- |")
    for folder, rows in zip(folders, taken, strict=True):
        cells = []
        for which in (0, 1):
            # Of the rounds the median for each answer: the rows that intervals are drawn over.
            each = [statistics.median(row[answer][which] for row in rows) * 1000 for answer in range(len(rows[0]))]
            spread = bootstrap_statistic(partial(_median, each), range(len(each)))
            cells.append(f"{statistics.median(each):.2f} [{spread.low:.2f}, {spread.high:.2f}]")
        print(f"| {folder.name if folder != Path.cwd() else 'this one'} | {' | '.join(cells)} |")


def _median(values: Sequence[float], rows: IndexArray) -> float:
    return statistics.median(values[int(row)] for row in rows)


def _worker(folder: Path) -> subprocess.Popen[str]:
    script = Path(__file__).resolve()
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-c", f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')", "--serve"],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _serve() -> None:
    """For each line of input one round: the seconds of every answer, twice, as a line of JSON."""
    made = answers()
    for _ in sys.stdin:
        print(json.dumps([(_seconds(*answer), _seconds(*answer)) for answer in made]), flush=True)
        _forget()


def answers() -> list[tuple[Case, str]]:
    """Cases with the answer of three sentences that is made of each."""
    passages = passages_of(corpus())
    made = [case for case in cases(passages, sentences_of(passages), EACH, SEED) if case.kind in {TRUE, FALSE}]
    found = []
    for case in made:
        own = [plain(p.text[a:b]) for p in case.passages for a, b in sentence_spans(p.text) if b - a > 20][:2]
        found.append((case, " ".join(f"{said} [1]" for said in [case.answer, *own])))
    return found


def _seconds(case: Case, answer: str) -> float:
    started = time.perf_counter()
    writer = Writer(case.passages, case.question)
    for _ in writer.write([answer]):
        pass
    return time.perf_counter() - started


def _forget() -> None:
    """What was read of the passages is dropped; older copies keep nothing."""
    try:
        from ragbot.generation.verification.cuts import CONTEXTS, CUTS
    except ImportError:
        return
    CUTS.forget()
    CONTEXTS.forget()


def _profile() -> None:
    import cProfile
    import pstats

    made = answers()
    for answer in made:
        _seconds(*answer)
    _forget()
    profile = cProfile.Profile()
    profile.enable()
    for answer in made:
        _seconds(*answer)
    profile.disable()
    pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
    pstats.Stats(profile).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    main()
