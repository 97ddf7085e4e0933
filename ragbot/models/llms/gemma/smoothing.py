"""Evens out the channels of what is quantised, without a cost at run time (SmoothQuant: Xiao et al. 2023).

A few channels of Gemma's activations are a hundred times as large as the rest, and take all of the eight bits of
their token. Dividing a channel by ``s`` and multiplying the weights that meet it by ``s`` changes nothing; the division
goes into the norm before (or into the rows of ``up_proj``), so it costs nothing. ``s`` is largest where the activation is
large and the weight small: ``sqrt(size(x) / max|w|)``. The paper takes ``max|x|`` for the size; the fourth root of the
mean fourth power hangs less on a single token of the calibration text.

Measured beside float32 on 560 tokens of our documentation, zh and en: KL divergence .049 without, .017 by the maximum,
.014 so; the likeliest token is the same for 84%, 93% and 93%.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ragbot.models.llms.gemma.reference import hidden_states
from ragbot.models.llms.gemma.weights import Floats, GemmaConfig, Weights

#: How much of the difference goes over to the weights: .7 was worse (.017).
ALPHA = 0.5
#: Of the mean that makes the size of a channel.
ORDER = 4
#: A channel that the calibration text leaves silent counts as this large.
SILENT = 1e-5
#: The inputs that are evened out; that of o_proj has no large channels.
QKV, GATE_UP, DOWN = "qkv", "gate_up", "down"
#: The projections that take each of them.
TAKEN_BY = {QKV: ("q_proj", "k_proj", "v_proj"), GATE_UP: ("gate_proj", "up_proj"), DOWN: ("down_proj",)}
#: The norms that make two of them.
NORM_OF = {"input": QKV, "pre_feedforward": GATE_UP}


@dataclass(frozen=True)
class Calibration:
    """The size of each channel over a text: by layer and input, and of the last states."""

    inputs: dict[tuple[int, str], Floats]
    last: Floats


def calibrate(weights: Weights, embedded: Floats) -> Calibration:
    """Read a text ``embedded`` ``(tokens, hidden)`` in float32 and note how large each channel gets."""
    inputs: dict[tuple[int, str], Floats] = {}

    def watch(layer: int, name: str, rows: Floats) -> None:
        inputs[layer, name] = _size(rows)

    last = hidden_states(weights, embedded, watch)
    return Calibration(inputs, _size(last))


def factors(size: Floats, weight: Floats) -> Floats:
    """What each channel is divided by, given its size and that of the weights ``(out, in)`` that meet it."""
    met = np.maximum(np.abs(weight).max(axis=0), SILENT)
    raw = np.maximum(size, SILENT) ** ALPHA / met ** (1 - ALPHA)
    even: Floats = (raw / np.exp(np.log(raw).mean())).astype(np.float32)
    return even


def _size(rows: Floats) -> Floats:
    mean: Floats = np.mean(rows.astype(np.float64) ** ORDER, axis=0) ** (1 / ORDER)
    return mean


class SmoothWeights:
    """``weights`` with evened channels: the same network.

    Args:
        weights: the network as it is.
        calibration: of this network.
        head: what the channels of the last states are divided by; the output layer is multiplied with it elsewhere.
    """

    def __init__(self, weights: Weights, calibration: Calibration, head: Floats) -> None:
        self._weights = weights
        self._head = head
        self._factors = {
            (layer, name): factors(
                calibration.inputs[layer, name], np.concatenate([weights.linear(layer, taker) for taker in takers])
            )
            for layer in range(weights.config.layers)
            for name, takers in TAKEN_BY.items()
        }

    @property
    def config(self) -> GemmaConfig:
        """The sizes of the network."""
        return self._weights.config

    def linear(self, layer: int, name: str) -> Floats:
        """The matrix ``(out, in)`` of a projection."""
        matrix = self._weights.linear(layer, name)
        for place, takers in TAKEN_BY.items():
            if name in takers:
                matrix = matrix * self._factors[layer, place]
        return matrix / self._factors[layer, DOWN][:, None] if name == "up_proj" else matrix

    def norm(self, layer: int, name: str) -> Floats:
        """What a normalised vector is multiplied with."""
        weight = self._weights.norm(layer, name)
        return weight / self._factors[layer, NORM_OF[name]] if name in NORM_OF else weight

    def final_norm(self) -> Floats:
        """The same, after the last layer."""
        return self._weights.final_norm() / self._head
