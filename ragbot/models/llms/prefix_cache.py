"""Keys and values of prompts that were computed before: a new prompt that begins alike takes them over.

The instructions in front of every question, and the earlier turns of a conversation, are computed once. What is taken
over is the longest common prefix, copied, so that no two answers write into one cache.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

#: Of each layer, keys and values: ``(1, heads, tokens, width)``.
Layers = list[tuple["torch.Tensor", "torch.Tensor"]]
#: A shorter prefix is not worth its copy.
SHORTEST = 8


class PrefixCache:
    """The latest prompts, in ``max_bytes`` at most; 0 keeps nothing. Thread-safe.

    ``scope`` (the adapter's name) keeps apart what other weights have computed.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._entries: OrderedDict[tuple[str, tuple[int, ...]], Layers] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """Bytes that are held now."""
        with self._lock:
            return sum(map(_size, self._entries.values()))

    def take(self, ids: Sequence[int], scope: str = "") -> tuple[int, Layers]:
        """``(tokens, layers)`` of the longest stored prefix of ``ids``: copies; 0 and nothing if none is long enough."""
        with self._lock:
            best, length = None, SHORTEST - 1
            for key in self._entries:
                if key[0] == scope and (common := common_prefix(key[1], ids)) > length:
                    best, length = key, common
            if best is None:
                return 0, []
            self._entries.move_to_end(best)
            layers = self._entries[best]
        return length, [(keys[..., :length, :].clone(), values[..., :length, :].clone()) for keys, values in layers]

    def put(self, ids: Sequence[int], layers: Layers, scope: str = "") -> None:
        """Keep what ``ids`` were computed to (``layers`` is the cache's from now on), or as much of its front as fits."""
        if not layers or not ids:
            return
        fitting = int(self.max_bytes // max(1, _size(layers) // len(ids)))
        if fitting < SHORTEST:
            return
        if fitting < len(ids):
            ids = ids[:fitting]
            layers = [(keys[..., :fitting, :].clone(), values[..., :fitting, :].clone()) for keys, values in layers]
        new = tuple(ids)
        with self._lock:
            covered = [key for key in self._entries if key[0] == scope and new[: len(key[1])] == key[1]]
            for key in covered:
                del self._entries[key]
            self._entries[scope, new] = layers
            while sum(map(_size, self._entries.values())) > self.max_bytes:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """Tokens that both begin with."""
    for n, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return n
    return min(len(a), len(b))


def _size(layers: Layers) -> int:
    return sum(keys.nbytes + values.nbytes for keys, values in layers)
