"""Keys and values of one text, in buffers that the graph writes in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from ragbot.models.llms.gemma.weights import Floats, GemmaConfig

#: Capacities are multiples of this many tokens.
STEP = 256


class Buffers:
    """One array ``(1, kv_heads, capacity, head_dim)`` for the keys and one for the values of each layer."""

    def __init__(self, config: GemmaConfig, tokens: int) -> None:
        from onnxruntime import OrtValue

        self._config = config
        self.capacity = -(-tokens // STEP) * STEP
        shape = (1, config.kv_heads, self.capacity, config.head_dim)
        self._arrays: dict[str, Floats] = {
            f"{kind}.{layer}": np.zeros(shape, np.float32) for layer in range(config.layers) for kind in "kv"
        }
        #: The same memory as ONNX Runtime binds it.
        self.values: dict[str, Any] = {
            name: OrtValue.ortvalue_from_numpy(array) for name, array in self._arrays.items()
        }

    @property
    def nbytes(self) -> int:
        """Memory that the buffers take."""
        return self.capacity * self._config.cache_bytes

    def with_room(self, tokens: int, filled: int) -> Buffers:
        """New buffers for ``tokens`` tokens, the first ``filled`` copied from these."""
        copy = Buffers(self._config, tokens)
        for name, array in self._arrays.items():
            copy._arrays[name][:, :, :filled] = array[:, :, :filled]
        return copy
