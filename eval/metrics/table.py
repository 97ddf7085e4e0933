"""The metrics by name: what they measure, which way is better, and how they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["retrieval", "answer", "refusal", "citation", "cost", "agent"]
#: Depths of the ranking metrics, and budgets in characters of answer recall.
CUTOFFS = (1, 3, 5, 10)
BUDGETS = (500, 1000, 2000)


@dataclass(frozen=True, slots=True)
class Metric:
    """A measurement of one question (or, where ``whole``, of all questions of a slice together).

    ``primary`` metrics are shown first, and stand in the summary and the gate unless others are asked for.
    """

    name: str
    kind: Kind
    title: str
    higher_is_better: bool = True
    unit: Literal["", "s", "tokens", "steps"] = ""
    primary: bool = False
    whole: bool = False


def _among(what: str, k: int) -> str:
    return f"{what} in the first hit" if k == 1 else f"{what} among the first {k} hits"


def _table() -> dict[str, Metric]:
    rows: list[Metric] = []
    for k in CUTOFFS:
        rows.append(Metric(f"hit@{k}", "retrieval", _among("some gold place", k), primary=k in (1, 5)))
        rows.append(Metric(f"recall@{k}", "retrieval", _among("share of the gold places", k)))
        rows.append(
            Metric(
                f"precision@{k}",
                "retrieval",
                "whether the first hit is gold" if k == 1 else f"share of the first {k} hits that are gold",
            )
        )
    rows += [
        Metric("mrr@10", "retrieval", "1 / rank of the first gold hit, 0 beyond 10", primary=True),
        Metric("map@10", "retrieval", "mean average precision at 10"),
        Metric("ndcg@10", "retrieval", "normalised discounted cumulative gain at 10", primary=True),
    ]
    rows += [
        Metric(
            f"answer_recall@{n}", "retrieval", f"answer within the first {n} characters of the hits", primary=n < 2000
        )
        for n in BUDGETS
    ]
    rows += [
        Metric("document_hit@10", "retrieval", "a gold document among the first 10 hits"),
        Metric("exact_match", "answer", "answer equals a gold answer after normalisation"),
        Metric("f1", "answer", "overlap with the best gold answer", primary=True),
        Metric("contains", "answer", "answer holds a gold answer word for word", primary=True),
        Metric("rouge_l", "answer", "longest common subsequence with the best gold answer"),
        Metric("similarity", "answer", "cosine of the embedded answer and the nearest gold answer"),
        Metric("answer_in_context", "answer", "a gold answer stands in what was retrieved"),
        Metric("language_match", "answer", "answer in the language of the question"),
        Metric("answered", "refusal", "answerable question answered", primary=True),
        Metric("refused", "refusal", "unanswerable question refused", primary=True),
        Metric("auroc", "refusal", "confidence tells answerable from unanswerable", whole=True, primary=True),
        Metric("ece", "refusal", "expected calibration error of the confidence", higher_is_better=False, whole=True),
        Metric("aurc", "refusal", "area under the risk-coverage curve", higher_is_better=False, whole=True),
        Metric("citation_precision", "citation", "share of the citations that hold the gold sentence", primary=True),
        Metric("citation_recall", "citation", "share of the gold sentences that are cited", primary=True),
        Metric("unsupported", "citation", "share of the sentences without a citation", higher_is_better=False),
        Metric("dangling", "citation", "markers that stand for no citation", higher_is_better=False),
        Metric("byte_exact", "citation", "share of the quotes that equal their source"),
        Metric("seconds", "cost", "time for the whole answer", higher_is_better=False, unit="s", primary=True),
        Metric("first_token_seconds", "cost", "time to the first words", higher_is_better=False, unit="s"),
        Metric("search_seconds", "cost", "time of the search", higher_is_better=False, unit="s"),
        Metric("input_tokens", "cost", "tokens read by the model", higher_is_better=False, unit="tokens"),
        Metric("output_tokens", "cost", "tokens written by the model", higher_is_better=False, unit="tokens"),
        Metric("right_tools", "agent", "exactly the expected tools were called", primary=True),
        Metric("right_arguments", "agent", "each expected call was made with its arguments"),
        Metric("tool_call_f1", "agent", "F1 of the calls, arguments included", primary=True),
        Metric("right_answer", "agent", "final answer holds what was expected", primary=True),
        Metric("steps", "agent", "tool calls made", higher_is_better=False, unit="steps"),
        Metric("loops", "agent", "calls that repeat an earlier one", higher_is_better=False, unit="steps"),
    ]
    return {row.name: row for row in rows}


METRICS: dict[str, Metric] = _table()
