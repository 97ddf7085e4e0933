"""How an embedder counts tokens: documents are cut by that, and outlive the embedder when a knowledge base gets another."""

from __future__ import annotations

import hashlib

from ragbot.models.embedders.base import Embedder

#: The key of the catalog's metadata: how the documents whose signature does not say it were counted.
COUNTING = "counting"
#: Its value where that is not known.
UNKNOWN = "unknown"
_PROBES = (
    "The rank of a LoRA adapter is the width of its two small matrices.",
    "低秩适配器的秩是两个小矩阵的宽度；北京的实验室用一张显卡完成了训练。",
    "繁體中文的文件也會被切成片段，並且逐一編碼。",
    "def tokens_of(path: str) -> int:\n    return len(path.split('_')) * 0x1F + 3.14159",
    "2024-11-05 13:45 | 1.234.567,89 € | https://example.org/a?b=c#d",
    "Überraschend 東京タワー 서울 Привет naïve antidisestablishmentarianism",
)


def counting(embedder: Embedder) -> str:
    """A short name of the way in which ``embedder`` counts: the same for two that count a few texts alike."""
    return hashlib.blake2b(repr(list(embedder.count_tokens(_PROBES))).encode(), digest_size=4).hexdigest()
