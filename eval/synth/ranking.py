"""Whether a question leads to its sentence: the paragraph alone is given, as if it had just been retrieved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from eval.synth.base import Draft
from eval.synth.filters import Places
from ragbot.documents import Document, Passage
from ragbot.generation.extractive import ExtractiveAnswerer
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.embedders.base import Embedder

#: The gold sentence has to be among this many. Two and not one: neighbours often speak of the same thing.
AMONG_FIRST = 2


class Ranking:
    """The product's own ranking of sentences (:meth:`ExtractiveAnswerer.rank`), with word rarities of all documents."""

    def __init__(self, places: Places, embedder: Embedder) -> None:
        # Of a knowledge base the ranking asks for the frequencies of words, and nothing else: none has to be built.
        self._answerer = ExtractiveAnswerer(cast(KnowledgeBase, _Frequencies(places)), embedder)

    def finds(self, draft: Draft) -> bool:
        """Whether the evidence is among the first :data:`AMONG_FIRST` sentences of its paragraph."""
        paragraph = draft.paragraph
        document = Document(0, paragraph.source, paragraph.title, "txt", paragraph.language, None, "")
        passage = Passage(document, paragraph.text, paragraph.start, paragraph.end, None, (), 0.0)
        best = [item.text for _, item in self._answerer.rank(draft.question, [passage])[:AMONG_FIRST]]
        return any(draft.evidence in text or text in draft.evidence for text in best)


class _Frequencies:
    """The one thing of a knowledge base that is needed, over paragraphs instead of chunks."""

    def __init__(self, places: Places) -> None:
        self._places = places

    @property
    def lexical(self) -> _Frequencies:
        return self

    def __len__(self) -> int:
        return len(self._places)

    def document_frequencies(self, words: Sequence[str]) -> list[int]:
        return self._places.frequencies(words)
