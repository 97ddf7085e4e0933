"""The methods of :class:`ragbot.RagBot` that look at a knowledge base as a whole; all obey who asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.registry import is_chat_model
from ragbot.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ragbot.exploring.collection import ProgressCallback
    from ragbot.exploring.duplicates import Duplicates
    from ragbot.exploring.facets import Facets
    from ragbot.exploring.layout import TopicMap
    from ragbot.exploring.similar import SimilarDocument
    from ragbot.exploring.summaries import Summary
    from ragbot.exploring.topics import Topics
    from ragbot.models.embedders.base import Embedder


class Explorer:
    """What a knowledge base tells beyond answers. A document is named by its source, or by a part that only it has."""

    kb: KnowledgeBase
    embedder: Embedder
    settings: Settings
    _llm: BaseChatModel | str | None
    _chat_model: Callable[[], BaseChatModel]

    def similar(self, source: str, top_k: int | None = None, where: Filter | None = None) -> list[SimilarDocument]:
        """The documents that are most like one, best first, with the passages that are most alike.

        Raises:
            SourceError: there is no such document, or several; only what the asker may see counts.
        """
        from ragbot.exploring.naming import document_called
        from ragbot.exploring.similar import similar

        document = document_called(self.kb.catalog, source, where)
        return similar(self.kb, document, self.settings.retrieval.top_k if top_k is None else top_k, where)

    def facets(self, where: Filter | None = None) -> Facets:
        """The types, languages, tags, collections and dates that the documents have which the asker may see."""
        from ragbot.exploring.facets import facets

        return facets(self.kb.catalog.documents(where))

    def duplicates(
        self, where: Filter | None = None, min_share: float | None = None, progress: ProgressCallback | None = None
    ) -> Duplicates:
        """Documents that share at least ``min_share`` of the shorter one's text: the same, one in the other, or near.

        Raises:
            ValueError: ``min_share`` is not in (0, 1].
        """
        from ragbot.exploring.duplicates import MIN_SHARE, duplicates

        return duplicates(self.kb.catalog, where, MIN_SHARE if min_share is None else min_share, progress)

    def topics(
        self, count: int | None = None, where: Filter | None = None, progress: ProgressCallback | None = None
    ) -> Topics:
        """What the documents are about: clusters of their chunks; without ``count`` as many as tell best apart."""
        from ragbot.exploring.topics import find_topics

        return find_topics(self.kb.catalog, count, where, progress)

    def topic_map(self, topics: Topics) -> TopicMap:
        """The map of :meth:`topics`, for :func:`ragbot.exploring.map_html.html` and :func:`ragbot.exploring.map_png.png`."""
        from ragbot.exploring.layout import topic_map

        return topic_map(self.kb.catalog, topics)

    def summarize(
        self,
        source: str,
        sentences: int | None = None,
        where: Filter | None = None,
        progress: ProgressCallback | None = None,
    ) -> Summary:
        """A summary of a document, each sentence with its place; by the chat model, if there is one.

        Raises:
            SourceError: there is no such document that the asker may see, or several, or it has nothing to summarise.
            GenerationError: the chat model failed.
        """
        from ragbot.exploring.naming import document_called
        from ragbot.exploring.summarize import summarize

        return summarize(
            self.kb.catalog,
            self.embedder,
            document_called(self.kb.catalog, source, where),
            self._chat_model if is_chat_model(self._llm) else None,
            sentences,
            self.settings.language,
            self.settings.generation.context_tokens,
            progress,
        )
