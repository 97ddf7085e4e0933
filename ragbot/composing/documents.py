"""The methods of :class:`ragbot.RagBot` that bring documents in, look them up, and remove them."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ragbot.composing.models import ModelUser
from ragbot.documents import Document, IngestReport, ParsedDocument
from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.labels import Labels

if TYPE_CHECKING:
    from ingest.chunkers.base import Chunker
    from ingest.contextual import ContextWriter
    from ingest.pipeline import ProgressCallback
    from ragbot.models.embedders.base import Embedder

#: Requests for context lines that a server is sent at a time.
_AT_ONCE = 8


class DocumentKeeper(ModelUser):
    """What a knowledge base holds, and how it gets there."""

    kb: KnowledgeBase
    embedder: Embedder

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

    def documents_page(
        self, where: Filter | None = None, contains: str = "", offset: int = 0, limit: int = 100
    ) -> tuple[int, list[Document]]:
        """How many documents pass ``where``, and ``limit`` of them from the ``offset``-th on, by source.

        Args:
            contains: only those with this in their title or source, in any case.
        """
        words, condition = contains.casefold().strip(), where or Filter()
        if not words:
            return self.kb.catalog.page(condition, offset, limit)
        found = [  # SQLite knows the case of ASCII alone
            one for one in self.documents(condition) if words in one.title.casefold() or words in one.source.casefold()
        ]
        return len(found), found[offset : offset + limit]

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

    def set_labels(self, source: str, labels: Labels, where: Filter | None = None) -> Document:
        """Give a document other tags, or another collection; what is None in ``labels`` stays, as do the tags that its
        file declares.

        Raises:
            SourceError: there is no such document that the asker may see, or several.
            LockedError: another process is writing.
        """
        from ragbot.exploring.naming import document_called
        from ragbot.index.access import document_of

        with self.kb.writing() as catalog:
            document = document_called(catalog, source, where)
            known = dict(document.metadata)
            catalog.set_metadata(document.source, labels.applied(known, known))
            return document_of(catalog, document.id)

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
