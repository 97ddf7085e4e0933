"""What the search found: rank metrics by ``ir_measures``, and whether the answer stands early in the hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan

from eval.metrics.optional import needed
from eval.metrics.table import BUDGETS, CUTOFFS

#: A stretch of a document: ``(source, start, end)``, offsets in code points, half open.
Place = tuple[str, int, int]
#: How deep MRR, MAP and nDCG look.
DEPTH = 10


def rank_metrics(
    rankings: Mapping[str, Sequence[str]],
    relevance: Mapping[str, Mapping[str, int]],
    cutoffs: Sequence[int] = CUTOFFS,
) -> dict[str, dict[str, float]]:
    """``hit@k``, ``recall@k``, ``precision@k``, ``mrr@10``, ``map@10`` and ``ndcg@10`` of each query.

    Definitions: https://ir-measur.es/en/latest/measures.html (nDCG with the grade as gain and a log2 discount, as in
    trec_eval; a grade above 0 is relevant to the others).

    Args:
        rankings: ids by query, best first; an id that comes again counts at its first place alone. A query that is
            missing, or found nothing, scores 0.
        relevance: grades of the relevant ids by query. A query with none above 0 has no score and is left out.
        cutoffs: the ks.

    Returns:
        The scores by query, in the order of ``relevance``, and by metric.

    Raises:
        ModuleNotFoundError: ir_measures is not installed.
    """
    ir = needed("ir_measures", "Rank metrics")
    measures = {
        **{ir.Success @ k: f"hit@{k}" for k in cutoffs},
        **{ir.R @ k: f"recall@{k}" for k in cutoffs},
        **{ir.P @ k: f"precision@{k}" for k in cutoffs},
        ir.RR @ DEPTH: f"mrr@{DEPTH}",
        ir.AP @ DEPTH: f"map@{DEPTH}",
        ir.nDCG @ DEPTH: f"ndcg@{DEPTH}",
    }
    judged = {query: dict(grades) for query, grades in relevance.items() if any(g > 0 for g in grades.values())}
    scores = {query: dict.fromkeys(measures.values(), 0.0) for query in judged}
    # trec_eval sorts by score and breaks ties by id: scores that fall strictly keep the order that we were given.
    run = {
        query: {name: float(-rank) for rank, name in enumerate(dict.fromkeys(rankings[query]))}
        for query in judged
        if rankings.get(query)
    }
    if run:
        for metric in ir.iter_calc(list(measures), judged, run):
            scores[metric.query_id][measures[metric.measure]] = float(metric.value)
    return scores


def gold_id(item: int) -> str:
    """The id of a gold item in the rankings of :func:`rank_ids`."""
    return f"gold-{item}"


def gold_relevance(items: int) -> dict[str, int]:
    """What :func:`rank_metrics` takes as relevant for a question with so many gold items."""
    return {gold_id(item): 1 for item in range(items)}


def rank_ids(covered: Sequence[Sequence[int]]) -> list[str]:
    """Turn hits into ids that can be ranked against gold items.

    A hit becomes the items that it is the first to hold, each taking a rank of its own. A hit that holds none, or
    only what an earlier one held, takes a rank as something irrelevant.

    Args:
        covered: for each hit, best first, the indices of the gold items that it holds.
    """
    ids: dict[str, None] = {}  # a set that keeps the order
    for position, items in enumerate(covered):
        fresh = [gold_id(item) for item in items if gold_id(item) not in ids]
        ids.update(dict.fromkeys(fresh or [f"hit-{position}"]))
    return list(ids)


def answer_recall(
    hits: Sequence[Place], gold: Sequence[Sequence[Place]], budgets: Sequence[int] = BUDGETS
) -> dict[int, float]:
    """Share of the gold items found within the first N characters of the hits; nan where nothing is gold.

    The hits are read in order and not joined: an item is found if one of its spans lies whole inside that part of one
    hit which the budget reaches. Unlike recall at k, this does not reward longer passages.

    Args:
        hits: what was retrieved, best first.
        gold: the items, each with the spans that any one of is enough.
        budgets: the Ns, in characters (code points).
    """
    if not gold:
        return dict.fromkeys(budgets, nan)
    return {
        budget: sum(any(_within(hits, span, budget) for span in item) for item in gold) / len(gold)
        for budget in budgets
    }


def _within(hits: Sequence[Place], span: Place, budget: int) -> bool:
    left = budget
    for source, start, end in hits:
        if source == span[0] and start <= span[1] and span[2] <= min(end, start + left):
            return True
        left -= end - start
    return False
