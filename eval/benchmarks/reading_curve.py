"""How wrong answers are if only the surest questions are answered: a table and a picture, of rows of eval.benchmarks.reading.

    python -m eval.benchmarks.reading --output rows.jsonl …
    python -m eval.benchmarks.reading_curve rows.jsonl [--picture curve.png]

Of each set with questions that its paragraphs do not answer: for a range of thresholds how many of the answerable
questions are answered, how many of the others refused, and the risk (1 - F1, or 1 for an answer to what nothing
answers) at the coverage that comes of it (El-Yaniv & Wiener 2010). The reader's confidence is 1 - its probability of
no passage.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from eval.benchmarks.reading import Row
from eval.metrics.refusals import aurc, auroc, risk_coverage

THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def main() -> None:
    """Print a table for each set, and draw the curves of all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rows", type=Path)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    lines = options.rows.read_text(encoding="utf-8").splitlines()
    rows = [row for row in (Row(**json.loads(line)) for line in lines) if row.system == "reader"]
    curves = {}
    for name in dict.fromkeys(row.set_name for row in rows):
        own = [row for row in rows if row.set_name == name]
        if all(row.answerable for row in own):
            continue
        curves[name] = risk_coverage([1 - row.none for row in own], [row.forced for row in own])
        _print(name, own)
    if options.picture:
        _draw(options.picture, curves)


def _print(name: str, rows: Sequence[Row]) -> None:
    sure = [1 - row.none for row in rows]
    print(f"\n{name}: {len(rows)} questions about {len({row.article for row in rows})} articles; ", end="")
    print(f"AUROC {auroc(sure, [row.answerable for row in rows]):.3f}, ", end="")
    print(f"AURC {aurc(sure, [row.forced for row in rows]):.3f}\n")
    print("| answered from a confidence of | answered | refused | coverage | risk |")
    print("| --- " * 5 + "|")
    yes, no = [row for row in rows if row.answerable], [row for row in rows if not row.answerable]
    for threshold in THRESHOLDS:
        taken = [row for row in rows if 1 - row.none >= threshold]
        answered = sum(1 - row.none >= threshold for row in yes) / max(len(yes), 1)
        refused = sum(1 - row.none < threshold for row in no) / max(len(no), 1)
        risk = 1 - sum(row.forced for row in taken) / max(len(taken), 1)
        print(f"| {threshold:g} | {answered:.3f} | {refused:.3f} | {len(taken) / len(rows):.3f} | {risk:.3f} |")


def _draw(path: Path, curves: Mapping[str, tuple[object, object]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for name, (coverage, risk) in curves.items():
        axes.plot(coverage, risk, drawstyle="steps-post", label=name)  # type: ignore[arg-type]
    axes.set(xlim=(0, 1), ylim=(0, None), xlabel="questions answered, the surest first", ylabel="risk")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
