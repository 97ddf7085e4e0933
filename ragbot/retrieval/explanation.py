"""Why a search found what it found: each hit's scores and places, the words that matched, and what each step changed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ragbot.documents import ScoredChunk
from ragbot.index.analysis import STEM_MARK, terms
from ragbot.index.analysis_fold import fold
from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.segment import Ints
from ragbot.retrieval.reranking import contextualized

ComponentName = Literal["dense", "lexical", "language", "fused", "reranker", "diversity"]
TermKind = Literal["word", "stem", "pair"]
StepName = Literal["filter", "duplicates", "reranker", "diversity"]

_HAN = re.compile("[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]+")


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the question.

    ``chunks`` is the number of chunks that hold it, ``idf`` what that makes it worth: ``ln(1 + (N - n + ½) / (n + ½))``
    as in Lucene's BM25. ``kind``: a ``word``; the ``stem`` of one, which the index holds beside it; or a ``pair`` of
    neighbouring Chinese characters that is no word.
    """

    text: str
    kind: TermKind
    chunks: int
    idf: float


@dataclass(frozen=True, slots=True)
class Component:
    """One search's or step's view of a hit.

    ``score`` is in its own measure (a cosine, BM25, …), ``deviations`` how many standard deviations that is above the
    mean of the collection, ``rank`` the place by this score from 1 (among the candidates; of a reranker, among what it
    read), ``part`` what it adds to the fused score. None where there is no such thing.
    """

    name: ComponentName
    score: float | None
    deviations: float | None
    rank: int | None
    part: float | None


@dataclass(frozen=True, slots=True)
class ExplainedHit:
    """A hit at its ``rank``, from 1; ``matched`` are the question's terms that it holds, the rarest first."""

    rank: int
    hit: ScoredChunk
    components: tuple[Component, ...]
    matched: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did to these hits.

    ``removed``: hits that are not shown because of it (for a filter, of as many as were asked for). ``moved``: hits
    that stand in another order after it.
    """

    name: StepName
    removed: int = 0
    moved: int = 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """``searched`` of ``chunks`` pass the filter. ``terms`` are the question's: those that matched, rarest first, and
    then those that no chunk holds."""

    question: str
    hits: tuple[ExplainedHit, ...]
    terms: tuple[Term, ...]
    steps: tuple[Step, ...]
    chunks: int
    searched: int


def explain(
    kb: KnowledgeBase,
    question: str,
    search: Callable[[Filter | None], Sequence[ScoredChunk]],
    where: Filter | None = None,
) -> Explanation:
    """The hits of ``search`` with their reasons.

    A filter is explained by a second search without it, of what the same people may see.
    """
    hits = search(where)
    seen = replace(Filter(), principals=where.principals) if where else Filter()
    asked = kb.catalog.chunk_ids(seen)
    chunks = len(asked)
    searched, steps = chunks, []
    if where is not None and where != seen:
        searched = len(kb.catalog.chunk_ids(where))
        passed = {hit.chunk.id for hit in hits}
        steps.append(Step("filter", removed=sum(hit.chunk.id not in passed for hit in search(seen))))
    # Counted over all chunks, the terms would tell whether a word stands in a document that the asker may not see.
    found = _terms(kb, question, None if seen.empty else asked)
    explained = tuple(_explained(rank, hit, found) for rank, hit in enumerate(hits, 1))
    return Explanation(question, explained, found, (*steps, *_steps(hits)), chunks, searched)


def _terms(kb: KnowledgeBase, question: str, seen: Ints | None) -> tuple[Term, ...]:
    distinct = list(dict.fromkeys(terms(question)))
    count, words = len(kb.lexical) if seen is None else len(seen), _chinese_words(question)

    def made(term: str, chunks: int) -> Term:
        pair = len(term) == 2 and bool(_HAN.fullmatch(term)) and term not in words
        kind: TermKind = "stem" if term.endswith(STEM_MARK) else "pair" if pair else "word"
        return Term(term, kind, chunks, math.log(1 + (count - chunks + 0.5) / (chunks + 0.5)))

    lexical = kb.lexical
    counts = lexical.document_frequencies(distinct) if seen is None else lexical.frequencies_among(distinct, seen)
    found = map(made, distinct, counts)
    return tuple(sorted(found, key=lambda term: (not term.chunks, -term.idf)))


def _chinese_words(question: str) -> frozenset[str]:
    """What jieba takes for words; the index holds pairs of characters beside them."""
    import rjieba

    return frozenset(word for run in _HAN.findall(fold(question)) for word in rjieba.cut(run))


def _explained(rank: int, hit: ScoredChunk, asked: Sequence[Term]) -> ExplainedHit:
    held = set(terms(contextualized(hit.chunk)))
    return ExplainedHit(rank, hit, _components(hit), tuple(term.text for term in asked if term.text in held))


def _components(hit: ScoredChunk) -> tuple[Component, ...]:
    parts = hit.components
    # Of several wordings of the question, another one than the question itself may have found it best.
    added = sum(value for key, value in parts.items() if key.endswith("_part"))
    adds_up = math.isclose(added, hit.score, abs_tol=1e-3)
    made = [
        Component(
            name,
            parts.get(name),
            parts.get(f"{name}_z"),
            _rank(parts, f"{name}_rank"),
            parts.get(f"{name}_part") if adds_up else None,
        )
        for name in ("dense", "lexical")
    ]
    if adds_up and parts.get("language_part"):  # the question is in another language than the hit
        made.append(Component("language", None, None, None, parts["language_part"]))
    made.append(Component("fused", hit.score, None, _rank(parts, "fused_rank"), hit.score if adds_up else None))
    if "rerank" in parts:
        made.append(Component("reranker", parts["rerank"], None, _rank(parts, "rerank_rank"), None))
    if "diversity_rank" in parts:
        made.append(Component("diversity", None, None, _rank(parts, "diversity_rank"), None))
    return tuple(made)


def _rank(parts: Mapping[str, float], name: str) -> int | None:
    return int(parts[name]) if name in parts else None


def _steps(hits: Sequence[ScoredChunk]) -> list[Step]:
    """What happened after the fusion, as the hits tell."""
    steps = []
    repeated = sum(len(hit.duplicates) for hit in hits)
    if repeated:
        steps.append(Step("duplicates", removed=repeated))
    order = sorted(range(len(hits)), key=lambda place: hits[place].components.get("fused_rank", 0.0))
    named: tuple[tuple[StepName, str], ...] = (("reranker", "rerank_rank"), ("diversity", "diversity_rank"))
    for name, key in named:
        if any(key in hit.components for hit in hits):
            # What a step has not looked at stands below what it has.
            after = sorted(order, key=lambda place: hits[place].components.get(key, math.inf))
            steps.append(Step(name, moved=sum(a != b for a, b in zip(order, after, strict=True))))
            order = after
    return steps
