"""Every text of a training run behind the lower layers, computed once and kept in memory in bfloat16."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from ragbot.models.rerankers.e5_lower import LowerLayers
from ragbot.models.rerankers.e5_tokens import PlacedTokenizer, PlacedTokens
from ragbot.training.ranking_data import Ranking

_BATCH = 256


class TokenStates:
    """Texts to the states of their own tokens, ``(tokens, 384)`` float32."""

    def __init__(self, lower: LowerLayers, tokenizer: PlacedTokenizer) -> None:
        self._lower, self._tokenizer = lower, tokenizer
        self._passages: dict[str, torch.Tensor] = {}
        self._questions: dict[str, torch.Tensor] = {}

    def prepare(self, rankings: Sequence[Ranking], reach: int, progress: Callable[[int, int], None]) -> None:
        """Compute what these questions can need; of passages without an answer, the first ``reach`` of each."""
        wanted = {
            candidate.text
            for ranking in rankings
            for candidate in (*ranking.positives, *(n for n in ranking.negatives if n.rank < reach))
        }
        texts = sorted(wanted - self._passages.keys())
        for begin in range(0, len(texts), _BATCH):
            some = texts[begin : begin + _BATCH]
            self._passages |= zip(some, self._states(self._tokenizer.passages(some)), strict=True)
            progress(min(begin + _BATCH, len(texts)), len(texts))

    def passage(self, text: str) -> torch.Tensor:
        """The states of a passage."""
        if text not in self._passages:
            self._passages[text] = self._states(self._tokenizer.passages([text]))[0]
        return self._passages[text].float()

    def question(self, text: str) -> torch.Tensor:
        """The states of a question."""
        if text not in self._questions:
            self._questions[text] = self._states([self._tokenizer.question(text)])[0]
        return self._questions[text].float()

    def mean(self) -> torch.Tensor:
        """The mean over the texts that were prepared of the mean of their tokens ``(384,)``."""
        means = [states.float().mean(0) for states in self._passages.values() if len(states)]
        return torch.stack(means).mean(0)

    def _states(self, rows: Sequence[PlacedTokens]) -> list[torch.Tensor]:
        found = self._lower.states([tokens.ids for tokens in rows])
        return [
            # A text without words has no token of its own: its first one stands for it.
            torch.from_numpy(states[tokens.first : tokens.first + max(len(tokens.offsets), 1)]).to(torch.bfloat16)
            for states, tokens in zip(found, rows, strict=True)
        ]
