"""How fast nothing, or next to nothing, is done again: unchanged files, and one changed paragraph."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from eval.benchmarks.ingest_texts import paragraphs, write_size
from eval.benchmarks.ingest_timing import Cost, Spread, measured
from eval.benchmarks.setup import log
from ragbot.bot import RagBot
from ragbot.models.embedders.base import Embedder
from ragbot.models.embedders.e5_onnx import BundledE5
from ragbot.models.testing import HashEmbedder
from ragbot.text import sentence_spans

Row = dict[str, Any]


class HashedE5(HashEmbedder):
    """Passes for ``inner`` and embeds by hashing: what vectors a first run stores does not matter to the second."""

    def __init__(self, inner: Embedder) -> None:
        super().__init__(inner.fingerprint.dimension, inner.max_tokens)
        self.fingerprint = inner.fingerprint
        self._inner = inner

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """As ``inner`` counts them."""
        return self._inner.count_tokens(texts)


#: A second run in a process of its own; it prints its seconds without start and model.
_SECOND_RUN = """
import sys, time
from ragbot.bot import RagBot
with RagBot.open(sys.argv[2], create=False) as bot:
    started, cpu = time.perf_counter(), time.process_time()
    report = bot.ingest(sys.argv[1])
    print(time.perf_counter() - started, time.process_time() - cpu, len(report.skipped))
"""


def unchanged(bench: Path, files: int, repetitions: int) -> list[Row]:
    """``files`` files of a sentence each, in folders of 500, half English and half Chinese; the second run."""
    with tempfile.TemporaryDirectory(prefix="ragbot-bench-") as name:
        source, kb = Path(name) / "texts", Path(name) / "kb"
        for language in ("en", "zh"):
            for number, text in enumerate(islice(paragraphs(bench, language), files // 2)):
                folder = source / f"{language}-{number // 500}"
                folder.mkdir(parents=True, exist_ok=True)
                start, end = next(iter(sentence_spans(text)))
                (folder / f"{number}.txt").write_text(f"{number} {text[start:end][:100]}\n", encoding="utf-8")
        with RagBot.open(kb, embedder=HashedE5(BundledE5())) as bot:
            log(f"unchanged, first run: {bot.ingest(source).seconds:.1f} s")
        calls, commands = [], []
        for _ in range(repetitions):
            wall, cpu, skipped = _python("-c", _SECOND_RUN, str(source), str(kb)).split()
            if int(skipped) != files:
                raise ValueError(f"{skipped} of {files} files were skipped")
            calls.append(Cost(float(wall), float(cpu)))
            started, before = time.perf_counter(), _children()
            _python("-m", "ragbot", "ingest", str(source), "--kb", str(kb))
            commands.append(Cost(time.perf_counter() - started, _children() - before))
            log(f"unchanged: call {calls[-1]}, command {commands[-1]}")
    row: Row = {"files": files}
    for name, costs in (("the call", calls), ("the command", commands)):
        row[f"{name}, s"] = Spread.of([cost.wall for cost in costs]).show()
        row[f"{name}, s of CPU"] = Spread.of([cost.cpu for cost in costs]).show()
    return [{**row, "seconds": [[asdict(cost) for cost in costs] for costs in (calls, commands)]}]


def one_paragraph(bench: Path, languages: Sequence[str], size: int, repetitions: int) -> list[Row]:
    """A file of ``size`` bytes, of which one paragraph is changed: near the start, in the middle, near the end."""
    embedder = BundledE5()
    rows = []
    for language in languages:
        with tempfile.TemporaryDirectory(prefix="ragbot-bench-") as name:
            path = Path(name) / "book.txt"
            write_size(path, paragraphs(bench, language), size)
            with RagBot.open(Path(name) / "kb", embedder=HashedE5(embedder)) as bot:
                log(f"one paragraph {language}, first run: {bot.ingest(path).seconds:.1f} s")
            with RagBot.open(Path(name) / "kb", embedder=embedder) as bot:
                costs, embedded = [], []
                new = paragraphs(bench, language, seed=1)
                for turn in range(repetitions):
                    parts = path.read_text(encoding="utf-8").split("\n\n")
                    parts[len(parts) * (2 * turn + 1) // (2 * repetitions)] = next(new)
                    path.write_text("\n\n".join(parts), encoding="utf-8")
                    with measured() as cost:
                        report = bot.ingest(path)
                    costs.append(cost)
                    embedded.append(report.embedded)
                    log(f"one paragraph {language}: {cost}, {report.embedded} of {report.chunks} embedded")
            wall = Spread.of([cost.wall for cost in costs]).show()
            row = {"language": language, "bytes": size, "s": wall}
            row |= {"s of CPU": Spread.of([cost.cpu for cost in costs]).show(), "chunks": report.chunks}
            rows.append({**row, "embedded": embedded, "seconds": [asdict(cost) for cost in costs]})
    return rows


def _children() -> float:
    """Seconds of CPU of the processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _python(*arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, text=True, env=environment
    ).stdout
