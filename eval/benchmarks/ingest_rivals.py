"""The usual pipelines of LangChain and LlamaIndex over the bundled weights, for comparison with ours.

Both get the same files, the same target size of chunks without overlap, the prefix that the model wants, and write
what they made to disk. langchain-community, which holds LangChain's FAISS store, is no longer kept up and cannot be
installed beside the rest: :class:`FaissStore` does what its ``from_texts`` and ``save_local`` do.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eval.benchmarks.ingest_timing import Cost, measured
from ragbot.models.embedders.e5_onnx import WEIGHTS, BundledE5, _tokenizer
from ragbot.models.embedders.e5_torch import bert_model
from ragbot.models.embedders.e5_weights import E5Weights
from ragbot.models.hf import require

PREFIX = BundledE5.fingerprint.document_prefix
Counter = Callable[[str], list[Any]]
#: From the folder to read and the one to write to the cost, and the chunks.
Pipeline = Callable[[Path, Path], tuple[Cost, list[str]]]


def write_sentence_transformer(folder: Path) -> None:
    """The bundled weights in float32 as a sentence-transformers model (470 MB), as the hub has it.

    Raises:
        MissingExtraError: torch or sentence-transformers is not installed.
    """
    require("A sentence-transformers model", "torch", "sentence_transformers")
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from tokenizers import normalizers
    from transformers import PreTrainedTokenizerFast

    weights = E5Weights(WEIGHTS.locate())
    model = bert_model(weights)
    words = torch.from_numpy(weights.matrix("emb.word", weights.hidden))
    model.embeddings.word_embeddings = torch.nn.Embedding(len(words), weights.hidden, padding_idx=1, _weight=words)
    model.config.vocab_size = len(words)
    model.save_pretrained(folder / "bert")
    tokenizer = _tokenizer(weights)
    # In Rust, as XLM-R's own; ours maps characters before it calls the tokenizer.
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), tokenizer.normalizer])
    special = {name: tokenizer.id_to_token(number) for name, number in _SPECIAL.items()}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=512, **special).save_pretrained(
        folder / "bert"
    )
    transformer = Transformer(str(folder / "bert"))
    transformer.max_seq_length = 512
    modules = [transformer, Pooling(weights.hidden, pooling_mode="mean"), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder), create_model_card=False)


_SPECIAL = {"bos_token": 0, "pad_token": 1, "eos_token": 2, "unk_token": 3}


class FaissStore:
    """What langchain_community.vectorstores.FAISS does with texts and their vectors."""

    def __init__(self, vectors: Sequence[Sequence[float]], texts: Sequence[str]) -> None:
        import faiss

        array = np.array(vectors, np.float32)
        self._index = faiss.IndexFlatL2(array.shape[1])
        self._index.add(array)
        identities = [str(uuid.uuid4()) for _ in texts]
        self._texts = dict(zip(identities, texts, strict=True))
        self._row_to_id = dict(enumerate(identities))

    def save_local(self, folder: Path) -> None:
        """Index and texts (JSON here, a pickle there)."""
        import faiss

        folder.mkdir(parents=True)
        faiss.write_index(self._index, str(folder / "index.faiss"))
        (folder / "index.json").write_text(json.dumps([self._texts, self._row_to_id]), encoding="utf-8")


def langchain_pipeline(model: Any, characters: int) -> Pipeline:
    """RecursiveCharacterTextSplitter, HuggingFaceEmbeddings (``model``), FAISS."""
    from langchain_core.documents import Document
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    def run(source: Path, target: Path) -> tuple[Cost, list[str]]:
        with measured() as cost:
            documents = [
                Document(path.read_text(encoding="utf-8"), metadata={"source": str(path)})
                for path in sorted(source.iterdir())
            ]
            splitter = RecursiveCharacterTextSplitter(chunk_size=characters, chunk_overlap=0)
            texts = [chunk.page_content for chunk in splitter.split_documents(documents)]
            FaissStore(model.embed_documents(texts), texts).save_local(target)
        return cost, texts

    return run


def huggingface_embeddings(folder: Path, dtype: str) -> Any:
    """LangChain's embeddings over the folder of :func:`write_sentence_transformer`."""
    from langchain_huggingface import HuggingFaceEmbeddings

    return HuggingFaceEmbeddings(
        model_name=str(folder),
        model_kwargs={"device": "cpu", "model_kwargs": {"dtype": dtype}},
        encode_kwargs={"prompt": PREFIX},
    )


def llama_index_pipeline(model: Any, tokens: int, count: Counter, batch: int) -> Pipeline:
    """SentenceSplitter, the sentence-transformers ``model`` in batches of ``batch``, VectorStoreIndex, persisted."""
    from llama_index.core import Document, StorageContext, VectorStoreIndex
    from llama_index.core.embeddings import BaseEmbedding
    from llama_index.core.node_parser import SentenceSplitter

    class Embedding(BaseEmbedding):  # type: ignore[misc]  # llama_index is not typed here
        """What llama-index-embeddings-huggingface does."""

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            vectors: list[list[float]] = model.encode(
                texts, batch_size=self.embed_batch_size, prompt=PREFIX, normalize_embeddings=True
            ).tolist()
            return vectors

        def _get_text_embedding(self, text: str) -> list[float]:
            return self._get_text_embeddings([text])[0]

        def _get_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

    def run(source: Path, target: Path) -> tuple[Cost, list[str]]:
        with measured() as cost:
            documents = [Document(text=path.read_text(encoding="utf-8")) for path in sorted(source.iterdir())]
            splitter = SentenceSplitter(chunk_size=tokens, chunk_overlap=0, tokenizer=count)
            nodes = splitter.get_nodes_from_documents(documents)
            embedding = Embedding(model_name="multilingual-e5-small", embed_batch_size=batch)
            index = VectorStoreIndex(nodes, storage_context=StorageContext.from_defaults(), embed_model=embedding)
            index.storage_context.persist(str(target))
        return cost, [node.get_content() for node in nodes]

    return run
