"""``/v1/embeddings``: the embedder of this server, in OpenAI's words."""

from __future__ import annotations

import base64
from collections.abc import Generator
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from apps.api.common import MODEL, Caller, These, charge
from apps.api.principal import Keyed, allowed
from apps.api.problems import ProblemError
from apps.api.telemetry import note
from apps.api.tracing import span
from apps.api.working import all_items
from ragbot.models.embedders.base import Embedder, Vectors
from ragbot.workspace.records import clean

router = APIRouter(tags=["OpenAI"], route_class=Keyed)

#: Texts that are embedded before it is looked whether the caller is still there.
_BATCH = 16
Text = Annotated[str, Field(max_length=200_000)]
Ids = Annotated[list[int], Field(max_length=10_000)]


class EmbeddingRequest(BaseModel):
    """Texts to embed."""

    model_config = ConfigDict(extra="forbid")

    model: Annotated[str, Field(max_length=200)] = Field(
        description="The embedder's name as `/v1/models` gives it, or `ragbot` for whatever it is."
    )
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=2048)] | Ids | list[Ids]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Field(ge=1)] | None = None
    user: Annotated[str, Field(max_length=1000)] | None = None
    input_type: Literal["document", "query"] = Field(
        "document", description="Many embedders treat what is searched for otherwise than what is searched."
    )


@router.post("/v1/embeddings", summary="Embed texts")
async def embeddings(request: Request, body: EmbeddingRequest, principal: Caller, these: These) -> dict[str, Any]:
    """Vectors of unit length, in the order of the texts; base64 is of little-endian 32-bit floats."""
    allowed(principal, "read")
    texts = [body.input] if isinstance(body.input, str) else [one for one in body.input if isinstance(one, str)]
    if not texts or (isinstance(body.input, list) and len(texts) != len(body.input)):
        raise ProblemError(
            400,
            "input is texts here, not numbers of tokens: another tokenizer made those (LangChain: "
            "OpenAIEmbeddings(check_embedding_ctx_length=False))",
            param="input",
        )
    cleaned = [clean(text) for text in texts]
    for number, text in enumerate(cleaned):
        if not text.strip():
            raise ProblemError(400, f"input[{number}] is empty: leave it out", param="input")

    def embedded() -> Generator[tuple[Vectors, int]]:
        embedder = these.bots.models.embedder
        _check(body, embedder)
        for start in range(0, len(cleaned), _BATCH):
            batch = cleaned[start : start + _BATCH]
            counts = embedder.count_tokens(batch)
            for number, count in enumerate(counts, start):
                if count > embedder.max_tokens:
                    raise ProblemError(
                        400,
                        f"input[{number}] has {count} tokens, and the embedder reads {embedder.max_tokens}: cut it",
                        param="input",
                        code="context_length_exceeded",
                    )
            with span("embed", texts=len(batch)):
                if body.input_type == "query":
                    yield np.stack([embedder.encode_query(text) for text in batch]), sum(counts)
                else:
                    yield embedder.encode_documents(batch), sum(counts)

    found = await all_items(request, these.gate, embedded)
    rows = np.concatenate([vectors for vectors, _ in found])
    tokens = sum(count for _, count in found)
    charge(request, principal, tokens, 0)
    note(request, texts=len(texts))
    data = [
        {"object": "embedding", "index": number, "embedding": _written(row, body.encoding_format)}
        for number, row in enumerate(rows)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": these.bots.models.embedder.fingerprint.name, "usage": usage}


def _check(body: EmbeddingRequest, embedder: Embedder) -> None:
    mark = embedder.fingerprint
    if body.model not in {MODEL, mark.name}:
        said = f"there is no embedding model {body.model[:100]!r}; this server has {mark.name!r}"
        raise ProblemError(404, said, param="model", code="model_not_found")
    if body.dimensions not in {None, mark.dimension}:
        raise ProblemError(
            400,
            f"dimensions cannot be obeyed: vectors of {mark.name} have {mark.dimension}, and a part of them is no embedding",
            param="dimensions",
            code="unsupported_parameter",
        )


def _written(row: Vectors, form: str) -> list[float] | str:
    if form == "float":
        values: list[float] = row.tolist()
        return values
    return base64.b64encode(row.astype("<f4").tobytes()).decode("ascii")
