"""Late interaction with gradients: what :class:`ragbot.models.rerankers.interaction.LateInteraction` computes, in torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from ragbot.models.rerankers.interaction import LateInteraction

#: Where training begins: as many logits for a cosine of 1, and the search's score as it is.
FIRST_SCALE, FIRST_SEARCH_WEIGHT = 10.0, 1.0


class InteractionModel(nn.Module):
    """Begins at the identity, equal weights and the search's own order: training can only add to these.

    Args:
        middle: the mean of all token states, ``(d,)``.
    """

    def __init__(self, middle: torch.Tensor) -> None:
        super().__init__()
        size = len(middle)
        self.middle = nn.Parameter(middle.clone())
        self.change = nn.Parameter(torch.zeros(size, size))
        self.weight = nn.Parameter(torch.zeros(size))
        self.scale = nn.Parameter(torch.tensor(FIRST_SCALE))
        self.search_weight = nn.Parameter(torch.tensor(FIRST_SEARCH_WEIGHT))

    def forward(self, question: torch.Tensor, passages: Sequence[torch.Tensor], search: torch.Tensor) -> torch.Tensor:
        """What passages are ordered by ``(n,)``, from states ``(tokens, d)`` and the search's scores ``(n,)``."""
        matrix = self._matrix()
        shares = torch.softmax((question - self.middle) @ self.weight, 0)
        asked = functional.normalize((question - self.middle) @ matrix.T, dim=1)
        read = functional.normalize((torch.cat(list(passages)) - self.middle) @ matrix.T, dim=1)
        cosines = (asked @ read.T).split([len(passage) for passage in passages], dim=1)  # type: ignore[no-untyped-call]
        best = torch.stack([some.max(dim=1).values for some in cosines])
        return self.scale * (best @ shares) + self.search_weight * search

    def learned(self) -> LateInteraction:
        """What it has learned, without torch."""
        values = (self.middle, self._matrix(), self.weight, self.scale, self.search_weight)
        return LateInteraction(*(value.detach().numpy().copy() for value in values))

    def _matrix(self) -> torch.Tensor:
        return torch.eye(len(self.middle)) + self.change
