"""What the pair model is taught: to put passages with the answer first, and to say where in them it stands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from ragbot.models.rerankers.e5_pairs import PassageTokens
from ragbot.training.pair_model import Scores
from ragbot.training.ranking_data import Candidate


def targets(passages: Sequence[PassageTokens], candidates: Sequence[Candidate]) -> tuple[torch.Tensor, torch.Tensor]:
    """First and last token of the answer in each passage ``(n,)``; 0, the first of all, where it is not there."""
    starts, ends = torch.zeros(len(passages), dtype=torch.long), torch.zeros(len(passages), dtype=torch.long)
    for row, (passage, candidate) in enumerate(zip(passages, candidates, strict=True)):
        for begin, end in candidate.spans[:1]:
            tokens = np.flatnonzero((passage.offsets[:, 1] > begin) & (passage.offsets[:, 0] < end))
            if len(tokens) and passage.offsets[-1, 1] >= end:
                starts[row], ends[row] = passage.first + int(tokens[0]), passage.first + int(tokens[-1])
    return starts, ends


def pair_loss(
    scores: Scores, starts: torch.Tensor, ends: torch.Tensor, groups: Sequence[int], relevant: torch.Tensor
) -> tuple[torch.Tensor, dict[str, float]]:
    """The loss of several questions' pairs, and its parts.

    Args:
        groups: how many pairs each question has, in order.
        relevant: which pairs hold the answer, ``(n,)`` bool.
    """
    listwise = []
    for logits, wanted in zip(torch.split(scores.rank, list(groups)), torch.split(relevant, list(groups)), strict=True):
        if wanted.any() and not wanted.all():
            # The share of the probability that falls on passages with the answer (Cao et al., 2007: top one).
            listwise.append(logits.logsumexp(0) - logits[wanted].logsumexp(0))
    absolute = functional.binary_cross_entropy_with_logits(scores.rank, relevant.float(), reduction="none")
    spans = functional.cross_entropy(scores.start, starts, reduction="none") + functional.cross_entropy(
        scores.end, ends, reduction="none"
    )
    # Passages with the answer weigh as much as all the others of their question.
    weight = torch.where(relevant, 1.0, 1.0 / 6)
    rank = torch.stack(listwise).mean() if listwise else scores.rank.sum() * 0
    parts = {
        "rank": rank,
        "absolute": (absolute * weight).sum() / weight.sum(),
        "span": 0.5 * (spans * weight).sum() / weight.sum(),
    }
    loss = parts["rank"] + 0.5 * parts["absolute"] + parts["span"]
    return loss, {name: float(part.detach()) for name, part in parts.items()}
