"""The chunkers by name, as the setting ``chunking.chunker`` has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ingest.chunkers.auto import AutoChunker
from ingest.chunkers.base import Chunker
from ingest.chunkers.code import CodeChunker
from ingest.chunkers.headings import HeadingsChunker
from ingest.chunkers.hierarchical import HierarchicalChunker
from ingest.chunkers.recursive import RecursiveChunker
from ingest.chunkers.rows import RowsChunker
from ingest.chunkers.semantic import SemanticChunker
from ingest.chunkers.sentences import SentencesChunker
from ragbot.errors import UserError
from ragbot.models.embedders.base import Embedder

#: An embedder, and the sizes in tokens (the second for Chinese, Japanese, Korean; None: no difference), to a chunker.
Maker = Callable[[Embedder, int, int | None], Chunker]

#: What ``auto`` takes for text without a structure of its own (chosen by ``eval.benchmarks.chunkers``).
PROSE = "recursive"
#: And for the types of documents that have one, as their loaders name them.
BY_TYPE: Mapping[str, str] = MappingProxyType({"code": "code", **dict.fromkeys(("csv", "tsv", "xlsx"), "rows")})

_BY_STRATEGY: Mapping[str, Maker] = MappingProxyType(
    {
        "recursive": lambda embedder, *sizes: RecursiveChunker(embedder.count_tokens, *sizes),
        "headings": lambda embedder, *sizes: HeadingsChunker(embedder.count_tokens, *sizes),
        "sentences": lambda embedder, *sizes: SentencesChunker(embedder.count_tokens, *sizes),
        "semantic": lambda embedder, *sizes: SemanticChunker(embedder.encode_documents, embedder.count_tokens, *sizes),
        "hierarchical": lambda embedder, *sizes: HierarchicalChunker(embedder.count_tokens, *sizes),
        "code": lambda embedder, *sizes: CodeChunker(embedder.count_tokens, *sizes),
        "rows": lambda embedder, *sizes: RowsChunker(embedder.count_tokens, *sizes),
    }
)


def _auto(embedder: Embedder, chunk_tokens: int, chunk_tokens_zh: int | None) -> Chunker:
    made = {name: _BY_STRATEGY[name](embedder, chunk_tokens, chunk_tokens_zh) for name in {PROSE, *BY_TYPE.values()}}
    return AutoChunker(made[PROSE], {kind: made[name] for kind, name in BY_TYPE.items()})


CHUNKERS: Mapping[str, Maker] = MappingProxyType({**_BY_STRATEGY, "auto": _auto})


def make_chunker(name: str, embedder: Embedder, chunk_tokens: int, chunk_tokens_zh: int | None = None) -> Chunker:
    """The chunker called ``name``.

    Raises:
        UserError: there is none of that name.
    """
    if name not in CHUNKERS:
        raise UserError(f"there is no chunker {name!r}; there are: {', '.join(CHUNKERS)}")
    return CHUNKERS[name](embedder, chunk_tokens, chunk_tokens_zh)
