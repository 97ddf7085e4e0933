"""Knowledge bases to measure on: built from a question set's documents once for each way of cutting and embedding."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from eval.remembering import RememberingEmbedder
from ragbot.bot import RagBot, model_options
from ragbot.documents import ParsedDocument
from ragbot.errors import SourceError
from ragbot.models.registry import load_embedder
from ragbot.settings import CATALOG, Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ingest.pipeline import ProgressCallback
    from ragbot.models.embedders.base import Embedder

#: Knowledge bases that are kept; of more, those that were not used for longest go, unless somebody may be at work on them.
KEPT = 24
IN_USE_SECONDS = 6 * 3600.0


class Workbench:
    """Hands out bots over sets of documents; what was built before is used again.

    Args:
        folder: where the knowledge bases are kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._embedders: dict[str, Embedder] = {}

    @contextmanager
    def bot(
        self,
        documents: Mapping[str, ParsedDocument],
        settings: Settings,
        llm: BaseChatModel | str | None = None,
        progress: ProgressCallback | None = None,
    ) -> Iterator[RagBot]:
        """A bot over exactly these documents."""
        embedder = self.embedder(settings)
        key = _key(documents, settings, embedder)
        folder = self.folder / key
        self._forget_the_oldest(key)
        with RagBot.open(folder, embedder=embedder, llm=llm, settings=settings) as bot:
            (folder / "used").touch()
            # Unchanged documents are skipped, so that a build that was broken off goes on here.
            report = bot.ingest_documents(documents, progress=progress)
            if report.failed:
                first = report.failed[0]
                raise SourceError(
                    f"{len(report.failed)} documents cannot be read; first {first.source}: {first.reason}"
                )
            yield bot

    def embedder(self, settings: Settings) -> Embedder:
        """The embedding model of some settings, loaded once."""
        spec = settings.embedder
        if spec not in self._embedders:
            self._embedders[spec] = RememberingEmbedder(load_embedder(spec, **model_options(spec, settings)))
        return self._embedders[spec]

    def _forget_the_oldest(self, needed: str) -> None:
        built = [path.parent for path in self.folder.glob(f"*/{CATALOG}") if path.parent.name != needed]
        built.sort(key=_last_used, reverse=True)
        for folder in built[KEPT - 1 :]:
            if time.time() - _last_used(folder) > IN_USE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _last_used(folder: Path) -> float:
    mark = folder / "used"
    return mark.stat().st_mtime if mark.exists() else 0.0


def _key(documents: Mapping[str, ParsedDocument], settings: Settings, embedder: Embedder) -> str:
    digest = hashlib.sha256(repr((embedder.fingerprint, sorted(settings.chunking))).encode())
    for source in sorted(documents):
        digest.update(repr((source, documents[source])).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:24]
