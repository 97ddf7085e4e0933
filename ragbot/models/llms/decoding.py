"""A transformers network, continued token by token: chunked prefill, sampling, checked drafts, reused prefixes.

``generate`` of transformers runs to its end in one call; here each step is one call, so that a consumer that leaves stops
it between two of them, several answers take turns, and nothing needs a thread of its own.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragbot.errors import GenerationError
from ragbot.models.llms.calls import Call
from ragbot.models.llms.constraints import Constraint
from ragbot.models.llms.lookup import PromptLookup
from ragbot.models.llms.prefix_cache import PrefixCache

if TYPE_CHECKING:
    import torch

#: Prompt tokens of one step: between two, a call can be given up, and another gets its turn.
CHUNK = 256
#: Layers whose keys and values can be kept in full, and so be cut back to any length.
PLAIN_LAYERS = {"full_attention", "sliding_attention"}


@dataclass(frozen=True, slots=True)
class Step:
    """One new token; ``logits`` are those it was chosen from, ``(vocabulary,)``, at temperature 1."""

    token: int
    logits: torch.Tensor


class Network:
    """A causal language model for any number of answers at a time; its steps take turns. Thread-safe.

    Args:
        model: the network, on its device.
        prefixes: where computed prompts are kept.
        lookup: tokens of a draft at most (:class:`PromptLookup`); 0 for none.
    """

    def __init__(self, model: Any, prefixes: PrefixCache, lookup: int) -> None:
        self.model = model
        self.prefixes = prefixes
        self.lookup = lookup
        self._turn = threading.Lock()
        config = model.config.get_text_config()
        plain = set(getattr(config, "layer_types", None) or PLAIN_LAYERS) <= PLAIN_LAYERS
        #: Whether the state after a prefix can be had from a longer one: not where layers are recurrent.
        self.croppable = plain and not getattr(model, "_is_stateful", False) and not _shared_layers(config)
        # An adapter's wrapper takes whatever the model takes.
        inner = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._takes = set(inspect.signature(inner.forward).parameters)

    def continued(
        self,
        prompt: Sequence[int],
        call: Call,
        what: str,
        ends: frozenset[int],
        before_step: Callable[[], None],
        constraint: Constraint | None = None,
    ) -> Iterator[int | Step]:
        """The number of prompt tokens taken from the prefix cache, then one :class:`Step` a token, the end included.

        ``before_step`` runs with the network's turn taken (it selects the adapter). ``constraint`` says which tokens the
        answer may go on with; it is told each one but the last.

        Raises:
            GenerationError: the time is over (:meth:`Call.check`), or torch failed.
        """
        scope = call.adapter or ""
        cache = self._new_cache()
        known = self._take_over(cache, prompt, scope)
        yield known
        ids = list(prompt)
        logits: torch.Tensor | None = None
        while known < len(ids):
            call.check(what, begun=False)
            part = ids[known : known + CHUNK]
            logits = self._forward(part, cache, 1, what, before_step)
            known += len(part)
        assert logits is not None  # at least the last token of the prompt is always computed
        drafts = PromptLookup(ids, self.lookup if self.croppable and call.temperature == 0 else 0)
        choose = _chooser(call, self.model.generation_config, constraint)
        left = call.max_new_tokens
        try:
            row = logits[-1]
            while True:
                token = choose(row)
                left -= 1
                yield Step(token, row)
                if token in ends or not left:
                    return
                ids.append(token)
                drafts.push(token)
                if constraint is not None:
                    constraint.push(token)
                draft = drafts.draft(left - 1)
                call.check(what, begun=True)
                rows = self._forward([token, *draft], cache, len(draft) + 1, what, before_step)
                accepted = 0
                for drafted in draft:
                    if choose(rows[accepted]) != drafted or drafted in ends:
                        break
                    left -= 1
                    yield Step(drafted, rows[accepted])
                    ids.append(drafted)
                    drafts.push(drafted)
                    if constraint is not None:
                        constraint.push(drafted)
                    accepted += 1
                if accepted < len(draft):
                    _crop(cache, len(ids))
                drafts.judge(len(draft), accepted)
                row = rows[accepted]
        finally:
            if self.croppable and self.prefixes.max_bytes:
                # The last token, and drafts, may or may not have been computed, a failed step only in the first layers.
                length = min(len(ids), *(layer.keys.shape[-2] for layer in cache.layers))
                _crop(cache, length)
                self.prefixes.put(ids[:length], [(layer.keys, layer.values) for layer in cache.layers], scope)

    def batched(
        self,
        prompts: Sequence[Sequence[int]],
        call: Call,
        what: str,
        done: set[int],
        before_step: Callable[[], None],
    ) -> Iterator[list[tuple[int, int]]]:
        """Continue several prompts greedily, padded on the left: ``(row, token)`` of each row, step by step.

        The consumer adds the rows that have ended to ``done``; they are dropped from the next step on.

        Raises:
            GenerationError: the time is over (:meth:`Call.check`), or torch failed.
        """
        import torch

        width = max(map(len, prompts))
        device = self.model.device
        ids = torch.tensor([[0] * (width - len(prompt)) + list(prompt) for prompt in prompts], device=device)
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=device)
        rows = list(range(len(prompts)))
        cache = self._new_cache()
        while True:
            call.check(what, begun=ids.shape[1] == 1)
            logits = self._step(ids, mask, cache, 1, what, before_step)[:, -1]
            chosen = logits.argmax(-1)
            yield list(zip(rows, chosen.tolist(), strict=True))
            keep = [place for place, row in enumerate(rows) if row not in done]
            if not keep:
                return
            if len(keep) < len(rows):
                rows = [rows[place] for place in keep]
                cache.batch_select_indices(torch.tensor(keep, device=device))
                mask, chosen = mask[keep], chosen[keep]
            ids = chosen[:, None]
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], 1)

    def _new_cache(self) -> Any:
        from transformers import DynamicCache

        # Without a config every layer is kept in full, also where attention slides: only so it can be cut back.
        return DynamicCache() if self.croppable else DynamicCache(config=self.model.config)

    def _take_over(self, cache: Any, prompt: Sequence[int], scope: str) -> int:
        if not self.croppable:
            return 0
        known, layers = self.prefixes.take(prompt[:-1], scope)  # the last token is computed: its logits are needed
        for index, (keys, values) in enumerate(layers):
            cache.update(keys, values, index)
        return known

    def _forward(
        self, ids: Sequence[int], cache: Any, keep: int, what: str, before_step: Callable[[], None]
    ) -> torch.Tensor:
        """Logits of the last ``keep`` of ``ids``, ``(keep, vocabulary)`` float32; the cache grows."""
        import torch

        return self._step(torch.tensor([ids], device=self.model.device), None, cache, keep, what, before_step)[0]

    def _step(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor | None,
        cache: Any,
        keep: int,
        what: str,
        before_step: Callable[[], None],
    ) -> torch.Tensor:
        """Logits of the last ``keep`` columns of ``ids``, ``(rows, keep, vocabulary)`` float32."""
        import torch

        options: dict[str, Any] = {"logits_to_keep": keep} if "logits_to_keep" in self._takes else {}
        if mask is not None:
            options["attention_mask"] = mask
            if "position_ids" in self._takes:  # padding has no position
                options["position_ids"] = (mask.cumsum(-1) - 1).clamp_min(0)[:, -ids.shape[1] :]
        with self._turn, torch.inference_mode():
            before_step()
            try:
                out = self.model(input_ids=ids, past_key_values=cache, use_cache=True, **options)
                rows: torch.Tensor = out.logits[:, -keep:].float()
            except RuntimeError as error:  # out of memory, a kernel that is missing
                raise GenerationError(
                    f"{what} failed while generating ({error}): try a shorter context or a smaller model"
                ) from error
        return rows


def _crop(cache: Any, length: int) -> None:
    for layer in cache.layers:
        if layer.keys.shape[-2] > length:
            layer.keys, layer.values = layer.keys[..., :length, :], layer.values[..., :length, :]


def _shared_layers(config: Any) -> int:
    """Layers that keep no keys and values of their own."""
    return int(getattr(config, "num_kv_shared_layers", 0) or 0)


def _chooser(call: Call, own: Any, constraint: Constraint | None) -> Callable[[torch.Tensor], int]:
    """Logits ``(vocabulary,)`` to a token: the likeliest, or by chance within the model's own top_k and top_p."""
    import torch

    def within(row: torch.Tensor) -> torch.Tensor:
        if constraint is None:
            return row
        allowed = torch.as_tensor(constraint.allowed(), device=row.device)
        return torch.full_like(row, float("-inf")).index_copy_(0, allowed, row[allowed])

    if call.temperature == 0:
        return lambda row: int(within(row).argmax())
    generator = torch.Generator().manual_seed(torch.seed() if call.seed is None else call.seed)

    def sample(row: torch.Tensor) -> int:
        row = within(row).cpu() / call.temperature
        values, order = row.sort(descending=True, stable=True)
        if own.top_k:
            values, order = values[: own.top_k], order[: own.top_k]
        chances = values.softmax(-1)
        if own.top_p is not None and own.top_p < 1:
            # The tokens before each must not have filled top_p yet, so the first always stays.
            chances = chances * (chances.cumsum(-1) - chances < own.top_p)
        return int(order[torch.multinomial(chances, 1, generator=generator)])

    return sample
