"""Our retriever in LlamaIndex's clothes."""

from __future__ import annotations

import sys

import pytest

from ragbot.bot import RagBot
from ragbot.errors import MissingExtraError
from ragbot.index.filters import Filter


def test_nodes(bot: RagBot) -> None:
    pytest.importorskip("llama_index.core")
    nodes = bot.as_llama_index_retriever(top_k=3).retrieve("paged key-value cache")
    hits = bot.search("paged key-value cache", 3)
    assert [node.node.get_content() for node in nodes] == [hit.chunk.text for hit in hits]
    assert [node.score for node in nodes] == [hit.score for hit in hits]
    for node, hit in zip(nodes, hits, strict=True):
        assert (node.node.start_char_idx, node.node.end_char_idx) == (hit.chunk.start, hit.chunk.end)
        assert node.node.metadata["source"] == hit.chunk.document.source


def test_filter(bot: RagBot) -> None:
    pytest.importorskip("llama_index.core")
    nodes = bot.as_llama_index_retriever(where=Filter(types=("txt",))).retrieve("LoRA")
    assert nodes and all(node.node.metadata["source"].endswith(".txt") for node in nodes)


def test_not_installed(bot: RagBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ragbot.retrieval.llama_index", raising=False)
    monkeypatch.setitem(sys.modules, "llama_index", None)
    monkeypatch.setitem(sys.modules, "llama_index.core.base.base_retriever", None)
    with pytest.raises(MissingExtraError, match=r'pip install "ragbot\[llamaindex\]"'):
        bot.as_llama_index_retriever()
