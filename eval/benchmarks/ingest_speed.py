"""How fast documents come in, and what they cost: one table a part, everything in a part measured side by side.

    python -m eval.benchmarks.ingest_speed [--part others embedder pdf memory unchanged paragraph] [--json FILE]

Each figure is a median over ``--repetitions``, with the least and the largest; candidates take turns, and ratios are
formed within a turn. 10 to 20 minutes a part on 2 cores (``memory``: an hour).

- others: LangChain's and LlamaIndex's usual pipelines with the same weights. Mark: ours 3 times the faster one.
- embedder: the same texts embedded and nothing else. Mark: 0.90 of its speed.
- pdf: pages a second (wants Chromium, which prints the pages).
- memory: the peak for 10 and 100 MB of text. Mark: a growth below 300 MB.
- unchanged: 10,000 files that are known already. Mark: 5 s.
- paragraph: one changed paragraph in a file of 1 MB. Mark: 1 s.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eval.benchmarks import ingest_again, ingest_memory, ingest_rates
from eval.benchmarks.ingest_texts import SETS
from eval.benchmarks.setup import arguments
from ragbot.settings import load_settings

Row = dict[str, Any]
#: Columns that the JSON has and the table has not.
_HIDDEN = {"seconds"}

PARTS: dict[str, Callable[[Path, Namespace], list[Row]]] = {
    "others": lambda bench, o: ingest_rates.beside_others(
        bench, o.languages, o.kilobytes * 1000, o.tokens, o.repetitions, not o.no_bfloat16
    ),
    "embedder": lambda bench, o: ingest_rates.beside_the_embedder(
        bench, o.languages, o.kilobytes * 1000, o.repetitions
    ),
    "pdf": lambda bench, o: ingest_rates.from_pdf(bench, o.languages, o.repetitions),
    "memory": lambda bench, o: ingest_memory.memory(bench, o.languages, o.megabytes),
    "unchanged": lambda bench, o: ingest_again.unchanged(bench, o.files, o.repetitions),
    "paragraph": lambda bench, o: ingest_again.one_paragraph(bench, o.languages, o.book, o.repetitions),
}


def main() -> None:
    """Print the tables, and write the figures as JSON."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument(
        "--languages", nargs="+", choices=SETS, default=list(SETS), help="(unchanged always takes both)"
    )
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--kilobytes", type=int, default=300, help="text a language, for others and embedder")
    parser.add_argument("--tokens", type=int, default=256, help="size of chunks, for others")
    parser.add_argument("--no-bfloat16", action="store_true", help="the others in float32 only")
    parser.add_argument("--megabytes", type=int, nargs="+", default=[10, 100], help="for memory, ascending")
    parser.add_argument("--files", type=int, default=10_000, help="for unchanged")
    parser.add_argument("--book", type=int, default=1_000_000, help="bytes, for paragraph")
    parser.add_argument("--json", type=Path, help="where the figures are written, with the seconds of every repetition")
    options = parser.parse_args()
    bench = options.bench_dir or load_settings()[0].bench_dir
    found: dict[str, list[Row]] = {}
    for part in options.part:
        found[part] = PARTS[part](bench, options)
        print(f"\n{part}\n\n{table(found[part])}", flush=True)
        if options.json:
            options.json.write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")


def table(rows: list[Row]) -> str:
    """The rows in Markdown, a column for each key of the first."""
    columns = [key for key in rows[0] if key not in _HIDDEN]
    lines = [columns, ["---"] * len(columns), *([str(row[key]) for key in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
