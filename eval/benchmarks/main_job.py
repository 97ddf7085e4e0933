"""The main job by the clock: open, ingest the sample documents and the bench sets as text files, search, answer.

python -m eval.benchmarks.main_job
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from eval.benchmarks.setup import SETS, arguments, log, read_sets
from eval.datasets.jsonl import read_jsonl
from ragbot.bot import RagBot
from ragbot.documents import IngestReport

DATA = Path(__file__).parents[2] / "data"


def main() -> None:
    """Print one table."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.set_defaults(sets=[*SETS, "covid_en"])
    options = parser.parse_args()
    questions = [question.text for question in read_jsonl(DATA / "eval" / "sample.jsonl").questions]
    print("| what | |\n| --- | --- |")
    with tempfile.TemporaryDirectory(prefix="ragbot-bench-") as folder:
        started = time.perf_counter()
        with RagBot.open(Path(folder) / "sample") as bot:
            _row("open an empty knowledge base, model included", f"{time.perf_counter() - started:.1f} s")
            _row("ingest the sample documents", _speed(bot.ingest(DATA / "corpus")))
            again = bot.ingest(DATA / "corpus")
            _row("the same again, unchanged", f"{again.seconds * 1000:.0f} ms, {again.embedded} texts embedded")
            searches, firsts, totals, refusals = [], [], [], []
            for question in questions:
                started = time.perf_counter()
                bot.search(question)
                searches.append(time.perf_counter() - started)
                answer = bot.ask(question)
                if answer.abstained:
                    refusals.append(answer.timings["total"])
                else:
                    firsts.append(answer.timings["first_token"])
                    totals.append(answer.timings["total"])
            chunks = len(bot.kb.lexical)
            _row(f"search among {chunks} chunks, {len(searches)} questions", _percentiles(searches))
            _row(f"first words of an extractive answer ({len(firsts)})", _percentiles(firsts))
            _row("the whole answer", _percentiles(totals))
            _row(f"a refusal ({len(refusals)})", _percentiles(refusals))
        texts = Path(folder) / "texts"
        texts.mkdir()
        for question_set in read_sets(options):
            for source, document in question_set.documents.items():
                (texts / f"{source.replace('/', '-')}.txt").write_text(document.text, encoding="utf-8")
        with RagBot.open(Path(folder) / "bench") as bot:
            _row(f"ingest the bench sets as text ({len(list(texts.iterdir()))} files)", _speed(bot.ingest(texts)))
            size = sum(path.stat().st_size for path in bot.kb.folder.rglob("*") if path.is_file())
            _row("its knowledge base on disk", f"{size / 1e6:.0f} MB")
            seconds = []
            for question in questions:
                started = time.perf_counter()
                bot.search(question)
                seconds.append(time.perf_counter() - started)
            _row(f"search among its {len(bot.kb.lexical)} chunks", _percentiles(seconds))


def _row(what: str, value: str) -> None:
    print(f"| {what} | {value} |", flush=True)
    log(f"{what}: {value}")


def _speed(report: IngestReport) -> str:
    return (
        f"{report.characters:,} characters, {report.chunks} chunks in {report.seconds:.1f} s: "
        f"{report.characters / report.seconds:,.0f} characters/s"
    )


def _percentiles(seconds: list[float]) -> str:
    p50, p95 = np.percentile(seconds, [50, 95]) * 1000
    return f"P50 {p50:.0f} ms, P95 {p95:.0f} ms"


if __name__ == "__main__":
    main()
