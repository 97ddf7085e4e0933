"""The questions over the sample documents: is the right chunk found, is it refused, does the answer hold the words?

python -m eval.benchmarks.sample_questions
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path

from eval.datasets.base import Question
from eval.datasets.jsonl import read_jsonl
from eval.datasets.locate import squeezed
from ragbot.bot import RagBot

DATA = Path(__file__).parents[2] / "data"
TOP_K = 10


def main() -> None:
    """Print one table."""
    questions = read_jsonl(DATA / "eval" / "sample.jsonl").questions
    found: dict[str, list[float]] = defaultdict(list)
    refused: dict[str, list[bool]] = defaultdict(list)
    right: dict[str, list[bool]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="ragbot-bench-") as folder, RagBot.open(Path(folder) / "kb") as bot:
        bot.ingest(DATA / "corpus")
        for question in questions:
            kind = _kind(question)
            answer = bot.ask(question.text)
            refused[kind].append(answer.abstained)
            if question.answerable:
                found[kind].append(_reciprocal(bot, question))
                if not answer.abstained:
                    right[kind].append(any(squeezed(text) in squeezed(answer.text) for text in question.answers))
    print(f"| questions | | right chunk in the first {TOP_K} | MRR@{TOP_K} | refused | answer holds the words |")
    print("| --- " * 6 + "|")
    for kind, outcomes in refused.items():
        ranks = found[kind]
        hits = f"{sum(map(bool, ranks))} | {sum(ranks) / len(ranks):.3f}" if ranks else " | "
        words = f"{sum(right[kind])} of {len(right[kind])}" if ranks else ""
        print(f"| {kind} | {len(outcomes)} | {hits} | {sum(outcomes)} | {words} |", flush=True)


def _kind(question: Question) -> str:
    category = question.tags["category"]
    return category if not question.answerable or category == "cross-language" else f"answerable, {question.language}"


def _reciprocal(bot: RagBot, question: Question) -> float:
    for rank, hit in enumerate(bot.search(question.text, TOP_K), 1):
        if hit.chunk.document.source.endswith(question.document):
            text = squeezed(hit.chunk.text)
            if any(squeezed(answer) in text for answer in question.answers):
                return 1 / rank
    return 0.0


if __name__ == "__main__":
    main()
