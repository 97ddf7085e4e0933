"""ROUGE-L (Lin 2004, https://aclanthology.org/W04-1013/): the longest common subsequence of answer and gold answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from eval.metrics.optional import needed
from eval.metrics.tokens import mixed_tokens


class MixedTokenizer:
    """What ``rouge_score`` asks for tokens; its own tokenizer drops all but ``a-z`` and ``0-9``, so Chinese scores 0."""

    def tokenize(self, text: str) -> list[str]:
        """See :func:`eval.metrics.tokens.mixed_tokens`."""
        return mixed_tokens(text)


def rouge_l(prediction: str, answers: Sequence[str]) -> float:
    """F-measure of ROUGE-L in [0, 1], for the answer that gives the most; 0.0 without answers. Words are not stemmed.

    Raises:
        ModuleNotFoundError: rouge-score is not installed.
    """
    scorer = _scorer()
    return max((float(scorer.score(answer, prediction)["rougeL"].fmeasure) for answer in answers), default=0.0)


@cache
def _scorer() -> Any:
    return needed("rouge_score.rouge_scorer", "ROUGE-L").RougeScorer(["rougeL"], tokenizer=MixedTokenizer())
