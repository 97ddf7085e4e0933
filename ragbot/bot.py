"""RagBot: the composition root, the only place where the parts are put together."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ragbot.documents import Answer, Document, IngestReport, Message, ParsedDocument, ScoredChunk
from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.registry import EXTRACTIVE, load_chat_model, load_embedder
from ragbot.retrieval.retriever import HybridRetriever
from ragbot.settings import Settings, load_settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.runnables import Runnable
    from llama_index.core.base.base_retriever import BaseRetriever as LlamaIndexRetriever

    from ingest.chunkers.base import Chunker
    from ingest.pipeline import ProgressCallback
    from ragbot.generation.chain import AnswerChain, AnswerStream
    from ragbot.models.embedders.base import Embedder


class RagBot:
    """A knowledge base with the models that work on it. Use :meth:`open`; it is a context manager.

    ::

        with ragbot.RagBot.open("my-documents") as bot:
            bot.ingest("papers/")
            answer = bot.ask("What does LoRA change?")
    """

    def __init__(
        self, kb: KnowledgeBase, embedder: Embedder, llm: BaseChatModel | str | None, settings: Settings
    ) -> None:
        self.kb = kb
        self.embedder = embedder
        self.settings = settings
        self._llm = llm
        self._chain: AnswerChain | None = None
        self._chain_lock = threading.Lock()
        self.retriever = HybridRetriever(kb, embedder, settings.retrieval.dense_weight, settings.retrieval.candidates)

    @classmethod
    def open(
        cls,
        kb: str | os.PathLike[str] | None = None,
        *,
        embedder: Embedder | str | None = None,
        llm: BaseChatModel | str | None = None,
        settings: Settings | None = None,
        create: bool = True,
    ) -> RagBot:
        """Open a knowledge base, or make it.

        Args:
            kb: a folder, or a plain name for one in the user's data folder; default: the setting ``kb``.
            embedder: ``"bundled"``, ``"provider:model"``, a folder, a hub name, or an instance.
            llm: likewise, or ``"extractive"`` for answers without a language model. It is loaded when first asked.
            settings: default: read from ``ragbot.toml`` and the environment.
            create: whether to make a knowledge base that does not exist.

        Raises:
            KnowledgeBaseError: it cannot be used; see the subclasses in :mod:`ragbot.errors`.
            EmbedderMismatchError: another embedder built it.
            ModelNotFoundError: the embedder cannot be had.
        """
        settings = settings or load_settings()[0]
        folder = Path(kb) if isinstance(kb, os.PathLike) else settings.kb_path(kb)
        chosen = settings.embedder if embedder is None else embedder
        model = load_embedder(chosen, **model_options(chosen, settings)) if isinstance(chosen, str) else chosen
        spec = chosen if isinstance(chosen, str) else None
        kb_open = KnowledgeBase(folder, model.fingerprint, create, spec)
        return cls(kb_open, model, settings.llm if llm is None else llm, settings)

    # -- documents -----------------------------------------------------------------------------------------------

    def ingest(
        self,
        *paths: str | os.PathLike[str],
        acl: Sequence[str] | None = None,
        sync: bool = False,
        progress: ProgressCallback | None = None,
    ) -> IngestReport:
        """Bring files, folders, archives and URLs in; unchanged ones are skipped, and a bad one stops nothing.

        Args:
            acl: principals that may see the documents, empty for everyone; None keeps what an old one had.
            sync: also remove the documents whose files have vanished from the folders that are named.
            progress: called as the run goes on.

        Raises:
            SourceError: a path does not exist, or there is nothing to read.
            LockedError: another process is writing.
        """
        from ingest.parsing import Limits
        from ingest.pipeline import ingest

        chosen = self.settings.ingest
        return ingest(
            self.kb,
            self.embedder,
            self._chunker(),
            paths,
            acl=acl,
            max_bytes=chosen.max_file_mb * 1024 * 1024,
            parsers=chosen.parsers,
            limits=Limits(chosen.parse_seconds, chosen.parse_memory_mb),
            sync=sync,
            images=chosen.images,
            user_agent=chosen.user_agent,
            allow_private=chosen.allow_private,
            progress=progress,
        )

    def ingest_documents(
        self,
        documents: Mapping[str, ParsedDocument],
        acl: Sequence[str] | None = None,
        progress: ProgressCallback | None = None,
    ) -> IngestReport:
        """Bring documents in that are in memory, by source name."""
        from ingest.pipeline import ingest_documents

        return ingest_documents(self.kb, self.embedder, self._chunker(), documents, acl=acl, progress=progress)

    def remove(self, source: str) -> bool:
        """Remove a document by its source, and our copy if it was uploaded; False if there is none of that name."""
        from ragbot.index.uploads import forget

        with self.kb.writing() as catalog:
            if not catalog.remove_document(source):
                return False
            forget(self.kb.folder, source)
        return True

    def documents(self) -> list[Document]:
        """All documents, by source."""
        return self.kb.catalog.documents()

    def document_text(self, document_id: int) -> str:
        """The whole text of a document: every quote and chunk equals a slice of it."""
        return self.kb.catalog.document_text(document_id)

    # -- questions -----------------------------------------------------------------------------------------------

    def search(self, question: str, top_k: int | None = None, where: Filter | None = None) -> list[ScoredChunk]:
        """The chunks that fit best, best first."""
        return self.retriever.search(question, self._top_k(top_k), where)

    def ask(self, question: str, history: Sequence[Message] = (), where: Filter | None = None) -> Answer:
        """An answer with citations, or a refusal."""
        return self.chain.ask(question, history, where)

    def stream(self, question: str, history: Sequence[Message] = (), where: Filter | None = None) -> AnswerStream:
        """The same, piece by piece; its ``answer`` is there at the end."""
        return self.chain.stream(question, history, where)

    @property
    def chain(self) -> AnswerChain:
        """The answer chain; the chat model is loaded when it is first used."""
        with self._chain_lock:  # two first questions at once must not load the model twice
            if self._chain is None:
                from ragbot.generation.chain import AnswerChain

                self._chain = AnswerChain(
                    self.kb,
                    self.retriever,
                    self._answerer(),
                    top_k=self.settings.retrieval.top_k,
                    min_confidence=self.settings.generation.min_confidence,
                    language=self.settings.language,
                )
            return self._chain

    # -- the ecosystem's interfaces ------------------------------------------------------------------------------

    def as_retriever(self, top_k: int | None = None, where: Filter | None = None) -> BaseRetriever:
        """A LangChain retriever."""
        from ragbot.retrieval.langchain import RagbotRetriever

        return RagbotRetriever(retriever=self.retriever, top_k=self._top_k(top_k), where=where)

    def as_llama_index_retriever(self, top_k: int | None = None, where: Filter | None = None) -> LlamaIndexRetriever:
        """A LlamaIndex retriever. Raises MissingExtraError without ``ragbot[llamaindex]``."""
        try:
            from ragbot.retrieval.llama_index import RagbotLlamaIndexRetriever
        except ModuleNotFoundError as error:
            from ragbot.errors import MissingExtraError

            raise MissingExtraError("a LlamaIndex retriever", "llamaindex") from error
        return RagbotLlamaIndexRetriever(self.retriever, self._top_k(top_k), where)

    def as_runnable(self) -> Runnable[str, Answer]:
        """A LangChain runnable from a question to an :class:`ragbot.Answer`."""
        from langchain_core.runnables import RunnableLambda

        return RunnableLambda(self.ask, name="ragbot")

    # -- life ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the knowledge base."""
        self.kb.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _top_k(self, top_k: int | None) -> int:
        return self.settings.retrieval.top_k if top_k is None else top_k

    def _chunker(self) -> Chunker:
        from ingest.chunkers.registry import make_chunker

        chunking = self.settings.chunking
        return make_chunker(chunking.chunker, self.embedder, chunking.chunk_tokens, chunking.chunk_tokens_zh)

    def _answerer(self) -> Any:
        if self._llm is None or self._llm == EXTRACTIVE:
            from ragbot.generation.extractive import ExtractiveAnswerer

            return ExtractiveAnswerer(self.kb, self.embedder)
        from ragbot.generation.answerers import ChatAnswerer

        model = self._llm
        if isinstance(model, str):
            model = chat_model(model, self.settings)
        generation = self.settings.generation
        return ChatAnswerer(model, generation.context_tokens, generation.strategy, generation.samples)


def chat_model(spec: str, settings: Settings) -> BaseChatModel:
    """The chat model that ``spec`` names, with the endpoint and the sampling of the settings. Raises ModelNotFoundError."""
    return load_chat_model(spec, **model_options(spec, settings), **_sampling(spec, settings))


def model_options(spec: str, settings: Settings) -> dict[str, Any]:
    """What the provider of ``spec`` needs to know of the settings."""
    if spec.partition(":")[0] != "openai":
        return {}
    endpoint = settings.openai
    return {
        "base_url": endpoint.base_url,
        "api_key": endpoint.api_key.get_secret_value() or None,
        "timeout": endpoint.timeout,
    }


def _sampling(spec: str, settings: Settings) -> dict[str, Any]:
    from ragbot.generation.strategies import strategy_called

    generation = settings.generation
    limit = "max_tokens" if spec.partition(":")[0] == "openai" else "max_new_tokens"
    # Reasoning, or the frame of an object, must not eat up the room of the answer.
    tokens = generation.answer_tokens + strategy_called(generation.strategy).extra_tokens
    return {"temperature": generation.temperature, limit: tokens}
