"""RagBot: the composition root, the only place where the parts are put together."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ragbot.documents import Answer, Document, IngestReport, Message, ParsedDocument, ScoredChunk
from ragbot.exploring.explorer import Explorer
from ragbot.generation.chat_models import chat_model as chat_model
from ragbot.generation.chat_models import model_options as model_options
from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.labels import Labels
from ragbot.index.vectors.stores import StoreOptions
from ragbot.models.llms.choice import settled
from ragbot.models.registry import EXTRACTIVE, is_chat_model
from ragbot.models.registry import load_embedder as load_embedder
from ragbot.models.rerankers.choice import ChosenReranker
from ragbot.retrieval.feedback import FEEDBACK
from ragbot.retrieval.retriever import HybridRetriever, RetrievalOptions
from ragbot.settings import RetrievalSettings, Settings, load_settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool
    from llama_index.core.base.base_retriever import BaseRetriever as LlamaIndexRetriever

    from agents.policy import ConsentCallback
    from agents.react import Agent
    from agents.runs import RunStore
    from ingest.chunkers.base import Chunker
    from ingest.contextual import ContextWriter
    from ingest.pipeline import ProgressCallback
    from ingest.web.reading import WebReader
    from ragbot.generation.answerers import Answerer
    from ragbot.generation.chain import AnswerChain, AnswerStream
    from ragbot.generation.rewriting.base import Rewriter
    from ragbot.models.embedders.base import Embedder
    from ragbot.retrieval.explanation import Explanation
    from ragbot.workspace.agent_runs import AgentRuns
    from ragbot.workspace.conversations import Conversations
    from ragbot.workspace.conversing import Conversation

#: Requests for context lines that a server is sent at a time.
_AT_ONCE = 8
#: Hits whose languages are those of the documents that a question may be about.
_LANGUAGES_OF = 20


class RagBot(Explorer):
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
        self._llm = settled(llm) if isinstance(llm, str) else llm
        self._chain: AnswerChain | None = None
        self._chain_lock = threading.Lock()
        self._model: BaseChatModel | None = None
        self._model_lock = threading.Lock()
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

    @property
    def llm(self) -> str:
        """What answers: the spec, ``auto`` settled; the class of a model that was given as an instance."""
        return self._llm if isinstance(self._llm, str) else type(self._llm).__name__ if self._llm else EXTRACTIVE

    # -- documents -----------------------------------------------------------------------------------------------

    def ingest(
        self,
        *paths: str | os.PathLike[str],
        acl: Sequence[str] | None = None,
        sync: bool = False,
        only: Collection[Path] | None = None,
        labels: Labels | None = None,
        allow_private: bool | None = None,
        progress: ProgressCallback | None = None,
    ) -> IngestReport:
        """Bring files, folders, archives and URLs in; unchanged ones are skipped, and a bad one stops nothing.

        Args:
            acl: principals that may see the documents, empty for everyone; None keeps what an old one had.
            sync: also remove the documents whose files have vanished from the folders that are named.
            only: of what is found, read these files (absolute paths) and what lies in these folders; None for all.
            labels: tags and a collection for the documents; what is None keeps what an old one had.
            allow_private: whether a URL may name a host in a private network; None: as ``ingest.allow_private`` says.
            progress: called as the run goes on.

        Raises:
            SourceError: a path does not exist, or there is nothing to read.
            UserError: a reader of the settings is not installed.
            LockedError: another process is writing.
        """
        from ingest.parsing import Limits
        from ingest.pipeline import ingest

        writer = self._context_writer()
        chosen = self.settings.ingest
        return ingest(
            self.kb,
            self.embedder,
            self._chunker(),
            paths,
            acl=acl,
            context=self.settings.chunking.context,
            writer=writer,
            max_bytes=chosen.max_file_mb * 1024 * 1024,
            parsers=chosen.parsers,
            limits=Limits(chosen.parse_seconds, chosen.parse_memory_mb),
            sync=sync,
            images=chosen.images,
            readers=chosen.readers,
            only=only,
            labels=labels,
            user_agent=chosen.user_agent,
            allow_private=chosen.allow_private if allow_private is None else allow_private,
            progress=progress,
        )

    def ingest_documents(
        self,
        documents: Mapping[str, ParsedDocument],
        acl: Sequence[str] | None = None,
        labels: Labels | None = None,
        progress: ProgressCallback | None = None,
    ) -> IngestReport:
        """Bring documents in that are in memory, by source name."""
        from ingest.pipeline import ingest_documents

        return ingest_documents(
            self.kb,
            self.embedder,
            self._chunker(),
            documents,
            acl=acl,
            context=self.settings.chunking.context,
            writer=self._context_writer(),
            labels=labels,
            progress=progress,
        )

    def remove(self, source: str) -> bool:
        """Remove a document by its source, and our copy if it was uploaded; False if there is none of that name."""
        from ragbot.index.uploads import forget

        with self.kb.writing() as catalog:
            if not catalog.remove_document(source):
                return False
            forget(self.kb.folder, source)
        return True

    def documents(self, where: Filter | None = None) -> list[Document]:
        """The documents that pass ``where``, all without one, by source."""
        return self.kb.catalog.documents(where)

    def document_text(self, document_id: int, where: Filter | None = None) -> str:
        """The whole text of a document: every quote and chunk equals a slice of it.

        Raises:
            KeyError: there is no such document.
            SourceError: the same, where ``where`` says who asks: one that they may not see is none.
        """
        from ragbot.index.access import text_of

        if where is None or where.principals is None:
            return self.kb.catalog.document_text(document_id)
        return text_of(self.kb.catalog, document_id, where)

    def set_access(self, source: str, groups: Sequence[str], where: Filter | None = None) -> Document:
        """Say who may see a document, empty for everyone; it holds from the next search on.

        Raises:
            SourceError: there is no such document that the asker may see, or several.
            UserError: a name that cannot stand in an access list.
            LockedError: another process is writing.
        """
        from ragbot.exploring.naming import document_called
        from ragbot.index.access import access_list, document_of

        names = access_list(groups)
        with self.kb.writing() as catalog:
            document = document_called(catalog, source, where)
            catalog.set_acl(document.source, names)
            return document_of(catalog, document.id)

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

    def conversation(self, conversation_id: str | None = None, where: Filter | None = None) -> Conversation:
        """A conversation whose turns are remembered and stored; with an id (or its beginning), one that goes on.

        Args:
            where: of this, only who asks counts: old answers from documents that they may not see (any more) are
                neither shown nor remembered. Each question takes its own condition beside it.

        Raises:
            UserError: there is no such conversation, or it is with another knowledge base.
            CorruptError, NewerVersionError, StorageError: the workspace in ``data_dir`` cannot be used.
        """
        from ragbot.workspace.opening import conversation, memory

        recalled = memory(self.settings.conversation, self._chat_model if is_chat_model(self._llm) else None)
        kept = self.conversations
        if where is not None and where.principals is not None:
            from ragbot.workspace.conversations_seen import SeenConversations

            kept = SeenConversations(kept.workspace, {str(self.kb.folder): self.kb.catalog}, where)
        return conversation(kept, self.stream, recalled, self.kb.folder, conversation_id, self.llm)

    def agent(
        self,
        tools: Sequence[str | BaseTool] | None = None,
        *,
        allow: Sequence[str] = (),
        consent: ConsentCallback | None = None,
        language: str = "en",
        tables: Sequence[Path] = (),
        more: Sequence[BaseTool] = (),
        store: RunStore | None = None,
        where: Filter | None = None,
    ) -> Agent:
        """An agent that answers with tools, the knowledge base among them; it lives as long as this bot.

        Args:
            tools: names (``calculator``, ``kb``, …), or any LangChain tools; default: ``agent.tools`` of the settings.
            allow: tools that may use the network, write or execute without being asked about.
            consent: asks the person about the others; None: nobody can be asked, and they are not called.
            language: of what tools say where a call is in no language (``en``, ``zh``).
            tables: CSV, XLSX, Parquet or SQLite files for the tool ``tables``.
            more: tools beside these (an MCP server's).
            store: where runs are kept; default: the workspace of the settings.
            where: the documents that it may search and read; default: all.

        Raises:
            UserError: a tool cannot be had.
            ModelNotFoundError, MissingExtraError: the chat model cannot be had.
            CorruptError, NewerVersionError, StorageError: the workspace in ``data_dir`` cannot be used.
        """
        from agents.assembly import available, make_agent
        from agents.toolbox import Parts

        parts = Parts(self.settings, language, self.kb, self.retriever, lambda: self._pages, tuple(tables), self.ask)
        if where is not None:
            from agents.restricted import restricted, restricted_tools

            parts = restricted(parts, where, lambda question, seen: self.ask(question, where=seen))
            named = [*available(self.settings, parts)] if tools is None else list(tools)
            tools = [
                tool
                for one in named
                for tool in (restricted_tools([one], parts, where) if isinstance(one, str) else [one])
            ]
        model, name = self._agent_model
        store = store or self.agent_runs
        return make_agent(model, parts, tools, more=more, allow=allow, consent=consent, store=store, name=name)

    @cached_property
    def agent_runs(self) -> AgentRuns:
        """The runs of the agent in the workspace of the settings."""
        from ragbot.workspace.agent_runs import AgentRuns

        return AgentRuns(self.conversations.workspace)

    @cached_property
    def _agent_model(self) -> tuple[BaseChatModel, str]:
        from agents.models import agent_llm

        chosen = agent_llm(self._llm, self.settings.agent.llm)
        if chosen == self._llm:
            return self._chat_model(), self.llm
        return chat_model(str(chosen), self.settings), str(chosen)

    @cached_property
    def _pages(self) -> WebReader:
        return _page_reader(self.settings)

    @cached_property
    def conversations(self) -> Conversations:
        """The conversations in the workspace of the settings, which is opened when it is first used."""
        from ragbot.workspace.opening import open_conversations

        return open_conversations(self.settings)

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

    def _chunker(self) -> Chunker:
        from ingest.chunkers.registry import make_chunker

        chunking = self.settings.chunking
        return make_chunker(chunking.chunker, self.embedder, chunking.chunk_tokens, chunking.chunk_tokens_zh)

    def _context_writer(self) -> ContextWriter | None:
        from ingest.contextual import ContextWriter, require_model

        if self.settings.chunking.context != "model":
            return None
        require_model("model", self._llm)
        spec = self._llm
        if not isinstance(spec, str):
            spec = f"{type(spec).__name__}:{getattr(spec, 'model_name', None) or getattr(spec, 'model', '')}"
        # A server works on several requests at once; a model in this process on one.
        return ContextWriter(self._chat_model, spec, _AT_ONCE if spec.startswith("openai:") else 1)

    def _chat_model(self) -> BaseChatModel:
        """The chat model, which answers and the lines of ingestion share."""
        with self._model_lock:
            if self._model is None:
                assert self._llm is not None  # for mypy: extractive is dealt with before
                self._model = chat_model(self._llm, self.settings) if isinstance(self._llm, str) else self._llm
            return self._model

    def _answerer(self) -> Answerer:
        from ragbot.generation.choice import answerer

        return answerer(self._llm, self.kb, self.embedder, self.settings.generation, self._chat_model)


@contextmanager
def agent_without_kb(
    settings: Settings,
    tools: Sequence[str | BaseTool] | None = None,
    *,
    allow: Sequence[str] = (),
    consent: ConsentCallback | None = None,
    language: str = "en",
    tables: Sequence[Path] = (),
    more: Sequence[BaseTool] = (),
    store: RunStore | None = None,
) -> Iterator[Agent]:
    """An agent where there is no knowledge base; arguments and errors are those of :meth:`RagBot.agent`."""
    from agents.assembly import make_agent
    from agents.models import agent_llm
    from agents.toolbox import Parts

    chosen = str(agent_llm(settled(settings.llm), settings.agent.llm))
    model = chat_model(chosen, settings)
    with _page_reader(settings) as pages:
        parts = Parts(settings, language, pages=lambda: pages, tables=tuple(tables))
        yield make_agent(model, parts, tools, more=more, allow=allow, consent=consent, store=store, name=chosen)


def _page_reader(settings: Settings) -> WebReader:
    from ingest.web.reading import WebReader

    return WebReader(settings.ingest.user_agent, settings.web.private_hosts)


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
