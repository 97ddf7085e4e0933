"""The models of a process: loaded once, whatever number of knowledge bases they work on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from inspect import getattr_static
from typing import TYPE_CHECKING, TypeVar, cast

from apps.api.tracing import TracedReranker, TracedRetriever
from ragbot.bot import RagBot, load_embedder, model_options, retrieval_options
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.registry import EXTRACTIVE
from ragbot.models.rerankers.choice import ChosenReranker
from ragbot.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ragbot.generation.answerers import Answerer
    from ragbot.models.embedders.base import Embedder

Made = TypeVar("Made")


class Models:
    """What the settings name, loaded when it is first needed. Thread-safe.

    Args:
        settings: name them.
        embedder, llm: instances instead.
    """

    def __init__(self, settings: Settings, embedder: Embedder | None, llm: BaseChatModel | str | None) -> None:
        self.settings = settings
        self.llm = settings.llm if llm is None else llm
        self.embedder_spec = settings.embedder if embedder is None else None
        self._given = embedder
        self._made: dict[str, object] = {}
        self._lock = threading.RLock()

    def once(self, key: str, make: Callable[[], Made]) -> Made:
        """What ``make`` gave when ``key`` was first asked for."""
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            return cast(Made, self._made[key])

    @property
    def embedder(self) -> Embedder:
        """The embedder. Raises ModelNotFoundError, MissingExtraError."""
        spec = self.settings.embedder
        return self._given or self.once("embedder", lambda: load_embedder(spec, **model_options(spec, self.settings)))

    @property
    def reranker(self) -> ChosenReranker:
        """The reranker that the settings choose."""
        name = self.embedder.fingerprint.name
        return self.once("reranker", lambda: ChosenReranker(self.settings.retrieval.reranker, name))

    def close(self) -> None:
        """Let go of what holds threads."""
        with self._lock:
            if "reranker" in self._made:
                self.reranker.close()


class SharingBot(RagBot):
    """A bot whose models belong to :class:`Models`, and whose searches stand in the traces."""

    def __init__(self, kb: KnowledgeBase, models: Models) -> None:
        super().__init__(kb, models.embedder, models.llm, models.settings)
        self._models = models
        options = retrieval_options(models.settings.retrieval)
        self.retriever = TracedRetriever(kb, models.embedder, options, lambda: TracedReranker.of(models.reranker()))

    def _chat_model(self) -> BaseChatModel:
        return self._models.once("chat model", super()._chat_model)

    def _answerer(self) -> Answerer:
        # Sentences are chosen from one knowledge base; a model answers from what it is given.
        return super()._answerer() if self.llm == EXTRACTIVE else self._models.once("answerer", super()._answerer)

    def _answerer_called(self, spec: str) -> Answerer:
        made = super()._answerer_called
        return made(spec) if spec == EXTRACTIVE else self._models.once(f"answerer {spec}", lambda: made(spec))

    @cached_property
    def _agent_model(self) -> tuple[BaseChatModel, str]:
        made: cached_property[tuple[BaseChatModel, str]] = getattr_static(RagBot, "_agent_model")
        return self._models.once("agent", lambda: made.func(self))
