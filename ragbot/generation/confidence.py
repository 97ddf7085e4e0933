"""How likely it is that the documents answer the question, from how far the best hits stand out.

A logistic regression over a few features of a search. Its weights are data (``confidence.json``), fitted by
``eval/benchmarks/refusal.py`` on train and dev articles (those for the bundled reader, which has read the train
articles, by ``eval/benchmarks/reader_confidence.py`` on dev articles): one table for each pair of question and document language,
because the cosines of a multilingual embedder lie differently in each, and one for embedders that were not measured.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from ragbot.documents import ScoredChunk
from ragbot.index.analysis import terms
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.text import answer_language

#: Hits whose words count as found.
_HITS = 3
_UNMEASURED = "any"
#: The table of the bundled reader with any embedder; ``reader:NAME`` is the one of a measured embedder.
READER = "reader"


def features(kb: KnowledgeBase, question: str, hits: Sequence[ScoredChunk]) -> dict[str, float]:
    """What the confidence is made of.

    ``dense``: best cosine. ``dense_z``: the same in standard deviations above the collection's mean. ``coverage``:
    share of the question's words, weighted by rarity, that stand in the best hits. ``size``: log of the chunks.
    """
    words = sorted(set(terms(question)))
    count = len(kb.lexical)
    rarity = [math.log(1 + (count - n + 0.5) / (n + 0.5)) for n in kb.lexical.document_frequencies(words)]
    found: set[str] = set()
    for hit in hits[:_HITS]:
        found.update(terms(" ".join([hit.chunk.document.title, *hit.chunk.headings, hit.chunk.text])))
    covered = sum(weight for word, weight in zip(words, rarity, strict=True) if word in found)
    return {
        "dense": max((hit.components["dense"] for hit in hits), default=0.0),
        "dense_z": max((hit.components["dense_z"] for hit in hits), default=0.0),
        "coverage": covered / (sum(rarity) or 1.0),
        "size": math.log(1 + count),
    }


def language_pair(question: str, hits: Sequence[ScoredChunk]) -> str:
    """``question>document``, such as ``zh>en``, by the nearest hit; a document in neither counts as the question's."""
    asked = answer_language(question)
    nearest = max(hits, key=lambda hit: hit.components["dense"], default=None)
    found = nearest.chunk.document.language if nearest else ""
    return f"{asked}>{found if found in {'zh', 'en'} else asked}"


def confidence(kb: KnowledgeBase, question: str, hits: Sequence[ScoredChunk]) -> float:
    """Probability in [0, 1] that the documents answer ``question``; 0 where nothing was found."""
    if not hits:
        return 0.0
    tables = _tables().get(kb.fingerprint.name)
    weights = tables[language_pair(question, hits)] if tables else _tables()[_UNMEASURED][_UNMEASURED]
    values = features(kb, question, hits)
    logit = weights["intercept"] + sum(weights[name] * values[name] for name in weights if name != "intercept")
    return 1 / (1 + math.exp(-logit))


def reader_logit(none: float) -> float:
    """Log-odds that some passage answers, by the bundled reader's probability of ``none``, bounded at ±12."""
    bounded = min(max(none, 6e-6), 1 - 6e-6)
    return math.log((1 - bounded) / bounded)


def reading_confidence(values: Mapping[str, float], language: str, embedder: str = "") -> float:
    """The same where the bundled reader has read the best passages.

    Args:
        values: :func:`features`, and as ``none`` the reader's :func:`reader_logit`.
        language: of the question, ``zh`` or ``en``.
        embedder: what the passages were found with; cosines of one that was not measured are left aside.
    """
    # A reader that was not measured is taken at its word.
    weights = _reader_tables(embedder).get(language, {"intercept": 0.0, "none": 1.0})
    logit = weights["intercept"] + sum(weights[name] * values[name] for name in weights if name != "intercept")
    return 1 / (1 + math.exp(-logit))


def _reader_tables(embedder: str) -> Mapping[str, Mapping[str, float]]:
    tables = _tables()
    return tables.get(f"{READER}:{embedder}") or tables.get(READER, {})


def reader_measured() -> bool:
    """Whether there are weights for the bundled reader."""
    return READER in _tables()


@cache
def _tables() -> Mapping[str, Mapping[str, Mapping[str, float]]]:
    text = files("ragbot.generation").joinpath("confidence.json").read_text(encoding="utf-8")
    tables: dict[str, dict[str, dict[str, float]]] = json.loads(text)
    return tables
