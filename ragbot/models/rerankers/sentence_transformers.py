"""Cross-encoders by sentence-transformers: a folder or a hub name, on the CPU or a GPU."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragbot.errors import RagbotError
from ragbot.models import hf
from ragbot.models.rerankers.base import Floats, Reranker, logits

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

ALTERNATIVES = 'choose another reranker: "bundled", or none'
#: Where a model names no limit.
DEFAULT_MAX_TOKENS = 512
#: Pairs a batch; sorted by length, more of them gain nothing on a CPU.
BATCH = {"cpu": 16}
ACCELERATOR_BATCH = 128
#: No text has more on average: cutting here bounds the tokenizer's work on a text of megabytes.
CHARACTERS_PER_TOKEN = 40


class SentenceTransformersReranker(Reranker):
    """Any model that ``CrossEncoder`` takes (safetensors only; code inside a model is never run).

    Args:
        model: the folder, or ``owner/name`` on the hub (``HF_HUB_OFFLINE=1``: only what is in the local cache).
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        dtype: ``auto`` (:func:`ragbot.models.hf.pick_dtype`), ``float32``, ``bfloat16`` or ``float16``.
        max_tokens: a lower limit for a pair than the model's own; what is longer is cut, the longer text first.

    Threads may share one. In bfloat16 a score moves by up to some hundredths with the batch that the pair is in.

    Raises:
        MissingExtraError: torch or sentence-transformers is not installed.
        ModelNotFoundError: the model cannot be found, fetched or read.
    """

    def __init__(self, model: str, *, device: str = "auto", dtype: str = "auto", max_tokens: int | None = None) -> None:
        hf.require("A sentence-transformers reranker", "torch", "sentence_transformers")
        self.device = hf.pick_device(device)
        loaded = load_cross_encoder(model, self.device, dtype)
        self.dtype = str(loaded.dtype).removeprefix("torch.")
        self.name = _name(model)
        limit = loaded.max_seq_length
        own = int(limit) if limit and limit < 10**9 else DEFAULT_MAX_TOKENS
        self.max_tokens = min(own, max_tokens or own)
        loaded.max_seq_length = self.max_tokens
        self._model: CrossEncoder | None = loaded
        self._batch = BATCH.get(self.device, ACCELERATOR_BATCH)
        # A call of the tokenizer sets its truncation and padding: it is used by one thread at a time.
        self._lock = threading.Lock()

    def score(self, question: str, passages: Sequence[str]) -> Floats:
        """See :meth:`Reranker.score`."""
        model = self._open()
        if not passages:
            return logits([], 0, self.name)
        with self._lock:  # predict sorts by length, so that little of a batch is padding
            rows = model.predict(self._pairs(question, passages), batch_size=self._batch, show_progress_bar=False)
        return logits(rows, len(passages), self.name)

    def close(self) -> None:
        """See :meth:`Reranker.close`."""
        self._model = None

    def count_tokens(self, question: str, passages: Sequence[str]) -> list[int]:
        """Tokens of each pair, with the special ones, after cutting."""
        if not passages:
            return []
        pairs = self._pairs(question, passages)
        with self._lock:
            rows = self._open().tokenizer(
                [asked for asked, _ in pairs], [text for _, text in pairs], truncation=True, max_length=self.max_tokens
            )["input_ids"]
        return [len(ids) for ids in rows]

    def _open(self) -> CrossEncoder:
        if self._model is None:
            raise RagbotError(f"the reranker {self.name} is closed: load it again")
        return self._model

    def _pairs(self, question: str, passages: Sequence[str]) -> list[tuple[str, str]]:
        limit = CHARACTERS_PER_TOKEN * self.max_tokens
        asked = hf.encodable(question[:limit])
        return [(asked, hf.encodable(text[:limit])) for text in passages]


def load_cross_encoder(model: str, device: str, dtype: str) -> CrossEncoder:
    """The library's model, which gives logits, and reads control tokens in a text as text.

    Raises:
        ModelNotFoundError: see :func:`ragbot.models.hf.loading`.
    """
    import torch
    from sentence_transformers import CrossEncoder

    from ragbot.models.embedders.sentence_transformers import _refuse_pickles

    precision = hf.pick_dtype(device) if dtype == "auto" else getattr(torch, dtype)
    with hf.loading(model, ALTERNATIVES):
        folder = Path(model).expanduser()
        if folder.is_dir():
            _refuse_pickles(folder)
        loaded = CrossEncoder(
            str(folder) if folder.is_dir() else model,
            device=device,
            local_files_only=hf.local_only(model),
            trust_remote_code=False,
            activation_fn=torch.nn.Identity(),
            model_kwargs={"use_safetensors": True, "dtype": precision},
        ).eval()
    _score_in_float32(loaded)
    architectures = getattr(loaded.config, "architectures", None) or [""]
    if not architectures[0].endswith("ForCausalLM"):  # these are asked through a template of control tokens
        loaded.tokenizer.split_special_tokens = True
    return loaded


def _score_in_float32(model: Any) -> None:
    """The last layer in float32: bfloat16 has eight bits, in which scores of like passages are equal."""
    import torch

    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear) and layer.out_features == model.num_labels:
            layer.float()
            layer.register_forward_pre_hook(lambda _, inputs: tuple(value.float() for value in inputs))


def _name(model: str) -> str:
    folder = Path(model).expanduser()
    return folder.resolve().name if folder.is_dir() else model
