"""A cross-encoder as int8 ONNX on the CPU: a folder or a hub name.

Each call of the session takes one pair, without padding, and as many calls run at once as there are cores: the scale
of the activations is taken over that pair alone, so that a score does not depend on what else is scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ragbot.errors import ModelNotFoundError, RagbotError
from ragbot.models.cpu import cores
from ragbot.models.hf import encodable
from ragbot.models.rerankers.base import Floats, Reranker, logits
from ragbot.models.rerankers.onnx_files import ALTERNATIVES, OnnxFiles, locate

#: No text has more on average: cutting here bounds the tokenizer's work on a text of megabytes.
CHARACTERS_PER_TOKEN = 40
#: Inputs that can be made of a pair, and what is given for each.
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class OnnxReranker(Reranker):
    """Any BERT-like cross-encoder with a fast tokenizer. Needs no torch where the folder has an ONNX graph.

    Args:
        model: the folder, or ``owner/name`` on the hub (``HF_HUB_OFFLINE=1``: only what is in the local cache).
        threads: pairs scored at the same time (default: the cores that this process may use).
        max_tokens: a lower limit for a pair than the model's own; what is longer is cut, the longer text first.

    Control tokens in a text are read as the characters that they are written with. Threads may share one.

    Raises:
        ModelNotFoundError: the model cannot be found, fetched, read or exported.
        MissingExtraError: it has to be exported, and torch or transformers is not installed.
    """

    def __init__(self, model: str, *, threads: int | None = None, max_tokens: int | None = None) -> None:
        files = locate(model)
        self.name = f"{files.name} (int8)"
        self.max_tokens = min(files.max_tokens, max_tokens or files.max_tokens)
        self.threads = threads or cores()
        self._tokenizer = _tokenizer(files, self.max_tokens)
        self._session: Any = _session(files)
        self._inputs = {item.name: item.type for item in self._session.get_inputs()}
        if not {"input_ids"} <= self._inputs.keys() <= set(INPUTS):
            raise ModelNotFoundError(
                f"{files.graph} wants {', '.join(self._inputs)}, and a cross-encoder's graph {', '.join(INPUTS)}: "
                f"{ALTERNATIVES}"
            )
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="rerank")

    def score(self, question: str, passages: Sequence[str]) -> Floats:
        """See :meth:`Reranker.score`; bitwise the same for the same pair."""
        if self._session is None:
            raise RagbotError(f"the reranker {self.name} is closed: load it again")
        encodings = self._encode(question, passages)
        # The longest first, so that no core is left with a long pair at the end.
        order = sorted(range(len(encodings)), key=lambda i: -len(encodings[i].ids))
        rows: list[Any] = [None] * len(encodings)
        for i, row in zip(order, self._pool.map(self._run, [encodings[i] for i in order]), strict=True):
            rows[i] = row
        return logits(rows, len(passages), self.name)

    def close(self) -> None:
        """See :meth:`Reranker.close`."""
        self._session = None
        self._pool.shutdown(cancel_futures=True)

    def count_tokens(self, question: str, passages: Sequence[str]) -> list[int]:
        """Tokens of each pair, with the special ones, after cutting."""
        return [len(encoding.ids) for encoding in self._encode(question, passages)]

    def _encode(self, question: str, passages: Sequence[str]) -> list[Any]:
        limit = CHARACTERS_PER_TOKEN * self.max_tokens
        asked = encodable(question[:limit])
        encodings: list[Any] = self._tokenizer.encode_batch_fast(
            [(asked, encodable(text[:limit])) for text in passages]
        )
        return encodings

    def _run(self, encoding: Any) -> Any:
        rows = (encoding.ids, encoding.attention_mask, encoding.type_ids)
        feed = {name: np.array([row], np.int64) for name, row in zip(INPUTS, rows, strict=True) if name in self._inputs}
        return self._session.run(None, feed)[0][0]


def _tokenizer(files: OnnxFiles, max_tokens: int) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(files.tokenizer))
    except Exception as error:  # the library in Rust raises nothing more special
        raise ModelNotFoundError(f"{files.tokenizer} cannot be read ({error}): fetch the model again") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens, strategy="longest_first")
    tokenizer.encode_special_tokens = True  # a text is data: "</s>" in it ends nothing
    return tokenizer


def _session(files: OnnxFiles) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # parallel over pairs, not inside one
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(files.graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions have no common base
        reason = " ".join(str(error).split())[:300]
        raise ModelNotFoundError(
            f"{files.graph} cannot be loaded ({reason}): remove its folder so that it is made or fetched again, or "
            f"{ALTERNATIVES}"
        ) from error
