"""Answers without a language model: the sentences of the passages that fit the question best, cited."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragbot.documents import Message, Passage
from ragbot.index.analysis import terms
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.embedders.base import Embedder
from ragbot.text import answer_language, detect_language, sentence_spans

#: Passages whose sentences are considered, and sentences of them that are embedded.
PASSAGES = 4
SENTENCES = 48
#: Weight of the words shared with the question beside the similarity of meaning, and of the passage's rank.
LEXICAL_WEIGHT = 0.5
RANK_PENALTY = 0.15
#: A further sentence is given if its score is within this distance of the best one's.
MARGIN = 0.35
MOST_SENTENCES = 3

_MARKUP = re.compile(r"^[ \t]*(?:[-*+•]|\d{1,3}[.)、])[ \t]+|\*\*|__|`|^[ \t]*>[ \t]?")
_RULE = re.compile(r"^[\s|:\-=_*#]*$")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class _Candidate:
    passage: int
    position: int
    text: str


class ExtractiveAnswerer:
    """Chooses sentences by meaning (the embedder) and by words (weighted by how rare they are)."""

    def __init__(self, kb: KnowledgeBase, embedder: Embedder) -> None:
        self._kb = kb
        self._embedder = embedder

    def select(self, passages: Sequence[Passage]) -> list[Passage]:
        """See :class:`ragbot.generation.answerers.Answerer`."""
        return list(passages[:PASSAGES])

    def pieces(
        self, question: str, passages: Sequence[Passage], language: str, history: Sequence[Message]
    ) -> Iterator[str]:
        """See :class:`ragbot.generation.answerers.Answerer`."""
        candidates = self.rank(question, passages)
        if not candidates:
            return
        best = candidates[0][0]
        chosen = [item for score, item in candidates[:MOST_SENTENCES] if score >= best - MARGIN]
        # In the order of the best passage first, then of the document: neighbours read on.
        order = list(dict.fromkeys(item.passage for item in chosen))
        chosen.sort(key=lambda item: (order.index(item.passage), item.position))
        for number, item in enumerate(chosen):
            text = plain(item.text)
            separator = "" if number == 0 or answer_language(text) == "zh" else " "
            yield f"{separator}{text} [{item.passage + 1}]"

    def rank(self, question: str, passages: Sequence[Passage]) -> list[tuple[float, _Candidate]]:
        """Sentences with their scores, best first."""
        candidates = _candidates(passages)[:SENTENCES]
        if not candidates:
            return []
        query = self._embedder.encode_query(question)
        meaning = self._embedder.encode_documents([plain(item.text) for item in candidates]) @ query
        spread = float(meaning.std()) or 1.0
        asked = set(terms(question))
        weights = dict(zip(sorted(asked), self._weights(sorted(asked)), strict=True))
        total = sum(weights.values()) or 1.0
        language = detect_language(question)
        scored = []
        for item, similarity in zip(candidates, meaning, strict=True):
            shared = sum(weights[term] for term in asked & set(terms(item.text))) / total
            score = (float(similarity) - float(meaning.mean())) / spread * (1 - LEXICAL_WEIGHT)
            score += shared * 4 * LEXICAL_WEIGHT - RANK_PENALTY * item.passage
            if detect_language(item.text) == language:
                score += 0.2  # of two that say the same, the one in the question's language
            scored.append((score, item))
        return sorted(scored, key=lambda pair: -pair[0])

    def _weights(self, words: Sequence[str]) -> list[float]:
        count = len(self._kb.lexical)
        frequencies = self._kb.lexical.document_frequencies(words)
        return [math.log(1 + (count - n + 0.5) / (n + 0.5)) for n in frequencies]


def plain(sentence: str) -> str:
    """A sentence without the marks of Markdown, for showing; table rows become their cells."""
    text = _MARKUP.sub("", _LINK.sub(r"\1", sentence.replace("\n", " ")))
    if text.startswith("|") and text.endswith("|"):
        text = " · ".join(cell.strip() for cell in text.strip("|").split("|"))
    return text.strip()


def _candidates(passages: Sequence[Passage]) -> list[_Candidate]:
    found = []
    for number, passage in enumerate(passages):
        for start, end in sentence_spans(passage.text):
            text = passage.text[start:end]
            if text.startswith("#") or _RULE.match(text) or len(text) < 4 or text in passage.headings:
                continue
            found.append(_Candidate(number, start, text))
    return found
