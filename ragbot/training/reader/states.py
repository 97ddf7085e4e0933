"""A pack through a model: the states of its tokens, behind the virtual tokens of those adapters that have some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ragbot.training.reader.attention import pack_masks
from ragbot.training.reader.packing import Packed


@dataclass(frozen=True)
class Read:
    """What comes of a pack.

    ``states``: of its tokens, ``(1, L, hidden)``. ``visible`` ``(L, n + L)`` and ``places`` ``(n + L,)``: which
    columns its tokens may look at, and their positions, the ``n`` virtual tokens first.
    """

    states: torch.Tensor
    visible: torch.Tensor
    places: torch.Tensor


def base_of(model: Any) -> Any:
    """The language model of transformers inside of wrappers and adapters."""
    while hasattr(model, "module"):
        model = model.module
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def read_pack(model: Any, packed: Packed, cache: Any = None) -> Read:
    """Run the layers over a pack. ``cache``, an empty ``DynamicCache``, is filled for what is decoded afterwards."""
    base = base_of(model)
    vectors, prefix = _virtual(model)
    count = 0 if vectors is None else vectors.shape[1]
    if prefix is not None:
        cache = _plain(prefix) if cache is None else _filled(cache, prefix)
        count = prefix.get_seq_length()
    positions = packed.positions[0]
    visible, places = packed.visible, positions
    if count:
        visible, places = _behind(visible, positions, count)
    given: dict[str, Any] = {"input_ids": packed.ids, "position_ids": packed.positions}
    if vectors is not None:
        words = base.model.embed_tokens(packed.ids)
        given = {"inputs_embeds": torch.cat([vectors.to(words.dtype), words], 1), "position_ids": places[None]}
    elif count:
        given["position_ids"] = places[None, count:]
    rows = count if prefix is not None else 0  # what stands in the cache has no rows of its own
    window = getattr(base.config, "sliding_window", None)
    masks = pack_masks(visible, places, packed.context + count, window, rows)
    hidden = base.model(
        **given,
        attention_mask=masks if by_kind(base) else visible[None, None, rows:],
        past_key_values=cache,
        use_cache=cache is not None,
    ).last_hidden_state
    return Read(hidden[:, count:] if vectors is not None else hidden, visible[count:], places)


def by_kind(base: Any) -> bool:
    """Whether the model takes a mask for each kind of its layers; others take one mask of all."""
    return getattr(base.config, "layer_types", None) is not None


def _virtual(model: Any) -> tuple[torch.Tensor | None, Any]:
    """Virtual tokens as vectors ``(1, n, hidden)``, or as a cache of keys and values; neither of them without any."""
    while hasattr(model, "module"):
        model = model.module
    config = getattr(model, "active_peft_config", None)
    if config is None or not config.is_prompt_learning:
        return None, None
    found = model.get_prompt(batch_size=1)
    return (found, None) if isinstance(found, torch.Tensor) else (None, found)


def _plain(prefix: Any) -> Any:
    from transformers import DynamicCache

    return _filled(DynamicCache(), prefix)


def _filled(cache: Any, prefix: Any) -> Any:
    """``cache`` with what ``prefix`` holds. Its own may forget what leaves a layer's window, and packs are no line."""
    for number, layer in enumerate(prefix.layers):
        cache.update(layer.keys, layer.values, number)
    return cache


def _behind(visible: torch.Tensor, positions: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """``visible`` and ``positions`` with ``count`` tokens in front, which every token sees."""
    size = len(visible)
    whole = torch.ones(count + size, count + size, dtype=torch.bool, device=visible.device).tril()
    whole[count:, count:] = visible
    return whole, torch.cat([torch.arange(count, device=positions.device), positions + count])
