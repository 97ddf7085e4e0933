"""Which reranker the setting ``retrieval.reranker`` means, loaded when the first search needs it."""

from __future__ import annotations

import logging
import threading

from ragbot.errors import ModelNotFoundError
from ragbot.models.registry import AUTO_RERANKER, NO_RERANKER, load_reranker
from ragbot.models.rerankers.base import Reranker

log = logging.getLogger(__name__)

#: The embedder beside which the bundled reranker was trained and measured.
MEASURED_WITH = "multilingual-e5-small"


class ChosenReranker:
    """Call it for the reranker, or None; it is loaded once, by the first call.

    Args:
        spec: ``none``; a model; or ``auto``: the bundled one beside the bundled embedder, where it is installed.
        embedder: the name in the embedder's fingerprint.
    """

    def __init__(self, spec: str, embedder: str) -> None:
        self._spec = spec
        self._embedder = embedder
        self._lock = threading.Lock()
        self._loaded = False
        self._reranker: Reranker | None = None

    def __call__(self) -> Reranker | None:
        """The reranker. Raises ModelNotFoundError, MissingExtraError for a model that was asked for by name."""
        with self._lock:
            if not self._loaded:
                self._reranker = self._load()
                self._loaded = True
            return self._reranker

    def close(self) -> None:
        """Let go of it; it can be loaded again."""
        with self._lock:
            if self._reranker:
                self._reranker.close()
            self._reranker, self._loaded = None, False

    def _load(self) -> Reranker | None:
        if self._spec == NO_RERANKER or (self._spec == AUTO_RERANKER and self._embedder != MEASURED_WITH):
            return None
        if self._spec != AUTO_RERANKER:
            return load_reranker(self._spec)
        try:
            return load_reranker("bundled")
        except ModelNotFoundError as error:
            log.info("hits stay in the order of the search: %s", error)
            return None
