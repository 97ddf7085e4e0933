"""Embeddings from any OpenAI-compatible endpoint: OpenAI itself, vLLM, text-embeddings-inference, Ollama."""

from __future__ import annotations

import logging
import math
import os
import time
import weakref
from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np

from ragbot.errors import GenerationError, ModelNotFoundError, SettingsError
from ragbot.models.embedders.base import Embedder, Fingerprint, Progress, Vectors, estimate_tokens, normalized
from ragbot.models.hf import encodable

log = logging.getLogger(__name__)

OPENAI_URL = "https://api.openai.com/v1"
RETRIED = frozenset({408, 429, 500, 502, 503, 504})
LONGEST_WAIT = 30.0
NEXT_STEPS = {
    401: "check the api_key",
    403: "check what the api_key may do",
    404: "check base_url (it usually ends in /v1) and the model's name",
}


class OpenAIEmbedder(Embedder):
    """The embedding model called ``model`` at ``base_url``.

    Args:
        model: the name that the endpoint knows it by.
        base_url: such as ``http://localhost:8000/v1`` (default: ``OPENAI_BASE_URL``, or OpenAI's own).
        api_key: default: ``OPENAI_API_KEY`` where no ``base_url`` is given; without one no key is sent.
        dimension: length of the vectors; where it is not given, one text is embedded to find out.
        query_prefix, document_prefix: what the model wants in front of a question and of a passage.
        max_tokens: the longest text that the model takes, in tokens.
        batch_size: texts in one request.
        timeout: seconds until the endpoint must have answered.
        retries: how often a request is sent again after a connection error, 429 or 5xx.
        backoff: seconds before the first of them; doubled each time, unless the endpoint says how long to wait.

    Raises:
        SettingsError: ``base_url`` is no http(s) URL.
        ModelNotFoundError: the endpoint answers 401, 403 or 404.
        GenerationError: it cannot be reached, goes on failing, or answers something else than embeddings.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        dimension: int | None = None,
        query_prefix: str = "",
        document_prefix: str = "",
        max_tokens: int = 512,
        batch_size: int = 64,
        timeout: float = 60.0,
        retries: int = 4,
        backoff: float = 0.5,
    ) -> None:
        if api_key is None and base_url is None:
            api_key = os.environ.get("OPENAI_API_KEY")
        root = base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
        if not root.startswith(("http://", "https://")):
            raise SettingsError(f"base_url is {root!r}: give an http(s) URL such as http://localhost:8000/v1")
        self.url = root.rstrip("/") + "/embeddings"
        self.max_tokens = max_tokens
        self._model, self._batch_size = model, batch_size
        self._retries, self._backoff = retries, backoff
        self._client = httpx.Client(timeout=timeout, headers={"Authorization": f"Bearer {api_key}"} if api_key else {})
        weakref.finalize(self, self._client.close)
        self.fingerprint = Fingerprint(
            name=model,
            dimension=dimension or len(self._rows(["dimension"])[0]),
            query_prefix=query_prefix,
            document_prefix=document_prefix,
            normalized=True,
            quantization="endpoint",
        )

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Embed passages, ``batch_size`` a request; ``(len(texts), dimension)`` float32 of unit length."""
        prefixed = [self.fingerprint.document_prefix + text for text in texts]
        out = np.empty((len(texts), self.fingerprint.dimension), np.float32)
        for begin in range(0, len(texts), self._batch_size):
            batch = prefixed[begin : begin + self._batch_size]
            out[begin : begin + len(batch)] = self._encode(batch)
            if progress:
                progress(len(batch))
        return out

    def encode_query(self, text: str) -> Vectors:
        """Embed one question; ``(dimension,)`` float32 of unit length."""
        row: Vectors = self._encode([self.fingerprint.query_prefix + text])[0]
        return row

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Estimates: the endpoint's tokenizer is out of reach."""
        return [estimate_tokens(text) for text in texts]

    def _encode(self, texts: list[str]) -> Vectors:
        rows = self._rows(texts)
        wrong = next((len(row) for row in rows if len(row) != self.fingerprint.dimension), None)
        if wrong is not None:
            raise GenerationError(
                f"{self.url} sent vectors of {wrong} numbers for {self._model!r}, not {self.fingerprint.dimension}: "
                "correct dimension, or check which model the endpoint serves"
            )
        return normalized(rows)

    def _rows(self, texts: list[str]) -> list[list[float]]:
        """One request: the vectors of ``texts``, in their order."""
        # OpenAI refuses an empty text.
        inputs = [encodable(text) or " " for text in texts]
        response = self._post({"model": self._model, "input": inputs, "encoding_format": "float"})
        try:
            data = sorted(response.json()["data"], key=lambda entry: int(entry["index"]))
            rows = [[float(number) for number in entry["embedding"]] for entry in data]
            indexes = [entry["index"] for entry in data]
        except (KeyError, TypeError, ValueError) as error:
            raise self._malformed(f"no list of embeddings: {error!r}") from error
        if indexes != list(range(len(texts))):
            raise self._malformed(f"{len(rows)} vectors for {len(texts)} texts")
        if not all(row and all(map(math.isfinite, row)) for row in rows):
            raise self._malformed("a vector that is empty or not finite")
        return rows

    def _malformed(self, what: str) -> GenerationError:
        return GenerationError(
            f"{self.url} sent {what}: check that base_url is an OpenAI-compatible endpoint that serves {self._model!r}"
        )

    def _post(self, body: dict[str, Any]) -> httpx.Response:
        for attempt in range(self._retries + 1):
            wait = self._backoff * 2**attempt
            try:
                response = self._client.post(self.url, json=body)
            except httpx.TransportError as error:
                if attempt == self._retries:
                    raise GenerationError(
                        f"cannot reach {self.url} after {attempt + 1} attempts ({str(error) or type(error).__name__}): "
                        "start the server, correct base_url, or raise timeout"
                    ) from error
                log.warning("no answer from %s (%s); again in %.1f s", self.url, type(error).__name__, wait)
            else:
                if response.status_code not in RETRIED or attempt == self._retries:
                    return self._accepted(response, attempt)
                wait = _told_wait(response, wait)
                log.warning("%s answered %s; again in %.1f s", self.url, response.status_code, wait)
            time.sleep(min(wait, LONGEST_WAIT))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _accepted(self, response: httpx.Response, attempt: int) -> httpx.Response:
        status = response.status_code
        if status == 200:
            return response
        said = " ".join(response.text.split())[:300]
        if status in NEXT_STEPS:
            raise ModelNotFoundError(f"{self.url} answered {status} for {self._model!r} ({said}): {NEXT_STEPS[status]}")
        step = "see the server's log, or lower batch_size" if status in RETRIED else "check the model's name"
        raise GenerationError(f"{self.url} answered {status} after {attempt + 1} attempts ({said}): {step}")


def _told_wait(response: httpx.Response, default: float) -> float:
    """Seconds in the ``Retry-After`` header, where it holds a number (it may hold a date)."""
    told = response.headers.get("retry-after", "")
    return float(told) if told.isdecimal() else default
