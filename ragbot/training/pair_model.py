"""The model that reads a question and a passage together: multilingual-e5-small, with adapters and two heads.

The lower layers see question and passage apart, as the model was trained to, and stay as they are: what they make of a
passage is computed once for all its questions. The upper layers see both, and have adapters. ``rank`` says how well
the passage answers the question; ``span`` says of every token whether the answer starts, and whether it ends there.
The passage's first token stands for "not in this passage" (Devlin et al., 2019, for SQuAD 2.0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ragbot.models.embedders.e5_torch import bert_model
from ragbot.models.embedders.e5_weights import E5Weights, dequantize
from ragbot.models.rerankers.e5_pair_graph import APART
from ragbot.models.rerankers.e5_pairs import Ids, PassageTokens
from ragbot.training.lora_layers import add_adapters


@dataclass(frozen=True)
class Read:
    """A text behind the lower layers: ``states`` ``(tokens, hidden)``; of a passage, also where its tokens stand."""

    states: torch.Tensor
    tokens: PassageTokens | None = None


@dataclass(frozen=True)
class Scores:
    """Of each pair: ``rank`` ``(n,)``; ``start`` and ``end`` ``(n, tokens)`` of the passage, minus infinity outside it."""

    rank: torch.Tensor
    start: torch.Tensor
    end: torch.Tensor


class PairModel(nn.Module):
    """See the module's docstring.

    Args:
        weights: the base model's.
        rank, alpha: of the adapters (see :mod:`ragbot.training.lora_layers`).
        dropout: of the states before the heads, when training.
    """

    def __init__(self, weights: E5Weights, rank: int, alpha: float, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = bert_model(weights)
        self.encoder.requires_grad_(False)
        self.adapted = add_adapters(
            self.encoder, rank, alpha, [f"encoder.layer.{i}." for i in range(APART, weights.layers)]
        )
        self.dropout = nn.Dropout(dropout)
        self.head_rank = nn.Linear(2 * weights.hidden, 1)
        self.head_span = nn.Linear(weights.hidden, 2)
        self._words = weights.blocks("emb.word", weights.hidden)

    @torch.no_grad()
    def lower(self, rows: Sequence[Ids], batch: int = 16) -> list[torch.Tensor]:
        """What the lower layers make of token ids: ``(tokens, hidden)`` bfloat16 of each."""
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        found: dict[int, torch.Tensor] = {}
        for begin in range(0, len(rows), batch):
            chosen = order[begin : begin + batch]
            states = torch.nn.utils.rnn.pad_sequence([self._embedded(rows[i]) for i in chosen], batch_first=True)
            mask = _mask([len(rows[i]) for i in chosen], states.shape[1])
            for layer in self.encoder.encoder.layer[:APART]:
                states = layer(states, mask)
            for row, i in enumerate(chosen):
                found[i] = states[row, : len(rows[i])].to(torch.bfloat16)
        return [found[i] for i in range(len(rows))]

    def forward(self, questions: Sequence[Read], passages: Sequence[Read]) -> Scores:
        """Score pairs, question ``i`` with passage ``i``."""
        lengths = [len(passage.states) for passage in passages]
        width = max(lengths)
        # The passage comes first, so that its tokens stand at the same places in every row.
        joined = [torch.cat([p.states, q.states]).float() for q, p in zip(questions, passages, strict=True)]
        states = torch.nn.utils.rnn.pad_sequence(joined, batch_first=True)
        mask = _mask([len(row) for row in joined], states.shape[1])
        for layer in self.encoder.encoder.layer[APART:]:
            states = layer(states, mask)
        states = self.dropout(states[:, :width])
        own = torch.arange(width)[None] < torch.tensor(lengths)[:, None]
        mean = (states * own[..., None]).sum(1) / own.sum(1, keepdim=True)
        rank = self.head_rank(torch.cat([states[:, 0], mean], dim=1))[:, 0]
        inside = torch.zeros(len(passages), width, dtype=torch.bool)
        inside[:, 0] = True
        for row, passage in enumerate(passages):
            assert passage.tokens is not None
            inside[row, passage.tokens.first : passage.tokens.first + len(passage.tokens.offsets)] = True
        span = self.head_span(states).masked_fill(~inside[..., None], -torch.inf)
        return Scores(rank, span[..., 0], span[..., 1])

    def _embedded(self, ids: Ids) -> torch.Tensor:
        # The embedding layer of the model: words from the file, then positions, type and norm.
        table = self.encoder.embeddings
        words = torch.from_numpy(dequantize(self._words[ids]))
        positions = table.position_embeddings.weight[: len(ids)] + table.token_type_embeddings.weight[0]
        embedded: torch.Tensor = table.LayerNorm(words + positions)
        return embedded


def _mask(lengths: Sequence[int], width: int) -> torch.Tensor:
    """``(n, 1, 1, width)``: what may be attended to."""
    return torch.from_numpy(np.arange(width)[None] < np.array(lengths)[:, None])[:, None, None]
