"""Embedders by sentence-transformers: a folder or a hub name, on the CPU or a GPU."""

from __future__ import annotations

import copy
import hashlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbot.errors import ModelNotFoundError
from ragbot.models import hf
from ragbot.models.embedders.base import Embedder, Fingerprint, Progress, Vectors, normalized

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

ALTERNATIVES = 'choose another embedder: "bundled", or "openai:MODEL" with the base_url of a server'
E5_PREFIXES = ("query: ", "passage: ")
#: ``(query prefix, document prefix)`` of models that do not say so in their own config, by exact hub name.
PREFIXES = {
    "intfloat/multilingual-e5-small": E5_PREFIXES,
    "intfloat/multilingual-e5-base": E5_PREFIXES,
    "intfloat/multilingual-e5-large": E5_PREFIXES,
    "intfloat/e5-small-v2": E5_PREFIXES,
    "intfloat/e5-base-v2": E5_PREFIXES,
    "intfloat/e5-large-v2": E5_PREFIXES,
    "BAAI/bge-small-zh-v1.5": ("为这个句子生成表示以用于检索相关文章：", ""),
    "BAAI/bge-base-zh-v1.5": ("为这个句子生成表示以用于检索相关文章：", ""),
    "BAAI/bge-large-zh-v1.5": ("为这个句子生成表示以用于检索相关文章：", ""),
    "BAAI/bge-small-en-v1.5": ("Represent this sentence for searching relevant passages: ", ""),
    "BAAI/bge-base-en-v1.5": ("Represent this sentence for searching relevant passages: ", ""),
    "BAAI/bge-large-en-v1.5": ("Represent this sentence for searching relevant passages: ", ""),
}
#: The names that models give to their prompts for passages.
DOCUMENT_PROMPTS = ("document", "passage", "corpus")
#: Where a model names no limit.
DEFAULT_MAX_TOKENS = 512
#: Texts a batch; sorted by length, more of them gain nothing on a CPU.
BATCH = {"cpu": 16}
ACCELERATOR_BATCH = 128
#: No text has more on average: cutting here bounds the tokenizer's work on a text of megabytes.
CHARACTERS_PER_TOKEN = 40


class SentenceTransformersEmbedder(Embedder):
    """Any sentence-transformers model (safetensors only; code inside a model is never run).

    Args:
        model: the folder, or ``owner/name`` on the hub (``HF_HUB_OFFLINE=1``: only what is in the local cache).
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        dtype: ``auto`` (:func:`ragbot.models.hf.pick_dtype`), ``float32``, ``bfloat16`` or ``float16``. It is part of
            the fingerprint: name one where an index is used on several kinds of machines.
        query_prefix, document_prefix: what the model wants in front of a question and of a passage (default: the
            prompts of the model's own config, else :data:`PREFIXES`, else nothing).

    Threads may share one.

    Raises:
        MissingExtraError: torch or sentence-transformers is not installed.
        ModelNotFoundError: the model cannot be found, fetched or read.
    """

    def __init__(
        self,
        model: str,
        *,
        device: str = "auto",
        dtype: str = "auto",
        query_prefix: str | None = None,
        document_prefix: str | None = None,
    ) -> None:
        hf.require("A sentence-transformers embedder", "torch", "sentence_transformers")
        import torch

        device = hf.pick_device(device)
        precision = hf.pick_dtype(device) if dtype == "auto" else getattr(torch, dtype)
        self._model = _load(model, device, precision)
        # A call of the tokenizer sets its truncation and padding: the model's own is used by one thread at a time.
        self._lock = threading.Lock()
        self._counter = _counter(self._model.tokenizer)
        self._batch = BATCH.get(device, ACCELERATOR_BATCH)
        limit = self._model.max_seq_length
        self.max_tokens = int(limit) if limit and limit < 10**9 else DEFAULT_MAX_TOKENS
        own_query, own_document = _prefixes(model, self._model.prompts)
        self.fingerprint = Fingerprint(
            name=_name(model),
            dimension=int(self._model.get_embedding_dimension() or self._encode([""]).shape[1]),
            query_prefix=own_query if query_prefix is None else query_prefix,
            document_prefix=own_document if document_prefix is None else document_prefix,
            normalized=True,
            quantization=str(precision).removeprefix("torch."),
        )

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Embed passages; ``(len(texts), dimension)`` float32 of unit length."""
        out = np.empty((len(texts), self.fingerprint.dimension), np.float32)
        # Texts of like length together: a batch is padded to its longest.
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        for begin in range(0, len(texts), self._batch):
            batch = order[begin : begin + self._batch]
            out[batch] = self._encode([self.fingerprint.document_prefix + texts[i] for i in batch])
            if progress:
                progress(len(batch))
        return out

    def encode_query(self, text: str) -> Vectors:
        """Embed one question; ``(dimension,)`` float32 of unit length."""
        row: Vectors = self._encode([self.fingerprint.query_prefix + text])[0]
        return row

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by the model's tokenizer, without prefix and special tokens."""
        if not texts:
            return []
        clean = [hf.encodable(text) for text in texts]
        if self._counter is not None:
            return [len(encoding) for encoding in self._counter.encode_batch_fast(clean, add_special_tokens=False)]
        with self._lock:
            # verbose=False: a text longer than the model is no reason for a warning, it is being counted.
            rows = self._model.tokenizer(clean, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
        return [len(ids) for ids in rows]

    def _encode(self, texts: list[str]) -> Vectors:
        # The empty prompt keeps a model's default prompt from being added to the prefix that stands there already.
        clean = [hf.encodable(text[: CHARACTERS_PER_TOKEN * self.max_tokens]) for text in texts]
        with self._lock:
            rows = self._model.encode(
                clean, prompt="", batch_size=len(texts), show_progress_bar=False, convert_to_numpy=True
            )
        return normalized(rows)


def _load(model: str, device: str, precision: Any) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    with hf.loading(model, ALTERNATIVES):
        folder = Path(model).expanduser()
        if folder.is_dir():
            _refuse_pickles(folder)
        return SentenceTransformer(
            str(folder) if folder.is_dir() else model,
            device=device,
            local_files_only=hf.local_only(model),
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True, "dtype": precision},
        ).eval()


def _counter(tokenizer: Any) -> Tokenizer | None:
    """A copy of what is inside a fast tokenizer, that cuts and pads nothing and is never changed; None of a slow one."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    counter: Tokenizer = copy.deepcopy(backend)
    counter.no_truncation()
    counter.no_padding()
    counter.encode_special_tokens = bool(getattr(tokenizer, "split_special_tokens", False))  # no copy keeps it
    return counter


def _refuse_pickles(folder: Path) -> None:
    """Raise unless each pickled weight file has its safetensors beside it, which are then what is read.

    ``use_safetensors`` holds for the transformer only, not for the layers after it.
    """
    for path in folder.rglob("pytorch_model*.bin"):
        if not any(path.parent.glob("*.safetensors")):
            raise ModelNotFoundError(
                f"{path} holds pickled weights, which are never loaded: convert it to safetensors, or {ALTERNATIVES}"
            )


def _prefixes(model: str, prompts: dict[str, str]) -> tuple[str, str]:
    """What the model's own config says; where it says nothing, what is known of the model."""
    query = prompts.get("query") or ""
    document = next((prompts[name] for name in DOCUMENT_PROMPTS if prompts.get(name)), "")
    return (query, document) if query or document else PREFIXES.get(model, ("", ""))


def _name(model: str) -> str:
    """The hub name; of a folder its name and a hash, so that two models of one architecture differ."""
    folder = Path(model).expanduser()
    return f"{folder.resolve().name}-{_folder_hash(folder)}" if folder.is_dir() else model


def _folder_hash(folder: Path) -> str:
    """Eight hexadecimal digits over the configs, and over the sizes, headers and samples of the weights.

    The header alone would not do: it is the same before and after fine-tuning, which changes all weights.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.json")):
        if path.name in {"config.json", "modules.json", "tokenizer.json"}:
            digest.update(path.read_bytes())
    for path in sorted(folder.rglob("*.safetensors")):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()} {size}".encode())
        with path.open("rb") as file:
            for begin in range(0, size, max(size // 64, 4096)):
                file.seek(begin, os.SEEK_SET)
                digest.update(file.read(4096))
    return digest.hexdigest()[:8]
