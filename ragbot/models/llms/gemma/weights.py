"""Gemma 3's weights as the graph wants them: float32 matrices by layer, an adapter merged into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ragbot.errors import ModelNotFoundError
from ragbot.models.llms.gemma.gguf_file import GgufFile

Floats = npt.NDArray[np.float32]

#: Every sixth layer attends to everything and turns its rotary embedding at another rate (Gemma 3 report, section 2);
#: the file does not say so.
GLOBAL_EVERY = 6
LOCAL_ROPE_BASE = 10_000.0
#: Our names of a layer's tensors, to those of the file.
LINEARS = {
    "q_proj": "attn_q",
    "k_proj": "attn_k",
    "v_proj": "attn_v",
    "o_proj": "attn_output",
    "gate_proj": "ffn_gate",
    "up_proj": "ffn_up",
    "down_proj": "ffn_down",
}
NORMS = {
    "input": "attn_norm",
    "q": "attn_q_norm",
    "k": "attn_k_norm",
    "post_attention": "post_attention_norm",
    "pre_feedforward": "ffn_norm",
    "post_feedforward": "post_ffw_norm",
}


@dataclass(frozen=True)
class GemmaConfig:
    """The sizes of the network; ``window`` is the reach of a local layer and ``context`` of the whole, in tokens."""

    layers: int
    hidden: int
    ffn: int
    heads: int
    kv_heads: int
    head_dim: int
    window: int
    context: int
    epsilon: float
    rope_base: float

    def is_global(self, layer: int) -> bool:
        """Whether ``layer`` attends to everything."""
        return (layer + 1) % GLOBAL_EVERY == 0

    @property
    def cache_bytes(self) -> int:
        """Bytes of keys and values that one token leaves in all layers together."""
        return 2 * self.layers * self.kv_heads * self.head_dim * 4


class Weights(Protocol):
    """Where the graph's tensors come from."""

    @property
    def config(self) -> GemmaConfig:
        """The sizes of the network."""

    def linear(self, layer: int, name: str) -> Floats:
        """The matrix ``(out, in)`` of a projection: a key of :data:`LINEARS`."""

    def norm(self, layer: int, name: str) -> Floats:
        """What a normalised vector is multiplied with: a key of :data:`NORMS`."""

    def final_norm(self) -> Floats:
        """The same, after the last layer."""


class GgufWeights:
    """The weights of a GGUF file of Gemma 3 (llama.cpp has added the 1 to the weights of its norms already).

    Raises:
        ModelNotFoundError: the file holds another architecture.
    """

    def __init__(self, file: GgufFile) -> None:
        self._file = file
        self.metadata = file.metadata
        architecture = file.metadata.get("general.architecture")
        if architecture != "gemma3":
            raise ModelNotFoundError(f"the GGUF file holds {architecture!r}, where gemma3 is run: give one of Gemma 3")

        def value(key: str) -> int:
            return int(file.metadata[f"gemma3.{key}"])

        self.config = GemmaConfig(
            layers=value("block_count"),
            hidden=value("embedding_length"),
            ffn=value("feed_forward_length"),
            heads=value("attention.head_count"),
            kv_heads=value("attention.head_count_kv"),
            head_dim=value("attention.key_length"),
            window=value("attention.sliding_window"),
            context=value("context_length"),
            epsilon=float(file.metadata["gemma3.attention.layer_norm_rms_epsilon"]),
            rope_base=float(file.metadata["gemma3.rope.freq_base"]),
        )

    def linear(self, layer: int, name: str) -> Floats:
        """The matrix ``(out, in)`` of a projection."""
        return self._file.tensor(f"blk.{layer}.{LINEARS[name]}.weight")

    def norm(self, layer: int, name: str) -> Floats:
        """What a normalised vector is multiplied with."""
        return self._file.tensor(f"blk.{layer}.{NORMS[name]}.weight")

    def final_norm(self) -> Floats:
        """The same, after the last layer."""
        return self._file.tensor("output_norm.weight")

    def embeddings(self, rows: Sequence[int] | None = None) -> Floats:
        """The vectors of the vocabulary ``(tokens, hidden)``, which are the output layer, too (0.7 GB), or some of them."""
        return self._file.tensor("token_embd.weight", rows)
