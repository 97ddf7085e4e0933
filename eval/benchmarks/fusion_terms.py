"""Other ways to make terms of text, for comparison with :mod:`ragbot.index.analysis`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache

from eval.benchmarks.fusion_collection import Analysis
from ragbot.index.analysis import STEM_MARK, terms
from ragbot.index.analysis_fold import fold

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(rf"(?P<han>[{_HAN}]+)|(?P<word>[^\W_{_HAN}]+(?:[-.,'’/_&+][^\W_{_HAN}]+)*)")
_PART = re.compile(r"[^\W_]+")
#: Lucene's English stop words.
_STOP = frozenset(
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to "
    "was will with".split()
)


def unfolded(text: str) -> list[str]:
    """Words with the parts of compounds, jieba words with bigrams: no folding of scripts and accents, and no stems."""
    found: list[str] = []
    for match in _RUN.finditer(unicodedata.normalize("NFKC", text).casefold()):
        run = match.group()
        if match.lastgroup == "han":
            found += _chinese(run)
        else:
            parts = _PART.findall(run)
            found += [run, *parts] if len(parts) > 1 else [run]
    return found


def words_alone(text: str) -> list[str]:
    """Without stems."""
    return [term for term in terms(text) if not term.endswith(STEM_MARK)]


def stems_alone(text: str) -> list[str]:
    """Porter2 stems in the place of words."""
    return [_porter(term) for term in words_alone(text)]


def plurals(text: str) -> list[str]:
    """Words without the ending of the plural (Harman 1991, "How effective is suffixing?", the S stemmer)."""
    return [_without_s(term) for term in words_alone(text)]


def without_stop_words(text: str) -> list[str]:
    """Without the commonest English words."""
    return [term for term in terms(text) if term not in _STOP]


def without_bigrams(text: str) -> list[str]:
    """Chinese words alone."""
    return [term for run in _PIECE.findall(text) for term in _chinese_words_of(run)]


def bigrams_alone(text: str) -> list[str]:
    """Chinese bigrams alone."""
    return [term for run in _PIECE.findall(text) for term in _chinese_bigrams_of(run)]


ANALYSES: dict[str, Analysis] = {
    "as it is": terms,
    "no folding, no stems": unfolded,
    "no stems": words_alone,
    "stems alone": stems_alone,
    "plurals alone": plurals,
    "no stop words": without_stop_words,
    "Chinese words alone": without_bigrams,
    "Chinese bigrams alone": bigrams_alone,
}

_PIECE = re.compile(rf"[{_HAN}]+|[^{_HAN}]+")


def _is_han(run: str) -> bool:
    return bool(re.match(f"[{_HAN}]", run))


def _chinese(run: str) -> list[str]:
    import rjieba

    words: list[str] = rjieba.cut(run)
    return words + [run[i : i + 2] for i in range(len(run) - 1)]


def _chinese_words_of(run: str) -> list[str]:
    import rjieba

    if not _is_han(run):
        return terms(run)
    words: list[str] = rjieba.cut(fold(run))
    return words


def _chinese_bigrams_of(run: str) -> list[str]:
    plain = fold(run)
    return [plain[i : i + 2] for i in range(len(plain) - 1)] if _is_han(run) else terms(run)


@cache
def _stemmer() -> Callable[[str], str]:
    from Stemmer import Stemmer

    stem: Callable[[str], str] = Stemmer("english").stemWord
    return stem


def _porter(word: str) -> str:
    return _stemmer()(word) if word.isascii() and word.isalpha() else word


def _without_s(word: str) -> str:
    if not (word.isascii() and word.isalpha()) or len(word) < 4:
        return word
    if word.endswith("ies") and word[-4] not in "ae":
        return word[:-3] + "y"
    if word.endswith("es") and word[-3] not in "aeo":
        return word[:-1]
    return word[:-1] if word.endswith("s") and word[-2] not in "us" else word
