"""``[chunking]`` and ``[ingest]``: what becomes of documents that come in."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from ragbot.sections.base import Positive, Section

ChunkerName = Literal["recursive", "headings", "sentences", "semantic", "hierarchical", "code", "rows", "auto"]
ContextName = Literal["title", "none", "model"]
#: A suffix in the table of readers, and what it is read by.
SUFFIX = re.compile(r"\.[a-z0-9_]{1,16}")
READER = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*")


class ChunkingSettings(Section):
    """How documents are cut."""

    chunker: ChunkerName = Field(
        "recursive", description="how: recursive, headings, sentences, semantic, hierarchical, code, rows, auto"
    )
    chunk_tokens: int = Field(96, ge=16, le=8192, description="largest chunk, in the embedder's tokens")
    chunk_tokens_zh: int = Field(192, ge=16, le=8192, description="the same for documents in Chinese, Japanese, Korean")
    context: ContextName = Field(
        "title",
        description="embedded in front of a chunk: title (and headings), none, model (a line that llm writes too)",
    )


class IngestSettings(Section):
    """What ingestion accepts."""

    max_file_mb: Positive = Field(256, description="files larger than this are refused, in MiB")
    images: bool = Field(False, description="also read the pictures in folders; one that is named is always read")
    allow_private: bool = Field(False, description="whether a URL may name a host in a private network")
    user_agent: str = Field("ragbot", min_length=1, description="what web servers, and their robots.txt, are told")
    parsers: Annotated[int, Field(ge=0, le=256)] = Field(0, description="processes that parse; 0: one a core")
    parse_seconds: float = Field(120.0, gt=0, description="a file that takes longer to parse is refused")
    parse_memory_mb: Annotated[int, Field(ge=128)] = Field(
        2048, description="memory that parsing a file may take, in MiB"
    )
    readers: dict[str, str] = Field(
        {}, description='LlamaIndex readers by suffix: { ".hwp" = "llama_index.readers.file:HWPReader" }'
    )

    @field_validator("readers")
    @classmethod
    def _check_readers(cls, readers: dict[str, str]) -> dict[str, str]:
        for suffix, reader in readers.items():
            if not SUFFIX.fullmatch(suffix) or not READER.fullmatch(reader):
                raise ValueError(
                    f'{suffix!r} = {reader!r} is no suffix (small letters, with its dot) and reader: write ".hwp" = '
                    '"package.module:Class"'
                )
        return readers
