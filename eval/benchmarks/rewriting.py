"""Questions rewritten before the search: what it gains, what it costs, and what happens to questions that need none.

    python -m eval.benchmarks.rewriting [--part test] [--sets …] [--questions N] [--llm bundled] [--vectors FILE]

Four kinds of question: those of the sets as they are; the same after a question about another article; two at once
(both answers count); and our own follow-ups over data/corpus (data/eval/followups.jsonl). Measured are answer recall
within the first 500 and 1,000 characters and MRR@10, with 95% intervals that resample articles; behind each row the
difference from the first row and its p (sign flips of whole articles; of follow-ups, of questions). With ``--llm`` a chat
model rewrites, too, and its seconds and failures are shown: name a small ``--questions`` then.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from eval.benchmarks.retrieval_rivals_ours import filled
from eval.benchmarks.retrieval_rivals_results import METRICS
from eval.benchmarks.rewriting_cases import Case, alone, behind_another_topic, corpus, follow_ups, two_at_once
from eval.benchmarks.rewriting_systems import (
    RULES,
    SPLITTING,
    Asked,
    Way,
    as_it_is,
    by_hand,
    last_in_front,
    measure,
    one_text_by_rules,
)
from eval.benchmarks.setup import SETS, arguments, log, read_sets
from eval.benchmarks.stored_vectors import StoredEmbedder
from eval.compare import bootstrap, paired
from ragbot.bot import RagBot, chat_model
from ragbot.generation.rewriting.by_model import ByModel
from ragbot.generation.rewriting.strategies import STRATEGIES
from ragbot.models.embedders.base import Embedder
from ragbot.models.registry import load_embedder
from ragbot.retrieval.feedback import FEEDBACK
from ragbot.settings import load_settings

FOLLOW_UPS = "follow-ups"


def main(words: Sequence[str] | None = None) -> None:
    """Print one table for each set and kind of question."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.set_defaults(sets=[*SETS, "covid_en", FOLLOW_UPS])
    parser.add_argument("--part", choices=["train", "dev", "test"], nargs="+", default=["test"])
    parser.add_argument("--questions", type=int, help="draw so many of each set (default: all)")
    parser.add_argument("--llm", help="a chat model that rewrites, as provider:model")
    parser.add_argument("--vectors", type=Path, help="a file in which vectors are kept from run to run")
    options = parser.parse_args(words)
    settings, _ = load_settings({"retrieval.reranker": "none", "retrieval.rewrite": "none"})
    embedder: Embedder = load_embedder(settings.embedder)
    embedder = StoredEmbedder(embedder, options.vectors) if options.vectors else embedder
    model = chat_model(options.llm, settings) if options.llm else None

    def asked(*names: str) -> dict[str, Way]:
        return {f"{name}, by a model": Asked(ByModel(model, STRATEGIES[name])) for name in names} if model else {}

    wanted = [name for name in options.sets if name != FOLLOW_UPS]
    for question_set in read_sets(_with(options, wanted)) if wanted else ():
        questions = [question for question in question_set.part(*options.part).questions if question.gold]
        random.Random(0).shuffle(questions)
        questions = questions[: options.questions]
        name = f"{question_set.name}, {'+'.join(options.part)}"
        with filled(question_set.documents, embedder, settings) as bot:
            table(bot, name, alone(questions), {"as it is": as_it_is, "decompose": SPLITTING, **asked(*_MODEL)}, True)
            changed = behind_another_topic(questions)
            table(
                bot,
                f"{name}, after another topic",
                changed,
                {"as it is": as_it_is, "one text by rules": one_text_by_rules, "rules": RULES},
            )
            both = two_at_once(questions)
            ways = {"as it is": as_it_is, "decompose": SPLITTING, **asked("decompose")}
            table(bot, f"{name}, two at once", both, ways)
    if FOLLOW_UPS in options.sets:
        with filled(corpus(), embedder, settings) as bot:
            for language in ("en", "zh"):
                ways = {
                    "one text by rules": one_text_by_rules,
                    "as it is": as_it_is,
                    "last question in front": last_in_front,
                    "rules": RULES,
                    **asked("standalone"),
                    "by hand": by_hand,
                }
                table(bot, f"follow-ups, {language}", follow_ups(language)[: options.questions], ways)


_MODEL = ("multi-query", "hyde", "decompose")


def table(bot: RagBot, name: str, cases: Sequence[Case], ways: Mapping[str, Way], feedback: bool = False) -> None:
    """Measure the ways on the cases and print them, each beside the first; with ``feedback`` that, too."""
    if not cases:
        return
    print(f"\n{name} (n={len(cases)})\n\n| | " + " | ".join(METRICS) + " |\n| --- |" + " --- |" * len(METRICS))
    groups = [case.group for case in cases]
    base: dict[str, list[float]] = {}
    options = bot.retriever.options
    rows: dict[str, tuple[Way, float]] = {label: (way, 0.0) for label, way in ways.items()}
    if feedback:
        rows["feedback"] = (as_it_is, FEEDBACK)
    for label, (way, weight) in rows.items():
        bot.retriever.options = replace(options, feedback=weight)
        values = measure(bot, way, cases)
        base = base or values
        print(f"| {label} | " + " | ".join(_cell(base[m], values[m], groups) for m in METRICS) + " |", flush=True)
        if isinstance(way, Asked):
            mean = sum(way.seconds) / len(way.seconds)
            log(f"{label}: {mean:.1f} s a question; {len(way.failed)} of {len(way.seconds)} by rules: {way.failed[:5]}")
    bot.retriever.options = options


def _cell(base: Sequence[float], values: Sequence[float], groups: Sequence[str]) -> str:
    cell = str(bootstrap(values, groups)).split(" (")[0]
    if values is base:
        return cell
    difference = paired(base, values, groups)
    return f"{cell} ({sum(values) / len(values) - sum(base) / len(base):+.3f}, p={difference.p:.3f})"


def _with(options: argparse.Namespace, sets: Sequence[str]) -> argparse.Namespace:
    return argparse.Namespace(**{**vars(options), "sets": list(sets)})


if __name__ == "__main__":
    main()
