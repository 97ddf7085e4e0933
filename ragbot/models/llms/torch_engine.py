"""Any causal language model of transformers behind the names of the bundled engine, for readers trained on other bases."""

from __future__ import annotations

import copy
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ragbot.errors import GenerationError
from ragbot.models.llms.constraints import within
from ragbot.models.llms.gemma.decoding import Usage
from ragbot.models.llms.gemma.sampling import Logits, log_probability
from ragbot.models.llms.pieces import SpokenTokenizer

if TYPE_CHECKING:
    from transformers import DynamicCache

    from ragbot.models.llms.constraints import Constraint


class TorchEngine:
    """See :class:`ragbot.models.llms.gemma.engine.GemmaEngine`; nothing is kept of earlier texts.

    Args:
        network: a causal language model, ready to answer.
        tokenizer: its fast tokenizer.
    """

    def __init__(self, network: Any, tokenizer: Any) -> None:
        self.network = network
        self.tokenizer = SpokenTokenizer(tokenizer)
        self.context_tokens = int(network.config.get_text_config().max_position_embeddings)

    @classmethod
    def load(cls, model: str, adapter: Path | None = None, *, device: str = "auto", dtype: str = "auto") -> Self:
        """A folder or a hub name, with a LoRA adapter merged into it.

        Raises:
            MissingExtraError, ModelNotFoundError, SettingsError: as :func:`ragbot.models.llms.networks.load`.
        """
        from ragbot.models.llms.networks import load

        adapters = {} if adapter is None else {"reader": str(adapter)}
        return cls(*load(model, device=device, dtype=dtype, adapters=adapters))

    def start(self, prompt: Sequence[int]) -> TorchDecoding:
        """Read ``prompt``. Raises GenerationError where it is empty or too long."""
        if not prompt:
            raise GenerationError("the prompt is empty")
        decoding = TorchDecoding(self)
        decoding.push(prompt)
        return decoding


class TorchDecoding:
    """One text; see :class:`ragbot.models.llms.gemma.decoding.Decoding`."""

    def __init__(self, engine: TorchEngine) -> None:
        from transformers import DynamicCache

        self._engine = engine
        self._cache = DynamicCache(config=engine.network.config)
        self._length = 0
        #: Of the next token: ``(vocabulary,)``.
        self.logits: Logits = np.empty(0, np.float32)
        self.usage = Usage()

    def push(self, ids: Sequence[int]) -> None:
        """Go on with ``ids``. Raises GenerationError where the text gets longer than the model reads."""
        self._check(self._length + len(ids))
        self._length += len(ids)
        self.logits = self._read(ids, 1, self._cache)[0]
        self.usage.prompt += len(ids)

    def peek(self, ids: Sequence[int], wanted: Sequence[Sequence[int]]) -> list[Logits]:
        """See :meth:`ragbot.models.llms.gemma.decoding.Decoding.peek`.

        Raises:
            GenerationError: the text would be longer than the model reads.
        """
        self._check(self._length + len(ids))
        # Not every kind of cache can be cut back.
        rows = self._read(ids, len(wanted), copy.deepcopy(self._cache))
        return [row[list(tokens)] for row, tokens in zip(rows, wanted, strict=True)]

    def generate(self, limit: int, *, constraint: Constraint | None = None) -> Generator[tuple[int, float]]:
        """Up to ``limit`` tokens, the likeliest that ``constraint`` allows, with their log-probabilities."""
        for _ in range(min(limit, self._engine.context_tokens - self._length)):
            token = int(within(self.logits, constraint).argmax())
            if token == self._engine.tokenizer.eos:
                return
            sure = log_probability(self.logits, token)
            if constraint is not None:
                constraint.push(token)
            self.push([token])
            self.usage.prompt -= 1
            self.usage.new += 1
            yield token, sure

    def _check(self, total: int) -> None:
        if total > self._engine.context_tokens:
            raise GenerationError(
                f"the text has {total:,} tokens, and the model reads {self._engine.context_tokens:,}: give it less "
                "context (a smaller top_k), or use a model with a longer one"
            )

    def _read(self, ids: Sequence[int], rows: int, cache: DynamicCache) -> Logits:
        import torch

        network = self._engine.network
        with torch.inference_mode():
            out = network(
                torch.tensor([list(ids)], device=network.device),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=rows,
            )
        self.usage.passes += 1
        logits: Logits = out.logits[0, -rows:].float().cpu().numpy()
        return logits
