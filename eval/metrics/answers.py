"""The answer against the gold answers, by the rules of the answer's language."""

from __future__ import annotations

from collections.abc import Sequence

from eval.metrics.cmrc import cmrc_exact_match, cmrc_f1
from eval.metrics.markers import strip_markers
from eval.metrics.rouge import rouge_l
from eval.metrics.squad import squad_exact_match, squad_f1, squad_tokens
from eval.metrics.tokens import mixed_tokens

#: Languages written without spaces: scored by CMRC's rules, all others by SQuAD's.
UNSPACED = frozenset({"zh", "ja"})


def answer_scores(prediction: str, answers: Sequence[str], language: str) -> dict[str, float]:
    """``exact_match``, ``f1``, ``contains`` and ``rouge_l`` of an answer, each in [0, 1].

    Args:
        prediction: the answer; its ``[n]`` markers are not looked at.
        answers: wordings that count as right. With none, only an empty prediction is right, in every language: SQuAD
            says so, and CMRC has no such questions.
        language: BCP 47 primary tag of the gold answers.

    Raises:
        ModuleNotFoundError: NLTK or rouge-score is not installed.
    """
    said = strip_markers(prediction)
    golds = [answer for answer in answers if mixed_tokens(answer)]
    if not golds:
        silent = float(not mixed_tokens(said))
        return dict.fromkeys(("exact_match", "f1", "contains", "rouge_l"), silent)
    exact_match, f1 = (cmrc_exact_match, cmrc_f1) if language in UNSPACED else (squad_exact_match, squad_f1)
    return {
        "exact_match": exact_match(said, golds),
        "f1": f1(said, golds),
        "contains": contains(said, golds, language),
        "rouge_l": rouge_l(said, golds),
    }


def contains(text: str, answers: Sequence[str], language: str) -> float:
    """1.0 if some answer stands in ``text``, token for token and without a gap; else 0.0.

    Tokens are SQuAD's words, in Chinese and Japanese single characters, numbers and foreign words: punctuation,
    blanks, case and width make no difference there, and 10 does not stand in 2010. Traditional and simplified
    characters differ. An answer without a token stands nowhere.
    """
    tokens = mixed_tokens if language in UNSPACED else squad_tokens
    inside = _joined(tokens(text))
    return float(any(_joined(gold) in inside for gold in map(tokens, answers) if gold))


def _joined(tokens: Sequence[str]) -> str:
    """Tokens hold no blanks, so one run of tokens lies in another exactly if its string does."""
    return f" {' '.join(tokens)} "
