"""The rotary embedding's tables of cosines and sines, as long as they are needed."""

from __future__ import annotations

import numpy as np

from ragbot.models.llms.gemma.weights import LOCAL_ROPE_BASE, Floats, GemmaConfig

#: The tables' names as inputs of the graph, in the order of :func:`rotary_tables`.
ROTARY = ("local.cos", "local.sin", "global.cos", "global.sin")


def rotary_tables(config: GemmaConfig, positions: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Cosines and sines ``(positions, head_dim / 2)``, of the local layers and of the global ones (Su et al. 2021)."""
    halves = np.arange(0, config.head_dim, 2, dtype=np.float64) / config.head_dim
    tables = []
    for base in (LOCAL_ROPE_BASE, config.rope_base):
        angles = np.arange(positions, dtype=np.float64)[:, None] * base**-halves
        tables += [np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)]
    return tables[0], tables[1], tables[2], tables[3]
