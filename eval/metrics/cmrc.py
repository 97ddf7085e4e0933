"""Exact match and F1 of CMRC 2018 (Cui et al. 2019, https://aclanthology.org/D19-1600/), for Chinese.

The rules are those of the data set's ``cmrc2018_evaluate.py``. Its English words come from NLTK's ``word_tokenize``,
which needs data that NLTK does not bring along (Punkt, which finds sentences). All that the sentences decide is
whether a full stop inside running English is a token of its own or part of a word; :func:`_sentences` decides it by
rule. A Chinese answer seldom holds two English sentences in a row, and then a disagreement is worth one token.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from eval.metrics.optional import needed

#: The marks that are removed. The original also lists "……", which is two characters and therefore never found.
_PUNCTUATION = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
_NO_PUNCTUATION = dict.fromkeys(map(ord, _PUNCTUATION))
_HAN = re.compile(r"([\u4e00-\u9fa5])")

# A full stop inside a text, with the word before it and what follows it.
_STOP = re.compile(r"(?P<word>[^\s.]\S*?)\.(?P<close>[)\"'\]}]*)\s+(?P<next>\S)")
#: Their full stop is part of the word. Those that Punkt's English does not know (fig, e.g) are missing on purpose.
_ABBREVIATIONS = frozenset(
    "dr mr mrs ms st jr sr prof vs inc corp co ltd bros gen col maj lt adm sen rep messrs ave ft p ph.d a.m p.m u.s u.k "
    "u.n d.c l.a jan feb aug sep sept oct nov dec wed fri".split()
)
_NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*")


def cmrc_exact_match(prediction: str, answers: Sequence[str]) -> float:
    """1.0 if the prediction equals some answer in lower case and without Chinese punctuation; else 0.0.

    Blanks inside count, and so do the marks that CMRC does not list, such as ``,`` and ``.``.
    """
    predicted = _bare(prediction)
    return float(any(predicted == _bare(answer) for answer in answers))


def cmrc_f1(prediction: str, answers: Sequence[str]) -> float:
    """Harmonic mean of precision and recall of the longest run of tokens in common, in [0, 1], for the best answer.

    CMRC knows no questions without an answer: an empty prediction, or an empty answer, gives 0.

    Raises:
        ModuleNotFoundError: NLTK is not installed.
    """
    predicted = cmrc_tokens(prediction)
    return max((_f1(predicted, cmrc_tokens(answer)) for answer in answers), default=0.0)


def cmrc_tokens(text: str) -> list[str]:
    """Chinese characters one by one, and between them NLTK's English words; the listed punctuation is gone.

    Raises:
        ModuleNotFoundError: NLTK is not installed.
    """
    tokens: list[str] = []
    # Split at a group: every second part is a Chinese character, those between may be empty.
    for position, part in enumerate(_HAN.split(_bare(text))):
        if position % 2:
            tokens.append(part)
        elif part:
            for sentence in _sentences(part):
                tokens += _words().tokenize(sentence)
    return tokens


def _bare(text: str) -> str:
    return text.lower().strip().translate(_NO_PUNCTUATION)


@cache
def _words() -> Any:
    return needed("nltk.tokenize.destructive", "F1 of Chinese answers").NLTKWordTokenizer()


def _sentences(text: str) -> list[str]:
    """Cut English in lower case after the full stops that end a sentence."""
    sentences, begin, position = [], 0, 0
    while stop := _STOP.search(text, position):
        word = stop["word"].lstrip("([{\"'")
        # In lower case, a word after a number or an initial does not begin a sentence (2023. the, j. smith).
        inner = (_NUMBER.fullmatch(word) or len(word) == 1) and stop["next"].islower()
        if not (inner or word in _ABBREVIATIONS):
            sentences.append(text[begin : stop.end("close")])
            begin = stop.start("next")
        position = stop.start("next")
    return [*sentences, text[begin:]]


def _f1(predicted: list[str], gold: list[str]) -> float:
    common = _longest_common_run(predicted, gold)
    return 2 * common / (len(predicted) + len(gold)) if common else 0.0


def _longest_common_run(left: Sequence[str], right: Sequence[str]) -> int:
    best, above = 0, [0] * (len(right) + 1)
    for token in left:
        row = [0] * (len(right) + 1)
        for column, other in enumerate(right, 1):
            if token == other:
                row[column] = above[column - 1] + 1
                best = max(best, row[column])
        above = row
    return best
