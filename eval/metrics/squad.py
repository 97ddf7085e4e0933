"""Exact match and F1 of SQuAD 2.0 (Rajpurkar et al. 2018, https://arxiv.org/abs/1806.03822), for spaced languages.

The rules are those of the data set's ``evaluate-v2.0.py``; the values equal its own.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")


def squad_tokens(text: str) -> list[str]:
    """Words in lower case, without ASCII punctuation and without articles.

    Punctuation goes first and joins what it stood between: ``state-of-the-art`` becomes one word.
    """
    return _ARTICLE.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


def squad_exact_match(prediction: str, answers: Sequence[str]) -> float:
    """1.0 if the prediction has the words of some answer, in order, and no others; else 0.0.

    No answers (or only answers without a word, such as ``""``) mean a question that cannot be answered: then the
    prediction is right if it has no word either.
    """
    predicted = squad_tokens(prediction)
    return float(any(predicted == gold for gold in _golds(answers)))


def squad_f1(prediction: str, answers: Sequence[str]) -> float:
    """Harmonic mean of precision and recall of the words, in [0, 1], for the answer that gives the most.

    Words are counted, their order is not looked at. No answers: as for :func:`squad_exact_match`.
    """
    predicted = squad_tokens(prediction)
    return max(_f1(predicted, gold) for gold in _golds(answers))


def _golds(answers: Sequence[str]) -> list[list[str]]:
    return [tokens for tokens in map(squad_tokens, answers) if tokens] or [[]]


def _f1(predicted: list[str], gold: list[str]) -> float:
    if not predicted or not gold:
        return float(predicted == gold)
    same = (Counter(predicted) & Counter(gold)).total()
    return 2 * same / (len(predicted) + len(gold))
