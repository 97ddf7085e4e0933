"""Text to terms for the lexical index: jieba words and character bigrams for Chinese, plain words for the rest."""

from __future__ import annotations

import re
import unicodedata

_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
# A run of Han characters, or a word that may hold the marks inside identifiers and numbers (GPT-4, v1.2.3, 3,000).
_RUN = re.compile(rf"(?P<han>[{_HAN}]+)|(?P<word>[^\W_{_HAN}]+(?:[-.,'’/_&+][^\W_{_HAN}]+)*)")
_PART = re.compile(r"[^\W_]+")


def terms(text: str) -> list[str]:
    """The terms of ``text``, in order, with repetitions; the same for documents and questions.

    A compound such as ``GPT-4`` gives the whole and its parts; a run of Chinese gives its words and all its bigrams.
    """
    found: list[str] = []
    for match in _RUN.finditer(unicodedata.normalize("NFKC", text).casefold()):
        if match.lastgroup == "han":
            found.extend(_chinese(match.group()))
        else:
            word = match.group()
            found.append(word)
            parts = _PART.findall(word)
            if len(parts) > 1:
                found.extend(parts)
    return found


def _chinese(run: str) -> list[str]:
    import rjieba

    words: list[str] = rjieba.cut(run)
    # A word of two characters is a bigram as well, and counts once for each: exact words weigh more.
    return words + [run[i : i + 2] for i in range(len(run) - 1)]
