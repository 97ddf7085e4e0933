"""Readers as people write them for LlamaIndex, imported by name, in a parser process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llama_index.core import Document
from llama_index.core.readers.base import BaseReader


class Sheets(BaseReader):
    """Each line is a document; ``12|words`` is on page 12."""

    def load_data(self, file: Path, extra_info: dict[str, Any] | None = None) -> list[Document]:
        documents = []
        for line in Path(file).read_text(encoding="utf-8").splitlines():
            label, mark, words = line.rpartition("|")
            documents.append(Document(text=words, metadata={"page_label": label} if mark else {}))
        return documents


class Lazy(BaseReader):
    """As LlamaIndex has it for readers that yield."""

    def lazy_load_data(self, file: Path) -> Any:
        yield Document(text=f"{file.name} in small pieces", metadata={"title": "Pieces"})


class Failing(BaseReader):
    def load_data(self, file: Path) -> list[Document]:
        raise ImportError("`olefile` is needed: pip install olefile")
