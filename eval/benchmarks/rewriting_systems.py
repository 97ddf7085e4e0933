"""What the benchmark of rewriting compares: a case, and the texts that each way searches for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from eval.benchmarks.retrieval_rivals_results import CUTOFF, METRICS, reciprocal_rank
from eval.benchmarks.rewriting_cases import Case
from eval.metrics.ranking import Place, answer_recall
from ragbot.bot import RagBot
from ragbot.generation.followup import standalone, with_last
from ragbot.generation.rewriting.base import BY_RULES, Rewriter, rewrite
from ragbot.generation.rewriting.by_model import ByModel
from ragbot.generation.rewriting.splitting import Splitting
from ragbot.retrieval.queries import Query

#: From a case to what is searched for.
Way = Callable[[Case], Sequence[Query]]
HITS = 20
BUDGETS = (500, 1000)


def as_it_is(case: Case) -> Sequence[Query]:
    """The question, whatever was said before."""
    return [Query(case.text)]


def last_in_front(case: Case) -> Sequence[Query]:
    """Always with the last question in front."""
    return [Query(with_last(case.text, case.history))]


def one_text_by_rules(case: Case) -> Sequence[Query]:
    """With the last question in front where a rule says so."""
    return [Query(standalone(case.text, case.history))]


def by_hand(case: Case) -> Sequence[Query]:
    """As a person would write it in full: what the others can reach at best."""
    return [Query(case.whole)]


def by(rewriter: Rewriter) -> Way:
    """What a rewriter of the library makes of it."""
    return lambda case: rewrite(rewriter, case.text, case.history).queries


SPLITTING: Way = by(Splitting())
RULES: Way = by(BY_RULES)


@dataclass
class Asked:
    """A way that asks a model, and what that cost: of each question, seconds and whether the rules had to step in."""

    rewriter: ByModel
    seconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def __call__(self, case: Case) -> Sequence[Query]:
        """See :data:`Way`."""
        rewritten = rewrite(self.rewriter, case.text, case.history)
        self.seconds.append(rewritten.seconds)
        self.failed += [rewritten.fallback] if rewritten.fallback else []
        return rewritten.queries


def measure(bot: RagBot, way: Way, cases: Sequence[Case]) -> dict[str, list[float]]:
    """Of each case the answer recall within 500 and 1,000 characters, and the reciprocal rank of the first gold item."""
    values: dict[str, list[float]] = {metric: [] for metric in METRICS}
    for case in cases:
        hits = bot.retriever.search_many(way(case), max(HITS, CUTOFF))
        places: list[Place] = [(hit.chunk.document.source, hit.chunk.start, hit.chunk.end) for hit in hits]
        recall = answer_recall(places, case.gold, BUDGETS)
        rank = reciprocal_rank(places, [place for item in case.gold for place in item])
        for metric, value in zip(METRICS, (recall[BUDGETS[0]], recall[BUDGETS[1]], rank), strict=True):
            values[metric].append(value)
    return values
