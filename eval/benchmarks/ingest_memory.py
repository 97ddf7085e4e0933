"""Memory of ingestion: the peak of a fresh process that takes so many bytes of text in.

    python -m eval.benchmarks.ingest_memory FOLDER-OF-TEXT KB     # one JSON object; ingest_speed calls it

Vectors come from hashing, with the bundled model's dimension: embedding 100 MB takes hours, and the memory of the model
does not depend on the amount of text.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.benchmarks.ingest_texts import paragraphs, write_size
from eval.benchmarks.setup import log

Row = dict[str, Any]
#: Bytes of a file: the text of one is in memory at a time.
FILE = 200_000


def memory(bench: Path, languages: Sequence[str], megabytes: Sequence[int]) -> list[Row]:
    """A row for each language and amount; the last column is the growth over the smallest amount."""
    rows: list[Row] = []
    for language in languages:
        least = 0.0
        for amount in megabytes:
            with tempfile.TemporaryDirectory(prefix="ragbot-bench-") as name:
                folder, source = Path(name) / "texts", paragraphs(bench, language)
                for number in range(amount * 1_000_000 // FILE):
                    write_size(folder / f"{number:05}.txt", source, FILE)
                command = [sys.executable, "-m", "eval.benchmarks.ingest_memory", str(folder), str(Path(name) / "kb")]
                found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            least = least or found["peak"]
            rows.append({"language": language, "MB of text": amount, **found, "growth": round(found["peak"] - least)})
            log(str(rows[-1]))
    return rows


def main() -> None:
    """Ingest, and print the MB of memory at the start and the peak, the chunks and the seconds."""
    from ragbot.bot import RagBot
    from ragbot.models.testing import HashEmbedder

    source, kb = map(Path, sys.argv[1:3])
    with RagBot.open(kb, embedder=HashEmbedder(384)) as bot:
        start = _peak()
        report = bot.ingest(source)
        print(
            json.dumps({"chunks": report.chunks, "seconds": round(report.seconds, 1), "start": start, "peak": _peak()})
        )


def _peak() -> float:
    """MB of resident memory at the most (Linux counts in KiB, macOS in bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)


if __name__ == "__main__":
    main()
