"""Gemma 3 in float32 with NumPy alone: slow and exact, to calibrate the graph in eight bits and to test it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ragbot.models.llms.gemma.rotary import rotary_tables
from ragbot.models.llms.gemma.weights import Floats, GemmaConfig, Weights

#: Told of the input of each product: the layer, its name ("qkv", "o", "gate_up" or "down") and the rows.
Watch = Callable[[int, str, Floats], None]


def hidden_states(weights: Weights, embedded: Floats, watch: Watch | None = None) -> Floats:
    """The states ``(tokens, hidden)`` that the output layer takes, for a whole text ``embedded`` ``(tokens, hidden)``.

    The network is that of the Gemma 3 report (2025), sections 2 and 2.1: grouped queries, local and global layers,
    normalised queries and keys, a norm before and after each part, GELU with tanh gating the feed-forward part.
    """
    config = weights.config
    tell = watch or _nobody
    tables = rotary_tables(config, len(embedded))
    x = embedded
    for layer in range(config.layers):
        normed = norm(x, weights.norm(layer, "input"), config)
        tell(layer, "qkv", normed)
        q, k, v = (normed @ weights.linear(layer, f"{part}_proj").T for part in "qkv")
        cosine, sine = tables[2:] if config.is_global(layer) else tables[:2]
        q = turned(norm(_heads(q, config), weights.norm(layer, "q"), config), cosine, sine)
        k = turned(norm(_heads(k, config), weights.norm(layer, "k"), config), cosine, sine)
        attended = _attention(q, k, _heads(v, config), 0 if config.is_global(layer) else config.window)
        tell(layer, "o", attended)
        attended = attended @ weights.linear(layer, "o_proj").T
        x = x + norm(attended, weights.norm(layer, "post_attention"), config)
        normed = norm(x, weights.norm(layer, "pre_feedforward"), config)
        tell(layer, "gate_up", normed)
        gate, up = normed @ weights.linear(layer, "gate_proj").T, normed @ weights.linear(layer, "up_proj").T
        inner = gelu(gate) * up
        tell(layer, "down", inner)
        down = inner @ weights.linear(layer, "down_proj").T
        x = x + norm(down, weights.norm(layer, "post_feedforward"), config)
    return norm(x, weights.final_norm(), config)


def norm(x: Floats, weight: Floats, config: GemmaConfig) -> Floats:
    """Root-mean-square normalisation over the last axis."""
    mean = np.mean(x * x, axis=-1, keepdims=True)
    normed: Floats = x / np.sqrt(mean + np.float32(config.epsilon)) * weight
    return normed


def gelu(x: Floats) -> Floats:
    """GELU in its approximation by tanh (Hendrycks & Gimpel 2016)."""
    inner = np.float32(np.sqrt(2 / np.pi)) * (x + np.float32(0.044715) * x * x * x)
    value: Floats = np.float32(0.5) * x * (1 + np.tanh(inner))
    return value


def turned(x: Floats, cosine: Floats, sine: Floats) -> Floats:
    """Rotary positions for ``(tokens, heads, head_dim)``: the first half of a head is turned with the second."""
    first, second = np.split(x, 2, axis=-1)
    cosine, sine = cosine[:, None], sine[:, None]
    return np.concatenate([first * cosine - second * sine, second * cosine + first * sine], axis=-1)


def _heads(x: Floats, config: GemmaConfig) -> Floats:
    return x.reshape(len(x), -1, config.head_dim)


def _attention(q: Floats, k: Floats, v: Floats, window: int) -> Floats:
    """Causal attention, ``window`` tokens back (0: all); heads of ``q`` share those of ``k`` and ``v``."""
    tokens, heads, width = q.shape
    group = heads // k.shape[1]
    scores = np.einsum("ihd,jhd->hij", q, np.repeat(k, group, axis=1)) / np.float32(np.sqrt(width))
    behind = np.arange(tokens)[:, None] - np.arange(tokens)
    seen = (behind >= 0) & (behind < window) if window else behind >= 0
    shares = np.where(seen, np.exp(scores - np.where(seen, scores, -np.inf).max(axis=-1, keepdims=True)), 0)
    shares = shares / shares.sum(axis=-1, keepdims=True)
    mixed: Floats = np.einsum("hij,jhd->ihd", shares, np.repeat(v, group, axis=1)).reshape(tokens, -1)
    return mixed


def _nobody(layer: int, name: str, rows: Floats) -> None:
    """Nobody watches."""


def embedded(rows: Floats) -> Floats:
    """What the network takes for rows of its table of embeddings: Gemma scales them by the root of their width."""
    scaled: npt.NDArray[np.float32] = rows * np.float32(np.sqrt(rows.shape[1]))
    return scaled
