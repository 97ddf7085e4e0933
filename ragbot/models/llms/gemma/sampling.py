"""Which token comes next: the likeliest, or one drawn by its probability."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.float32]


def log_probability(logits: Logits, token: int) -> float:
    """The natural logarithm of the probability of ``token``."""
    largest = logits.max()
    return float(logits[token] - largest - np.log(np.exp(logits - largest).sum(dtype=np.float64)))


def sample(logits: Logits, temperature: float, top_p: float, random: np.random.Generator) -> int:
    """A token drawn at ``temperature`` from the likeliest tokens that have ``top_p`` of the probability together.

    Nucleus sampling (Holtzman et al. 2020). A ``temperature`` of 0 takes the likeliest.
    """
    if temperature <= 0:
        return int(logits.argmax())
    scaled = (logits - logits.max()).astype(np.float64) / temperature
    shares = np.exp(scaled)
    order = np.argsort(-shares, kind="stable")
    sums = np.cumsum(shares[order])
    kept = int(np.searchsorted(sums, top_p * sums[-1])) + 1
    drawn = random.random() * sums[min(kept, len(sums)) - 1]
    return int(order[min(int(np.searchsorted(sums, drawn, side="right")), kept - 1)])
