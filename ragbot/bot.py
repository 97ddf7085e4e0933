"""RagBot: the composition root, the only place where the parts are put together."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ragbot.composing.agents import AgentMaker
from ragbot.composing.documents import DocumentKeeper
from ragbot.documents import Answer, Message, ScoredChunk
from ragbot.errors import UserError
from ragbot.exploring.explorer import Explorer
from ragbot.generation.chat_models import chat_model as chat_model
from ragbot.generation.chat_models import model_options as model_options
from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.vectors.stores import StoreOptions
from ragbot.models.registry import is_chat_model
from ragbot.models.registry import load_embedder as load_embedder
from ragbot.models.rerankers.choice import ChosenReranker
from ragbot.retrieval.feedback import FEEDBACK
from ragbot.retrieval.retriever import HybridRetriever, RetrievalOptions
from ragbot.sections.retrieval import RetrievalSettings
from ragbot.settings import Settings, load_settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.runnables import Runnable
    from llama_index.core.base.base_retriever import BaseRetriever as LlamaIndexRetriever

    from ragbot.composing.turns import TurnOptions
    from ragbot.generation.answerers import Answerer
    from ragbot.generation.chain import AnswerChain, AnswerStream
    from ragbot.generation.rewriting.base import Rewriter
    from ragbot.models.embedders.base import Embedder
    from ragbot.retrieval.explanation import Explanation

#: Hits whose languages are those of the documents that a question may be about.
_LANGUAGES_OF = 20


class RagBot(DocumentKeeper, AgentMaker, Explorer):
    """A knowledge base with the models that work on it. Use :meth:`open`; it is a context manager.

    ::

        with ragbot.RagBot.open("my-documents") as bot:
            bot.ingest("papers/")
            answer = bot.ask("What does LoRA change?")
    """

    def __init__(
        self, kb: KnowledgeBase, embedder: Embedder, llm: BaseChatModel | str | None, settings: Settings
    ) -> None:
        super().__init__(llm, settings)
        self.kb = kb
        self.embedder = embedder
        self._chain: AnswerChain | None = None
        self._chain_lock = threading.Lock()
        self._answerers: dict[str, Answerer] = {}
        self._reranker = ChosenReranker(settings.retrieval.reranker, embedder.fingerprint.name)
        self.retriever = HybridRetriever(kb, embedder, retrieval_options(settings.retrieval), self._reranker)

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
            llm: likewise, ``"reader"`` (the bundled one), or ``"extractive"`` for answers without a language model. It
                is loaded when first asked.
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
        kb_open = KnowledgeBase(folder, model.fingerprint, create, spec, store_options(settings))
        return cls(kb_open, model, settings.llm if llm is None else llm, settings)

    # -- questions -----------------------------------------------------------------------------------------------

    def search(self, question: str, top_k: int | None = None, where: Filter | None = None) -> list[ScoredChunk]:
        """The chunks that fit best, best first; the question is rewritten before, if ``retrieval.rewrite`` says so."""
        from ragbot.generation.rewriting.base import rewrite

        return self.retriever.search_many(rewrite(self.rewriter, question).queries, self._top_k(top_k), where)

    def explain(self, question: str, top_k: int | None = None, where: Filter | None = None) -> Explanation:
        """What :meth:`search` finds, and why: scores, places and words of each hit, and what each step changed."""
        from ragbot.generation.rewriting.base import rewrite
        from ragbot.retrieval.explanation import explain

        queries, count = rewrite(self.rewriter, question).queries, self._top_k(top_k)
        return explain(self.kb, question, lambda which: self.retriever.search_many(queries, count, which), where)

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
                from ragbot.generation.verification.aligning import Aligner

                self._chain = AnswerChain(
                    self.kb,
                    self.retriever,
                    self._answerer(),
                    top_k=self.settings.retrieval.top_k,
                    min_confidence=self.settings.generation.min_confidence,
                    strictness=self.settings.generation.strictness,
                    language=self.settings.language,
                    rewriter=self.rewriter,
                    aligner=Aligner(self.embedder),
                )
            return self._chain

    def chain_for(self, options: TurnOptions) -> AnswerChain:
        """:attr:`chain` as one question wants it; another model is loaded when it is first asked.

        Raises:
            UserError: the model is none of :attr:`models`.
            ModelNotFoundError, MissingExtraError: it cannot be had.
        """
        chain = self.chain
        if options.model not in {"", self.llm}:
            if options.model not in self.models:
                raise UserError(
                    f"there is no model {options.model[:80]!r} to choose; there are: {', '.join(self.models)} (more: ui.models)"
                )
            chain = replace(chain, answerer=self._answerer_called(options.model))
        return replace(chain, top_k=options.top_k or chain.top_k, strictness=options.strictness or chain.strictness)

    @cached_property
    def rewriter(self) -> Rewriter:
        """What makes of a question the texts that are searched for, as ``retrieval.rewrite`` says.

        Raises:
            SettingsError: it takes a chat model, and there is none.
        """
        from ragbot.generation.rewriting import make_rewriter, needs_model

        chosen = self.settings.retrieval
        without = not is_chat_model(self._llm) or not needs_model(chosen.rewrite)
        return make_rewriter(
            chosen.rewrite, chosen.rewrites, None if without else self._chat_model(), self._languages_about
        )

    def _languages_about(self, question: str) -> set[str]:
        found = self.retriever.search(question, _LANGUAGES_OF)
        return {hit.chunk.document.language for hit in found}

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
        """Close the knowledge base, and the workspace if it was used."""
        if "conversations" in self.__dict__:
            self.conversations.workspace.close()
        if "_pages" in self.__dict__:
            self._pages.close()
        self.kb.close()
        self._reranker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _top_k(self, top_k: int | None) -> int:
        return self.settings.retrieval.top_k if top_k is None else top_k

    def _answerer(self) -> Answerer:
        return self._make_answerer(self._llm, self._chat_model)

    def _answerer_called(self, spec: str) -> Answerer:
        """What answers where another model than :attr:`llm` is asked for; made once."""
        with self._chain_lock:
            if spec not in self._answerers:
                self._answerers[spec] = self._make_answerer(spec, lambda: chat_model(spec, self.settings))
            return self._answerers[spec]

    def _make_answerer(self, llm: BaseChatModel | str | None, load: Callable[[], BaseChatModel]) -> Answerer:
        from ragbot.generation.choice import answerer

        settings = self.settings
        return answerer(llm, self.kb, self.embedder, settings.generation, load, settings.conversation.tokens)


def retrieval_options(settings: RetrievalSettings) -> RetrievalOptions:
    """How a search is done, as the settings say."""
    return RetrievalOptions(
        dense_weight=settings.dense_weight,
        candidates=settings.candidates,
        fusion=settings.fusion,
        rerank_candidates=settings.rerank_candidates,
        rerank_tokens=settings.rerank_tokens,
        duplicates=settings.duplicates,
        diversity=settings.diversity,
        feedback=FEEDBACK if settings.rewrite == "feedback" else 0.0,
    )


def store_options(settings: Settings) -> StoreOptions:
    """What the vector stores need to know of the settings."""
    vectors = settings.vectors
    return StoreOptions(
        vectors.store, vectors.chroma_url, vectors.chroma_token.get_secret_value(), vectors.timeout, vectors.langchain
    )
