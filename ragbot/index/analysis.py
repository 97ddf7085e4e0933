"""Text to terms for the lexical index: jieba words and character bigrams for Chinese, words and their stems for the rest.

What each step brings is measured by ``python -m eval.benchmarks.fusion --tables terms``.
"""

from __future__ import annotations

import re
import threading
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from ragbot.index.analysis_fold import fold

if TYPE_CHECKING:
    from Stemmer import Stemmer

#: Ends a stem, and no word: a stem is a term of its own beside the word, so that an exact match counts twice.
STEM_MARK = "~"
_HAN = r"\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
# A run of Han characters, or a word that may hold the marks inside identifiers and numbers (GPT-4, v1.2.3, 3,000) and
# end in those of a language's name (C++, C#).
_RUN = re.compile(
    rf"(?P<han>[{_HAN}]+)|(?P<word>[^\W_{_HAN}]+(?:[-.,'/_&+][^\W_{_HAN}]+)*(?:(?<=[A-Za-z])(?:\+\+|\#)(?!\w))?)"
)
_PART = re.compile(r"[^\W_]+")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_POSSESSIVE = ("'s", "'S")
# Parts of CamelCase of three letters and more: PagedAttention, HTTPServer, but not LoRA or iPhone.
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SHORTEST_HUMP = 3
_NUMERALS = re.compile(r"[〇零一二三四五六七八九]{3,}")
_DIGITS = str.maketrans("〇零一二三四五六七八九", "00123456789")
# Words that build a sentence: they count as they stand, but not a second time as stems.
_FUNCTION_WORDS = frozenset(
    "a an and are as at be been but by did do does for from had has have he her his how if in into is it its many much "
    "no not of on or she such that the their then there these they this to was were what when where which who whom whose "
    "why will with".split()
)
_SHORTEST_STEMMED, _LONGEST_STEMMED = 3, 40


def terms(text: str) -> list[str]:
    """The terms of ``text``, in order, with repetitions; the same for documents and questions.

    Traditional and simplified Chinese give the same terms, as do accented and plain Latin letters, and any case.
    A compound such as ``GPT-4`` gives the whole, written together (``gpt4``), and its parts; ``getUserName`` and
    ``user_name`` likewise. An English word gives itself and its stem (Porter2), which ends in :data:`STEM_MARK`.
    A run of Chinese gives its words and all its bigrams.
    """
    found: list[str] = []
    for match in _RUN.finditer(fold(text)):
        run = match.group()
        if match.lastgroup == "han":
            found.extend(_chinese(run))
        elif run.isalpha():
            _add_word(found, run)
        else:
            _add_compound(found, run)
    return found


def _add_word(found: list[str], word: str) -> None:
    lowered = word.casefold()
    found.append(lowered)
    stem = _stem(lowered)
    if stem:
        found.append(stem)
    if not (word.islower() or word.isupper() or word.istitle()):
        humps = _HUMP.findall(word)
        if len(humps) > 1:
            for hump in humps:
                if len(hump) >= _SHORTEST_HUMP:
                    _add_word(found, hump.lower())


def _add_compound(found: list[str], word: str) -> None:
    if word.endswith(_POSSESSIVE):
        word = word[:-2]
    if word.isalpha():
        _add_word(found, word)
        return
    if _GROUPED.fullmatch(word):  # 3,000 is 3000
        word = word.replace(",", "")
    found.append(word.replace("-", "").casefold())
    parts = _PART.findall(word)
    if len(parts) > 1:
        for part in parts:
            if part.isalpha():
                _add_word(found, part)
            else:
                found.append(part.casefold())


def _chinese(run: str) -> list[str]:
    import rjieba

    words: list[str] = rjieba.cut(run)
    # A word of two characters is a bigram as well, and counts once for each: exact words weigh more.
    words += [run[i : i + 2] for i in range(len(run) - 1)]
    # Years and numbers written digit by digit: 一九九八 is 1998.
    words += [numeral.translate(_DIGITS) for numeral in _NUMERALS.findall(run)]
    return words


@lru_cache(1 << 16)
def _stem(word: str) -> str:
    """The stem with its mark; empty for function words, and for what is not a word of ASCII letters."""
    if not (word.isascii() and _SHORTEST_STEMMED <= len(word) <= _LONGEST_STEMMED) or word in _FUNCTION_WORDS:
        return ""
    with _lock:  # a stemmer must not be used by two threads at once
        return f"{_stemmer().stemWord(word)}{STEM_MARK}"


_lock = threading.Lock()


@cache
def _stemmer() -> Stemmer:
    from Stemmer import Stemmer

    return Stemmer("english", 0)  # that is Porter2; without its own cache
