"""Cut where the subject changes: between the two neighbouring sentences that are least alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ingest.chunkers.base import Span, TokenCounter
from ingest.chunkers.cutting import (
    CHARACTERS_PER_TOKEN,
    FULL_ENOUGH,
    Sizes,
    clauses,
    halves,
    is_anchor_among_equals,
    lines,
    sentences,
)
from ingest.chunkers.sections import Section, sections
from ragbot.documents import ParsedDocument

#: Texts to vectors of unit length, one a row.
Encode = Callable[[Sequence[str]], npt.NDArray[np.float32]]

#: Sentences that are embedded at once: their vectors are not kept.
_BATCH = 1024


class SemanticChunker:
    """From where a chunk begins, the cut is the least alike pair of sentences in the second half of what fits.

    Every sentence of a longer section is embedded once more, so ingestion takes about twice as long.

    Args:
        encode: the embedder's operation for passages.
        count_tokens: the embedder's own count.
        chunk_tokens: the largest chunk, in tokens.
        chunk_tokens_zh: the same for documents in Chinese, Japanese or Korean; default: no difference.
    """

    def __init__(
        self, encode: Encode, count_tokens: TokenCounter, chunk_tokens: int, chunk_tokens_zh: int | None = None
    ) -> None:
        self._encode = encode
        self._count_tokens = count_tokens
        self._sizes = Sizes(chunk_tokens, chunk_tokens_zh)

    @property
    def signature(self) -> str:
        """See :class:`ingest.chunkers.base.Chunker`."""
        return f"semantic-2:{self._sizes}"

    def split(self, document: ParsedDocument) -> list[Span]:
        """See :class:`ingest.chunkers.base.Chunker`."""
        text, size = document.text, self._sizes.of(document)
        chunks: list[Span] = []
        for section in sections(document):
            chunks.extend(self._join(text, self._pieces(text, section, size), size))
        return chunks

    def _pieces(self, text: str, section: Section, size: int) -> list[Span]:
        limit = size * CHARACTERS_PER_TOKEN
        pieces = [
            piece
            for start, end in sentences(text, section.start, section.end)
            for line in ([(start, end)] if end - start <= limit else lines(text, start, end))
            for piece in clauses(text, *line, limit)
        ]
        tokens = self._count_tokens([text[start:end] for start, end in pieces]) if pieces else []
        return [
            part
            for piece, own in zip(pieces, tokens, strict=True)
            for part in (halves(text, piece, size, self._count_tokens) if own > size else [piece])
        ]

    def _join(self, text: str, pieces: list[Span], size: int) -> Iterator[Span]:
        if not pieces:
            return
        texts = [text[start:end] for start, end in pieces]
        tokens = self._count_tokens(texts)
        ends = np.cumsum(tokens)
        alike = self._alike(texts) if ends[-1] > size else np.zeros(0, np.float32)
        first, before = 0, 0
        while first < len(pieces):
            # The first piece that does not fit any more; one piece always does, for nothing could be cut off it.
            stop = max(int(np.searchsorted(ends, before + size, side="right")), first + 1)
            if stop < len(pieces):
                low = max(int(np.searchsorted(ends, before + size // 2)), first)
                low = min(low, stop - 1)
                # Of equal ones the last: it fills the chunk.
                stop -= int(np.argmin(alike[low:stop][::-1]))
            full_enough = max(int(np.searchsorted(ends, before + size / FULL_ENOUGH)), first) + 1
            for at in range(full_enough, stop if ends[-1] > size else 0):
                if is_anchor_among_equals(text, (pieces[at], tokens[at]), (pieces[at - 1], tokens[at - 1])):
                    stop = at
                    break
            yield pieces[first][0], pieces[stop - 1][1]
            first, before = stop, int(ends[stop - 1])

    def _alike(self, texts: list[str]) -> npt.NDArray[np.float32]:
        """How alike each text and the next are."""
        found = [np.zeros(0, np.float32)]
        for start in range(0, len(texts) - 1, _BATCH):
            vectors = self._encode(texts[start : start + _BATCH + 1])
            found.append(np.einsum("ij,ij->i", vectors[:-1], vectors[1:]))
        alike: npt.NDArray[np.float32] = np.concatenate(found)
        return alike
