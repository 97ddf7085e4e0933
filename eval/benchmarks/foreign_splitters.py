"""Other libraries' splitters as chunkers, to be measured beside ours: LangChain's and LlamaIndex's, by name.

They count the same tokens as ours. Their overlap is what their defaults have for the size that these are for (LangChain
200 of 4,000, LlamaIndex 200 of 1,024), or none where the name ends in ``-0``. LangChain's gets the separators that its
documentation advises for languages without word boundaries, where a document is in one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ingest.chunkers.base import Span, TokenCounter
from ragbot.documents import ParsedDocument
from ragbot.errors import MissingExtraError

#: Names, and the share of a chunk that it has in common with the one before.
FOREIGN = {"langchain": 200 / 4000, "langchain-0": 0.0, "llama_index": 200 / 1024, "llama_index-0": 0.0}

_WORDLESS = ["\n\n", "\n", " ", ".", ",", "\u200b", "\uff0c", "\u3001", "\uff0e", "\u3002", ""]
Splitter = Callable[[str], list[str]]


@dataclass(frozen=True)
class ForeignChunker:
    """A chunker that places what a splitter returns in the document; chunks may overlap."""

    name: str
    plain: Splitter
    wordless: Splitter

    @property
    def signature(self) -> str:
        """See :class:`ingest.chunkers.base.Chunker`."""
        return self.name

    def split(self, document: ParsedDocument) -> list[Span]:
        """See :class:`ingest.chunkers.base.Chunker`."""
        splitter = self.wordless if document.language in {"zh", "ja", "ko"} else self.plain
        return located(document.text, splitter(document.text))


def make_foreign(name: str, count_tokens: TokenCounter, size: int) -> ForeignChunker:
    """The splitter called ``name`` at ``size`` tokens. Raises MissingExtraError without LlamaIndex."""

    @lru_cache(maxsize=200_000)
    def length(text: str) -> int:
        return count_tokens([text])[0]

    overlap = int(FOREIGN[name] * size)
    signature = f"{name}:{size}:{overlap}"
    if name.startswith("langchain"):
        from langchain_text_splitters import RecursiveCharacterTextSplitter

        plain = RecursiveCharacterTextSplitter(chunk_size=size, chunk_overlap=overlap, length_function=length)
        wordless = RecursiveCharacterTextSplitter(
            separators=_WORDLESS, chunk_size=size, chunk_overlap=overlap, length_function=length
        )
        return ForeignChunker(signature, plain.split_text, wordless.split_text)
    try:
        from llama_index.core.node_parser import SentenceSplitter
    except ModuleNotFoundError as error:
        raise MissingExtraError("LlamaIndex's splitter", "llamaindex") from error
    # It asks for the tokens, and takes their number alone.
    splitter = SentenceSplitter(
        chunk_size=size, chunk_overlap=overlap, tokenizer=lambda text: [0] * length(text), include_metadata=False
    )
    return ForeignChunker(signature, splitter.split_text, splitter.split_text)


def located(text: str, parts: Sequence[str]) -> list[Span]:
    """Where parts stand that leave nothing out but white space, and may overlap; where text repeats, by the least.

    Raises:
        ValueError: one does not stand there.
    """
    spans: list[Span] = []
    for part in map(str.strip, parts):
        first, end = spans[-1] if spans else (-1, 0)
        latest = end + len(text[end:]) - len(text[end:].lstrip())
        start = text.rfind(part, first + 1, latest + len(part))
        if start < 0:
            raise ValueError(f"the splitter returned what does not stand in the document: {part[:60]!r}")
        if part:
            spans.append((start, start + len(part)))
    return spans
