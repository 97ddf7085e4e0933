"""Questions and documents in different languages: they share no words, so that lexical scores must not decide.

Within one language nothing changes. For documents in another, only names, numbers and identifiers of the question count
as words: what else matches is a quotation or a title. In a mixed collection every document in the question's own language gains lexical
evidence, and whatever answers the question in another language would stand below all of them; so the others are raised
together, by a bounded step, until their best stands beside the second of the own language. What this brings, and what
it costs questions that their own language answers: ``python -m eval.benchmarks.fusion --tables languages``.
"""

from __future__ import annotations

import math
import re

import numpy as np
import numpy.typing as npt

from ragbot.index.analysis import terms
from ragbot.index.lexical import LexicalIndex, LexicalScores
from ragbot.index.segment import Ints
from ragbot.retrieval.fuse import Floats, Scale, evidence
from ragbot.text import answer_language, detect_language

Mask = npt.NDArray[np.bool_]

#: The place among the hits of the question's own language that the best of another may reach.
PLACE = 2
#: By how much others are raised at most, in units of the fused score: what is far from an answer stays far.
MOST = 1.4
#: Scripts that :func:`ragbot.text.answer_language` does not tell apart from Chinese.
_BY_SCRIPT = frozenset({"ja", "ko"})
_ENGLISH = "en"
_LATIN = re.compile(r"[A-Za-z0-9\u00c0-\u024f]+(?:[-.,'’/_&+][A-Za-z0-9\u00c0-\u024f]+)*(?:\+\+|#)?")


def question_language(question: str) -> str:
    """The BCP 47 primary tag of the language that a question is asked in: ``zh``, ``ja`` or ``ko``, else ``en``."""
    detected = detect_language(question)
    return detected if detected in _BY_SCRIPT else answer_language(question)


def portable(question: str) -> str:
    """The words of a question that mean the same in any language: names, numbers, identifiers (``GPT-4``, ``C++``).

    Of an English question they are what has a digit or a capital, the first word's own set aside; of any other, all
    that is written in Latin letters or digits.
    """
    words = list(_LATIN.finditer(question))
    if question_language(question) != _ENGLISH:
        return " ".join(match.group() for match in words)
    return " ".join(match.group() for number, match in enumerate(words) if _stands_out(match.group(), number == 0))


def _stands_out(word: str, first: bool) -> bool:
    return any(c.isdigit() for c in word) or any(c.isupper() for c in (word[1:] if first else word))


def ceiling(lexical: LexicalIndex, question: str) -> float:
    """The lexical score of a chunk of average length that holds each term of ``question`` once: the sum of rarities.

    Terms that stand in no chunk count as well, and most: they are what a question in another language consists of.
    """
    words = sorted(set(terms(question)))
    count = len(lexical)
    return sum(math.log(1 + (count - n + 0.5) / (n + 0.5)) for n in lexical.document_frequencies(words))


def foreign(languages: npt.NDArray[np.str_], question: str) -> Mask:
    """Which of these languages are another one than that of ``question``; unknown ones count as its own."""
    return ~np.isin(languages, ["", question_language(question)])


def word_evidence(lexical: LexicalIndex, ids: Ints, question: str, bm25: LexicalScores, apart: Mask) -> Floats:
    """The lexical scores of these chunks, standardized, as far as they are evidence for the whole of ``question``.

    Args:
        bm25: of ``question``.
        apart: which chunks are in another language: to them only its :func:`portable` words count.
    """
    limit = ceiling(lexical, question)
    words = np.zeros(len(ids), np.float32)
    known = portable(question) if apart.any() else ""
    for scores, some in ((bm25, ~apart), (lexical.score(known) if known else None, apart)):
        if scores is not None and some.any():
            words[some] = scaled(scores.of(ids[some]), Scale(scores.mean, scores.deviation), limit)
    return words


def scaled(lexical: Floats, scale: Scale, limit: float) -> Floats:
    """Standardized scores times their :func:`ragbot.retrieval.fuse.evidence`; ``limit`` is the :func:`ceiling`."""
    scores: Floats = scale.standardize(lexical) * np.float32(evidence(float(lexical.max(initial=0)), limit))
    return scores


def raised(fused: Floats, apart: Mask) -> Floats:
    """The scores with those of other languages raised, so that their best stands above the second of the own.

    Nothing changes where there are fewer than :data:`PLACE` of the own, none of another, or one stands there already.

    Args:
        apart: which are of another language.
    """
    own = fused[~apart]
    if not apart.any() or len(own) < PLACE:
        return fused
    bar = np.partition(own, -PLACE)[-PLACE]
    # Never above the best of the own, even where that has equals (copies).
    place = min(np.nextafter(bar, np.float32(np.inf)), np.nextafter(own.max(), np.float32(-np.inf)))
    missing = place - fused[apart].max()
    lifted: Floats = np.where(apart, fused + np.float32(np.clip(missing, 0, MOST)), fused).astype(np.float32)
    return lifted
