"""Our rerankers in LangChain, and LangChain's cross-encoders here."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.callbacks import Callbacks
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import ConfigDict, Field, SkipValidation

from ragbot.models.rerankers.base import Floats, Reranker, logits

#: The key of a document's metadata that its score is put under, as LangChain's own rerankers do.
SCORE = "relevance_score"


class RerankerCompressor(BaseDocumentCompressor):
    """Orders LangChain documents by a reranker, the best first; each copy has its logit in ``relevance_score``.

    Args:
        reranker: one of ours; for one of LangChain's see :func:`as_reranker`.
        top_n: how many are kept; None for all.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    reranker: SkipValidation[Reranker]
    top_n: int | None = Field(None, ge=1)

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """The best ``top_n`` documents for ``query``; equal scores keep their order."""
        scores = self.reranker.score(query, [document.page_content for document in documents]).tolist()
        order = sorted(range(len(documents)), key=lambda i: -scores[i])[: self.top_n]
        return [
            documents[i].model_copy(update={"metadata": {**documents[i].metadata, SCORE: scores[i]}}) for i in order
        ]


class CrossEncoderReranker(Reranker):
    """Any LangChain cross-encoder as a reranker."""

    def __init__(self, encoder: BaseCrossEncoder, name: str = "") -> None:
        self._encoder = encoder
        self.name = name or str(getattr(encoder, "model_name", "")) or type(encoder).__name__

    def score(self, question: str, passages: Sequence[str]) -> Floats:
        """See :meth:`Reranker.score`; the scale is the encoder's own."""
        if not passages:
            return logits([], 0, self.name)
        return logits(self._encoder.score([(question, passage) for passage in passages]), len(passages), self.name)


def as_reranker(model: Reranker | BaseCrossEncoder) -> Reranker:
    """A reranker, whichever of the two is given.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(model, Reranker):
        return model
    if isinstance(model, BaseCrossEncoder):
        return CrossEncoderReranker(model)
    raise TypeError(f"a reranker is a ragbot Reranker or a LangChain BaseCrossEncoder, not {type(model).__name__}")
